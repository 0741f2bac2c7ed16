#!/usr/bin/env python3
"""A build of shmeter whose every run is a stored one again, with times that are known, so that what `ab` says of them is, too.

usage: replay.py RUN_FOLDER [CHANGE...] -- run ... --out DIR --seed N

Trials come in another order for every seed, as real ones do.  A CHANGE is
  slow:VARIANT:PERCENT           its time is longer by so much
  status:VARIANT:STATUS[:BLOCKS] its trials end so, in the first BLOCKS blocks or in all
  lack:VARIANT                   it does not exist
"""
import csv
import os
import random
import shutil
import sys

PROBE_NS = "92"


def read(path):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    return rows


def write(path, rows, names):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def change(sample, changes, block):
    """The factor of a trial's times; None: it has none.  Sets how it ended."""
    factor = 1.0
    for kind, variant, *rest in changes:
        if sample["variant"] != variant:
            continue
        if kind == "slow":
            factor *= 1 + float(rest[0]) / 100
        elif kind == "status" and (len(rest) == 1 or block < int(rest[1])):
            sample["status"], sample["reason"] = rest[0], "as it was told"
            return None
    return factor


def main():
    cut = sys.argv.index("--")
    stored, changes, options = sys.argv[1], [c.split(":") for c in sys.argv[2:cut]], sys.argv[cut + 1:]
    out, seed = options[options.index("--out") + 1], options[options.index("--seed") + 1]
    block = int(out.rsplit("-", 1)[1])
    lacking = {variant for kind, variant, *_ in changes if kind == "lack"}
    samples = [s for s in read(f"{stored}/samples.csv") if s["variant"] not in lacking]
    slices = read(f"{stored}/slices.csv")
    names = list(samples[0]), list(slices[0])
    jitter = random.Random(f"{seed} {os.path.basename(out)}")
    kept = []

    random.Random(seed).shuffle(samples)
    for sample in samples:
        factor = change(sample, changes, block)
        sample.update(steal_ns="0", nivcsw="0", migrations="0", value="", pair_class="-")
        if factor is None:
            continue
        factor *= jitter.uniform(0.995, 1.005)
        for one in (s for s in slices if s["trial"] == sample["trial"]):
            ns = str(round(int(one["ops"]) * 8 * factor))
            kept.append(one | {"ns": ns, "ns_per_op": "", "probe_before_ns": PROBE_NS, "probe_after_ns": PROBE_NS,
                               "pair_class": "-", "reason": "-", "status": "pure"})
    os.mkdir(out)
    for name in ("manifest.json", "counters.csv", "metrics.csv"):
        shutil.copy(f"{stored}/{name}", out)
    write(f"{out}/samples.csv", samples, names[0])
    write(f"{out}/slices.csv", kept, names[1])
    wrong = [s["case"] for s in samples if s["status"] == "verify_failed"]
    if wrong:
        print(f"shmeter: wrong data: {wrong[0]}", file=sys.stderr)
    sys.exit(6 if wrong else 0)


main()
