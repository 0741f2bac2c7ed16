#!/usr/bin/env python3
"""Whether pair classes make runs agree: over ten runs, compares the spread of the per-class medians of `packed` and
`fetch_add` with the spread of the medians over all slices.

usage: pair_class.py [PROGRAM [RUNS]]"""
import statistics
import sys

from common import discard, match_classes, pair_classes, run, scratch, slices, spread, verdict

RUNS = int(sys.argv[2]) if len(sys.argv) > 2 else 10
SUBJECTS = {"false_sharing": ("packed", "op=atomic_add processes=2 work=0"),
            "contended_counter": ("fetch_add", "processes=2")}
# The minimum that the analysis needs for a class: pure slices per trial, trials.
SLICES_MIN = 3
BLOCKS_MIN = 6


def per_trial(of):
    """The median of the slices of each trial that has enough of them."""
    by_trial = {}
    for s in of:
        by_trial.setdefault(s.trial, []).append(s.ns_per_op)
    return [statistics.median(v) for v in by_trial.values() if len(v) >= SLICES_MIN]


def gather():
    """{scenario: [(all slices' median, {class ns: median})]} of every run, computed like the analysis does: the median
    of the trials' medians, for a class only if enough trials have it."""
    found = {name: [] for name in SUBJECTS}
    for _ in range(RUNS):
        folder = scratch()
        run(folder, "false_sharing", "contended_counter", "--profile", "standard", "--placement", "near",
            "--no-counters")
        centers = {c.name: c.center_ns for classes in pair_classes(folder).values() for c in classes}
        for name, (variant, params) in SUBJECTS.items():
            subject = [s for s in slices(folder, name, variant) if s.params == params]
            classes = {}
            for c in {s.pair_class for s in subject if s.pair_class in centers}:
                medians = per_trial([s for s in subject if s.pure and s.pair_class == c])
                if len(medians) >= BLOCKS_MIN:
                    classes[centers[c]] = statistics.median(medians)
            unsplit = statistics.median(per_trial(subject))
            print(f"{name}: unsplit {unsplit:.2f} ns, "
                  + ", ".join(f"{c:.0f} ns class {m:.2f}" for c, m in sorted(classes.items())), flush=True)
            found[name].append((unsplit, classes))
        discard(folder)
    return found


def same_classes(per_run):
    """Classes matched over the runs: [(ns of the middle one, medians)]."""
    seen = [(center, median) for _, classes in per_run for center, median in classes.items()]
    return [(statistics.median(seen[i][0] for i in group), [seen[i][1] for i in group])
            for group in match_classes([center for center, _ in seen])]


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
