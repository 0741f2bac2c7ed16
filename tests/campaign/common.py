"""What the campaigns share: running shmeter, reading its CSV, order-statistic intervals."""
import csv
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

PROGRAM = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build/shmeter")


def scratch():
    """A fresh folder for one run's results, removed by the caller."""
    return os.path.join(tempfile.mkdtemp(prefix="shmeter-campaign-"), "run")


def discard(folder):
    shutil.rmtree(os.path.dirname(folder), ignore_errors=True)


def run(folder, *arguments, check=True):
    command = [PROGRAM, "run", "--out", folder, "--no-plots", "-q", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if check and done.returncode:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    return done


def rows(folder, name):
    with open(os.path.join(folder, name), newline="") as file:
        return list(csv.DictReader(file))


def median_interval(values, confidence=0.95):
    """Median and its exact order-statistic interval."""
    values = sorted(values)
    n = len(values)
    tail, k = 0.0, 0
    while k < n // 2:
        tail += math.comb(n, k) / 2**n
        if 2 * tail > 1 - confidence:
            break
        k += 1
    if k == 0:
        return statistics.median(values), float("nan"), float("nan")
    return statistics.median(values), values[k - 1], values[n - k]


def verdict(holds, text):
    print(("PASS " if holds else "FAIL ") + text, flush=True)
    sys.exit(0 if holds else 1)
