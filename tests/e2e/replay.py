#!/usr/bin/env python3
"""Acts as a build of shmeter that replays a stored run, with times that are known, so that the verdict of `ab` is
known, too.

usage: replay.py RUN_FOLDER [CHANGE...] -- run ... --out DIR --seed N

The order of the trials depends on the seed, as in a real run.  All trials succeed, whatever their stored status.  Of
patterns such as SCENARIO/VARIANT only these are replayed, and the control.  A CHANGE is
  slow:VARIANT:PERCENT[:BLOCKS]  its time is longer by this percentage, in all blocks or in these ("0-11,14-15")
  status:VARIANT:STATUS[:BLOCKS] its trials end with this status, in the first BLOCKS blocks or in all
  busy:BLOCKS                    other processes disturb every slice of the first BLOCKS blocks
  lack:VARIANT                   it does not exist
  stop:BLOCK                     it interrupts the alternation in this block
  leave:BLOCK                    it leaves no run folder in this block"""
# An alternation starts this hundreds of times: csv, json, random and signal take two thirds of its time to load, for what
# they add to these.
import _csv
import os
import sys
from _random import Random

PROBE_NS = "92"
SLICES = 4  # with two probes each, enough for a pair class


def read(path):
    with open(path, newline="") as file:
        names, *rows = _csv.reader(file)
        return [dict(zip(names, row)) for row in rows]


def write(path, rows, stored):
    with open(stored) as file:
        names = file.readline().strip().split(",")
    with open(path, "w", newline="") as file:
        _csv.writer(file, lineterminator="\n").writerows([names, *([row[name] for name in names] for row in rows)])


def numbers_of(text):
    """Random numbers that only the text decides."""
    return Random(int.from_bytes(text.encode(), "big"))


def with_trials(manifest, count):
    """The text of a manifest whose plan has `count` trials."""
    begin = manifest.index('"trials": ', manifest.index('"plan": ')) + len('"trials": ')
    end = min(manifest.index(mark, begin) for mark in ",\n}")
    return f"{manifest[:begin]}{count}{manifest[end:]}"


def is_among(block, ranges):
    return any(first <= block <= last for first, last in (map(int, r.split("-")) for r in ranges.split(",")))


def change(sample, changes, block):
    """The factor of a trial's times; None: it has no times.  Sets the trial's status."""
    factor = 1.0
    if sample["status"] == "skipped":
        return None
    sample["status"], sample["reason"] = "ok", "-"
    for kind, variant, *rest in changes:
        if kind in ("busy", "stop", "leave") or sample["variant"] != variant:
            continue
        if kind == "slow" and (len(rest) == 1 or is_among(block, rest[1])):
            factor *= 1 + float(rest[0]) / 100
        elif kind == "status" and (len(rest) == 1 or block < int(rest[1])):
            sample["status"], sample["reason"] = rest[0], "as it was told"
            return None
    return factor


def times(sample, factor, away_share):
    """Slices of about 8 ns per operation."""
    return [{"trial": sample["trial"], "slice": str(i), "ops": "100000", "ns": str(round(800000 * factor)),
             "cpu_ns": str(round(1600000 * factor)), "skew_ns": "0", "probe_before_ns": PROBE_NS,
             "probe_after_ns": PROBE_NS, "away_share": away_share, "nvcsw": "0",
             "nivcsw": "9" if float(away_share) else "0", "pin_lost": "no"}
            for i in range(SLICES)]


def refuse(words, code):
    print(f"shmeter: {words}", file=sys.stderr)
    return code


def main():
    cut = sys.argv.index("--")
    stored, changes, options = sys.argv[1], [c.split(":") for c in sys.argv[2:cut]], sys.argv[cut + 1:]
    out, seed = options[options.index("--out") + 1], options[options.index("--seed") + 1]
    block = int(out.rsplit("-", 1)[1])
    if ["stop", str(block)] in changes:
        os.kill(os.getppid(), 2)  # SIGINT
    if ["leave", str(block)] in changes:
        sys.exit(refuse("no memory for objects", 5))
    lacking = {variant for kind, variant, *_ in changes if kind == "lack"}
    operands = options[1:next(i for i, option in enumerate(options) if option.startswith("--"))]
    chosen = {pattern for pattern in operands if "/" in pattern}
    samples = [s for s in read(f"{stored}/samples.csv") if s["variant"] not in lacking and
               (not chosen or s["scenario"] == "aa" or f"{s['scenario']}/{s['variant']}" in chosen)]
    known = {word.split("=")[0] for s in samples for word in s["params"].split()}
    for option, value in zip(options, options[1:]):
        if option == "--set" and value.split("=")[0] not in known:
            sys.exit(refuse(f"--set {value}: no chosen scenario has a parameter of that name", 4))
    with open(f"{stored}/manifest.json") as file:
        manifest = file.read()
    if lacking or chosen:  # as a build would have planned the rest
        samples.sort(key=lambda s: int(s["trial"]))
        for number, sample in enumerate(samples):
            sample["trial"] = str(number)
        manifest = with_trials(manifest, len(samples))
    busy = any(kind == "busy" and block < int(rest[0]) for kind, *rest in changes)
    jitter, order = numbers_of(f"{seed} {os.path.basename(out)}"), numbers_of(seed)
    slices = []

    samples.sort(key=lambda _: order.random())
    for sample in samples:
        factor = change(sample, changes, block)
        sample.update(steal_ns="0", nivcsw="0", migrations="0", slices=str(SLICES))
        if factor is None:
            sample["slices"] = "0"
            continue
        if sample["scenario"] != "aa":  # the control is unchanged: if it moved by chance, there would be no verdicts
            factor *= 0.995 + 0.01 * jitter.random()
        slices += times(sample, factor, "0.5" if busy else "0")
    os.mkdir(out)
    with open(f"{out}/manifest.json", "w") as file:
        file.write(manifest)
    for name in ("counters.csv", "metrics.csv"):
        os.symlink(f"{stored}/{name}", f"{out}/{name}")
    write(f"{out}/samples.csv", samples, f"{stored}/samples.csv")
    write(f"{out}/slices.csv", slices, f"{stored}/slices.csv")
    wrong = [s["case"] for s in samples if s["status"] == "verify_failed"]
    if wrong:
        print(f"shmeter: wrong data: {wrong[0]}", file=sys.stderr)
    ended = any(s["status"] == "ok" and s["scenario"] != "aa" for s in samples)
    if busy or not ended:
        print("shmeter: no trial of the requested cases could be measured; see the reasons above", file=sys.stderr)
        print("Files: none")
    sys.exit(6 if wrong else 5 if busy or not ended else 0)


main()
