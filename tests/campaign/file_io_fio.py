#!/usr/bin/env python3
"""file_io alternated with fio, which reads a file of the same size by the same calls in the same pattern.

usage: file_io_fio.py [PROGRAM] [--log FILE] [--folder DIR] [--pairs N] [--only WORD] [--seconds S] [--list] [--table]

Each pair is one run of shmeter and one of fio, in turn first, and one line of the log, which is written at once: a
later start goes on where the log ends.  Both are without sums (bare_*: one word of a block is looked at), without advice
to the kernel, on CPU 0.  A row agrees where the interval of the ratio of the two reaches into 1/1.05 to 1.05.

What explains a difference: fio clocks each block, so between two of them it does bookkeeping, of 300 to 500 ns, which its
latencies leave out and the time of its job includes ("fio, wall").  Meanwhile the processor prefetches the next block, so
copies of cached blocks in order are faster in fio's latencies.  With 16 blocks at a time only the time of the job is known:
there shmeter may be faster, not slower."""
import argparse
import collections
import json
import os
import re
import subprocess
import sys
import time

import common

FIELDS = ["cpu", "row", "pair", "shmeter_ns", "fio_ns", "fio_wall_ns"]
BOUND = 1.05
# Where no block waits for the disk, one that takes longer was interrupted by another process; shmeter leaves out such slices.
INTERRUPTED_NS = 200000
Row = collections.namedtuple("Row", "variant pattern cache block")
# How fio is told to do the same.  Sixteen at a time: all are asked for at once, and waited for.
ENGINES = {
    "bare_pread": ("--ioengine=psync",),
    "bare_direct": ("--ioengine=psync", "--direct=1"),
    "bare_uring": ("--ioengine=io_uring", "--fixedbufs=1"),
    "bare_uring_16": ("--ioengine=io_uring", "--fixedbufs=1", "--iodepth=16", "--iodepth_batch_submit=16",
                      "--iodepth_batch_complete_min=16"),
    "bare_mmap": ("--ioengine=mmap",),
}


def name(row):
    return f"{row.variant} {row.pattern} {row.cache} {row.block}"


def rows(only):
    found = [Row(variant, pattern, cache, block) for block in (4096, 1 << 20) for cache in ("cached", "uncached")
             for pattern in ("read", "randread") for variant in ENGINES
             if not (variant == "bare_direct" and cache == "cached") and not (block > 4096 and pattern == "randread")]
    return [row for row in found if only in name(row)]


def ours(row, bytes_, folder):
    out = common.scratch()
    try:
        common.run(out, f"file_io/{row.variant}", "--set", f"pattern={row.pattern}", "--set", f"cache={row.cache}", "--set",
                   f"block={row.block}", "--set", f"bytes={bytes_}", "--placement", "0", "--repeat-blocks", "6",
                   "--no-counters", "--file-folder", folder)
        return common.figure(out, "file_io", row.variant).median
    finally:
        common.discard(out)


def fio(row, bytes_, folder):
    """What a block takes: as fio clocks each one, and by the time of the whole job."""
    path = os.path.join(folder, f"shmeter-fio-{os.getpid()}")
    cached = row.cache == "cached"
    # as many blocks as shmeter reads where each waits for the disk
    few = not cached and (row.pattern == "randread" or row.variant == "bare_direct")
    blocks = bytes_ // row.block
    command = ["fio", "--name=pair", f"--filename={path}", f"--size={bytes_}", f"--bs={row.block}", f"--rw={row.pattern}",
               *ENGINES[row.variant], "--cpus_allowed=0", "--fadvise_hint=0", f"--invalidate={0 if cached else 1}",
               "--randrepeat=0", "--create_fsync=1", "--unlink=1", "--output-format=json+"]
    # Of a call, "clat" is the call alone; of io_uring it begins after the submission, "lat" before it.
    sync = not row.variant.startswith("bare_uring")
    command += [] if sync else ["--lat_percentiles=1"]
    if cached:
        command += ["--time_based", "--runtime=1", "--pre_read=1"]
    elif few and blocks > 256 and row.variant != "bare_uring_16":
        command += ["--number_ios=256"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    except (OSError, subprocess.SubprocessError) as why:
        raise common.NoFigure(f"fio: {why}") from why
    finally:
        if os.path.exists(path):
            os.remove(path)
    if done.returncode:
        raise common.NoFigure(f"fio: exit {done.returncode}: {done.stderr.strip()[-200:]}")
    read = json.loads(done.stdout[done.stdout.index("{"):])["jobs"][0]["read"]
    wall = read["runtime"] * 1e6 / read["total_ios"]
    if row.variant == "bare_uring_16":  # the time of one of 16 says nothing
        return wall, wall
    told = read["clat_ns" if sync else "lat_ns"]
    if not cached:
        return told["mean"], wall
    bins = {int(ns): count for ns, count in told["bins"].items() if int(ns) < INTERRUPTED_NS}
    return sum(ns * count for ns, count in bins.items()) / sum(bins.values()), wall


def cpu():
    with open("/proc/cpuinfo") as file:
        return re.search(r"model name\s*:\s*(.*)", file.read()).group(1)


def judge(log, wanted, model):
    """Prints the table; returns whether all rows agree, and how many have readings."""
    good, told = True, 0
    print(f"{'row':<38} {'n':>2} {'shmeter':>11} {'fio':>11} {'fio, wall':>11}  ratio (95 % interval)")
    for row in wanted:
        found = [r for r in common.logged_rows(log) if r["row"] == name(row) and r["cpu"] == model]
        if len(found) < 6:  # no interval under 6
            continue
        told += 1
        median, low, high = common.median_interval([float(r["shmeter_ns"]) / float(r["fio_ns"]) for r in found])
        middle = [common.statistics.median(float(r[key]) for r in found) for key in FIELDS[3:]]
        agrees = low <= BOUND and (high >= 1 / BOUND or row.variant == "bare_uring_16")
        good &= agrees
        print(f"{name(row):<38} {len(found):>2} " + " ".join(f"{ns:>8.0f} ns" for ns in middle) +
              f"  {median:.3f} ({low:.3f} to {high:.3f}){'' if agrees else '  differs'}")
    return good, told


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("program", nargs="?")
    parser.add_argument("--log", default="results/file_io_fio.csv")
    parser.add_argument("--folder", default=".")
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--bytes", type=int, default=64 << 20)
    parser.add_argument("--only", default="")
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    wanted, model, end = rows(options.only), cpu(), time.monotonic() + options.seconds
    done = collections.Counter(r["row"] for r in common.logged_rows(options.log) if r["cpu"] == model)
    for pair in range(0 if options.table else options.pairs):
        for row in wanted:
            if done[name(row)] > pair or time.monotonic() > end:
                continue
            if options.list:
                print(f"{name(row)}, pair {pair}")
                continue
            try:
                if pair % 2:
                    mine, theirs = ours(row, options.bytes, options.folder), fio(row, options.bytes, options.folder)
                else:
                    theirs, mine = fio(row, options.bytes, options.folder), ours(row, options.bytes, options.folder)
            except common.NoFigure as why:
                print(f"{name(row)}: {why}", file=sys.stderr)
                continue
            common.append_row(options.log, FIELDS, dict(zip(FIELDS, (model, name(row), pair, f"{mine:.1f}",
                                                                     f"{theirs[0]:.1f}", f"{theirs[1]:.1f}"))))
    if options.list:
        return
    good, told = judge(options.log, wanted, model)
    common.verdict(good and told == len(wanted), f"{told} of {len(wanted)} rows have 6 pairs or more; all within {BOUND}: "
                   f"{'yes' if good else 'no'}")


if __name__ == "__main__":
    main()
