"""Latency, first writes and bandwidth compared with public tools, on the same CPU and with pages of the same size."""
import re
import shutil

from peers_step import Step, matched, ours, output

PINNED = ("taskset", "-c", "0")
GIB = ("--set", "bytes=1g")
COPY = ("--set", "op=copy", "--set", "bytes=128m", "--backing", "anon")
FAULT_BYTES = 128 << 20
FOLDER = "/tmp"  # will-it-scale has its file here
OUT_OF_CACHES = "bare loop, out of the caches"
POOL = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
POOL_PAGES = 520


def multichase(built, *options):
    def once():
        return float(output(*PINNED, f"{built}/multichase", "-a", "-m", "1g", "-s", "64", "-T", "1g", "-n", "3",
                            *options, small_pages=True).split()[-1])
    return once


def with_pool(once):
    """Reserves explicit 2 MiB pages for a peer, and restores the setting."""
    def pooled():
        with open(POOL) as file:
            before = file.read()
        try:
            with open(POOL, "w") as file:
                file.write(str(POOL_PAGES))
            return once()
        finally:
            with open(POOL, "w") as file:
                file.write(before)
    return pooled


def page_fault(built, number):
    out = output(*PINNED, f"{built}/page_fault{number}_processes", "-t", "1", "-s", "1", small_pages=True)
    return 1e9 / matched(re.compile(r"average:(\d+)"), out, f"page_fault{number}")


def copied(words, *command):
    """MB/s of bytes read and written; nanoseconds for 4 KiB copied."""
    def once():
        return 2 * 4096 / matched(re.compile(words + r":\s+([\d.]+)"), output(*PINNED, *command, small_pages=True),
                              command[0]) * 1e3
    return once


def beside(what, scenario, variant, options, peer, once, bound):
    def measure():
        mine = alone(scenario, variant, *options)
        return [{"what": what, "peer": peer, "ours": mine, "theirs": once()}]
    return Step("memory", f"{what} {peer}", measure, bound)


def alone(scenario, variant, *options):
    return ours(scenario, variant, "--placement", "0", "--tune", "--repeat-blocks", "2", *options).median


def first_writes(built, what, scenario, variant, options, number, kind):
    """will-it-scale writes the same pages for a second: these pages and their kernel structures are in a cache, and its
    time includes mapping and unmapping.  So a bare loop is measured in that state and in ours; only the loop in our
    state, and will-it-scale itself, decide."""
    def measure():
        mine, peer = alone(scenario, variant, "--set", f"bytes={FAULT_BYTES}", *options), page_fault(built, number)
        loop = dict(line.split() for line in output(*PINNED, f"{built}/faults", kind, str(FAULT_BYTES), FOLDER,
                                                    small_pages=True).splitlines())
        theirs = {f"will-it-scale page_fault{number}": peer, OUT_OF_CACHES: loop["cold"],
                  "bare loop, in the caches": loop["warm"], "the same with mapping and unmapping": loop["with-unmap"]}
        return [{"what": what, "peer": who, "ours": mine, "theirs": float(ns)} for who, ns in theirs.items()]

    def why(_, peer):
        return None if peer == OUT_OF_CACHES else "repeated over the same pages, which are in the caches"

    def good(_, peer, low, _high):
        told = peer != OUT_OF_CACHES and "will-it-scale" not in peer  # our bare loops only explain the difference
        return told or low <= 1.10
    return Step("memory", what, measure, 1.10, why=why, good=good)


def steps(built):
    copy = ("copy of 4 KiB, 128 MiB", "page_size_stream", "4k", COPY)
    found = [beside("random load, 4 KiB pages, 1 GiB", "page_size_random", "4k", GIB, "google/multichase",
                    multichase(built), 1.05),
             beside("random load, 2 MiB pages, 1 GiB", "page_size_random", "2m", GIB, "google/multichase -p 2m",
                    with_pool(multichase(built, "-p", "2m")), 1.05),
             first_writes(built, "first write to a page, private anonymous", "fault_scaling", "private",
                          ("--set", "processes=1"), 1, "anon"),
             first_writes(built, "first write to a page, shared file", "private_vs_shared", "file_shared",
                          ("--file-folder", FOLDER), 3, "file"),
             beside(*copy, "STREAM copy", copied("Copy", f"{built}/stream"), 1.05)]
    if shutil.which("likwid-bench"):
        found.append(beside(*copy, "likwid-bench copy_sse",
                            copied("MByte/s", "likwid-bench", "-t", "copy_sse", "-w", "S0:128MB:1"), 1.05))
    return found
