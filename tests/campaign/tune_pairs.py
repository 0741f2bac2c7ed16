#!/usr/bin/env python3
"""Pairs of `run --tune` that overlap, in random order, with `kill -9` of either run or of its guard at random moments.
Afterwards every setting must be as before, and no surviving run may have lost pages in between.  Continues where its
log ends.

Each round starts two runs over small pools of 2 MiB pages within a second.  While they run, the pool is read every few
milliseconds.  From the moment a run has the pages that it requested to its last trial, the pool must have the pages of
all such runs, and every trial of a run that was not killed must end `ok`.  If a run and its guard are both killed, and
nothing later restores the pool, `tune --undo` must do so.

usage: tune_pairs.py [PROGRAM] [--pairs N] [--seconds S] [--seed N] [--log FILE] [--sample]     as root"""
import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from common import PROGRAM, append_row, guard_of, logged_rows, rows, settings, verdict

POOL = "/sys/kernel/mm/hugepages/hugepages-2048kB/"
PAGE = 2 << 20
# One process of either run, or a run with its guard.
VICTIMS = ("run a", "guard a", "both a", "run b", "guard b", "both b")
FIELDS = ("pair", "pages_a", "pages_b", "delay_s", "victim", "kill_s", "exit_a", "exit_b", "overlap_ms", "readings",
          "least_spare", "undo", "outcome")
# The approximate time of a run, and of each of its blocks: so that the pairs overlap, and kills happen during the runs.
RUN_S, BLOCK_S = 0.35, 0.12
# The granularity of file times.
TICK_S = 0.02


def number(name):
    with open(POOL + name) as file:
        return int(file.read())


class Run:
    def __init__(self, name, pages, blocks, folder, seed):
        self.name, self.pages, self.folder = name, pages, os.path.join(folder, name)
        self.command = [PROGRAM, "run", "first_touch/2m", "first_touch/thp", "--set", f"bytes={pages * PAGE}", "--tune",
                        "--repeat-blocks", str(blocks), "--seed", str(seed), "--no-plots", "-q", "--out", self.folder]
        self.process = self.guard = self.started = None
        self.takes_s = RUN_S + BLOCK_S * blocks
        self.has_all = None  # when it got the pages that it requested
        self.killed = set()

    def start(self):
        self.started = time.time()
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def look_for_guard(self):
        if self.process and not self.guard:
            self.guard = guard_of(self.process.pid)

    def kill(self, what):
        """False: the process has ended, or has not started yet."""
        self.look_for_guard()
        pid = self.process.pid if self.process and what == "run" else self.guard if what == "guard" else None
        if not pid or self.process.poll() is not None:
            return False
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        self.killed.add(what)
        return True

    def last_trial(self):
        """When its last trial was written; None: it had none."""
        try:
            return os.stat(os.path.join(self.folder, "samples.csv")).st_mtime - TICK_S
        except OSError:
            return None

    def is_over(self):
        return self.process is not None and self.process.poll() is not None

    def trouble(self):
        if "run" in self.killed:
            return None
        if self.process.returncode != 0:
            said = self.process.stderr.read().strip()
            if "guard" in self.killed and self.process.returncode == 5 and "the guard is gone" in said:
                return None  # the run reports this if it needs the guard once more
            return f"{self.name}: exit {self.process.returncode}: {said}"
        bad = [r for r in rows(self.folder, "samples.csv")
               if r["status"] != "ok" and "THP" not in r["reason"] and r["scenario"] == "first_touch"]
        return f"{self.name}: {bad[0]['status']}: {bad[0]['reason']}" if bad else None


class Watch:
    """Readings of the pool: (time, pages without the surplus)."""

    def __init__(self, state):
        self.ledger = os.path.join(state, "settings.json")
        self.readings = []

    def read(self, runs):
        try:
            with open(self.ledger) as file:
                holders = {e["owner"]: e["pages"] for e in json.load(file) if e["path"] == POOL + "nr_hugepages"}
        except FileNotFoundError:
            holders = {}
        pool = number("nr_hugepages") - number("surplus_hugepages")
        now = time.time()
        for run in runs:
            if run.process and not run.has_all and run.process.pid in holders and pool >= sum(holders.values()):
                run.has_all = now
        self.readings.append((now, pool))

    def least_spare(self, runs):
        """The smallest number of pages in the pool beyond the requests of the active runs (None: no reading), and for
        how long both runs were active."""
        spans = [(r.has_all, r.last_trial(), r.pages) for r in runs if r.has_all and r.last_trial()]
        spare = [pool - sum(pages for begin, end, pages in spans if begin <= now <= end)
                 for now, pool in self.readings if any(begin <= now <= end for begin, end, _ in spans)]
        overlap = min(s[1] for s in spans) - max(s[0] for s in spans) if len(spans) == 2 else 0
        return (min(spare) if spare else None), max(0, overlap)


def wait_for_guards(runs, seconds=15):
    until = time.time() + seconds
    while time.time() < until:
        if not any(run.guard and os.path.exists(f"/proc/{run.guard}") for run in runs):
            return
        time.sleep(0.01)


def pair(index, seed, before, folder, hurried):
    rng = random.Random(f"{seed} {index}")
    state = os.path.join(folder, "state")
    os.environ["SHMETER_STATE_DIR"] = state
    blocks = (4, 8) if hurried else (12, 28)
    runs = [Run(name, rng.randrange(2, 25), rng.randrange(*blocks), folder, index + 1) for name in "ab"]
    first, second = rng.sample(runs, 2)
    delay = rng.uniform(0, 0.6 * first.takes_s)
    what, name = VICTIMS[index % len(VICTIMS)].split()
    target = next(run for run in runs if run.name == name)
    kill_s = rng.uniform(0, 0.75 * target.takes_s)
    watch = Watch(state)
    first.start()
    while not all(run.is_over() for run in runs):
        now = time.time()
        if not second.process and now - first.started >= delay:
            second.start()
        for run in runs:
            run.look_for_guard()
        if target and target.started and now - target.started >= kill_s:
            # the guard first, because it would notice the end of its run
            done = [target.kill(w) for w in (("guard", "run") if what == "both" else (what,))]
            if any(done) or target.is_over():
                target = None
        watch.read(runs)
        time.sleep(0.003)
    wait_for_guards(runs)
    spare, overlap = watch.least_spare(runs)
    undo = settings() != before and any(run.killed == {"run", "guard"} for run in runs)
    if undo:
        subprocess.run([PROGRAM, "tune", "--undo"], stdout=subprocess.DEVNULL, check=False)
    outcome = [f"{path} is not as before" for path, value in settings().items() if before.get(path) != value]
    if os.path.exists(watch.ledger) and not any(run.killed == {"run", "guard"} for run in runs):
        outcome.append("the ledger is not empty")
    outcome += [t for t in (run.trouble() for run in runs) if t]
    if spare is not None and spare < 0:
        outcome.append(f"{-spare} pages were taken from a run")
    return {"pair": index, "pages_a": runs[0].pages, "pages_b": runs[1].pages,
            "delay_s": f"{delay if first is runs[0] else -delay:.3f}",
            "victim": "+".join(sorted(f"{what} {r.name}" for r in runs for what in r.killed)) or "none",
            "kill_s": f"{kill_s:.3f}", "exit_a": runs[0].process.returncode, "exit_b": runs[1].process.returncode,
            "overlap_ms": round(overlap * 1000), "readings": len(watch.readings),
            "least_spare": "" if spare is None else spare, "undo": int(undo), "outcome": "; ".join(outcome) or "ok"}


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", nargs="?")
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no pair after that")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", default="results/baseline/tune_pairs.csv")
    parser.add_argument("--sample", action="store_true",
                        help="short pairs, one of each kind, for 10 s at most, without a log")
    return parser.parse_args()


def main():
    o = options()
    if os.geteuid() != 0 or not os.access(POOL + "nr_hugepages", os.W_OK):
        print("SKIP settings can be changed only by root, where there are pools of 2 MiB pages")
        sys.exit(77)
    begin, before = time.time(), settings()
    done = [] if o.sample else logged_rows(o.log)
    known = {int(row["pair"]) for row in done}
    for index in range(len(VICTIMS) if o.sample else o.pairs):
        if time.time() - begin > (7 if o.sample else o.seconds):
            break
        if index in known:
            continue
        folder = tempfile.mkdtemp(prefix="shmeter-campaign-")
        row = pair(index, o.seed, before, folder, o.sample)
        shutil.rmtree(folder)
        done.append(row)
        print(" ".join(f"{key} {row[key]}" for key in FIELDS), flush=True)
        if not o.sample:
            append_row(o.log, FIELDS, row)
    good = sum(row["outcome"] == "ok" for row in done)
    both = sum(int(row["overlap_ms"]) > 0 for row in done)
    verdict(good == len(done) and done,
            f"{good} of {len(done)} pairs: every setting as before, no run lost pages; in {both} both were at work at "
            f"once, {sum(row['victim'] != 'none' for row in done)} lost a process")


main()
