#!/usr/bin/env python3
"""Whether a baseline of five runs can stay enabled in a pipeline: gate runs of one build, healthy, under bursts of load,
and slowed down, each held against the same five earlier runs twice: as a ratio, and as a time.

usage: gate_runs.py [PROGRAM] [LOG]

Each run is measured once and checked with --confirm against either gate, which allows 1 %.  It adds two lines to LOG
(results/baseline/gate_runs.csv); a restarted campaign measures new baselines and continues after the last run."""
import csv
import json
import os
import subprocess
import sys
import time

from common import PROGRAM, discard, scratch
from gate import CASE, Bursts, TREE

LOG = os.path.abspath(sys.argv[2] if len(sys.argv) > 2 else f"{TREE}/results/baseline/gate_runs.csv")
BASELINES = 5
GATES = {"ratio": "against = ticket\n", "time": ""}
FIELDS = ["mode", "number", "kind", "verdict", "seconds", "ratio", "noise_floor", "told"]

# mode: number of runs, slowdown in per cent, bursts of load, least number of FAILs
MODES = {
    "healthy": (150, 0, False, 0),
    "loaded": (50, 0, True, 0),
    "slower-5": (40, 5, False, 38),
    "slower-2": (40, 2, False, 30),
}
FALSE_MOST = 5  # false FAILs of each kind, in all runs that are not slowed down


def call(arguments, codes):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True)
    if done.returncode not in codes:
        sys.exit(f"{' '.join(arguments)}: exit {done.returncode}\n{done.stderr}")
    return done.stdout


def measure(folder, gates, percent):
    inject = ["--inject", f"{CASE}={percent}"] if percent else []
    call(["run", "--thresholds", gates["ratio"], "--out", folder, "--no-plots", "-q", *inject], (0,))


def check(folder, file, baselines):
    arguments = ["check", folder, "--thresholds", file, "--confirm", "--json", "-q"]
    return json.loads(call(arguments + [f"--baseline={b}" for b in baselines], (0, 1)))["gates"][0]


def one(mode, number, gates, baselines):
    _, percent, loaded, _ = MODES[mode]
    folder, start = scratch(), time.monotonic()
    bursts = Bursts(number) if loaded else None
    try:
        measure(folder, gates, percent)
        found = {kind: check(folder, file, baselines) for kind, file in gates.items()}
    finally:
        if bursts:
            bursts.stop()
        discard(folder)
    return [{"mode": mode, "number": number, "kind": kind, "verdict": gate["verdict"],
             "seconds": f"{time.monotonic() - start:.1f}", "ratio": gate["ratio"], "noise_floor": gate["noise_floor"],
             "told": f"{gate['reason']} {gate['evidence']}"} for kind, gate in found.items()]


def read_log():
    if not os.path.exists(LOG):
        return []
    with open(LOG, newline="") as file:
        return list(csv.DictReader(file))


def measure_all(todo):
    root = scratch()
    os.makedirs(root)
    gates, baselines = {}, [f"{root}/base-{i}" for i in range(BASELINES)]
    for kind, against in GATES.items():
        gates[kind] = f"{root}/{kind}.ini"
        with open(gates[kind], "w") as file:
            file.write(f"[{kind}]\ncase = {CASE}\n{against}baseline = yes\nmax = 1.01\n")
    for folder in baselines:
        measure(folder, gates, 0)
    with open(LOG, "a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        if file.tell() == 0:
            writer.writeheader()
        for mode, number in todo:
            writer.writerows(one(mode, number, gates, baselines))
            file.flush()
    discard(root)


def main():
    done = {(r["mode"], int(r["number"])) for r in read_log()}
    todo = [(mode, n) for mode, (runs, *_) in MODES.items() for n in range(runs) if (mode, n) not in done]
    os.makedirs(os.path.dirname(LOG), exist_ok=True)
    if todo:
        measure_all(todo)
    rows, good = read_log(), True
    for kind in GATES:
        false = 0
        for mode, (runs, percent, _, least) in MODES.items():
            mine = [r["verdict"] for r in rows if r["mode"] == mode and r["kind"] == kind]
            print(f"{kind}, {mode}: {len(mine)} runs, " + ", ".join(
                f"{mine.count(v)} {v}" for v in ("PASS", "FAIL", "INCONCLUSIVE", "NOT TESTABLE")))
            good &= len(mine) == runs and mine.count("FAIL") >= least
            false += 0 if percent else mine.count("FAIL")
        good &= false <= FALSE_MOST
        print(f"{kind}: {false} false FAILs, at most {FALSE_MOST}")
    print("PASS the gate can be trusted" if good else "FAIL the gate cannot be trusted", flush=True)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
