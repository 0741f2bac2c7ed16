#!/usr/bin/env python3
"""How far core_to_core and its peers spread from run to run, alternated: within a pair class here, overall there; and
contended locks beside perf bench and stress-ng.

usage: peers_pairs.py PROGRAM SOURCES
SOURCES holds rigtorp+c2clat and google+multichase, unpacked; perf and stress-ng are found on the path."""
import os
import re
import statistics
import subprocess
import sys
import tempfile

from common import discard, rows, run, scratch, verdict

SOURCES = os.path.abspath(sys.argv[2])
ROUNDS = 50
BUILT = tempfile.mkdtemp(prefix="shmeter-peers-")


def out(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def build():
    subprocess.run(["c++", "-O3", "-DNDEBUG", f"{SOURCES}/rigtorp+c2clat/c2clat.cpp", "-pthread", "-o",
                    f"{BUILT}/c2clat"], check=True)
    # their own flags; -u: unlocked, the plainest of its modes
    subprocess.run(["make", "-s", "-C", f"{SOURCES}/google+multichase", "pingpong"], check=True)


def ours(variant):
    """Class of the most blocks, by the round trip that its probes saw, and the median round trip in it."""
    folder = scratch()
    run(folder, f"core_to_core/{variant}", "--set", "from=0", "--set", "to=1", "--profile", "quick", "--no-counters")
    best = max((s for s in rows(folder, "summary.csv") if s["scenario"] == "core_to_core" and s["median"]
                and s["unit"].startswith("ns")), key=lambda s: int(s["n"]))
    discard(folder)
    return float(re.sub(r"\D", "", best["pair_class"])), float(best["median"])


def by_class(runs):
    """Runs whose probes lie within a third of the next are of one class."""
    classes, last = {}, 0
    for probe, value in sorted(runs):
        if not classes or probe > last * 4 / 3:
            classes[probe] = []
        classes[next(reversed(classes))].append(value)
        last = probe
    return classes


def spread(values):
    return (max(values) - min(values)) / statistics.median(values)


build()
mine, c2clat, pingpong = {"two_lines": [], "one_line": []}, [], []
for _ in range(ROUNDS):
    for variant, runs in mine.items():
        runs.append(ours(variant))
    c2clat.append(float(out("taskset", "-c", "0,1", f"{BUILT}/c2clat").splitlines()[1].split()[2]))
    pingpong.append(float(out("taskset", "-c", "0,1", f"{SOURCES}/google+multichase/pingpong", "-u", "-c", "2").split()[-1]))
table = [(f"core_to_core {variant}, class from {probe:.0f} ns", values)
         for variant, runs in mine.items() for probe, values in by_class(runs).items()]
largest = max(spread(values) for _, values in table if len(values) > 1)
print("| what | runs | median | spread (largest - smallest, of the median) |\n|---|---|---|---|")
for name, values in table + [("rigtorp/c2clat", c2clat), ("google/multichase pingpong -u", pingpong)]:
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
for stressor in ("mutex", "futex"):
    done = subprocess.run(["stress-ng", f"--{stressor}", "1", "--taskset", "0,1", "-t", "3", "--metrics-brief"],
                          capture_output=True, text=True, check=True)
    rate = float(re.search(rf"\] {stressor} +\d+ +[\d.]+ +[\d.]+ +[\d.]+ +([\d.]+)", done.stdout + done.stderr).group(1))
    print(f"| stress-ng --{stressor} 1 | {1e9 / rate:.0f} ns |")
verdict(largest < min(spread(c2clat), spread(pingpong)) / 3,
        "the spread within a class is under a third of the peers' overall spread")
