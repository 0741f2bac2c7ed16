#!/usr/bin/env python3
"""The number of faults is exact: a region of 1 GiB takes as many minor faults as it has pages, for every size and every
backing that supports it; libpfm4 and getrusage agree.  After any way of prefaulting, using the region takes none.

A file on a disk's file system differs in two points, which are checked instead:
- its page cache may hold folios of many pages (ext4 since Linux 6.16), and a fault maps a whole folio: N pages take at
most N faults;
- its file system must be notified of the first write to each page (page_mkwrite).  So after MAP_POPULATE and mlock(),
which only read, the first write to each page still takes a fault.

usage: faults.py [PROGRAM]     as root, with 4 GiB of memory"""
import os
import subprocess
import sys
import tempfile

from common import discard, rows, run, scratch, trials, verdict

BASE = os.sysconf("SC_PAGESIZE")
GIB = 1 << 30
PAGES = {"4k": BASE, "thp": 2 << 20, "2m": 2 << 20, "1g": GIB}
BACKINGS = ("anon", "memfd", "posix", "sysv", "file")


def hugetlbfs(size):
    folder = tempfile.mkdtemp(prefix="shmeter-hugetlbfs-")
    subprocess.run(["mount", "-t", "hugetlbfs", "-o", f"pagesize={size},mode=1777", "none", folder], check=True)
    return folder


def check(what, expected, folder, scenario, variant, at_most=False):
    """Prints one line; returns whether all agree."""
    good = [s for s in trials(folder, scenario, variant) if s["status"] in ("ok", "disturbed")]
    reasons = {s["reason"] for s in trials(folder, scenario, variant) if s["status"] == "skipped"}
    if not good:
        print(f"{what}: not here: {'; '.join(sorted(reasons))[:110]}", flush=True)
        return bool(reasons)
    counted = {c["trial"]: c for c in rows(folder, "counters.csv") if c["event"] == "minor-faults"}
    raw = [int(counted[s["trial"]]["raw"]) for s in good]
    usage = [int(s["minflt"]) for s in good]
    same = all(r == u and (r == expected or at_most and 0 < r < expected) for r, u in zip(raw, usage))
    print(f"{what}: expected {'at most ' if at_most else ''}{expected}, counted {sorted(set(raw))}, getrusage {sorted(set(usage))} in {len(good)} trials"
          + ("" if same else "  WRONG"), flush=True)
    return same


def first_touch(backing, pages, *options):
    folder = scratch()
    run(folder, f"first_touch/{pages}", "--backing", backing, "--set", "bytes=1g", "--repeat-blocks", "2", "--tune",
        "--events", "minor-faults", *options, check=False)
    result = check(f"first touch of 1 GiB, {backing}, {pages}", GIB // PAGES[pages], folder, "first_touch", pages,
                   backing == "file" and pages == "4k")
    discard(folder)
    return result


good = True
mounts = [hugetlbfs("2M"), hugetlbfs("1G")]
try:
    for backing in BACKINGS:
        for pages in PAGES:
            good &= first_touch(backing, pages, *(["--file-folder", "/tmp"] if backing == "file" else []))
    for backing in BACKINGS:
        folder = scratch()
        run(folder, "prefault", "--backing", backing, "--set", "phase=access", "--repeat-blocks", "2", "--events",
            "minor-faults", "--file-folder", "/tmp", check=False)
        for way in ("touch", "populate", "madvise", "mlock"):
            noticed = backing == "file" and way in ("populate", "mlock")
            good &= check(f"use after {way}, {backing}", (32 << 20) // BASE if noticed else 0, folder, "prefault", way)
        discard(folder)
finally:
    for folder in mounts:
        subprocess.run(["umount", folder], check=False)
        os.rmdir(folder)
verdict(good, "every fault is accounted for")
