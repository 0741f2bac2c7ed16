#!/usr/bin/env python3
"""Whether the gate can stay enabled in a pipeline: whole gate runs of one build, healthy, under bursts of load, and
slowed down.

usage: gate.py [PROGRAM] [LOG]

Every run is `run --thresholds results/thresholds.ini --budget 30s` and `check --confirm` against one earlier run of
this machine.  Each run adds one line to LOG (results/baseline/gate.csv), and a restarted campaign continues after the
last line.  The bounds are those of docs/gate.md."""
import csv
import json
import os
import subprocess
import sys
import time

from common import PROGRAM, discard, scratch

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
THRESHOLDS = f"{TREE}/results/thresholds.ini"
LOG = os.path.abspath(sys.argv[2] if len(sys.argv) > 2 else f"{TREE}/results/baseline/gate.csv")
CASE = "lock_uncontended/mcs"
FIELDS = ["mode", "number", "verdict", "seconds", "pass", "fail", "inconclusive", "not_testable", "told"]

# mode: number of runs, slowdown in per cent, bursts of load, and bounds for the number of verdicts
MODES = {
    "healthy": (100, 0, False, [("FAIL", 0, 3), ("INCONCLUSIVE", 0, 19)]),
    "slower-10": (40, 10, False, [("FAIL", 38, 40)]),
    "slower-5": (40, 5, False, [("FAIL", 30, 40)]),
    "loaded": (50, 0, True, [("FAIL", 0, 2)]),
    "slower-10-loaded": (40, 10, True, [("PASS", 0, 2)]),
}


class Bursts:
    """A process that keeps one PU busy for 0.2 to 1.5 s at a time, with pauses of the same length."""

    CODE = """
import os, random, sys, time
random.seed(int(sys.argv[1]))
os.sched_setaffinity(0, {int(sys.argv[2])})
parent = os.getppid()
while os.getppid() == parent:  # a campaign that is killed takes its load along
    end = time.monotonic() + random.uniform(0.2, 1.5)
    while time.monotonic() < end:
        pass
    time.sleep(random.uniform(0.2, 1.5))
"""

    def __init__(self, number):
        pus = sorted(os.sched_getaffinity(0))
        self.process = subprocess.Popen([sys.executable, "-c", self.CODE, str(number), str(pus[number % len(pus)])])

    def stop(self):
        self.process.kill()
        self.process.wait()


def measure(folder, percent):
    arguments = [PROGRAM, "run", "--thresholds", THRESHOLDS, "--budget", "30s", "--out", folder, "--no-plots", "-q"]
    if percent:
        arguments += ["--inject", f"{CASE}={percent}"]
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(arguments)}: exit {done.returncode}\n{done.stderr}")


def one(mode, number, baseline):
    _, percent, loaded, _ = MODES[mode]
    folder, start = scratch(), time.monotonic()
    bursts = Bursts(number) if loaded else None
    try:
        measure(folder, percent)
        done = subprocess.run([PROGRAM, "check", folder, "--thresholds", THRESHOLDS, "--baseline", baseline,
                               "--confirm", "--json", "-q"], capture_output=True, text=True)
        found = json.loads(done.stdout)
    finally:
        if bursts:
            bursts.stop()
        discard(folder)
    verdicts = [g["verdict"] for g in found["gates"]]
    told = "; ".join(f"{g['gate']}: {g['verdict']} {g['reason']} {g['evidence']}" for g in found["gates"]
                     if g["verdict"] != "PASS")
    return {"mode": mode, "number": number, "verdict": found["verdict"], "seconds": f"{time.monotonic() - start:.1f}",
            "pass": verdicts.count("PASS"), "fail": verdicts.count("FAIL"),
            "inconclusive": verdicts.count("INCONCLUSIVE"), "not_testable": verdicts.count("NOT TESTABLE"),
            "told": told or "-"}


def read_log():
    if not os.path.exists(LOG):
        return []
    with open(LOG, newline="") as file:
        return list(csv.DictReader(file))


def main():
    done = {(r["mode"], int(r["number"])) for r in read_log()}
    os.makedirs(os.path.dirname(LOG), exist_ok=True)
    todo = [(mode, n) for mode, (runs, *_) in MODES.items() for n in range(runs) if (mode, n) not in done]
    if todo:
        baseline = scratch()
        measure(baseline, 0)
        with open(LOG, "a", newline="") as file:
            writer = csv.DictWriter(file, FIELDS)
            if file.tell() == 0:
                writer.writeheader()
            for mode, number in todo:
                writer.writerow(one(mode, number, baseline))
                file.flush()
        discard(baseline)
    rows, good = read_log(), True
    for mode, (runs, _, _, bounds) in MODES.items():
        mine = [r["verdict"] for r in rows if r["mode"] == mode]
        seconds = [float(r["seconds"]) for r in rows if r["mode"] == mode]
        print(f"{mode}: {len(mine)} runs, {mine.count('PASS')} PASS, {mine.count('FAIL')} FAIL, "
              f"{mine.count('INCONCLUSIVE')} INCONCLUSIVE, at most {max(seconds):.0f} s")
        good &= len(mine) == runs
        for verdict, least, most in bounds:
            good &= least <= mine.count(verdict) <= most
    print("PASS the gate can be trusted" if good else "FAIL the gate cannot be trusted", flush=True)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
