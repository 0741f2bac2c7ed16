#!/usr/bin/env python3
"""Whether `choose` is right: asks ten questions with fixed seeds, and then measures all candidates of each in a
separate run.  An answer is right if its pick, or a variant that it calls tied, is the best there, or if the
block-by-block ratio does not distinguish it from the best.

usage: choose.py [PROGRAM [QUESTION...]]     questions by number, from 1; all ten if none is given"""
import math
import re
import subprocess
import sys

from common import PROGRAM, discard, median_interval, rows, run, scratch, trials, verdict

BLOCKS = 16
RIGHT_LEAST = 0.9
# The questions, and what the separate run has to measure; {inside} is the work named in the answer.
QUESTIONS = [
    ("--message 64", "transport_latency --set message=64"),
    ("--message 4k", "transport_latency --set message=4k"),
    ("--message 64k", "transport_latency --set message=64k"),
    ("--message 64 --may-spin", "transport_latency --set message=64"),
    ("--message 1k --same-core", "transport_latency --set message=1k --placement same-core"),
    ("--message 4k --rate 50k/s --cpu-budget 60%", "transport_latency --set message=4k"),
    ("--message 64 --p99", "transport_latency --set message=64"),
    ("--memory 256m --access random", "page_size_random --set bytes=256m"),
    ("--lock --processes 2", "lock_throughput --set processes=2"),
    ("--lock --processes 2 --critical-section 200ns", "lock_throughput --set processes=2 --set inside={inside}"),
]


def ask(question, seed):
    """The pick, those tied with it, the candidates of the first table, and the work under a lock."""
    done = subprocess.run([PROGRAM, "choose", *question.split(), "--seed", str(seed), "-q"],
                          capture_output=True, text=True, env={"COLUMNS": "400", "PATH": "/usr/bin:/bin"})
    if done.returncode:
        return None, done.stderr.strip(), [], None
    text = done.stdout
    pick = re.search(r"^Take ([\w.]+)\.", text, re.M)
    if not pick:
        return None, "none does what was asked", [], None
    ties = re.search(r"^Tied with it: (.*)\.$", text[pick.start():].split("\n\n")[0], re.M)
    table = re.findall(r"^  \d+=?  +([\w.]+) ", text[pick.start():].split("\n\n")[1], re.M)
    inside = re.search(r"is (\d+) multiplications", text)
    return pick[1], ties[1].split(", ") if ties else [], table, inside and inside[1]


def tail(buckets):
    """The 99 % quantile of one trial's single operations, from its buckets."""
    total, seen = sum(count for _, count in buckets), 0
    for ns, count in sorted(buckets):
        seen += count
        if seen >= 0.99 * total:
            return float(ns)
    return math.nan


def blocks_of(folder, scenario, by_tail):
    """The values of a run by variant, then block and pair class."""
    figures, of_trial = {}, {}
    if by_tail:
        for row in rows(folder, "buckets.csv"):
            of_trial.setdefault(row["trial"], []).append((int(row["ns"]), int(row["count"])))
    for trial in trials(folder, scenario):
        if trial["status"] != "ok" or not trial["value"]:
            continue
        value = tail(of_trial.get(trial["trial"], [])) if by_tail else float(trial["value"])
        if math.isfinite(value):
            figures.setdefault(trial["variant"], {})[trial["block"], trial["pair_class"]] = value
    return figures


def as_good(figures, variant, best):
    """Whether the ratio of two variants, block by block within a class, could be 1 or less."""
    logs = [math.log(value / figures[best][key]) for key, value in figures[variant].items() if key in figures[best]]
    low = median_interval(logs)[1] if logs else math.nan
    return not low > 0


def check(number):
    question, separate = QUESTIONS[number]
    pick, ties, candidates, inside = ask(question, 1000 + number)
    if pick is None:
        print(f"  {number + 1}. choose {question}: no answer: {ties}", flush=True)
        return False
    arguments = separate.format(inside=inside).split()
    folder = scratch()
    run(folder, *arguments, "--repeat-blocks", str(BLOCKS), "--seed", str(2000 + number), "--no-counters", check=False)
    figures = blocks_of(folder, arguments[0], "--p99" in question)
    discard(folder)
    median = {v: median_interval(list(figures[v].values()))[0] for v in candidates if v in figures}
    if not median:
        print(f"  {number + 1}. choose {question}: the run of its own has no figure", flush=True)
        return False
    best = min(median, key=median.get)
    right = any(v in median and as_good(figures, v, best) for v in [pick, *ties])
    print(f"  {number + 1}. choose {question}: {pick} ({median.get(pick, math.nan):.4g} ns"
          f"{', tied with ' + ', '.join(ties) if ties else ''}); best of {len(median)} in a run of its own: {best} "
          f"({median[best]:.4g} ns): {'right' if right else 'WRONG'}", flush=True)
    return right


asked = [int(number) - 1 for number in sys.argv[2:]] or range(len(QUESTIONS))
right = sum(check(number) for number in asked)
verdict(right >= RIGHT_LEAST * len(asked), f"{right} of {len(asked)} picks are the best when all are measured again")
