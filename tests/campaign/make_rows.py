#!/usr/bin/env python3
"""Makes a run folder with the given number of sample rows: repeats the rows of a real, short run as further blocks.

usage: make_rows.py FROM TO SAMPLES [SLICES-OF-A-TRIAL]"""
import csv
import json
import os
import sys

source, target, wanted = sys.argv[1], sys.argv[2], int(sys.argv[3])
kept = int(sys.argv[4]) if len(sys.argv) > 4 else 0
os.makedirs(target)
with open(f"{source}/manifest.json") as file:
    manifest = json.load(file)
manifest["events"] = []  # the repeated trials have no counters and no metrics
for case in manifest["plan"]["cases"]:
    case["metrics"] = []
manifest["plan"]["trials"] = 0
with open(f"{target}/manifest.json", "w") as file:
    json.dump(manifest, file)


def rows(name):
    with open(f"{source}/{name}", newline="") as file:
        reader = csv.DictReader(file)
        return reader.fieldnames, list(reader)


sample_fields, samples = rows("samples.csv")
slice_fields, slices = rows("slices.csv")
counter_fields, _ = rows("counters.csv")
metric_fields, _ = rows("metrics.csv")
samples = [s for s in samples if s["status"] == "ok"]
of_trial = {}
for s in slices:
    of_trial.setdefault(s["trial"], []).append(s)
for name, fields in (("counters.csv", counter_fields), ("metrics.csv", metric_fields)):
    with open(f"{target}/{name}", "w") as file:
        file.write(",".join(fields) + "\n")
with open(f"{target}/samples.csv", "w", newline="") as sample_file, \
        open(f"{target}/slices.csv", "w", newline="") as slice_file:
    sample_out = csv.DictWriter(sample_file, sample_fields, lineterminator="\n")
    slice_out = csv.DictWriter(slice_file, slice_fields, lineterminator="\n")
    sample_out.writeheader()
    slice_out.writeheader()
    blocks = 1 + max(int(s["block"]) for s in samples)
    for n in range(wanted):
        sample = dict(samples[n % len(samples)])
        old = sample["trial"]
        sample["trial"] = n
        sample["block"] = int(sample["block"]) + n // len(samples) * blocks
        mine = of_trial.get(old, [])[:kept or None]
        sample["slices"] = len(mine)  # a row gives the number of its slices
        sample_out.writerow(sample)
        for one in mine:
            slice_out.writerow(dict(one, trial=n))
