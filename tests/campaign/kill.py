#!/usr/bin/env python3
"""`kill -9` of a random worker, or of the parent, at random moments: nothing may be left behind, and a run whose worker
was killed must continue and report it.  Needs root (huge pages are reserved with --tune).

usage: kill.py [PROGRAM [TIMES [SEED]]]"""
import glob
import json
import os
import random
import signal
import subprocess
import sys
import time

from common import PROGRAM, discard, processes_with, scratch, trials, verdict

TIMES = int(sys.argv[2]) if len(sys.argv) > 2 else 200
RANDOM = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
BACKINGS = ["anon", "memfd", "posix", "sysv", "file"]
PAGES = ["4k", "4k", "2m"]


def read(path):
    with open(path) as file:
        return file.read()


def state():
    """Everything that could be left behind on the machine."""
    return {
        "names": sorted(glob.glob("/dev/shm/shmeter*")),
        "segments": read("/proc/sysvipc/shm").count("\n"),
        "pools": {p: read(p).strip() for p in
                  glob.glob("/sys/kernel/mm/hugepages/*/nr_hugepages") +
                  glob.glob("/sys/kernel/mm/hugepages/*/resv_hugepages")},
        "thp": read("/sys/kernel/mm/transparent_hugepage/shmem_enabled").strip(),
    }


def children(pid):
    try:
        return [int(c) for c in read(f"/proc/{pid}/task/{pid}/children").split()]
    except OSError:
        return []


def workers(parent):
    """Children named after a scenario; the guard has the program's name."""
    found = []
    for child in children(parent):
        try:
            if read(f"/proc/{child}/comm").strip() not in ("shmeter", "shmeter-guard"):
                found.append(child)
        except OSError:
            pass
    return found


def settle(before, mark):
    """Waits up to 3 s until the machine is as before; returns the differences."""
    for _ in range(60):
        left, now = processes_with(mark), state()
        if not left and now == before:
            return None
        time.sleep(0.05)
    return f"processes {left}, state {now} was {before}"


def one(number, before):
    folder = scratch()
    kill_parent = number % 2 == 0
    backing, pages = RANDOM.choice(BACKINGS), RANDOM.choice(PAGES)
    command = [PROGRAM, "run", "false_sharing/packed", "queue_lockfree", "prefault/lazy", "--out", folder,
               "--no-plots", "-q", "--tune", "--repeat-blocks", "2", "--backing", backing, "--pages",
               pages, "--seed", str(number)]
    parent = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(RANDOM.uniform(0.0, 1.2))
    killed = None
    if kill_parent:
        parent.kill()
    else:
        deadline = time.time() + 5
        while killed is None and parent.poll() is None and time.time() < deadline:
            victims = workers(parent.pid)
            try:
                if victims:
                    victim = RANDOM.choice(victims)
                    os.kill(victim, signal.SIGKILL)
                    killed = victim
            except ProcessLookupError:
                pass
    code = parent.wait()
    trouble = settle(before, folder)
    if not kill_parent and killed and not trouble:
        manifest = json.load(open(os.path.join(folder, "manifest.json")))
        samples = trials(folder)
        died = [s for s in samples if s["status"] == "worker_died"]
        # Some combinations are impossible (POSIX memory in 2 MiB pages): then only the control ran.
        had_none = all(s["status"] == "skipped" for s in samples if s["scenario"] != "aa")
        if manifest["status"] != "complete" or code != (5 if had_none else 0):
            trouble = f"a killed worker ended the run: exit {code}, {manifest['status']}"
        counts["told"] += bool(died or manifest.get("calibration_failures")
                               or "reason" in (manifest.get("counting_cost") or {}))
        counts["workers"] += 1
    counts["parents"] += kill_parent
    discard(folder)
    return trouble


counts = {"parents": 0, "workers": 0, "told": 0}
start = state()
number = 0
while counts["parents"] + counts["workers"] < TIMES:
    trouble = one(number, start)
    if trouble:
        verdict(False, f"kill {number}: {trouble}")
    number += 1
    if number % 20 == 0:
        print(number, counts, flush=True)
# A worker may have finished its work when it is killed: then there is nothing to report.
verdict(counts["told"] >= 0.8 * counts["workers"],
        f"{counts['parents']} parents and {counts['workers']} workers killed, nothing left, every run with "
        f"a killed worker went on to its end; {counts['told']} of them say worker_died in samples.csv")
