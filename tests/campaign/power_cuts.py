#!/usr/bin/env python3
"""Cuts the power of a guest machine at random moments while it writes records through a shared mapping, and counts what is
left after the next start.  A record whose MS_SYNC or fdatasync() had returned must be there; of those that were only
stored, or for which MS_ASYNC had returned, the cuts that lost some are counted.  Then the same with three defects: a disk
that ignores flushes, a file system that is told to ask for none (nobarrier), and a disk that says that it can write through
(FUA), and does not.  Last, persistent memory whose cache lines are flushed, through a mapping with MAP_SYNC.

usage: power_cuts.py [--cuts N] [--planted N] [--only FIRST-LAST] [--log FILE] [--folder FOLDER] [--table | --take]
Needs scripts/bootstrap --guests.  Continues where the log ends: several can work on one log with --only and folders of
their own.  --table only judges what the log has; --take also writes the verdicts into results/baseline/beliefs.csv."""
import argparse
import collections
import csv
import os
import sys

import power_guest

FIELDS = ["disk", "way", "cut", "after_ms", "returned", "found", "missing", "more"]
PROMISED = ("sync", "fdatasync", "flush")
WAYS = ("none", "async", "sync", "fdatasync")
PLANTED = ("no_flush", "no_barrier", "no_fua")


def rows(path):
    if not os.path.exists(path):
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def kinds(number, planted):
    """What cut `number` is for: a new disk for each, all cut at the same time."""
    found = [("sound", way) for way in WAYS]
    if number < planted:
        found += [(disk, way) for disk in ("no_flush", "no_barrier") for way in ("sync", "fdatasync")]
        found.append(("no_fua", "none"))
    if number < 3 * planted:  # a machine has one of these
        found.append(("pmem", ("flush", "sync", "none")[number % 3]))
    return found


def measure(folder, number, planted):
    after_s = power_guest.moment(number)
    for attempt in range(3):
        try:
            return [{"disk": disk, "way": way, "cut": number, "after_ms": round(after_s * 1000), "returned": told,
                     "found": found, "missing": len(set(range(told)) - kept), "more": len(kept - set(range(told)))}
                    for (disk, way), told, found, kept in power_guest.cut_once(folder, kinds(number, planted), after_s)]
        except power_guest.Lost as lost:
            # The host was too busy, or the emulation hung: this says nothing about the disks.
            print(f"cut {number}, attempt {attempt + 1}: {lost}", file=sys.stderr, flush=True)
    raise SystemExit(f"power_cuts.py: the guest of cut {number} did not answer three times; look at its console.log")


def campaign(arguments):
    folder = os.path.abspath(arguments.folder)
    os.makedirs(folder, exist_ok=True)
    first, _, last = (arguments.only or f"0-{arguments.cuts - 1}").partition("-")
    done = {int(row["cut"]) for row in rows(arguments.log)}
    left = [number for number in range(int(first), int(last or first) + 1) if number not in done]
    if not left:
        return
    power_guest.make_snapshot(folder)
    if not os.path.exists(arguments.log):
        with open(arguments.log, "w", newline="") as file:
            csv.DictWriter(file, FIELDS, lineterminator="\n").writeheader()
    with open(arguments.log, "a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        for number in left:
            writer.writerows(measure(folder, number, arguments.planted))
            file.flush()


Count = collections.namedtuple("Count", "cuts after gone losses returned lost")


def counted(log):
    """What the cuts of each (disk, way) left: how many there were, how many came after a record that the call had returned
    for; how many lost the file, or such records; how many of these there were, and how many were lost."""
    found = collections.defaultdict(list)
    for row in rows(log):
        found[row["disk"], row["way"]].append(row)
    return {kind: Count(len(cuts), sum(int(row["returned"]) > 0 for row in cuts),
                        sum(row["found"] != "records" for row in cuts),
                        sum(int(row["missing"]) > 0 for row in cuts), sum(int(row["returned"]) for row in cuts),
                        sum(int(row["missing"]) for row in cuts)) for kind, cuts in sorted(found.items())}


def judge(counts):
    """What is not as it must be, in words."""
    wrong = []
    for (disk, way), n in counts.items():
        if disk in PLANTED:
            continue
        if n.gone:
            wrong.append(f"{disk} {way}: the file was gone though fsync() of it and its folder had returned")
        if (n.losses > 0) == (way in PROMISED):
            wrong.append(f"{disk} {way}: {n.losses} of {n.after} cuts lost a record")
    return wrong + [f"{disk}: the defect was not seen" for disk in PLANTED
                    if not any(n.gone + n.losses for (of, _), n in counts.items() if of == disk)]


def print_table(counts):
    print("| disk | way | cuts | after a record | lost the file | lost records | records returned for | of these lost |")
    print("|---|---|---|---|---|---|---|---|")
    for (disk, way), n in counts.items():
        print(f"| {disk} | {way} | {n.cuts} | {n.after} | {n.gone} | {n.losses} | {n.returned} | {n.lost} |")


def take(counts):
    """Writes the verdicts of the checks power/WAY and power/pmem_WAY into what scripts/beliefs reads."""
    path = f"{power_guest.ROOT}/results/baseline/beliefs.csv"
    kept = [row for row in rows(path) if not row["claim"].startswith("power/")]
    for (disk, way), n in counts.items():
        if disk in PLANTED:
            continue
        survives = way in PROMISED
        kept.append({"claim": f"power/{'pmem_' if disk == 'pmem' else ''}{way}", "where": "power",
                     "verdict": "supported" if (n.losses == 0) == survives else "refuted",
                     "evidence": f"{n.losses} of {n.after} power cuts after a record lost some; {n.lost} of {n.returned} records",
                     "reason": "-", "machine": "an emulated machine whose disk has a volatile cache, Linux 6.1"})
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, ["claim", "where", "verdict", "evidence", "reason", "machine"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(kept, key=lambda row: (row["claim"], row["where"])))


def main():
    parser = argparse.ArgumentParser(usage=__doc__.replace("%", "%%"))
    parser.add_argument("--cuts", type=int, default=100)
    parser.add_argument("--planted", type=int, default=20)
    parser.add_argument("--only")
    parser.add_argument("--log", default=f"{power_guest.ROOT}/results/baseline/power_cuts.csv")
    parser.add_argument("--folder", default=f"{power_guest.ROOT}/build-guests/machines/power")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--take", action="store_true")
    arguments = parser.parse_args()
    if not arguments.table and not arguments.take:
        campaign(arguments)
    counts = counted(arguments.log)
    print_table(counts)
    wrong = judge(counts)
    if arguments.take and not wrong:
        take(counts)
    print("FAIL: " + "; ".join(wrong) if wrong else
          "ok: what MS_SYNC and fdatasync() returned for is there after each cut, what nobody asked for is lost, and each "
          "defective disk is seen")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
