#!/usr/bin/env python3
"""A run, and during it at random moments: report, check, export, history add, a second run into its folder, and two
resumes at once.  Half of the runs are killed on their way, so that one of the resumes continues them.  Each command
must end with a documented code and at most one sentence, every trial of the plan must be kept, and the folder must be
complete.

usage: beside.py [PROGRAM [TIMES [SEED]]]"""
import os
import random
import signal
import subprocess
import sys
import time

from common import PROGRAM, discard, scratch, verdict
from whole import faults, plan_of

TIMES = int(sys.argv[2]) if len(sys.argv) > 2 else 10
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 1
BLOCKS = sys.argv[4] if len(sys.argv) > 4 else "10"
RUN = ["run", "false_sharing/p*", "lost_update/plain", "transport_latency/pipe", "--set", "op=atomic_add", "--set", "work=0",
       "--set", "message=64", "--repeat-blocks", BLOCKS, "--seed", "7", "--no-plots", "-q"]
GATES = "[packed]\ncase = false_sharing/padded_64\nagainst = padded_128\nat = op=atomic_add placement=near\nmax = 1000\n"


def start(*arguments):
    return subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def others(folder):
    """Commands to call during a run: name, arguments, and the allowed exit codes."""
    beside = os.path.dirname(folder)
    return [
        # 5: as long as there is no row, nothing was measured
        ("report", ["report", folder, "--no-plots", "-q"], (0, 5)),
        ("check", ["check", folder, "--thresholds", f"{beside}/gates.ini"], (0,)),
        ("export", ["export", folder, "--to", "csv", "-q"], (0, 5, 6)),  # 6: no case is ok yet
        ("history", ["history", "add", folder, "--db", f"{beside}/history.sqlite"], (0, 4, 5)),
        ("run", [*RUN, "--out", folder], (4, 5)),
        ("resumes", ["run", "--resume", folder, "--no-plots", "-q"], (0, 5)),
    ]


def end(name, process, codes):
    """The error in how a command ended."""
    try:
        _, told = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return [f"{name} does not end"]
    lines = [line for line in told.splitlines() if not line.startswith("shmeter: no files are written")]
    counts["refused by number"] += "is writing" in told
    if process.returncode not in codes:
        return [f"{name}: exit {process.returncode}: {told.strip()}"]
    return [f"{name}: {told.strip()}"] if any(not line.startswith("shmeter: ") for line in lines) else []


def one(number, plan, takes):
    chance = random.Random(f"{SEED} {number}")
    folder, wrong = scratch(), []
    with open(os.path.join(os.path.dirname(folder), "gates.ini"), "w") as file:
        file.write(GATES)
    writer = start(*RUN, "--out", folder)
    begun, killed = time.time(), False
    while not os.path.exists(os.path.join(folder, "samples.csv")) and writer.poll() is None:
        time.sleep(0.01)
    dies_at = begun + chance.uniform(0.3, 0.9) * takes if number % 2 else None
    # until the run has ended; a killed run is continued by one of the resumes, and finished by the last one
    while writer.poll() is None or (killed and time.time() < begun + takes):
        if dies_at and not killed and time.time() > dies_at:
            writer.send_signal(signal.SIGKILL)
            writer.communicate()
            killed = True
        name, arguments, codes = chance.choice(others(folder))
        processes = [start(*arguments) for _ in range(2 if name == "resumes" else 1)]
        for process in processes:
            wrong += end(name, process, codes)
        counts[name] += len(processes)
        time.sleep(chance.uniform(0, 0.2))
    if not killed:
        wrong += end("the run", writer, (0,))
    else:
        wrong += end("the last resume", start("run", "--resume", folder, "--no-plots", "-q"), (0,))
    wrong += end("report", start("report", folder, "--no-plots", "-q"), (0,))
    wrong += faults(folder, plan)
    if wrong:
        print(f"{number}: {folder}: {'; '.join(wrong)}", flush=True)
    else:
        discard(folder)
    return not wrong, killed


counts = {name: 0 for name in ("report", "check", "export", "history", "run", "resumes", "refused by number")}
folder = scratch()
begun = time.time()
wrong = end("a run that nobody disturbed", start(*RUN, "--out", folder), (0,))
if wrong:
    verdict(False, "; ".join(wrong))
takes, plan = time.time() - begun, plan_of(folder)
discard(folder)
whole = killed = 0
for number in range(TIMES):
    is_whole, was_killed = one(number, plan, takes)
    whole, killed = whole + is_whole, killed + was_killed
beside = ", ".join(f"{n} {name}" for name, n in counts.items())
verdict(whole == TIMES, f"{whole} of {TIMES} folders are whole, {killed} of them after a kill, with all of their {len(plan)} "
        f"trials; beside them {beside}")
