#!/usr/bin/env python3
"""Whether telling pair classes apart makes runs agree: over ten runs, the spread of the per-class medians
of `packed` and `fetch_add` against that of the medians of all slices together.

usage: pair_class.py [PROGRAM [RUNS]]"""
import statistics
import sys

from common import discard, rows, run, scratch, verdict

RUNS = int(sys.argv[2]) if len(sys.argv) > 2 else 10
SUBJECTS = {"false_sharing": ("packed", "op=atomic_add processes=2"),
            "contended_counter": ("fetch_add", "processes=2")}
# Classes of two runs are the same class when their round trips are this close.
SAME = 1.5


def spread(values):
    return (max(values) - min(values)) / statistics.median(values)


def gather():
    """{scenario: [(all slices' median, {class ns: (median, slices)})]} of every run."""
    found = {name: [] for name in SUBJECTS}
    for _ in range(RUNS):
        folder = scratch()
        run(folder, "false_sharing", "contended_counter", "--profile", "standard", "--placement", "near",
            "--no-counters")
        samples = {s["trial"]: s for s in rows(folder, "samples.csv")}
        for name, (variant, params) in SUBJECTS.items():
            trials = {t for t, s in samples.items() if s["scenario"] == name
                      and s["variant"] == variant and s["params"] == params}
            slices = [s for s in rows(folder, "slices.csv") if s["trial"] in trials]
            classes = {}
            for s in slices:
                if s["status"] == "pure" and s["pair_class"].endswith("ns"):
                    classes.setdefault(float(s["pair_class"][:-2]), []).append(float(s["ns_per_op"]))
            found[name].append((statistics.median(float(s["ns_per_op"]) for s in slices),
                                {c: (statistics.median(v), len(v)) for c, v in classes.items()}))
        discard(folder)
    return found


def same_classes(per_run):
    """Classes matched over the runs: lists of medians, of classes with at least 30 slices a run."""
    matched = []
    for _, classes in per_run:
        for center, (median, count) in classes.items():
            if count < 30:
                continue
            for group in matched:
                if 1 / SAME < center / group[0] < SAME:
                    group[1].append(median)
                    break
            else:
                matched.append((center, [median]))
    return matched


holds = True
words = []
for name, per_run in gather().items():
    unsplit = spread([m for m, _ in per_run])
    for center, medians in same_classes(per_run):
        if len(medians) < max(3, RUNS // 2):
            continue
        split = spread(medians)
        good = split < unsplit / 3 or split < 0.10
        holds &= good
        words.append(f"{name}/{SUBJECTS[name][0]} class {center:.0f} ns: spread {100 * split:.1f} % in "
                     f"{len(medians)} runs, unsplit {100 * unsplit:.1f} %")
print("\n".join(words))
verdict(holds and words, f"{len(words)} classes over {RUNS} runs")
