"""Latency, faults and bandwidth beside public tools, on the same CPU."""
import re
import shutil

from peers_step import Step, matched, ours, output

PINNED = ("taskset", "-c", "0")
GIB = ("--set", "bytes=1g")
COPY = ("--set", "op=copy", "--set", "bytes=128m", "--backing", "anon")
FAULTS = ("--set", "bytes=128m")
POOL = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
POOL_PAGES = 520


def multichase(built, *options):
    def once():
        return float(output(*PINNED, f"{built}/multichase", "-a", "-m", "1g", "-s", "64", "-T", "1g", "-n", "3",
                            *options).split()[-1])
    return once


def with_pool(once):
    """Explicit 2 MiB pages for a peer, put back."""
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
    def once():
        out = output(*PINNED, f"{built}/page_fault{number}_processes", "-t", "1", "-s", "1")
        return 1e9 / matched(re.compile(r"average:(\d+)"), out, f"page_fault{number}")
    return once


def copied(words, *command):
    """MB/s of bytes read and written; nanoseconds for 4 KiB copied."""
    def once():
        return 2 * 4096 / matched(re.compile(words + r":\s+([\d.]+)"), output(*PINNED, *command), command[0]) * 1e3
    return once


def beside(what, scenario, variant, options, peer, once, bound):
    def measure():
        mine = ours(scenario, variant, "--placement", "0", "--tune", "--repeat-blocks", "6", *options)
        return [{"what": what, "peer": peer, "ours": mine.median, "theirs": once()}]
    return Step("memory", f"{what} {peer}", measure, bound)


def steps(built):
    copy = ("copy of 4 KiB, 128 MiB", "page_size_stream", "4k", COPY)
    found = [beside("random load, 4 KiB pages, 1 GiB", "page_size_random", "4k", GIB, "google/multichase",
                    multichase(built), 1.05),
             beside("random load, 2 MiB pages, 1 GiB", "page_size_random", "2m", GIB, "google/multichase -p 2m",
                    with_pool(multichase(built, "-p", "2m")), 1.05),
             beside("fault, private anonymous", "fault_scaling", "private", ("--set", "processes=1", *FAULTS),
                    "will-it-scale page_fault1", page_fault(built, 1), 1.10),
             beside("fault, shared file", "private_vs_shared", "file_shared", ("--file-folder", "/tmp", *FAULTS),
                    "will-it-scale page_fault3", page_fault(built, 3), 1.10),
             beside(*copy, "STREAM copy", copied("Copy", f"{built}/stream"), 1.05)]
    if shutil.which("likwid-bench"):
        found.append(beside(*copy, "likwid-bench copy_sse",
                            copied("MByte/s", "likwid-bench", "-t", "copy_sse", "-w", "S0:128MB:1"), 1.05))
    return found
