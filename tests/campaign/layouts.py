#!/usr/bin/env python3
"""Whether `ab` tells a change of the source from one of the layout: builds that differ in where their code lies alone,
and builds with 5 % planted in the source, each judged with one build of a side and with several layouts of it.

usage: layouts.py [PROGRAM [WORK [LOG]]] [--pairs N] [--only null|planted]

PROGRAM judges.  WORK (build/layouts) keeps the builds, POOL layouts of each source.  Each judgement adds one line to LOG
(results/baseline/layouts.csv), and a restarted campaign continues after the last line.  Of two builds that differ in
layout alone no case should FAIL, and of others the planted one."""
import argparse
import json
import os
import random
import subprocess
import sys
import time

from common import PROGRAM, append_row, discard, logged_rows, scratch

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLANTED_CASE = "lock_uncontended/mutex"
PATTERNS = ["null_loop/loop", PLANTED_CASE, "lock_uncontended/mcs", "lock_uncontended/ticket"]  # short loops
POOL, LAYOUTS = 64, 16
ARMS = {"one build": 1, "layouts": LAYOUTS}
FIELDS = ["what", "number", "arm", "verdict", "failed", "seconds", "ratio", "told"]

# What is planted, BURST times after each PERIOD-th pair of lock and unlock: a single one would be hidden by the processor
# in part, which begins the next pair before it ends.
SOURCE = "scenarios/sync/lock_uncontended.c"
PLANTS = {
    "division": "volatile uint64_t x = i | 1; x = 1000000007u / x;",
    "fence": "atomic_thread_fence(memory_order_seq_cst);",
    "copy": 'static char from[512], to[512]; memcpy(to, from, 512); __asm__ volatile("" ::"r"(to), "r"(from) : "memory");',
}
BURST = 32
AIM = 0.05  # planted share of the time
DENSE, CLEAR = 2, 0.2  # the period at which its cost is measured, and the least share that is told from noise there
PAIRS = {"null": 60, "planted": 20}
BOUNDS = "at most 2 of 60 null pairs FAIL, and at least 18 of 20 planted ones do"


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    return done.stdout


class Builds:
    """The layouts of one source, by seed."""

    def __init__(self, work, name, plant=None, period=0):
        self.source = os.path.join(work, name)
        if not os.path.isdir(self.source):
            os.makedirs(self.source)
            run("sh", "-c", f"git -C '{TREE}' archive HEAD | tar -x -C '{self.source}'")
        if plant:
            self.plant(plant, period)

    def plant(self, plant, period):
        text = run("git", "-C", TREE, "show", f"HEAD:{SOURCE}")
        give = "\t\tlock_give(kind, &shared->lock, &state->own);\n"
        start = "uint64_t n = worker->op_count, i = 0;"
        assert give in text and start in text, f"{SOURCE} has changed: plant elsewhere"
        text = text.replace(start, f"uint64_t n = worker->op_count, i = 0, left = {period};")
        burst = f"for (int k = 0; k < {BURST}; k++) {{ {PLANTS[plant]} }}"
        text = text.replace(give, f"{give}\t\tif (--left == 0) {{ left = {period}; {burst} }}\n")
        path = os.path.join(self.source, SOURCE)
        with open(path) as file:
            if file.read() == text:
                return
        with open(path, "w") as file:
            file.write(text)
        run("rm", "-rf", os.path.join(self.source, "build", "layouts"))

    def take(self, seeds):
        """The builds with these seeds, as `ab` takes them."""
        build = os.path.join(self.source, "build")
        folders = {seed: os.path.join(build, "layouts", str(seed)) for seed in seeds}
        missing = [str(seed) for seed, folder in folders.items() if not os.path.exists(f"{folder}/shmeter")]
        if missing:
            run(f"{TREE}/scripts/build-layouts", self.source, build, *missing)
        return ",".join(folders.values())


def alternate(old, new, patterns, *options):
    folder = scratch()
    try:
        done = subprocess.run([PROGRAM, "ab", old, new, *patterns, "--out", folder, "--json", "-q", *options],
                              capture_output=True, text=True)
        if done.returncode not in (0, 1, 3):
            sys.exit(f"ab {old} {new}: exit {done.returncode}\n{done.stderr}")
        return json.loads(done.stdout)
    finally:
        discard(folder)


def planted(work, name, plain):
    """Builds with the plant, so rarely executed that it costs AIM.  How rarely is kept in WORK."""
    path = os.path.join(work, f"{name}.period")
    if not os.path.exists(path):
        seeds = range(1, 7)
        dense = Builds(work, name, name, DENSE).take(seeds)
        found = alternate(plain.take(seeds), dense, [PLANTED_CASE], "--repeat-blocks", "12")
        cost = found["gates"][0]["ratio"] - 1
        print(f"{name} after every {DENSE} pairs costs {100 * cost:.0f} %", flush=True)
        if cost < CLEAR:
            sys.exit(f"{name}: a longer burst is needed")
        with open(path, "w") as file:
            file.write(str(round(DENSE * cost / AIM)))
    with open(path) as file:
        return Builds(work, name, name, int(file.read()))


def plant_of(number):
    return sorted(PLANTS)[number % len(PLANTS)]


def one(what, number, arm, plain, plants):
    """A judgement.  Both sides of a null pair have layouts of their own; with a plant both have the same seeds, as
    compare-revisions makes them."""
    count, draw = ARMS[arm], random.Random(f"{what} {number}")
    seeds = draw.sample(range(1, POOL + 1), 2 * count)
    old, start = plain.take(seeds[:count]), time.monotonic()
    if what == "null":
        new = plain.take(seeds[count:])
    else:
        new = plants[plant_of(number)].take(seeds[:count])
    found = alternate(old, new, PATTERNS, "--seed", str(number + 1))
    failed = [g["gate"].split("?")[0] for g in found["gates"] if g["verdict"] == "FAIL"]
    ratio = [g["ratio"] for g in found["gates"] if g["gate"].startswith(PLANTED_CASE)]
    return {"what": what, "number": number, "arm": arm, "verdict": found["verdict"], "failed": " ".join(failed) or "-",
            "seconds": f"{time.monotonic() - start:.0f}", "ratio": f"{ratio[0]:.4f}" if ratio and ratio[0] else "-",
            "told": "; ".join(f"{g['gate']}: {g['verdict']} {g['evidence']}" for g in found["gates"])}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?")
    parser.add_argument("work", nargs="?", default=f"{TREE}/build/layouts")
    parser.add_argument("log", nargs="?", default=f"{TREE}/results/baseline/layouts.csv")
    parser.add_argument("--pairs", type=int, help="of each kind, fewer than the bounds need")
    parser.add_argument("--only", choices=list(PAIRS))
    given = parser.parse_args()
    work = os.path.abspath(given.work)
    done = {(r["what"], int(r["number"]), r["arm"]) for r in logged_rows(given.log)}
    todo = [(what, n, arm) for what, pairs in PAIRS.items() if given.only in (None, what)
            for n in range(min(pairs, given.pairs or pairs)) for arm in ARMS if (what, n, arm) not in done]
    if todo:
        plain = Builds(work, "plain")
        plants = {name: planted(work, name, plain) for name in {plant_of(n) for what, n, _ in todo if what == "planted"}}
    for what, number, arm in todo:
        row = one(what, number, arm, plain, plants)
        append_row(given.log, FIELDS, row)
        print(f"{what} {number}, {arm}: {row['verdict']} ({row['failed']}), {row['seconds']} s", flush=True)
    rows, good = logged_rows(given.log), True
    for arm in ARMS:
        null = [r for r in rows if r["arm"] == arm and r["what"] == "null"]
        full = [r for r in rows if r["arm"] == arm and r["what"] == "planted"]
        false = sum(r["failed"] != "-" for r in null)
        hits = sum(PLANTED_CASE in r["failed"].split() for r in full)
        print(f"{arm}: {false} of {len(null)} null pairs FAIL, {hits} of {len(full)} planted ones are found")
        if arm == "layouts":
            good = len(null) >= PAIRS["null"] and len(full) >= PAIRS["planted"] and false <= 2 and hits >= 18
    print(("PASS " if good else "FAIL ") + BOUNDS, flush=True)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
