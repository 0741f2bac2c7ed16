#!/usr/bin/env python3
"""Compares shmeter with other tools: ten rounds that alternate on the same CPUs (c2clat forty).

usage: peers.py PROGRAM BUILT [--only WORDS] [--rounds N] [--log FILE] [--seconds S] [--list] [--table]
BUILT is a folder with the other tools' programs, built from their sources (see README.md in this folder); `perf`,
`likwid-bench` and `stress-ng` are used if they are installed.  Run as root, with 4 GiB of memory.

Each measurement adds its readings to FILE (results/peers.csv) and is not repeated: a campaign that was stopped
continues where the log ends.  --only measures and prints the rows whose part or name contains these words (transports,
rings, lines, memory, locks, spread, contended, ...); --rounds sets their number; --seconds stops after that time (exit
code 75: not done yet); --list prints what is left; --table prints from the log alone.

A row is good unless its peer is faster by more than the row's bound, whatever reason is given.  Exit codes: 0; 1: a
peer is faster; 3: core distance did not change, so the spread over distances says nothing.  docs/peers.md says what
each value includes."""
import argparse
import csv
import os
import statistics
import subprocess
import sys
import time

import peers_lines
import peers_locks
import peers_memory
import peers_transports
from common import NoFigure, match_classes, median_interval

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FIELDS = ["cpu", "step", "round", "what", "peer", "class_ns", "ours", "theirs", "reason"]
ROUNDS_MIN = 6  # of one class; with fewer there is no interval
UNFINISHED = 75
NO_VERDICT = 3


def cpu_name():
    """As in lscpu, with family and model, because virtual machines use one name for several kinds of CPU."""
    out = subprocess.run(["lscpu"], capture_output=True, text=True, check=True,
                         env={**os.environ, "LC_ALL": "C"}).stdout
    told = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in out.splitlines())}
    return f"{told.get('Model name', 'unknown')} ({told.get('CPU family', '-')}/{told.get('Model', '-')})"


class Log:
    """The readings of this CPU, from a file."""

    def __init__(self, path, cpu):
        self.path, self.cpu = path, cpu
        self.readings = []
        if os.path.exists(path):
            with open(path, newline="") as file:
                self.readings = [r for r in csv.DictReader(file) if r["cpu"] == cpu]

    def add(self, step, number, readings):
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(self.path, "a", newline="") as file:
            writer = csv.DictWriter(file, FIELDS, restval="", lineterminator="\n")
            if file.tell() == 0:
                writer.writeheader()
            for reading in readings:
                row = {"cpu": self.cpu, "step": step.name, "round": str(number), **reading}
                writer.writerow(row)
                self.readings.append({**dict.fromkeys(FIELDS, ""), **{k: str(v) for k, v in row.items()}})

    def of(self, step):
        return [r for r in self.readings if r["step"] == step.name]

    def rounds(self, step):
        return {int(r["round"]) for r in self.of(step)}


def with_figures(readings):
    return [r for r in readings if r["ours"] and r["theirs"]]


def by_class(readings):
    """{(what, peer): [(class in ns or None, readings)]}, with the classes of all rounds matched."""
    rows, found = {}, {}
    for r in with_figures(readings):
        rows.setdefault((r["what"], r["peer"]), []).append(r)
    for key, group in rows.items():
        classed = [r for r in group if r["class_ns"]]
        plain = [r for r in group if not r["class_ns"]]
        found[key] = [(None, plain)] if plain else []
        for members in match_classes([float(r["class_ns"]) for r in classed]):
            same = [classed[i] for i in members]
            found[key].append((statistics.median(float(r["class_ns"]) for r in same), same))
    return found


def enough(step, readings, rounds):
    """A step without classes is done after its rounds.  One with classes continues, for at most twice as many rounds,
    until one class has enough."""
    made = len({r["round"] for r in readings})
    if made < rounds or made >= 2 * rounds or not any(r["class_ns"] for r in readings) or not step.classed:
        return made >= rounds
    most = max((len(same) for groups in by_class(readings).values() for _, same in groups), default=0)
    return most >= rounds


def todo(steps, log, rounds):
    """The next measurement, (step, number), in rounds over all steps; None when all are done."""
    left = [(len(log.rounds(s)), i) for i, s in enumerate(steps) if not enough(s, log.of(s), rounds or s.rounds)]
    return (steps[min(left)[1]], min(left)[0]) if left else None


def measure(step, number, log):
    try:
        readings = step.measure()
    except NoFigure as why:
        readings = [{"what": step.name, "reason": str(why)}]
    log.add(step, number, readings)
    told = ["  " + ", ".join(f"{value:.6g}" if isinstance(value, float) else str(value) for value in r.values())
            for r in readings]
    print(f"{time.strftime('%H:%M:%S')} {step.name} {number + 1}", *told, sep="\n", file=sys.stderr, flush=True)


def in_ns(values):
    middle = statistics.median(values)
    return f"{middle:.0f} ns" if middle >= 1000 else f"{middle:.4g} ns"


def compare(step, log):
    """Prints the step's rows; returns whether no peer is faster by more than the bound."""
    good, printed = True, False
    for (what, peer), groups in sorted(by_class(log.of(step)).items()):
        for class_ns, same in groups:
            where = what + (f", class {class_ns:.0f} ns" if class_ns else "")
            if len(same) < ROUNDS_MIN:
                print(f"<!-- {where}, {peer}: {len(same)} rounds only -->")
                continue
            ours, theirs = [float(r["ours"]) for r in same], [float(r["theirs"]) for r in same]
            middle, low, high = median_interval([a / b for a, b in zip(ours, theirs)])
            holds = step.holds(what, peer, low, high)
            good &= holds
            words = "less" if high < 1 else "the same" if low <= 1 else "more" if holds else "MORE"
            if low > 1 and step.reason(what, peer):
                words += f": {step.reason(what, peer)}"
            print(f"| {where} | {in_ns(ours)} | {peer} | {in_ns(theirs)} | {len(same)} "
                  f"| {middle:.3f} ({low:.3f} to {high:.3f}) | {words} | {log.cpu} |")
            printed = True
    reasons = {r["reason"] for r in log.of(step) if r["reason"]}
    if reasons and not printed:
        print(f"<!-- {step.name}: {'; '.join(sorted(reasons))} -->")
    return good


def table(steps, log):
    """Prints all rows of the log; returns the exit code."""
    good = True
    if any(s.part not in ("spread", "contended") for s in steps):
        print("| what | shmeter | peer | peer's figure | rounds | ratio (95 % interval) | shmeter reads | CPU |\n"
              "|---|---|---|---|---|---|---|---|")
    for step in steps:
        if step.part not in ("spread", "contended"):
            good &= compare(step, log)
    code = 0 if good else 1
    for step in steps:
        if step.part in ("spread", "contended"):
            print()
            found = step.table(log.of(step), log.cpu)
            code = code or found
    print({0: "PASS", 1: "FAIL"}.get(code, "INCONCLUSIVE"), "no peer is faster beyond its bound, nor spreads less",
          flush=True)
    return code


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("program")
    options.add_argument("built")
    options.add_argument("--only", default="")
    options.add_argument("--rounds", type=int)
    options.add_argument("--log", default=f"{TREE}/results/peers.csv")
    options.add_argument("--seconds", type=float, default=float("inf"))
    options.add_argument("--list", action="store_true")
    options.add_argument("--table", action="store_true")
    asked = options.parse_args()
    built, end = os.path.abspath(asked.built), time.monotonic() + asked.seconds
    steps = [s for module in (peers_transports, peers_lines, peers_memory, peers_locks) for s in module.steps(built)
             if asked.only in f"{s.part} {s.name}"]
    if not steps:
        sys.exit(f"no row has {asked.only!r} in its part or name")
    log = Log(os.path.abspath(asked.log), cpu_name())
    while not (asked.list or asked.table) and (next_one := todo(steps, log, asked.rounds)):
        if time.monotonic() >= end:
            print(f"UNFINISHED {next_one[0].name} {next_one[1] + 1} is next", flush=True)
            sys.exit(UNFINISHED)
        measure(*next_one, log)
    if asked.list:
        for step in steps:
            print(f"{step.part:12} {step.name:60} {len(log.rounds(step)):3} of {asked.rounds or step.rounds}")
        return
    sys.exit(table(steps, log))


if __name__ == "__main__":
    main()
