#!/usr/bin/env python3
"""Open MPI's shared windows beside shmeter's own shared memory, and MPI's messages beside shmeter's ring.

usage: mpi_windows.py [PROGRAM] [--rounds N] [--cpus A,B] [--log FILE] [--table]

peers/mpi_window.c runs under mpirun: the ring of examples/ring_c in a window of MPI_Win_allocate_shared, and MPI_Send
with MPI_Recv, both with the loops of a stamped plug-in.  Beside it, in each round, the same ring as a plug-in in
shmeter's region, and shm_ring, on the same two PUs.  Slices are compared within a pair class of shmeter's run; those in
which a process lost its PU do not count.  Each round adds its lines to LOG (results/mpi_windows.csv), and a restarted
campaign adds more.  PASS: the interval of window / ring_c
meets 0.95 to 1.05 in each row: the memory of a window is memory like any other.  Needs the Debian packages openmpi-bin
and libopenmpi-dev (scripts/bootstrap --mpi), two minutes, and a quiet machine."""
import argparse
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile

from common import (PROGRAM, append_row, class_of, discard, logged_rows, match_classes, median_interval, pair_classes,
                    run, scratch, slices, trials, verdict)

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
SLICES = 100
SLICES_MIN = 10  # per class, in a round
SCENARIOS = {"round-trip": "transport_latency", "one-way": "transport_throughput"}
SIZES = ("8", "64", "4096")
KINDS = ("ring_c", "window", "shm_ring", "messages")
FIELDS = ["what", "bytes", "class_ns", *(f"{kind}_ns" for kind in KINDS)]


def output(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as why:
        sys.exit(f"mpi_windows.py: {command[0]}: {why}; install openmpi-bin and libopenmpi-dev")
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    return done.stdout


def ours(folder, cpus):
    """{(kind, what, bytes, class): [ns]} of pure slices, the classes, and their centers."""
    out, found = scratch(), {}
    try:
        run(out, *(f"{scenario}/{ring}" for scenario in SCENARIOS.values() for ring in ("ring_c", "shm_ring")),
            "--plugin", f"{folder}/ring_c.so", "--set", f"message={','.join(SIZES)}", "--placement", cpus,
            "--no-counters", "--repeat-blocks", "4", "--slices", str(SLICES))
        classes = pair_classes(out)[trials(out, "transport_latency")[0]["relation"]]
        for what, scenario in SCENARIOS.items():
            for s in slices(out, scenario):
                size = re.search(r"message=(\d+)", s.params)[1]
                if s.pure:
                    found.setdefault((s.variant, what, size, s.pair_class), []).append(s.ns_per_op)
    finally:
        discard(out)
    return found, classes


def theirs(folder, cpus, classes):
    found = {}
    root = ["--allow-run-as-root"] if os.geteuid() == 0 else []
    for line in output("mpirun", *root, "--bind-to", "none", "--oversubscribe", "-n", "2", f"{folder}/mpi_window",
                       *cpus.split(","), str(SLICES)).splitlines():
        kind, what, size, before, after, ns, switches = line.split()
        within = class_of(float(before), float(after), classes)
        if within and switches == "0":
            found.setdefault((kind, what, size, within.name), []).append(float(ns))
    return found


def measure(rounds, cpus, log):
    with tempfile.TemporaryDirectory(prefix="shmeter-campaign-") as folder:
        output("mpicc", "-O2", f"-I{TREE}/harness/include", f"{HERE}/peers/mpi_window.c", "-o", f"{folder}/mpi_window")
        output(f"{TREE}/examples/build", "ring_c", folder)
        for _ in range(rounds):
            found, classes = ours(folder, cpus)
            found.update(theirs(folder, cpus, classes))
            for what in SCENARIOS:
                for size in SIZES:
                    for c in classes:
                        of = [found.get((kind, what, size, c.name), []) for kind in KINDS]
                        if min(map(len, of)) >= SLICES_MIN:
                            append_row(log, FIELDS, {"what": what, "bytes": size, "class_ns": f"{c.center_ns:.1f}",
                                                     **{f"{kind}_ns": f"{statistics.median(values):.3f}"
                                                        for kind, values in zip(KINDS, of)}})


def table(log):
    print("| what | class | ring_c, region | ring_c, window | shm_ring | MPI messages | rounds "
          "| window / region (95 % interval) | messages / shm_ring (95 % interval) |")
    print("|---|--:|--:|--:|--:|--:|--:|---|---|")
    within, told = True, 0
    rows = logged_rows(log)
    for what in SCENARIOS:
        for size in SIZES:
            of = [r for r in rows if (r["what"], r["bytes"]) == (what, size)]
            for group in match_classes([float(r["class_ns"]) for r in of]):
                ns = {key: [float(of[i][f"{key}_ns"]) for i in group] for key in ("class", *KINDS)}
                ratios = [median_interval([a / b for a, b in zip(ns[top], ns[under])])
                          for top, under in (("window", "ring_c"), ("messages", "shm_ring"))]
                medians = " | ".join(f"{statistics.median(ns[kind]):.4g} ns" for kind in KINDS)
                told_ratios = " | ".join(f"{m:.3f} ({low:.3f} to {high:.3f})" for m, low, high in ratios)
                print(f"| {what.replace('-', ' ')}, {size} B | {statistics.median(ns['class']):.0f} ns | {medians} "
                      f"| {len(group)} | {told_ratios} |")
                if not math.isnan(ratios[0][1]):
                    told += 1
                    within &= ratios[0][1] <= 1.05 and ratios[0][2] >= 0.95
    verdict(within and told > 0, f"{told} rows with an interval of window / region; each has to meet 0.95 to 1.05")


def main():
    parser = argparse.ArgumentParser(usage=__doc__.replace("%", "%%"))
    parser.add_argument("program", nargs="?", default=PROGRAM)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--cpus", default="0,1")
    parser.add_argument("--log", default="results/mpi_windows.csv")
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    if not arguments.table:
        measure(arguments.rounds, arguments.cpus, arguments.log)
    table(arguments.log)


if __name__ == "__main__":
    main()
