#!/usr/bin/env python3
"""file_io alternated with fio, which reads a file of the same size by the same calls in the same pattern.

usage: file_io_fio.py [PROGRAM] [--log FILE] [--folder DIR] [--pairs N] [--only WORD] [--seconds S] [--list] [--table]

Each pair is one run of shmeter and one of fio, in turn first, and one line of the log, which is written at once: a
later start goes on where the log ends.  Both are without sums (bare_*: one word of a block is looked at), without advice
to the kernel, on CPU 0.  A row is repeated until it can decide, or has N pairs: it decides where the interval of the ratio of
the two is at most 5 % wide.  It agrees where that interval reaches into 1/1.05 to 1.05.

What has to be the same:
- The file: written by this script as shmeter writes its own, 1 MiB at a time.  fio writes it in pieces as large as its blocks,
  so the page cache has small folios: cached blocks of 4 KiB then take 1.5 times as long, of 1 MiB 4 times.
- The buffer: begins with a page.  fio's default does not, and a cached block of 1 MiB then takes 2.3 times as long.
- The clock: fio reads it before and after each block.  What that takes is fio's figure for its engine `null`, about 20 ns, and
  is subtracted.
- The statistic: for cached blocks the median of the means of as many blocks as a slice of shmeter has.  fio's mean contains
  every interruption of its second.
- What is timed: fio's latencies leave out its bookkeeping between two blocks, 300 to 500 ns.  Where the kernel reads ahead,
  the disk works on meanwhile, so in order and uncached the time of the job counts.  Of io_uring the CPU time of the job counts,
  less that of a job with the engine `null`; with 16 uncached blocks at a time the time of the job."""
import argparse
import collections
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import common

FIELDS = ["cpu", "row", "pair", "shmeter_ns", "fio_ns", "fio_clock_ns", "fio_wall_ns"]
BOUND = 1.05
PAIRS_MIN = 6  # no interval under 6
Row = collections.namedtuple("Row", "variant pattern cache block")
# How fio is told to do the same.  Sixteen at a time: all are asked for at once, and waited for.
DEEP = ("--iodepth=16", "--iodepth_batch_submit=16", "--iodepth_batch_complete_min=16")
ENGINES = {
    "bare_pread": ("--ioengine=psync",),
    "bare_direct": ("--ioengine=psync", "--direct=1"),
    "bare_uring": ("--ioengine=io_uring", "--fixedbufs=1"),
    "bare_uring_16": ("--ioengine=io_uring", "--fixedbufs=1", *DEEP),
    "bare_mmap": ("--ioengine=mmap",),
}
# As fixed_ops() of scenarios/mapping/file_io.c.
CACHED_BYTES, CACHED_BLOCKS, UNCACHED_BYTES, UNCACHED_BLOCKS = 2 << 20, 8, 16 << 20, 256
# A cached block that takes so much longer was interrupted by another process; shmeter leaves out such slices.
INTERRUPTED_NS = 200000
CHUNK = 1 << 20  # FILE_CHUNK of scenarios/subject/file_blocks.h


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


def write_file(path, bytes_):
    words = os.urandom(CHUNK)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.posix_fallocate(file, 0, bytes_)
        for at in range(0, bytes_, CHUNK):
            os.pwrite(file, words, at)
        os.fdatasync(file)
    finally:
        os.close(file)


def run_fio(*options):
    """What fio says about its only job."""
    command = ["fio", "--name=pair", "--cpus_allowed=0", "--fadvise_hint=0", "--randrepeat=0", "--iomem_align=4096",
               "--output-format=json", *options]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    except (OSError, subprocess.SubprocessError) as why:
        raise common.NoFigure(f"fio: {why}") from why
    if done.returncode:
        raise common.NoFigure(f"fio: exit {done.returncode}: {done.stderr.strip()[-200:]}")
    return json.loads(done.stdout[done.stdout.index("{"):])["jobs"][0]


def per_block(job, what):
    """Time of the job in ns a block, or its CPU time."""
    share = 1 if what == "wall" else (job["usr_cpu"] + job["sys_cpu"]) / 100
    return job["read"]["runtime"] * 1e6 * share / job["read"]["total_ios"]


def slices(log, first, each):
    """The median of the means of `each` latencies of a log, from the number `first` on."""
    with open(log) as file:
        ns = [int(line.split(",")[1]) for line in file][first:]
    if len(ns) < 3 * each:
        raise common.NoFigure(f"fio: {len(ns)} blocks after the first pass over the file are too few")
    parts = [ns[i:i + each] for i in range(0, len(ns) - each + 1, each)]
    most = common.statistics.median(ns) + INTERRUPTED_NS
    whole = [sum(part) / each for part in parts if max(part) < most] or [sum(part) / each for part in parts]
    return common.statistics.median(whole)


def cached(row, path, bytes_, folder):
    same = (f"--bs={row.block}", f"--size={bytes_}", f"--rw={row.pattern}", "--time_based")
    if "uring" in row.variant:  # its latencies contain bookkeeping, and that of one of 16 says nothing
        same = (*same, "--gtod_reduce=1", "--runtime=1")
        job = run_fio(f"--filename={path}", *ENGINES[row.variant], "--invalidate=0", *same)
        # with a depth of 1 the engine null would complete each block at once, like a call
        null = run_fio("--ioengine=null", *(DEEP if row.variant == "bare_uring_16" else ("--iodepth=2",)), *same)
        return per_block(job, "cpu"), per_block(null, "cpu"), per_block(job, "wall")
    job = run_fio(f"--filename={path}", *ENGINES[row.variant], "--invalidate=0", *same, "--runtime=2",
                  f"--write_lat_log={folder}/fio")
    each = max(CACHED_BYTES // row.block, CACHED_BLOCKS)
    told = slices(f"{folder}/fio_clat.1.log", bytes_ // row.block, each)
    run_fio("--ioengine=null", *same, "--runtime=1", f"--write_lat_log={folder}/null")
    return told, slices(f"{folder}/null_clat.1.log", 0, each), per_block(job, "wall")


def uncached(row, path, bytes_):
    few = row.pattern == "randread" or row.variant == "bare_direct"
    count = min(UNCACHED_BYTES // row.block, UNCACHED_BLOCKS if few else bytes_, bytes_ // row.block)
    # the time of a job is in ms: all of the file, unless its latencies count
    by_wall = not few or row.variant == "bare_uring_16"
    job = run_fio(f"--filename={path}", *ENGINES[row.variant], f"--bs={row.block}", f"--size={bytes_}", f"--rw={row.pattern}",
                  "--invalidate=1", *([] if by_wall else [f"--number_ios={count}"]))
    wall = per_block(job, "wall")
    return wall if by_wall else job["read"]["lat_ns" if "uring" in row.variant else "clat_ns"]["mean"], 0, wall


def fio(row, bytes_, folder):
    """What a block takes in ns, what of it the clock or the bookkeeping takes, and what it takes by the time of the job."""
    inside = tempfile.mkdtemp(prefix="shmeter-fio-", dir=folder)
    path = os.path.join(inside, "file")
    try:
        write_file(path, bytes_)
        if row.cache == "cached":
            return cached(row, path, bytes_, inside)
        # one run each is as short as a trial of shmeter, whose median is of six
        found = sorted(uncached(row, path, bytes_) for _ in range(3))
        return found[1]
    finally:
        shutil.rmtree(inside, ignore_errors=True)


def ratios(log, row, model):
    """Shmeter's figure by fio's, of each pair."""
    return [float(r["shmeter_ns"]) / (float(r["fio_ns"]) - float(r["fio_clock_ns"])) for r in common.logged_rows(log)
            if r["row"] == name(row) and r["cpu"] == model]


def judged(found):
    """What a row with these ratios says: True: they agree, False: they do not, None: it cannot decide; and in words."""
    if len(found) < PAIRS_MIN:
        return None, f"cannot decide: {len(found)} pairs, and an interval needs {PAIRS_MIN}"
    _, low, high = common.median_interval(found)
    if high > low * BOUND:
        return None, f"cannot decide: the interval is {(high / low - 1) * 100:.0f} % wide, more than {(BOUND - 1) * 100:.0f} %"
    return (True, "agrees") if low <= BOUND and high >= 1 / BOUND else (False, "differs")


def judge(log, wanted, model):
    """Prints the table; returns how many rows agree, differ, and cannot decide."""
    verdicts = []
    print(f"{'row':<38} {'n':>2} {'shmeter':>11} {'fio':>11} {'of it clock':>11} {'fio, wall':>11}  ratio (95 % interval)")
    for row in wanted:
        of = [r for r in common.logged_rows(log) if r["row"] == name(row) and r["cpu"] == model]
        found = ratios(log, row, model)
        verdict, words = judged(found)
        verdicts.append(verdict)
        if found:
            median, low, high = common.median_interval(found)
            middle = [common.statistics.median(float(r[key]) for r in of) for key in FIELDS[3:]]
            print(f"{name(row):<38} {len(of):>2} " + " ".join(f"{ns:>8.0f} ns" for ns in middle) +
                  f"  {median:.3f} ({low:.3f} to {high:.3f})  {words}")
    return [verdicts.count(verdict) for verdict in (True, False, None)]


def measure(options, wanted, model):
    end = time.monotonic() + options.seconds
    for pair in range(options.pairs):
        for row in wanted:
            found = ratios(options.log, row, model)
            if len(found) > pair or judged(found)[0] is not None or time.monotonic() > end:
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
            common.append_row(options.log, FIELDS, dict(zip(FIELDS, (model, name(row), pair,
                                                                     *(f"{ns:.1f}" for ns in (mine, *theirs))))))


def main():
    parser = argparse.ArgumentParser(usage=__doc__.replace("%", "%%"))
    parser.add_argument("program", nargs="?")
    parser.add_argument("--log", default="results/file_io_fio.csv")
    parser.add_argument("--folder", default=".")
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--bytes", type=int, default=64 << 20)
    parser.add_argument("--only", default="")
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    wanted, model = rows(options.only), common.cpu_model()
    if not options.table:
        measure(options, wanted, model)
    if options.list:
        return
    agree, differ, open_ = judge(options.log, wanted, model)
    common.verdict(agree == len(wanted), f"of {len(wanted)} rows {agree} agree within {BOUND}, {differ} differ, and {open_} "
                   "cannot decide" + (": start it again, with more --pairs" if open_ else ""))


if __name__ == "__main__":
    main()
