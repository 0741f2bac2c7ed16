#!/usr/bin/env python3
"""Latency, faults and bandwidth beside public tools, alternated ten times on the same CPU.

usage: peers_memory.py SOURCES [PROGRAM [ONLY]]     as root; ONLY: those whose name has this in it
SOURCES holds google+multichase, antonblanchard+will-it-scale and jeffhammond+STREAM, unpacked; they are built in a
folder of their own.  `likwid-bench` is used where it is installed.  What each figure includes stands in
docs/peers.md."""
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

SOURCES = os.path.abspath(sys.argv.pop(1))

from common import discard, median_interval, rows, run, scratch, verdict  # noqa: E402

ROUNDS = 10
ONLY = sys.argv[2] if len(sys.argv) > 2 else ""
BUILT = tempfile.mkdtemp(prefix="shmeter-peers-")
PINNED = ["taskset", "-c", "0"]


def build():
    for name, target in (("google+multichase", ["multichase"]),
                         ("antonblanchard+will-it-scale", ["page_fault1_processes", "page_fault3_processes"])):
        shutil.copytree(f"{SOURCES}/{name}", f"{BUILT}/{name}")
        subprocess.run(["make", "-s", "-C", f"{BUILT}/{name}", *target], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    # its copy as a loop of stores, as it is written: the compiler would call memcpy, whose stores go around the caches
    subprocess.run(["cc", "-O2", "-fno-tree-loop-distribute-patterns", "-DSTREAM_ARRAY_SIZE=8388608", "-DNTIMES=20",
                    f"{SOURCES}/jeffhammond+STREAM/stream.c", "-o", f"{BUILT}/stream"], check=True)


def output(*command):
    return subprocess.run([*PINNED, *command], capture_output=True, text=True, check=True, timeout=120).stdout


def multichase(*options):
    def once():
        return float(output(f"{BUILT}/google+multichase/multichase", "-a", "-m", "1g", "-s", "64", "-T", "1g", "-n",
                            "3", *options).split()[-1])
    return once


def with_pool(pages, once):
    """Explicit 2 MiB pages for a peer, put back."""
    path = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"

    def pooled():
        with open(path) as file:
            before = file.read()
        try:
            with open(path, "w") as file:
                file.write(str(pages))
            return once()
        finally:
            with open(path, "w") as file:
                file.write(before)
    return pooled


def page_fault(number):
    def once():
        out = output(f"{BUILT}/antonblanchard+will-it-scale/page_fault{number}_processes", "-t", "1", "-s", "1")
        return 1e9 / float(re.search(r"average:(\d+)", out).group(1))
    return once


def stream():
    """MB/s of bytes read and written; nanoseconds for 4 KiB copied."""
    return 2 * 4096 / float(re.search(r"Copy:\s+([\d.]+)", output(f"{BUILT}/stream")).group(1)) * 1e3


def likwid():
    out = output("likwid-bench", "-t", "copy_sse", "-w", "S0:128MB:1")
    return 2 * 4096 / float(re.search(r"MByte/s:\s+([\d.]+)", out).group(1)) * 1e3


def shmeter(scenario, variant, *options):
    def once():
        folder = scratch()
        run(folder, f"{scenario}/{variant}", "--placement", "0", "--no-counters", "--tune", "--repeat-blocks", "2",
            *options)
        values = [float(s["value"]) for s in rows(folder, "samples.csv")
                  if s["scenario"] == scenario and s["status"] == "ok"]
        discard(folder)
        return statistics.median(values) if values else None
    return once


GIB = ("--set", "bytes=1g")
COPY = ("--set", "op=copy", "--set", "bytes=128m", "--backing", "anon")
FAULTS = ("--set", "bytes=128m")
PAIRS = [("random load, 4 KiB pages, 1 GiB", shmeter("page_size_random", "4k", *GIB), "google/multichase",
          multichase(), 1.05),
         ("random load, 2 MiB pages, 1 GiB", shmeter("page_size_random", "2m", *GIB), "google/multichase -p 2m",
          with_pool(520, multichase("-p", "2m")), 1.05),
         ("fault, private anonymous", shmeter("fault_scaling", "private", "--set", "processes=1", *FAULTS),
          "will-it-scale page_fault1", page_fault(1), 1.10),
         ("fault, shared file in memory", shmeter("private_vs_shared", "file_shared", "--file-folder", "/tmp", *FAULTS),
          "will-it-scale page_fault3", page_fault(3), 1.10),
         ("copy of 4 KiB, 128 MiB", shmeter("page_size_stream", "4k", *COPY), "STREAM copy", stream, 1.05)]
if shutil.which("likwid-bench"):
    PAIRS.append(("copy of 4 KiB, 128 MiB", shmeter("page_size_stream", "4k", *COPY), "likwid-bench copy_sse", likwid,
                  1.05))

build()
good = True
print("| what | shmeter | peer | peer's figure | ratio (95 % interval) |\n|---|---|---|---|---|")
for what, ours, name, theirs, bound in PAIRS:
    if ONLY not in f"{what} {name}":
        continue
    mine, peer, ratios = [], [], []
    for _ in range(ROUNDS):
        a, b = ours(), theirs()
        if a is not None:
            mine.append(a)
            peer.append(b)
            ratios.append(a / b)
    middle, low, high = median_interval(ratios)
    good &= low <= bound
    print(f"| {what} | {statistics.median(mine):.1f} ns | {name} | {statistics.median(peer):.1f} ns | "
          f"{middle:.3f} ({low:.3f} to {high:.3f}) |" + (" faster" if high < 0.9 else ""), flush=True)
shutil.rmtree(BUILT)
verdict(good, "no peer is faster beyond its bound")
