#!/usr/bin/env python3
"""A small `run --tune` gets SIGKILL, SIGTERM or SIGINT at a chosen system call of its parent process, in every phase
from the start to the report.  Afterwards every setting must be as before, the ledger must be empty, and no process may
be left.

The calls of one run are recorded first (with strace).  Calls that serve the ledger and the guard are tried at each
place; of every other kind of call the first, the last and some in between.

usage: tune_signals.py [PROGRAM] [--seconds S] [--seed N] [--log FILE] [--sample]     as root"""
import argparse
import collections
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

from common import PROGRAM, append_row, logged_rows, processes_with, settings, verdict

# Exit codes: the program's own, and that of a program that ends before it has installed its signal handler.
SIGNALS = {"SIGKILL": (-9,), "SIGTERM": (143, -15), "SIGINT": (130, -2)}
LEDGER_CALLS = {"flock", "fsync", "renameat", "renameat2", "unlinkat", "sendto", "fork", "clone", "clone3", "vfork",
                "wait4"}
OTHERS = 6  # places for every other kind of call
FIELDS = ("call", "place", "signal", "exit", "took_s", "outcome")
POOL = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"


def command(folder):
    return [PROGRAM, "run", "first_touch/2m", "--set", "bytes=8m", "--tune", "--repeat-blocks", "3", "--seed", "1",
            "--no-plots", "--quiet", "--out", os.path.join(folder, "run")]


def run(folder, *options):
    os.environ["SHMETER_STATE_DIR"] = os.path.join(folder, "state")
    return subprocess.run(["strace", "-o", os.path.join(folder, "trace"), *options, *command(folder)], timeout=60,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def is_whole(done):
    """The run was completed; a tracer can disturb every trial of so short a run."""
    return done.returncode == 0 or (done.returncode == 5 and "no trial of what was asked for could be" in done.stderr)


def record(folder):
    """{call: how often the parent makes it}."""
    done = run(folder)
    if not is_whole(done):
        sys.exit(f"the recorded run: exit {done.returncode}: {done.stderr}")
    with open(os.path.join(folder, "trace")) as file:
        names = (re.match(r"(\w+)\(", line) for line in file)
        return collections.Counter(name.group(1) for name in names if name)


def places(counts, seed):
    rng = random.Random(seed)
    chosen = []
    for call, count in sorted(counts.items()):
        every = range(1, count + 1)
        if call in LEDGER_CALLS and count <= 60:
            at = list(every)
        else:
            at = sorted({1, count, *rng.sample(every, min(OTHERS - 2, count))})
        chosen += [(call, place, name) for place in at for name in SIGNALS]
    rng.shuffle(chosen)
    return chosen


def look(before, folder):
    """The differences from before, after a time for dying processes to end."""
    until = time.time() + 5
    while True:
        left = [f"{path} is not as before" for path, value in settings().items() if before.get(path) != value]
        if os.path.exists(os.path.join(folder, "state", "settings.json")):
            left.append("the ledger is not empty")
        left += [f"process {pid} is left" for pid in processes_with(folder)]
        if not left or time.time() > until:
            return left
        time.sleep(0.01)


def strike(call, place, name, before):
    folder = tempfile.mkdtemp(prefix="shmeter-campaign-")
    begin = time.time()
    try:
        done = run(folder, "-e", f"trace={call}", "-e", f"inject={call}:signal={name}:when={place}")
        left = look(before, folder)
        # 0: the signal came when all was done, or the run made one call fewer this time
        if done.returncode not in SIGNALS[name] and not is_whole(done):
            left.append(f"exit {done.returncode}: {done.stderr.strip()}")
        code = done.returncode
    except subprocess.TimeoutExpired:
        left, code = ["it hangs"], ""
    shutil.rmtree(folder)
    return dict(zip(FIELDS, (call, place, name, code, f"{time.time() - begin:.2f}", "; ".join(left) or "ok")))


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", nargs="?")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no run after that")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", default="results/baseline/tune_signals.csv")
    parser.add_argument("--sample", action="store_true", help="the calls of the ledger, for 5 s, without a log")
    return parser.parse_args()


def main():
    o = options()
    if os.geteuid() != 0 or not os.access(POOL, os.W_OK) or not shutil.which("strace"):
        print("SKIP it takes strace, and root where there are pools of 2 MiB pages")
        sys.exit(77)
    begin, before = time.time(), settings()
    folder = tempfile.mkdtemp(prefix="shmeter-campaign-")
    todo = places(record(folder), o.seed)
    shutil.rmtree(folder)
    if o.sample:
        todo = [t for t in todo if t[0] in LEDGER_CALLS]
    done = [] if o.sample else logged_rows(o.log)
    known = {(r["call"], int(r["place"]), r["signal"]) for r in done}
    for at in todo:
        if time.time() - begin > (5 if o.sample else o.seconds):
            break
        if at in known:
            continue
        row = strike(*at, before)
        done.append(row)
        if row["outcome"] != "ok":
            print(row, flush=True)
        if not o.sample:
            append_row(o.log, FIELDS, row)
    good = sum(r["outcome"] == "ok" for r in done)
    ended = sum(str(r["exit"]) != "0" for r in done)
    verdict(good == len(done) and done,
            f"{good} of {len(done)} runs left nothing, {ended} of them ended by the signal; "
            f"{len({r['call'] for r in done})} kinds of calls")


main()
