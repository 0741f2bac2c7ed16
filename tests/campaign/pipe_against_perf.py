#!/usr/bin/env python3
"""The pipe's round trip with both processes on CPU 0, alternated with `perf bench sched pipe` on the same CPU.

usage: pipe_against_perf.py [PROGRAM [PAIRS]]"""
import re
import subprocess
import sys

from common import discard, figure, median_interval, run, scratch, verdict

PAIRS = int(sys.argv[2]) if len(sys.argv) > 2 else 10
ALLOWED = 1.05


def ours():
    folder = scratch()
    run(folder, "transport_latency/pipe", "--placement", "0,0", "--set", "message=8", "--no-counters",
        "--repeat-blocks", "8")
    found = figure(folder, "transport_latency", "pipe")
    discard(folder)
    return found.median / 1000


def theirs():
    done = subprocess.run(["taskset", "-c", "0", "perf", "bench", "sched", "pipe", "-l", "100000"],
                          capture_output=True, text=True, check=True)
    return float(re.search(r"([\d.]+) usecs/op", done.stdout + done.stderr).group(1))


ratios = []
for number in range(PAIRS):
    pair = (ours(), theirs()) if number % 2 else tuple(reversed((theirs(), ours())))
    ratios.append(pair[0] / pair[1])
    print(f"shmeter {pair[0]:.3f} us, perf {pair[1]:.3f} us, ratio {ratios[-1]:.3f}", flush=True)
median, low, high = median_interval(ratios)
verdict(low <= ALLOWED, f"median ratio {median:.3f} (95 % interval {low:.3f} to {high:.3f}), "
        f"its lower end may be at most {ALLOWED}")
