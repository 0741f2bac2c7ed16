#!/usr/bin/env python3
"""Damage to measured files is detected: an invalid value in each field of each measured file; rows that are repeated,
missing or moved; truncated files; an invalid manifest.  Each is refused with file and line (a missing file with its
name).  In an interrupted run, an incomplete last line and rows at the end that belong to no trial are left out and
counted instead.

usage: damage.py [PROGRAM [--sample N]]   N: of the changes, at random"""
import json
import os
import random
import re
import shutil
import subprocess
import sys

from common import PROGRAM, discard, run, scratch

RUN = scratch()  # a complete folder with every kind of row
SAMPLE = int(sys.argv[3]) if len(sys.argv) > 3 else None
FILES = ["samples.csv", "slices.csv", "counters.csv", "metrics.csv", "buckets.csv", "visits.csv"]
MAY_LACK = ["buckets.csv", "visits.csv"]  # folders of earlier builds do not have them
NO_NUMBER = ["x", "5x", "", "nan", "inf", "0x10", "+1", "-1", " 1", "1 ", "1e999", "1,5", "--1", "1.2.3", "\x1b[1m"]
NO_NAME = ["../x", "a;b", "`id`", "a\x1bb", "a\tb"]
# Columns with numbers; those of the second list may have a decimal point, those of the third may be empty.
WHOLE = {
    "samples.csv": """trial workers page_bytes page_bytes_got block order slices warm_slices warm_ns ops elapsed_ns cpu_ns minflt
                      majflt nvcsw nivcsw migrations steal_ns started_ns wall_ns""",
    "slices.csv": "trial slice ops ns cpu_ns skew_ns nvcsw nivcsw",
    "counters.csv": "trial raw enabled_ns running_ns",
    "metrics.csv": "trial",
    "buckets.csv": "trial ns count total",
    "visits.csv": "trial visit visits from to company",
}
REAL = ["transfers_per_op", "bytes_per_op", "throttled_ns", "value", "away_share", "probe_before_ns", "probe_after_ns", "ns", "low",
        "high"]
EMPTY = ["throttled_ns", "value", "probe_before_ns", "probe_after_ns"]
NEGATIVE = ["value"]
# Written for readers: the name of the folder, which may have been moved.
NOT_READ = ["run"]
TEXTS = ["reason"]  # anything but control characters


def read(name):
    with open(os.path.join(RUN, name)) as file:
        return file.read()


def fields_of(line):
    return re.findall(r'(?:^|,)("(?:[^"]|"")*"|[^,]*)', line)


def no_values(name, column):
    """An invalid value for a column."""
    if column in WHOLE[name].split():
        return NO_NUMBER + ["1.5", "99999999999999999999"]
    if column in REAL:
        return [v for v in NO_NUMBER if not (v == "" and column in EMPTY) and not (v == "-1" and column in NEGATIVE)] + \
            (["1e39"] if column == "away_share" else [])
    if column in NOT_READ:
        return []
    if column in TEXTS:
        return ["a\x1bb", "\x07"]
    words = NO_NAME + ["no such word"] if column in ("placement", "relation", "status", "state", "scope", "flat", "pin_lost",
                                                     "shared_pus", "region_kept") else NO_NAME
    return words


def in_fields():
    """Each field of a row in the middle of each file."""
    for name in FILES:
        lines = read(name).splitlines(keepends=True)
        header, at = lines[0].strip().split(","), len(lines) // 2
        for i, column in enumerate(header):
            for value in no_values(name, column):
                fields = fields_of(lines[at].rstrip("\n"))
                fields[i] = value
                changed = lines[:at] + [",".join(fields) + "\n"] + lines[at + 1:]
                yield f"{name} {column}={value!r}", {name: "".join(changed)}, rf"{name}:{at + 1}: "


def in_rows():
    """Rows that are repeated, missing or moved."""
    for name in FILES:
        lines = read(name).splitlines(keepends=True)
        for at in (1, len(lines) // 2, len(lines) - 1):
            row = lines[at]
            place = rf"{name}:\d+|\w+\.csv:\d+: trial \d+ has no row in samples.csv"
            yield f"{name}: line {at + 1} twice", {name: "".join(lines[:at + 1] + [row] + lines[at + 1:])}, rf"{name}:{at + 2}: "
            yield f"{name}: line {at + 1} again at the end", {name: "".join(lines + [row])}, rf"{name}:{len(lines) + 1}: "
            yield f"{name}: no line {at + 1}", {name: "".join(lines[:at] + lines[at + 1:])}, rf"{place}|samples.csv:\d+|{name}: "
        if name != "samples.csv":  # trials have no order in the other files
            yield f"{name}: two lines swapped", {name: "".join([lines[0], lines[2], lines[1], *lines[3:]])}, rf"{name}:\d+: "
        yield f"{name}: all rows twice", {name: "".join(lines + lines[1:])}, rf"{name}:\d+: "
        yield f"{name}: a row of another trial", {name: "".join(lines + [re.sub(r"^(\w*,?)\d+", r"\g<1>777", lines[-1])
                                                                       if name != "samples.csv" else
                                                                       re.sub(r",\d+,", ",777,", lines[-1], count=1)])}, \
            rf"{name}:\d+|slices.csv: "
        yield f"{name}: no header", {name: "".join(lines[1:])}, rf"{name}"
        yield f"{name}: missing", {name: None}, rf"{name}" if name not in MAY_LACK else None


def in_cuts():
    """Files cut at the end of a line, in the middle of a word, and to zero bytes."""
    for name in FILES:
        text = read(name)
        for share in (0.1, 0.5, 0.9):
            at = text.rindex(",", 0, int(share * len(text)))
            yield f"{name}: cut in a row", {name: text[:at]}, rf"{name}:\d+"
        yield f"{name}: cut in the last line", {name: text[:-2]}, rf"{name}:\d+: the last line was cut short"
        yield f"{name}: empty", {name: ""}, rf"{name}" if name not in MAY_LACK else None
        yield f"{name}: a NUL", {name: text[:-20] + "\0" + text[-20:]}, rf"{name}"


def in_manifest():
    text = read("manifest.json")
    told = json.loads(text)
    for status in ("finished", "", None, 1):
        yield f"status {status!r}", {"manifest.json": json.dumps({**told, "status": status})}, "manifest.json"
    for version in (0, 1, 3, "2", None):
        yield f"schema {version!r}", {"manifest.json": json.dumps({**told, "schema_version": version})}, "manifest.json"
    for share in (0, 0.3, 0.99):
        yield f"manifest cut at {share}", {"manifest.json": text[:int(share * len(text))]}, "manifest.json"
    events = told["events"]
    if events:
        yield "an event less", {"manifest.json": json.dumps({**told, "events": events[1:]})}, r"counters.csv:\d+"
        yield "an event more", {"manifest.json": json.dumps({**told, "events": events + [{"name": "x"}]})}, r"samples.csv:\d+"


def what_may_be():
    """In an interrupted run: rows that are left out and counted."""
    told = json.loads(read("manifest.json"))
    stopped = {"manifest.json": json.dumps({**told, "status": "interrupted"})}
    samples = read("samples.csv").splitlines(keepends=True)
    yield "interrupted: no last trial", {**stopped, "samples.csv": "".join(samples[:-1])}, "left out"
    yield "interrupted: half a last trial", {**stopped, "samples.csv": "".join(samples)[:-9]}, "left out"
    for name in FILES[1:]:
        text = read(name)
        row = re.sub(r"^\d+", "777", text.splitlines()[-1])
        yield f"interrupted: {name} goes on", {**stopped, name: text + row + "\n"}, "left out"
        yield f"interrupted: {name} is cut", {**stopped, name: text + row[:-2]}, "left out"


def try_one(folder, what, files, expected, codes):
    """Whether the damage is reported as it must be."""
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    for name in [*FILES, "manifest.json"]:
        text = files.get(name, read(name))
        if text is not None:
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)
    done = subprocess.run([PROGRAM, "export", folder, "--to", "csv", "-q"], capture_output=True, text=True, timeout=60)
    told = done.stderr.strip()
    good = done.returncode in codes and len(told.splitlines()) == (expected is not None) and \
        (expected is None or re.search(expected, told)) and "\x1b" not in told
    if not good:
        print(f"{what}: exit {done.returncode}: {told or 'nothing'}", flush=True)
    return good


def main():
    run(RUN, "false_sharing/packed", "lost_update/plain", "transport_latency/pipe", "first_touch/1g", "core_to_core/one_line",
        "--set", "op=atomic_add", "--set", "work=0", "--set", "message=64", "--repeat-blocks", "2", "--slices", "8")
    changes = [(*c, (6, 4)) for part in (in_fields, in_rows, in_cuts, in_manifest) for c in part()]
    changes = [(what, files, expected, codes if expected else (0,)) for what, files, expected, codes in changes]
    changes += [(*c, (0,)) for c in what_may_be()]
    if SAMPLE:
        changes = random.Random().sample(changes, SAMPLE)
    folder = scratch()
    good = sum(try_one(folder, *change) for change in changes)
    discard(folder)
    discard(RUN)
    left_out = sum(c[3] == (0,) for c in changes)
    print(f"{'PASS' if good == len(changes) else 'FAIL'} {good} of {len(changes)} changes to {len(FILES) + 1} files told as they "
          f"have to be: {len(changes) - left_out} damage, {left_out} left out", flush=True)
    sys.exit(good != len(changes))


main()
