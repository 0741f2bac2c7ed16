#!/usr/bin/env python3
"""How often an A/A comparison at quick length excludes 1: the false-alarm rate of the intervals.

usage: false_alarms.py [PROGRAM [RUNS]]"""
import math
import sys

from common import discard, rows, run, scratch, verdict

RUNS = int(sys.argv[2]) if len(sys.argv) > 2 else 200
ALLOWED = 0.08


def clopper_pearson(k, n, alpha=0.05):
    """Solved by bisection on the binomial distribution."""
    def tail(p, low):
        ks = range(k, n + 1) if low else range(0, k + 1)
        return sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in ks)

    def solve(low):
        a, b = 0.0, 1.0
        for _ in range(60):
            p = (a + b) / 2
            if (tail(p, low) < alpha / 2) == low:
                a = p
            else:
                b = p
        return a

    return (0.0 if k == 0 else solve(True)), (1.0 if k == n else solve(False))


excluded = compared = without = 0
for number in range(RUNS):
    folder = scratch()
    run(folder, "aa", "--profile", "quick", "--seed", str(number + 1), "--no-counters")
    pairs = [p for p in rows(folder, "pairs.csv") if p["scenario"] == "aa" and p["leading"] == "yes"]
    discard(folder)
    if not pairs or not pairs[0]["ratio_low"]:
        without += 1
        continue
    compared += 1
    excluded += not float(pairs[0]["ratio_low"]) <= 1 <= float(pairs[0]["ratio_high"])
low, high = clopper_pearson(excluded, compared)
verdict(excluded <= ALLOWED * compared and compared >= RUNS * 0.8,
        f"{excluded} of {compared} A/A intervals exclude 1: {100 * excluded / compared:.1f} % "
        f"(95 % interval {100 * low:.1f} to {100 * high:.1f}), allowed {100 * ALLOWED:.0f} %; "
        f"{without} runs had no interval")
