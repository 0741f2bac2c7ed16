#!/usr/bin/env python3
"""The program is started with SIGCHLD ignored, as some supervisors do.  It still waits for its children, a run ends in
time, and a killed worker is not mistaken for a successful one.

usage: test_sigchld.py PROGRAM"""
import csv
import os
import signal
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.abspath(sys.argv[1])
LIMIT_S = 60


def start(patterns, folder):
    return subprocess.Popen([PROGRAM, "run", *patterns, "--no-counters", "--no-plots", "-q", "--out", folder],
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                            preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))


def end(program):
    """Exit status and error output; a program that does not end is killed."""
    try:
        _, said = program.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        program.kill()
        return f"no end within {LIMIT_S} s", program.communicate()[1]
    return program.returncode, said


def statuses(folder):
    try:
        with open(f"{folder}/samples.csv", newline="") as file:
            return sorted({row["status"] for row in csv.DictReader(file)})
    except OSError:
        return []


def kill_one(parent, name):
    """Kills the first child with that name."""
    until = time.monotonic() + LIMIT_S
    while parent.poll() is None and time.monotonic() < until:
        try:
            with open(f"/proc/{parent.pid}/task/{parent.pid}/children") as file:
                children = file.read().split()
            for child in children:
                with open(f"/proc/{child}/comm") as file:
                    if file.read().strip() == name:
                        os.kill(int(child), signal.SIGKILL)
                        return True
        except OSError:
            pass  # it ended just now
        time.sleep(0.001)
    return False


def main():
    bad = []
    with tempfile.TemporaryDirectory(prefix="shmeter-test-") as folder:
        os.environ["SHMETER_STATE_DIR"] = f"{folder}/state"
        # workers that have children of their own
        code, said = end(start(["fork_shares", "orphan/memfd", "owner_death/robust"], f"{folder}/run"))
        # other load on this machine may disturb a trial
        if code != 0 or [s for s in statuses(f"{folder}/run") if s != "disturbed"] != ["ok"]:
            bad.append(f"exit {code}, trials {statuses(folder + '/run')}: {said[-300:]}")
        program = start(["lost_update/atomic"], f"{folder}/killed")
        killed = kill_one(program, "lost_update")
        code, said = end(program)
        if not killed or "worker_died" not in statuses(f"{folder}/killed"):
            bad.append(f"a worker was {'' if killed else 'not '}killed, exit {code}, "
                       f"trials {statuses(folder + '/killed')}: {said[-300:]}")
    for line in bad:
        print("FAIL:", line)
    if not bad:
        print("SIGCHLD may be ignored")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
