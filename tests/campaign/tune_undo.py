#!/usr/bin/env python3
"""`tune --apply` and `run --tune` are killed with -9 at random moments, and so is the guard: `tune --undo` must restore
every setting exactly.

usage: tune_undo.py [PROGRAM [TIMES]]     as root"""
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

from common import PROGRAM, guard_of, settings, verdict

TIMES = int(sys.argv[2]) if len(sys.argv) > 2 else 20


def kill_midway(command, delay_s, with_guard):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(delay_s)
    guard = guard_of(process.pid) if with_guard else None
    if guard:
        os.kill(guard, signal.SIGKILL)
    process.kill()
    process.wait()


before = settings()
good = 0
changed = 0
for i in range(TIMES):
    folder = os.path.join(tempfile.mkdtemp(prefix="shmeter-tune-"), "run")
    kill_midway([PROGRAM, "tune", "--apply"], random.uniform(0.001, 0.05), False)
    kill_midway([PROGRAM, "run", "first_touch/2m", "page_size_random", "--tune", "--no-plots", "--out", folder],
                random.uniform(0.2, 2.0), i % 2 == 0)
    changed += settings() != before
    subprocess.run([PROGRAM, "tune", "--undo"], stdout=subprocess.DEVNULL, check=False)
    after = settings()
    wrong = [path for path in before if after.get(path) != before[path]]
    good += not wrong
    if wrong:
        print(f"round {i}: {wrong} differ", flush=True)
print(f"{good} of {TIMES} times every setting was as before; {changed} times something was changed when both were dead")
verdict(good == TIMES and changed > TIMES // 2, "tune --undo puts back every value")
