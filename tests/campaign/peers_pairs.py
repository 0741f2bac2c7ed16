#!/usr/bin/env python3
"""How far core_to_core and its peers spread from run to run, alternated: within a pair class here, overall there; and
contended locks beside perf bench and stress-ng.

usage: peers_pairs.py PROGRAM SOURCES [ROUNDS]
SOURCES holds rigtorp+c2clat and google+multichase, unpacked; perf, and stress-ng where there is one, are found on the path.

`one_line` is what the matrix and claim C5 are about: it is held against c2clat, and against pingpong as its README calls it.
`two_lines` is c2clat's way of doing it, held against c2clat and against pingpong's transfer alone (`-r 0`): pingpong makes
ten pauses between two looks at the line unless told otherwise, and a transfer that ends within a pause is seen when the
pause ends, which hides much of what differs.  All figures are one way.  Where the cores did not move while it ran, the peers' spread is that of one class, too, and there is nothing to
show: it goes on for a while, and then says so (exit 3)."""
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

from common import discard, rows, run, scratch, verdict

SOURCES = os.path.abspath(sys.argv[2])
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 150
MOST_ROUNDS = 2 * ROUNDS
CLASS_RUNS = 5  # in each of two classes: the cores moved
BLOCKS = "50"  # timed for 0.6 s in all; pingpong takes five samples of 0.25 s
BUILT = tempfile.mkdtemp(prefix="shmeter-peers-")


def out(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def build():
    subprocess.run(["c++", "-O3", "-DNDEBUG", f"{SOURCES}/rigtorp+c2clat/c2clat.cpp", "-pthread", "-o",
                    f"{BUILT}/c2clat"], check=True)
    # their own flags; -u: unlocked, the plainest of its modes
    subprocess.run(["make", "-s", "-C", f"{SOURCES}/google+multichase", "pingpong"], check=True)


def ours(variant):
    """Class of the most blocks, by the round trip that its probes saw, and half of the median round trip in it."""
    folder = scratch()
    run(folder, f"core_to_core/{variant}", "--set", "from=0", "--set", "to=1", "--profile", "quick", "--repeat-blocks", BLOCKS,
        "--no-counters")
    best = max((s for s in rows(folder, "summary.csv") if s["scenario"] == "core_to_core" and s["median"]
                and s["unit"].startswith("ns")), key=lambda s: int(s["n"]))
    discard(folder)
    return float(re.sub(r"\D", "", best["pair_class"])), float(best["median"]) / 2


def by_class(runs):
    """Runs whose probes lie within a seventh of the next are of one class: hardware threads of one core (61 ns here) are not
    neighbours on one L3 (72 to 94 ns), nor those cores on two (324 ns and more)."""
    classes, last = {}, 0
    for probe, value in sorted(runs):
        if not classes or probe > last * 8 / 7:
            classes[probe] = []
        classes[next(reversed(classes))].append(value)
        last = probe
    return classes


def spread(values):
    return (max(values) - min(values)) / statistics.median(values)


def moved(runs):
    """Whether at least two classes hold enough runs for a spread."""
    return sum(len(values) >= CLASS_RUNS for values in by_class(runs).values()) >= 2


build()
mine, c2clat, pingpong, paused = {"one_line": [], "two_lines": []}, [], [], []
while len(c2clat) < ROUNDS or (not moved(mine["one_line"]) and len(c2clat) < MOST_ROUNDS):
    for variant, runs in mine.items():
        runs.append(ours(variant))
    c2clat.append(float(out("taskset", "-c", "0,1", f"{BUILT}/c2clat").splitlines()[1].split()[2]))
    for values, pauses in ((pingpong, ["-r", "0"]), (paused, [])):
        values.append(float(out("taskset", "-c", "0,1", f"{SOURCES}/google+multichase/pingpong", "-u", "-c", "2",
                                *pauses).split()[-1]))
with open(os.path.join(BUILT, "rounds.json"), "w") as file:
    json.dump({**mine, "c2clat": c2clat, "pingpong": pingpong, "paused": paused}, file)
print(f"each round: {file.name}", flush=True)
print("| what | runs | median | spread (largest - smallest, of the median) |\n|---|---|---|---|")
largest = dict.fromkeys(mine, 0.0)
for variant, runs in mine.items():
    for probe, values in by_class(runs).items():
        if len(values) > 1:
            largest[variant] = max(largest[variant], spread(values))
        print(f"| core_to_core {variant}, class from {probe:.0f} ns | {len(values)} | {statistics.median(values):.1f} ns | "
              f"{100 * spread(values):.1f} % |")
for name, values in (("rigtorp/c2clat", c2clat), ("google/multichase pingpong -u -r 0", pingpong),
                     ("google/multichase pingpong -u", paused)):
    print(f"| {name} | {len(values)} | {statistics.median(values):.1f} ns | {100 * spread(values):.1f} % |", flush=True)

folder = scratch()
run(folder, "lock_throughput/mutex*", "lock_throughput/futex_lock", "--set", "processes=2", "--no-counters")
print("\n| contended by two, on two PUs | time per acquisition of each |\n|---|---|")
for s in rows(folder, "summary.csv"):
    if s["scenario"] == "lock_throughput" and s["unit"] == "ns/op" and int(s["n"]) >= 6:
        print(f"| {s['variant']} ({s['pair_class']}) | {float(s['median']):.0f} ns |")
discard(folder)
rate = float(re.search(r"Averaged (\d+)", out("perf", "bench", "futex", "lock-pi", "-t", "2", "-M", "-r", "3")).group(1))
print(f"| perf bench futex lock-pi -t 2 -M | {1e9 / rate:.0f} ns |")
for stressor in ("mutex", "futex") if shutil.which("stress-ng") else ():
    done = subprocess.run(["stress-ng", f"--{stressor}", "1", "--taskset", "0,1", "-t", "3", "--metrics-brief"],
                          capture_output=True, text=True, check=True)
    rate = float(re.search(rf"\] {stressor} +\d+ +[\d.]+ +[\d.]+ +[\d.]+ +([\d.]+)", done.stdout + done.stderr).group(1))
    print(f"| stress-ng --{stressor} 1 | {1e9 / rate:.0f} ns |")
if not moved(mine["one_line"]):
    print(f"INCONCLUSIVE the cores did not move in {len(c2clat)} rounds", flush=True)
    sys.exit(3)
verdict(3 * largest["one_line"] < min(spread(c2clat), spread(pingpong), spread(paused)) and
        3 * largest["two_lines"] < min(spread(c2clat), spread(pingpong)),
        f"within a class one_line spreads by {100 * largest['one_line']:.1f} % at most and two_lines by "
        f"{100 * largest['two_lines']:.1f} %; a third of c2clat's spread is {100 * spread(c2clat) / 3:.1f} %, of pingpong's "
        f"{100 * spread(paused) / 3:.1f} %, and without its pauses {100 * spread(pingpong) / 3:.1f} %")
