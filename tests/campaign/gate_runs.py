#!/usr/bin/env python3
"""Whether a baseline of five runs can stay enabled in a pipeline: gate runs of one build, healthy, under bursts of load,
and slowed down, each held against the same five earlier runs twice: as ratios, and as times.

usage: gate_runs.py [PROGRAM [LOG]] [--seed N] [--minutes M]

A run measures one case of each family in results/thresholds.ini, drawn by the seed, and its reference.  It is checked with
--confirm against either file of gates, which allow 1 %; the slowdown goes into one of the cases, the families in turn.
Each run adds two lines to LOG (results/baseline/gate_runs.csv).  A restarted campaign measures new baselines, so that
they are of the same machine and the same hours as the runs that they judge, and continues after the last run; with
--minutes it stops in between."""
import argparse
import collections
import json
import os
import random
import subprocess
import sys
import time

from common import PROGRAM, append_row, discard, logged_rows, scratch
from gate import Bursts, TREE

BASELINES = 5
# The cases of results/thresholds.ini by family, each with the reference for its ratio and the points to measure.  The
# references are those that scattered least from run to run in five runs before the campaign.
FAMILIES = {
    "coherence": {"false_sharing/packed": ("padded_64", "op=atomic_add processes=2 work=0 placement=near")},
    "correctness": {"lost_update/atomic": ("plain", ""), "store_buffering/seq_cst": ("relaxed", ""),
                    "torn_read/seqlock": ("plain", "")},
    "paging": {"first_touch/4k": ("2m", "")},
    "sync": {"lock_uncontended/mcs": ("ticket", ""), "lock_uncontended/mutex": ("ticket", ""),
             "lock_uncontended/sysv_sem": ("ticket", "")},
}
KINDS = ("ratio", "time")
FIELDS = ["mode", "number", "session", "kind", "verdict", "seconds", "injected", "found", "failed", "told"]

# mode: number of runs, slowdown in per cent, bursts of load, least number of slowdowns found (None: it is only told)
MODES = {
    "healthy": (150, 0, False, None),
    "loaded": (50, 0, True, None),
    "slower-5": (40, 5, False, 38),
    "slower-2": (40, 2, False, 30),
    "slower-1": (40, 1, False, None),
}
FALSE_MOST = 5  # runs with a false FAIL, of each kind, of all that are not slowed down


def call(arguments, codes):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True)
    if done.returncode not in codes:
        sys.exit(f"{' '.join(arguments)}: exit {done.returncode}\n{done.stderr}")
    return done.stdout


def write_gates(path, cases, kind):
    """A file with a gate for each of the cases, named after it."""
    with open(path, "w") as file:
        for case in cases:
            against, at = next(members[case] for members in FAMILIES.values() if case in members)
            file.write(f"[{case}]\ncase = {case}\nbaseline = yes\nmax = 1.01\n")
            file.write(f"at = {at}\n" if at else "")
            file.write(f"against = {against}\n" if kind == "ratio" else "")


def measure(folder, gates, inject):
    call(["run", "--thresholds", gates, "--out", folder, "--tune", "--no-plots", "-q"] +
         (["--inject", inject] if inject else []), (0,))


def check(folder, file, baselines):
    arguments = ["check", folder, "--thresholds", file, "--confirm", "--json", "-q"]
    return json.loads(call(arguments + [f"--baseline={b}" for b in baselines], (0, 1)))


def words_of(gate):
    """A gate's verdict, its ratio and its noise floor."""
    words = f"{gate['gate']}: {gate['verdict']}"
    if gate["ratio"] is not None:
        words += f" {gate['ratio']:.3f}"
        words += f" (floor {gate['noise_floor']:.4g})" if gate["noise_floor"] else " (unknown floor)"
    return words


def one(mode, number, root, session, baselines, seed):
    _, percent, loaded, _ = MODES[mode]
    draw = random.Random(f"{seed} {mode} {number}")
    cases = [draw.choice(sorted(members)) for members in FAMILIES.values()]
    injected = cases[number % len(cases)] if percent else None
    files = {kind: f"{root}/{kind}.ini" for kind in KINDS}
    folder, rows = scratch(), []
    bursts = Bursts(number) if loaded else None
    try:
        for kind, file in files.items():
            write_gates(file, cases, kind)
        start = time.monotonic()
        measure(folder, files["ratio"], f"{injected}={percent}" if injected else None)
        measured = time.monotonic() - start
        for kind, file in files.items():
            start = time.monotonic()
            found = check(folder, file, baselines)
            seconds = measured + time.monotonic() - start
            of = {g["gate"]: g["verdict"] for g in found["gates"]}
            failed = [case for case in cases if of[case] == "FAIL" and case != injected]
            rows.append({"mode": mode, "number": number, "session": session, "kind": kind,
                         "verdict": found["verdict"], "seconds": f"{seconds:.1f}", "injected": injected or "-",
                         "found": of[injected] if injected else "-", "failed": " ".join(failed) or "-",
                         "told": "; ".join(words_of(g) for g in found["gates"])})
    finally:
        if bursts:
            bursts.stop()
        discard(folder)
    return rows


def cpu():
    with open("/proc/cpuinfo") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return names[0] if names else "unknown CPU"


def measure_all(todo, log, seed, end):
    build = subprocess.run(["git", "-C", TREE, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    root, session = scratch(), f"{time.strftime('%F %H:%M', time.gmtime())} {cpu()} {build.stdout.strip()}"
    os.makedirs(root)
    every, baselines = [case for members in FAMILIES.values() for case in members], []
    write_gates(f"{root}/every.ini", every, "ratio")
    for i in range(BASELINES):
        baselines.append(f"{root}/base-{i}")
        measure(baselines[-1], f"{root}/every.ini", None)
    print(f"baselines of {session}, seed {seed}", flush=True)
    for mode, number in todo:
        if time.monotonic() > end:
            break
        for row in one(mode, number, root, session, baselines, seed):
            append_row(log, FIELDS, row)
    discard(root)


def tell(rows):
    """Prints what was found; whether the bounds hold."""
    good = True
    for kind in KINDS:
        false = 0
        for mode, (runs, percent, _, least) in MODES.items():
            mine = [r for r in rows if r["mode"] == mode and r["kind"] == kind]
            if not mine:
                good = False
                continue
            bad = sum(r["failed"] != "-" for r in mine)
            count = collections.Counter(r["verdict"] for r in mine)
            words = f"{kind}, {mode}: {len(mine)} runs, " + ", ".join(f"{count[v]} {v}" for v in sorted(count))
            words += f"; {bad} with a false FAIL, at most {max(float(r['seconds']) for r in mine):.0f} s"
            if percent:
                found = sum(r["found"] == "FAIL" for r in mine)
                words += f"; {found} slowdowns found"
                good &= least is None or found >= least
            else:
                false += bad
            print(words)
            for case in sorted({r["injected"] for r in mine} - {"-"}):
                of = [r["found"] for r in mine if r["injected"] == case]
                print(f"    {case}: {of.count('FAIL')} of {len(of)}; " + ", ".join(
                    f"{n} {v}" for v, n in sorted(collections.Counter(of).items())))
            good &= len(mine) == runs
        print(f"{kind}: {false} runs with a false FAIL, at most {FALSE_MOST}")
        good &= false <= FALSE_MOST
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?")
    parser.add_argument("log", nargs="?", default=f"{TREE}/results/baseline/gate_runs.csv")
    parser.add_argument("--seed", type=int, default=20261127)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    given = parser.parse_args()
    done = {(r["mode"], int(r["number"])) for r in logged_rows(given.log)}
    # the modes in turn, so that each hour has runs of all
    todo = [(mode, n) for n in range(max(runs for runs, *_ in MODES.values())) for mode, (runs, *_) in MODES.items()
            if n < runs and (mode, n) not in done]
    if todo:
        measure_all(todo, given.log, given.seed, time.monotonic() + 60 * given.minutes)
    good = tell(logged_rows(given.log))
    print("PASS the gate can be trusted" if good else "FAIL the gate cannot be trusted", flush=True)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
