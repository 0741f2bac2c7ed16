#!/usr/bin/env python3
"""For each warm case of a run, the ratio of the last third of its trials' slices to their first third, with its
interval.

Each trial gives one ratio of medians; their median is taken over all trials, in the pair class in which the case has
most pure slices.  The interval is the one of harness/include/shmeter/trend.h.  Fails if an interval lies wholly outside
1 +- 0.03 and no trial of the case is `unsettled`.

usage: settled.py PROGRAM RUN"""
import collections
import math
import statistics
import sys

from common import median_interval, slices, trials, verdict

ALLOWED = 0.03
CONFIDENCE, CONFIDENCE_OF_SIX = 0.99, 0.95


def drift(times):
    third = len(times) // 3
    return math.log(statistics.median(times[-third:]) / statistics.median(times[:third]))


def of_case(rows, pure):
    """The log-ratios of a case's trials in its class."""
    count = collections.Counter(s.pair_class for row in rows for s in pure.get(row["trial"], []))
    if not count:
        return []
    name = count.most_common(1)[0][0]
    times = [[s.ns_per_op for s in pure.get(row["trial"], []) if s.pair_class == name] for row in rows]
    return [drift(t) for t in times if len(t) >= 3]


def main():
    folder = sys.argv[2]
    cases, pure = collections.defaultdict(list), collections.defaultdict(list)
    for row in trials(folder):
        cases[row["case"]].append(row)
    for s in slices(folder, None):
        if s.pure:
            pure[s.trial].append(s)
    judged = beyond = missed = unsettled = 0
    for case, rows in sorted(cases.items()):
        logs = of_case(rows, pure)
        if len(logs) < 6:
            continue
        middle, low, high = median_interval(logs, CONFIDENCE)
        if math.isnan(low):
            middle, low, high = median_interval(logs, CONFIDENCE_OF_SIX)
        is_beyond = math.exp(low) > 1 + ALLOWED or math.exp(high) < 1 - ALLOWED
        status = "unsettled" if any(row["status"] == "unsettled" for row in rows) else "-"
        judged += 1
        beyond += is_beyond
        unsettled += status == "unsettled"
        missed += is_beyond and status == "-"
        print(f"{math.exp(middle):.3f} [{math.exp(low):.3f}, {math.exp(high):.3f}] {len(logs):2} trials  "
              f"{status:9} {'BEYOND ' if is_beyond else ''}{case}")
    verdict(judged > 0 and missed == 0,
            f"{judged} warm cases, {unsettled} unsettled; {beyond} intervals lie beyond 1 +- {ALLOWED}, {missed} of them unsaid")


main()
