#!/usr/bin/env python3
"""Uncontended locks beside a bare loop of the same calls, alternated ten times on one CPU: the harness adds nothing.

usage: peers_locks.py [PROGRAM]"""
import os
import statistics
import subprocess
import tempfile

from common import discard, median_interval, rows, run, scratch, verdict

HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS = 10
BUILT = os.path.join(tempfile.mkdtemp(prefix="shmeter-peers-"), "locks")

# -O3, as the release build
subprocess.run(["cc", "-O3", "-pthread", f"{HERE}/peers/locks.c", "-o", BUILT], check=True)
good = True
print("| lock and unlock, uncontended | shmeter | bare loop | ratio (95 % interval) |\n|---|---|---|---|")
for lock in ("mutex", "mutex_robust", "pthread_spin", "posix_sem"):
    ours, bare, ratios = [], [], []
    for _ in range(ROUNDS):
        folder = scratch()
        run(folder, f"lock_uncontended/{lock}", "--placement", "0", "--no-counters", "--repeat-blocks", "3")
        mine = statistics.median(float(s["value"]) for s in rows(folder, "samples.csv")
                                 if s["scenario"] == "lock_uncontended" and s["value"])
        discard(folder)
        peer = float(subprocess.run(["taskset", "-c", "0", BUILT, lock], capture_output=True, text=True,
                                    check=True).stdout)
        ours.append(mine)
        bare.append(peer)
        ratios.append(mine / peer)
    middle, low, high = median_interval(ratios)
    good &= low <= 1.05
    print(f"| {lock} | {statistics.median(ours):.2f} ns | {statistics.median(bare):.2f} ns | "
          f"{middle:.3f} ({low:.3f} to {high:.3f}) |", flush=True)
verdict(good, "the harness adds nothing to a lock")
