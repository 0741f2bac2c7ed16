#!/usr/bin/env python3
"""`tune --apply` during a `run --tune` also holds the run's settings: the end of the run does not restore them, but
`tune --undo` does.

usage: test_tune_apply.py CAMPAIGNS PROGRAM     as root"""
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, sys.argv[1])
sys.argv[1:] = [sys.argv[2]]
from common import PROGRAM, settings  # noqa: E402

# The run already sets what `tune` wants, so `tune --apply` has nothing to change.
SHARED = "/sys/kernel/mm/transparent_hugepage/shmem_enabled"
RUN = ["run", "first_touch/2m", "first_touch/thp", "--set", "bytes=16m", "--backing", "memfd", "--tune", "--repeat-blocks",
       "12", "--no-plots", "-q"]


def fail(why):
    print("FAIL " + why)
    sys.exit(1)


def changed(before, now):
    return {path for path in now if before.get(path) != now[path]}


def main():
    before = settings()
    if os.geteuid() != 0 or not all(os.access(path, os.W_OK) for path in before):
        print("SKIP settings can be changed only by root")
        sys.exit(77)
    if b"[never]" not in before.get(SHARED, b""):
        print(f"SKIP {SHARED} is not never here: a run leaves it as it is")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SHMETER_STATE_DIR"] = os.path.join(folder, "state")
        run = subprocess.Popen([PROGRAM, *RUN, "--out", os.path.join(folder, "run")], stdout=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while SHARED not in (by_run := changed(before, settings())) and run.poll() is None and time.monotonic() < until:
            time.sleep(0.002)
        applied = subprocess.run([PROGRAM, "tune", "--apply"], capture_output=True, text=True, check=False)
        beside = run.poll() is None
        run.wait()
        time.sleep(0.3)  # its guard
        held = settings()
        subprocess.run([PROGRAM, "tune", "--undo"], stdout=subprocess.DEVNULL, check=True)
        after = settings()
    if after != before:
        fail(f"not as before: {sorted(changed(before, after))}")
    if not by_run or not beside or applied.returncode or run.returncode:
        fail(f"no overlap: the run changed {by_run}; {applied.stderr}; exits {applied.returncode}, {run.returncode}")
    if lost := by_run - changed(before, held):
        fail(f"the end of the run took back {sorted(lost)}: {applied.stdout}")
    print(f"PASS {len(by_run)} settings of the run were held after it, all are as before")


main()
