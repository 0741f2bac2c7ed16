#!/usr/bin/env python3
"""The parent's memory and CPU time while workers run, and a trial with 256 processes.

usage: footprint.py [PROGRAM]"""
import os
import subprocess
import time

from common import PROGRAM, discard, run, scratch, trials, verdict

MEMORY_KIB = 64 * 1024


def cpu_s(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_kib(pid):
    return int(next(line.split()[1] for line in open(f"/proc/{pid}/status")
                    if line.startswith("VmHWM")))


# One long trial, during which the parent only sleeps.
folder = scratch()
command = [PROGRAM, "run", "known_delay/delay_10us", "--out", folder, "--no-plots", "-q",
           "--no-counters", "--repeat-blocks", "40"]
parent = subprocess.Popen(command, stdout=subprocess.DEVNULL)
time.sleep(1.0)
before = cpu_s(parent.pid)
time.sleep(1.5)
cpu = cpu_s(parent.pid) - before
memory = peak_kib(parent.pid)
parent.wait()
discard(folder)

folder = scratch()
run(folder, "contended_counter/fetch_add", "--set", "processes=256", "--repeat-blocks", "1",
    "--no-counters")
crowd = trials(folder, "contended_counter")
discard(folder)
verdict(memory < MEMORY_KIB and cpu / 1.5 < 0.10 and crowd and crowd[0]["status"] == "ok",
        f"parent peak {memory / 1024:.1f} MiB, CPU {100 * cpu / 1.5:.1f} % of one core between and "
        f"around trials; 256 processes: {crowd[0]['status']}, {crowd[0]['workers']} workers")
