#!/usr/bin/env python3
"""What a run says where nothing differs: in many runs whose variants are identical, the crossings that `report` tells
and the claims that it refutes.

One short run is recorded (or --from names one), and its times are replaced: all trials of all variants get times from one distribution, with
the scatter of recorded trials (log-normal, a few slow ones, a drift over the run).  Each such run goes through `report`.
Claims that identical variants do not meet ("at least twice as fast") are left out: they are refuted rightly.

The log has one row per run, so a stopped campaign continues where it ends.

usage: null_runs.py PROGRAM [--runs N] [--blocks 8,16,30] [--from RUN] [--log FILE]"""
import argparse
import csv
import json
import math
import os
import random
import subprocess
import sys

from common import append_row, logged_rows, rows, run, scratch, discard, verdict

# Of 500 runs at most this many crossings, and runs with a refuted claim.
ALLOWED_OF_500 = 10
SCENARIOS = ["transport_latency", "transport_throughput", "queue_lockfree", "contended_counter", "map_lifecycle",
             "private_vs_shared", "first_touch", "line_state"]
SLICES = 4
SCATTER, SLICE_SCATTER, SLOW_SHARE, SLOW, DRIFT = 0.03, 0.01, 0.05, 0.3, 0.05
FIELDS = ["program", "run", "blocks", "intervals", "exclude_1", "crossings", "refuted", "claims"]


def record(folder):
    """One block of every case that a standard run measures of these scenarios, with few slices."""
    run(folder, *SCENARIOS, "--profile", "standard", "--repeat-blocks", "1", "--slices", "8", "--no-counters",
        check=False)


def header(folder, name):
    with open(os.path.join(folder, name)) as file:
        return file.readline()


class Template:
    """A recorded run: its manifest, and one sample row and one slice row per case."""

    def __init__(self, folder):
        with open(os.path.join(folder, "manifest.json")) as file:
            self.manifest = json.load(file)
        self.manifest["events"] = []
        self.manifest["plan"]["trials"] = 0
        for case in self.manifest["plan"]["cases"]:
            case["metrics"] = []
        slice_of = {s["trial"]: s for s in rows(folder, "slices.csv")}
        self.cases = {}
        for sample in rows(folder, "samples.csv"):
            if sample["status"] == "ok" and sample["trial"] in slice_of:
                self.cases.setdefault(sample["case"], (sample, slice_of[sample["trial"]]))
        self.headers = {name: header(folder, name) for name in ("counters.csv", "metrics.csv")}


def write_null(template, folder, blocks, numbers):
    """A run of identical variants."""
    os.makedirs(folder)
    with open(os.path.join(folder, "manifest.json"), "w") as file:
        json.dump(template.manifest, file)
    for name in ("counters.csv", "metrics.csv"):
        with open(os.path.join(folder, name), "w") as file:
            file.write(template.headers[name])
    plan = [case for _ in range(blocks) for case in numbers.sample(sorted(template.cases), len(template.cases))]
    block_of = dict.fromkeys(template.cases, 0)
    with open(os.path.join(folder, "samples.csv"), "w", newline="") as sample_file, \
            open(os.path.join(folder, "slices.csv"), "w", newline="") as slice_file:
        first = next(iter(template.cases.values()))
        sample_out = csv.DictWriter(sample_file, first[0], lineterminator="\n")
        slice_out = csv.DictWriter(slice_file, first[1], lineterminator="\n")
        sample_out.writeheader()
        slice_out.writeheader()
        for trial, case in enumerate(plan):
            sample, one = template.cases[case]
            ns = 1000 * math.exp(DRIFT * trial / len(plan) + SCATTER * numbers.gauss(0, 1) +
                                 (numbers.random() < SLOW_SHARE) * SLOW * numbers.random())
            slice_out.writerows(slice_row(one, trial, number, ns, numbers) for number in range(SLICES))
            sample_out.writerow({**sample, "trial": trial, "block": block_of[case], "slices": SLICES,
                                 "steal_ns": 0, "throttled_ns": ""})
            block_of[case] += 1


def slice_row(one, trial, number, ns, numbers):
    """A slice that counts: nobody was interrupted, and its probes agree."""
    row = {**one, "trial": trial, "slice": number, "ops": 1000,
           "ns": round(1000 * ns * math.exp(SLICE_SCATTER * numbers.gauss(0, 1)))}
    for name in row:
        if "probe" in name and row[name]:
            row[name] = " ".join(f"{100 * math.exp(0.01 * numbers.gauss(0, 1)):.4g}" for _ in row[name].split(" "))
    return {**row, "nivcsw": 0, "pin_lost": "no", "away_share": 0}


def is_met_by_identical(pair):
    low, high = float(pair["threshold_min"]), float(pair["threshold_max"])
    return low <= 1 and (high == 0 or high >= 1)


def judge(program, folder):
    """What `report` says of a run."""
    command = [program, "report", "--no-plots", "-q", folder]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    pairs = [p for p in rows(folder, "pairs.csv") if p["leading"] == "yes" and p["ratio_low"]]
    claimed = {}
    for p in pairs:
        if p["claim"] != "-" and float(p["threshold_min"]) + float(p["threshold_max"]) > 0:
            claimed[p["claim"]] = claimed.get(p["claim"], True) and is_met_by_identical(p)
    met = {claim for claim, is_met in claimed.items() if is_met}
    return {"intervals": len(pairs),
            "exclude_1": sum(not float(p["ratio_low"]) <= 1 <= float(p["ratio_high"]) for p in pairs),
            "crossings": len(rows(folder, "crossings.csv")),
            "refuted": sum(c["verdict"] == "refuted" and c["claim"] in met for c in rows(folder, "claims.csv")),
            "claims": len(met)}


def main():
    parser = argparse.ArgumentParser(usage=__doc__.rsplit("usage: ", 1)[1])
    parser.add_argument("program", nargs="?", default="build/shmeter")
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--blocks", default="8,16,30")
    parser.add_argument("--from", dest="recorded")
    parser.add_argument("--log", default="null_runs.csv")
    options = parser.parse_args()
    program = os.path.abspath(options.program)
    lengths = [int(n) for n in options.blocks.split(",")]
    done = {int(row["run"]) for row in logged_rows(options.log) if row["program"] == program}
    recorded = scratch()
    try:
        if not options.recorded:
            record(recorded)
        template = Template(options.recorded or recorded)
        for number in range(options.runs):
            if number in done:
                continue
            folder = scratch()
            try:
                blocks = lengths[number % len(lengths)]
                write_null(template, folder, blocks, random.Random(number))
                append_row(options.log, FIELDS, {"program": program, "run": number, "blocks": blocks,
                                                 **judge(program, folder)})
            finally:
                discard(folder)
    finally:
        discard(recorded)
    found = [row for row in logged_rows(options.log) if row["program"] == program and int(row["run"]) < options.runs]
    crossings = sum(int(row["crossings"]) for row in found)
    refuted = sum(int(row["refuted"]) > 0 for row in found)
    allowed = math.ceil(ALLOWED_OF_500 * len(found) / 500)
    apart = sum(int(row["exclude_1"]) for row in found) / sum(int(row["intervals"]) for row in found)
    verdict(crossings <= allowed and refuted <= allowed,
            f"{len(found)} runs of identical variants: {crossings} crossings, {refuted} runs with a refuted claim "
            f"(at most {allowed} each); {100 * apart:.1f} % of the intervals exclude 1")


main()
