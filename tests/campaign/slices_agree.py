#!/usr/bin/env python3
"""A figure does not depend on the profile or the number of slices: page_size_random over 1 GiB, 4 KiB and transparent huge
pages, quick, standard and with 1,000 slices, in turn, three times.

The medians of the three ways agree within 5 %, or within the spread of the three quick runs where that is more; their
ratios 4k/thp within 4 %, or within the spread of the quick runs' ratios.  usage: slices_agree.py [PROGRAM [ROUNDS]]"""
import math
import statistics
import sys

from common import discard, figures, run, scratch, spread, verdict

ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 3
WAYS = {"quick": ["--profile", "quick"], "standard": ["--profile", "standard", "--set", "bytes=1g", "--repeat-blocks", "8"],
        "1000 slices": ["--profile", "quick", "--slices", "1000", "--repeat-blocks", "6"]}
VARIANTS = ("4k", "thp")


def measure(arguments):
    folder = scratch()
    run(folder, "page_size_random/4k", "page_size_random/thp", "--no-counters", *arguments)
    found = {v: next(iter(figures(folder, "page_size_random", v).values())).median for v in VARIANTS}
    discard(folder)
    return found


def main():
    seen = {way: [] for way in WAYS}
    for _ in range(ROUNDS):
        for way, arguments in WAYS.items():
            seen[way].append(measure(arguments))
            print(f"{way:12}", "  ".join(f"{v} {seen[way][-1][v]:.1f} ns" for v in VARIANTS),
                  f"  ratio {seen[way][-1]['4k'] / seen[way][-1]['thp']:.3f}", flush=True)
    holds = True
    for name, of, bound in (("4k", lambda m: m["4k"], 0.05), ("thp", lambda m: m["thp"], 0.05),
                            ("4k/thp", lambda m: m["4k"] / m["thp"], 0.04)):
        middle = {way: statistics.median(of(m) for m in seen[way]) for way in WAYS}
        allowed = max(bound, spread([of(m) for m in seen["quick"]]))
        apart = max(middle.values()) / min(middle.values()) - 1
        holds = holds and not math.isnan(apart) and apart <= allowed
        print(f"{name}: " + ", ".join(f"{way} {value:.4g}" for way, value in middle.items()),
              f"- {100 * apart:.1f} % apart, {100 * allowed:.1f} % allowed")
    verdict(holds, f"page_size_random over 1 GiB in {ROUNDS} rounds of {len(WAYS)} ways")


main()
