#!/usr/bin/env python3
"""A value must not depend on the profile or the number of slices: page_size_random over 1 GiB with 4 KiB and
transparent huge pages, in the quick and the standard profile and with 1,000 slices, alternated three times.

The medians of the three ways must agree within 5 %, or within the spread of the three quick runs if that is larger.
Their ratios 4k/thp, block by block, must agree within 4 %, or their intervals must overlap (each end is the median over
the rounds of a way).

A host whose memory is slower for some minutes changes the medians, but it changes the three ways of one round together.
So the value of each way relative to the quick run of its round is printed too, as a median with its interval; it
decides nothing.  A run without a value is left out, and shown as nan.

usage: slices_agree.py [PROGRAM [ROUNDS]]"""
import math
import statistics
import sys

from common import discard, figures, median_interval, rows, run, scratch, spread, verdict

ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 3
WAYS = {"quick": ["--profile", "quick"], "standard": ["--profile", "standard", "--set", "bytes=1g", "--repeat-blocks", "8"],
        "1000 slices": ["--profile", "quick", "--slices", "1000", "--repeat-blocks", "6"]}
VARIANTS = ("4k", "thp")


def measure(arguments):
    folder = scratch()
    run(folder, "page_size_random/4k", "page_size_random/thp", "--no-counters", *arguments)
    found = {v: next(iter(figures(folder, "page_size_random", v).values())).median for v in VARIANTS}
    for pair in rows(folder, "pairs.csv"):
        if pair["scenario"] == "page_size_random" and pair["leading"] == "yes" and pair["ratio"]:
            ends = [float(pair[key] or "nan") for key in ("ratio", "ratio_low", "ratio_high")]
            found["ratio"] = ends if pair["left"] == "4k" else [1 / ends[0], 1 / ends[2], 1 / ends[1]]
    discard(folder)
    return found


def ratio_of(found):
    return found.get("ratio", [math.nan] * 3)[0]


def known(values):
    """The values without those of runs that have none: an unsettled case has no value."""
    return [value for value in values if not math.isnan(value)]


def overlap(seen):
    """Whether the intervals of all ways have a point in common."""
    low, high = ([statistics.median(known(found.get("ratio", [math.nan] * 3)[end] for found in seen[way])) for way in WAYS]
                 for end in (1, 2))
    print("4k/thp, intervals: " + ", ".join(f"{way} {a:.3f} to {b:.3f}" for way, a, b in zip(WAYS, low, high)))
    return max(low) <= min(high)


def within_rounds(seen):
    """For each way and variant, its value relative to the quick run of the same round."""
    for way in list(WAYS)[1:]:
        for variant in VARIANTS:
            over = known(m[variant] / q[variant] for m, q in zip(seen[way], seen["quick"]))
            middle, low, high = median_interval(over)
            print(f"{variant}: {way} over the quick run of its round {middle:.3f}, {low:.3f} to {high:.3f}")


def main():
    seen = {way: [] for way in WAYS}
    for _ in range(ROUNDS):
        for way, arguments in WAYS.items():
            seen[way].append(measure(arguments))
            print(f"{way:12}", "  ".join(f"{v} {seen[way][-1][v]:.1f} ns" for v in VARIANTS),
                  f"  ratio {ratio_of(seen[way][-1]):.3f}", flush=True)
    holds = True
    for name, of, bound in (("4k", lambda m: m["4k"], 0.05), ("thp", lambda m: m["thp"], 0.05),
                            ("4k/thp", ratio_of, 0.04)):
        middle = {way: statistics.median(known(of(m) for m in seen[way])) for way in WAYS}
        allowed = bound if of is ratio_of else max(bound, spread(known(of(m) for m in seen["quick"])))
        apart = max(middle.values()) / min(middle.values()) - 1
        met = apart <= allowed or of is ratio_of and overlap(seen)
        holds = holds and met
        print(f"{name}: " + ", ".join(f"{way} {value:.4g}" for way, value in middle.items()),
              f"- {100 * apart:.1f} % apart, {100 * allowed:.1f} % allowed")
    within_rounds(seen)
    verdict(holds, f"page_size_random over 1 GiB in {ROUNDS} rounds of {len(WAYS)} ways")


main()
