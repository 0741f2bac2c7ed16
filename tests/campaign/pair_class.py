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
# What the analysis asks before it speaks of a class: pure slices of a trial, trials.
SLICES_MIN = 3
BLOCKS_MIN = 6


def spread(values):
    return (max(values) - min(values)) / statistics.median(values)


def per_trial(slices, wanted):
    """Medians of the wanted slices by trial, of trials that have enough of them."""
    trials = {}
    for s in slices:
        if wanted(s):
            trials.setdefault(s["trial"], []).append(float(s["ns_per_op"]))
    return [statistics.median(v) for v in trials.values() if len(v) >= SLICES_MIN]


def gather():
    """{scenario: [(all slices' median, {class ns: median})]} of every run, formed as the analysis does: the
    median of the trials' medians, of a class only where enough trials have it."""
    found = {name: [] for name in SUBJECTS}
    for _ in range(RUNS):
        folder = scratch()
        run(folder, "false_sharing", "contended_counter", "--profile", "standard", "--placement", "near",
            "--no-counters")
        samples = {s["trial"]: s for s in rows(folder, "samples.csv")}
        for name, (variant, params) in SUBJECTS.items():
            slices = [s for s in rows(folder, "slices.csv")
                      if (of := samples.get(s["trial"])) and of["scenario"] == name
                      and of["variant"] == variant and of["params"] == params]
            classes = {}
            for c in {s["pair_class"] for s in slices if s["pair_class"].endswith("ns")}:
                medians = per_trial(slices, lambda s: s["status"] == "pure" and s["pair_class"] == c)
                if len(medians) >= BLOCKS_MIN:
                    classes[float(c[:-2])] = statistics.median(medians)
            unsplit = statistics.median(per_trial(slices, lambda s: True))
            print(f"{name}: unsplit {unsplit:.2f} ns, "
                  + ", ".join(f"{c:.0f} ns class {m:.2f}" for c, m in sorted(classes.items())), flush=True)
            found[name].append((unsplit, classes))
        discard(folder)
    return found


def same_classes(per_run):
    """Classes matched over the runs: lists of medians."""
    matched = []
    for _, classes in per_run:
        for center, median in classes.items():
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
