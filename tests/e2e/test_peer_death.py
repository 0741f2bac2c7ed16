#!/usr/bin/env python3
"""Kills one end of every transport at work: the trial must end within two seconds as worker_died, the run must
continue, and nothing may be left behind.  Then kills the whole run, for transports whose objects outlive their owner:
the guard must remove them.

usage: test_peer_death.py PROGRAM"""
import csv
import glob
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.abspath(sys.argv[1])
RANDOM = random.Random(7)
LIMIT_S = 2.0


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def state():
    """Everything that a transport could leave behind on the machine."""
    return {
        "shm": sorted(glob.glob("/dev/shm/shmeter*")),
        "fifos": sorted(glob.glob(os.path.join(tempfile.gettempdir(), "shmeter-" + 16 * "[0-9a-f]"))),
        "sysv": [len(read(f"/proc/sysvipc/{kind}").splitlines()) for kind in ("shm", "msg", "sem")],
    }


def workers(parent):
    """Children named after a scenario; the guard has the program's name."""
    children = read(f"/proc/{parent}/task/{parent}/children").split()
    return [int(c) for c in children if read(f"/proc/{c}/comm").startswith("transport")]


def alive(pid):
    stat = read(f"/proc/{pid}/stat")
    return bool(stat) and stat.rsplit(")", 1)[1].split()[0] != "Z"


def try_one(transport, before):
    folder = os.path.join(tempfile.mkdtemp(prefix="shmeter-test-"), "run")
    parent = subprocess.Popen(
        [PROGRAM, "run", f"transport_throughput/{transport}", "--set", "message=64", "--out", folder,
         "--repeat-blocks", "2", "--slices", "3", "--no-plots", "--no-counters", "-q"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    killed, took = False, None
    while not killed and parent.poll() is None:
        ends = workers(parent.pid)
        if len(ends) < 2:
            time.sleep(0.0002)
            continue
        time.sleep(RANDOM.uniform(0, 0.01))
        victim, peer = RANDOM.sample(ends, 2)
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            continue
        killed, since = True, time.monotonic()
        while alive(peer) and time.monotonic() - since < 10:
            time.sleep(0.002)
        took = time.monotonic() - since
    _, errors = parent.communicate()
    with open(os.path.join(folder, "samples.csv"), newline="") as file:
        samples = [s for s in csv.DictReader(file) if s["scenario"] == "transport_throughput"]
    manifest = json.loads(read(os.path.join(folder, "manifest.json")))
    shutil.rmtree(os.path.dirname(folder))
    skipped = [s["reason"] for s in samples if s["status"] == "skipped"]
    told = [s["reason"] for s in samples if s["status"] == "worker_died"]
    told += [f["reason"] for f in manifest.get("calibration_failures", [])]
    if skipped:
        return f"skipped: {skipped[0]}"
    if not killed:
        return "FAIL: no worker was seen"
    if parent.returncode != 0 or manifest["status"] != "complete":
        return f"FAIL: exit {parent.returncode}, {manifest['status']}: {errors}"
    if took > LIMIT_S:
        return f"FAIL: its peer lived for {took:.2f} s"
    # The victim may have finished its work before.
    if not told and not all(s["status"] == "ok" for s in samples):
        return "FAIL: nobody says that a worker died"
    for _ in range(20):
        if state() == before:
            return f"its peer ended after {1000 * took:.0f} ms, {told[0] if told else 'too late to matter'}"
        time.sleep(0.05)
    return f"FAIL: left behind: {state()}, was {before}"


def kill_run(transport, before):
    """Waits until a worker was seen, so that the transport's objects exist."""
    folder = os.path.join(tempfile.mkdtemp(prefix="shmeter-test-"), "run")
    parent = subprocess.Popen([PROGRAM, "run", f"transport_latency/{transport}", "--set", "message=64", "--out", folder,
                               "--no-plots", "--no-counters", "-q"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while parent.poll() is None and not workers(parent.pid):
        pass
    seen = state()  # the trial still runs for some milliseconds
    parent.kill()
    parent.wait()
    for _ in range(60):
        if state() == before:
            shutil.rmtree(os.path.dirname(folder), ignore_errors=True)
            return "gone" + (", having been there" if seen != before else "")
        time.sleep(0.05)
    return f"FAIL: left behind by a killed run: {state()}, was {before}"


listed = json.loads(subprocess.run([PROGRAM, "list", "transport_throughput", "--format", "json"], check=True,
                                   capture_output=True, text=True).stdout)
names = [v["name"] if isinstance(v, dict) else v for v in listed["scenarios"][0]["variants"]]
start = state()
failed = False
for name in names:
    words = try_one(name, start)
    failed |= words.startswith("FAIL")
    print(f"{name}: {words}", flush=True)
for name in ("fifo", "posix_mq", "sysv_msg", "shm_sysv_sem"):
    for _ in range(4):
        words = kill_run(name, start)
        failed |= words.startswith("FAIL")
        print(f"{name}, the run killed: {words}", flush=True)
sys.exit(failed)
