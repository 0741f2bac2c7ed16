#!/usr/bin/env python3
"""`kill -9` of a run at a random moment, then --resume, which may be killed again.  In the end the folder must be
complete: each trial of the plan is there once with all its rows, there are no rows of another run, and rows from before
a kill are unchanged.  The plan comes from an undisturbed run with the same seed.  Continues where its log ends.

usage: kill_resume.py [PROGRAM [TIMES [SEED [LOG]]]]"""
import csv
import os
import random
import signal
import subprocess
import sys
import time

from common import PROGRAM, append_row, discard, scratch, verdict
from whole import faults, plan_of

TIMES = int(sys.argv[2]) if len(sys.argv) > 2 else 200
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 1
LOG = sys.argv[4] if len(sys.argv) > 4 else None
RUN = ["false_sharing/packed", "lost_update/plain", "transport_latency/pipe", "prefault/lazy", "first_touch/1g", "--set",
       "op=atomic_add", "--set", "work=0", "--set", "message=64", "--set", "bytes=4m", "--repeat-blocks", "2", "--slices",
       "8", "--seed", "7"]
KILLS_MOST = 4  # per run: the last resume is not killed
FIELDS = ["number", "kills", "begun_anew", "wrong"]


def start(*arguments):
    return subprocess.Popen([PROGRAM, "run", *arguments, "--no-plots", "-q"], stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True)


def measured(folder):
    """The complete lines of samples.csv."""
    try:
        with open(os.path.join(folder, "samples.csv")) as file:
            text = file.read()
    except OSError:
        return ""
    return text[:text.rfind("\n") + 1]


def one(number, plan, takes):
    """Kills a run and its resumes; returns the kills, the runs started again, and the errors."""
    chance = random.Random(f"{SEED} {number}")
    folder = scratch()
    kills = anew = 0
    before, wrong = "", []
    arguments = [*RUN, "--out", folder]
    while True:
        process = start(*arguments)
        lives = chance.uniform(0, takes)
        try:
            last = kills == KILLS_MOST
            _, told = process.communicate(timeout=120 if last else lives)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += process.returncode == -signal.SIGKILL
            told = ""
        now = measured(folder)
        if not now.startswith(before):
            wrong.append("what was measured before a kill has changed")
        before = now
        if process.returncode == 4 and "is not a run folder" in told:  # killed before there was a run folder
            arguments = [*RUN, "--out", folder]
            anew += 1
            continue
        if process.returncode not in (0, -signal.SIGKILL):
            wrong.append(f"exit {process.returncode}: {told.strip()}")
        if process.returncode == 0 and kills > 0 or wrong or kills > KILLS_MOST:
            break
        if process.returncode == 0:  # it ended before the kill: there is nothing to resume
            discard(folder)
            folder = scratch()
            before, arguments = "", [*RUN, "--out", folder]
            continue
        arguments = ["--resume", folder]
    report = subprocess.run([PROGRAM, "report", folder, "--no-plots", "-q"], capture_output=True, text=True)
    if report.returncode != 0:
        wrong.append(f"report: exit {report.returncode}: {report.stderr.strip()}")
    wrong += faults(folder, plan) if not wrong else []
    if not wrong:
        discard(folder)
    else:
        wrong.append(f"folder {folder}")
    return kills, anew, wrong


def logged():
    if not LOG or not os.path.exists(LOG):
        return {}
    with open(LOG, newline="") as file:
        return {int(row["number"]): row for row in csv.DictReader(file)}


def note(row):
    if not LOG:
        return
    append_row(LOG, FIELDS, row)


folder = scratch()
begun = time.time()
done = start(*RUN, "--out", folder)
_, told = done.communicate()
if done.returncode:
    verdict(False, f"a run that nobody disturbed: exit {done.returncode}: {told}")
takes, plan = time.time() - begun, plan_of(folder)
if faults(folder, plan):
    verdict(False, f"a run that nobody disturbed: {faults(folder, plan)}")
discard(folder)
kills = anew = whole = 0
log = logged()
for number in range(TIMES):
    if number in log:
        row = log[number]
    else:
        killed, again, wrong = one(number, plan, takes)
        row = {"number": number, "kills": killed, "begun_anew": again, "wrong": "; ".join(wrong)}
        note(row)
    kills, anew = kills + int(row["kills"]), anew + int(row["begun_anew"])
    whole += not row["wrong"]
    if row["wrong"]:
        print(f"{number}: {row['wrong']}", flush=True)
    if (number + 1) % 20 == 0:
        print(f"{number + 1}: {whole} whole, {kills} kills", flush=True)
verdict(whole == TIMES, f"{whole} of {TIMES} runs are whole after {kills} kills ({anew} times before there was a folder): "
        f"{len(plan)} trials each, keys as planned, nothing doubled or foreign")
