#!/usr/bin/env python3
"""An interrupted run can be resumed with its options and without any loss, or one sentence says why not.

usage: test_resume.py CAMPAIGNS PROGRAM"""
import csv
import glob
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, sys.argv[1])
PROGRAM = os.path.abspath(sys.argv[2])
sys.argv[1:] = [PROGRAM]
from whole import faults, plan_of  # noqa: E402

PATTERNS = ["transport_latency/pipe", "lost_update/plain", "first_touch/1g"]
POINT = ["--set", "message=64", "--repeat-blocks", "2", "--slices", "8", "--seed", "7"]
failed = 0


def check(holds, what):
    global failed
    failed += not holds
    print(f"{'ok  ' if holds else 'FAIL'} {what}", flush=True)


def shmeter(*arguments, **more):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=120, **more)


def resume(folder, *arguments, **more):
    return shmeter("run", "--resume", folder, "--no-plots", "-q", *arguments, **more)


def told(done):
    return f"exit {done.returncode}: {done.stderr.strip()}"


def digest(folder):
    """The content of each file; the lock is empty and does not count."""
    found = {}
    for path in sorted(glob.glob(folder + "/**", recursive=True)):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                found[path] = hashlib.sha256(file.read()).hexdigest()
    return found


def edit(folder, change):
    path = os.path.join(folder, "manifest.json")
    with open(path) as file:
        manifest = json.load(file)
    change(manifest)
    with open(path, "w") as file:
        json.dump(manifest, file)


def interrupted(name, rows=4):
    """A copy of the whole run as a kill leaves it: `rows` finished trials, and some slices of the next one."""
    shutil.rmtree(name, ignore_errors=True)
    shutil.copytree("good", name)
    edit(name, lambda manifest: manifest.update(status="interrupted"))
    with open("good/samples.csv") as file:
        lines = file.readlines()
    with open(f"{name}/samples.csv", "w") as file:
        file.writelines(lines[:1 + rows])
    with open("good/samples.csv", newline="") as file:
        ended = [row["trial"] for row in csv.DictReader(file)]
    for other in ("slices", "counters", "metrics", "buckets", "visits"):
        with open(f"good/{other}.csv") as file:
            header, *body = file.readlines()
        body = [line for line in body if line.split(",")[0] in ended[:rows + 1]]
        if other == "slices":
            body = body[:-3]
        with open(f"{name}/{other}.csv", "w") as file:
            file.writelines([header, *body])
    return name


def test_it_goes_on_as_what_it_was():
    folder = interrupted("refused")
    before = digest(folder)
    for what, arguments, words in (
            ("pages", ["--pages", "2m"], "was begun without --pages, and now 2m is given"),
            ("patterns", ["aa"], "was begun with the patterns"),
            ("budget", ["--budget", "5m"], "was begun without --budget, and now 300 s is given"),
            ("blocks", ["--repeat-blocks", "3"], "was begun with --repeat-blocks 2, and now 3 is given"),
            ("set", ["--set", "message=128"], "and now message=128 is given"),
            ("profile", ["--profile", "full"], "was begun with --profile quick, and now full is given"),
            ("PUs", ["--placement", "0"], "was begun without --placement, and now 0 is given"),
            ("seed", ["--seed", "8"], "was begun with --seed 7, and now 8 is given"),
            ("events", ["--events", "cycles"], "was begun with --events"),
            ("no counters", ["--no-counters"], "was begun without --no-counters, and now it is given"),
            ("tune", ["--tune"], "was begun without --tune, and now it is given"),
            ("file folder", ["--file-folder", "."], "was begun without --file-folder, and now . is given"),
            ("out", ["--out", "elsewhere"], "omit --out")):
        done = resume(folder, *arguments)
        check(done.returncode == 4 and words in done.stderr, f"another {what}: {told(done)}")
    done = resume(folder, env={**os.environ, "HWLOC_SYNTHETIC": "pack:1 l3:1 core:3 pu:1"})
    check(done.returncode == 4 and "another type" in done.stderr, f"another machine: {told(done)}")
    for what, change, words in (
            ("version", lambda m: m["tool"].update(version="0.0"), "was begun by shmeter 0.0"),
            ("host", lambda m: m["identity"].update(host="0"), "another machine of this type"),
            ("plan", lambda m: m["plan"].update(trials=3), "another plan"),
            ("seed in its plan", lambda m: m.update(seed="9"), "is not of the plan")):
        shutil.copy("good/manifest.json", folder)
        edit(folder, lambda manifest: manifest.update(status="interrupted"))
        edit(folder, change)
        changed = digest(folder)
        done = resume(folder)
        check(done.returncode in (4, 6) and words in done.stderr and digest(folder) == changed,
              f"another {what}: {told(done)}")
    shutil.copy("good/manifest.json", folder)
    edit(folder, lambda manifest: manifest.update(status="interrupted"))
    after = digest(folder)
    check({k: v for k, v in before.items() if "manifest" not in k} == {k: v for k, v in after.items() if "manifest" not in k},
          "what is refused changes nothing")
    done = resume(folder, *PATTERNS, *POINT, "--profile", "quick")
    check(done.returncode == 0 and not faults(folder, plan), f"the same options: {told(done)} {faults(folder, plan)}")


def test_nothing_is_lost():
    folder = interrupted("kept")
    with open("kept/samples.csv") as file:
        before = file.read()
    # a damaged row before the part that a kill left must not be cut off
    shutil.copytree("kept", "damaged")
    with open("damaged/slices.csv") as file:
        lines = file.readlines()
    with open("damaged/slices.csv", "w") as file:
        file.writelines([*lines[:3], lines[2], *lines[3:]])
    was = digest("damaged")
    done = resume("damaged")
    check(done.returncode == 6 and "slices.csv:4: " in done.stderr and digest("damaged") == was, f"damage: {told(done)}")
    done = resume(folder)
    with open("kept/samples.csv") as file:
        check(file.read().startswith(before), "what was measured stays")
    check(done.returncode == 0 and not faults(folder, plan),
          f"stale slices, distributions, skipped cases: {told(done)} {faults(folder, plan)}")
    folder = interrupted("unskipped", rows=0)
    done = resume(folder)
    check(done.returncode == 0 and not faults(folder, plan), f"a kill before the first row: {told(done)} {faults(folder, plan)}")


def test_complete_is_complete():
    was = digest("good")
    done = resume("good")
    check(done.returncode == 0 and "nothing to go on with" in done.stderr and digest("good") == was, f"complete: {told(done)}")
    shutil.copytree("good", "broken")
    with open("broken/slices.csv", "a") as file:
        file.write("0,8,1,1,1,1,1,1,0,0,0,no\n777,0,1")
    was = digest("broken")
    done = resume("broken")
    check(done.returncode == 6 and "slices.csv:" in done.stderr and digest("broken") == was, f"damaged: {told(done)}")


def test_two_resumes():
    folder = interrupted("two", rows=1)
    both = [subprocess.Popen([PROGRAM, "run", "--resume", folder, "--no-plots", "-q"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=120)[1] for process in both]
    codes = [process.returncode for process in both]
    refused = codes.index(5) if 5 in codes else 0
    check(sorted(codes) == [0, 5] and f"process {both[1 - refused].pid} is writing" in said[refused],
          f"two resumes: {codes}, {said}")
    check(not faults(folder, plan), f"two resumes: {faults(folder, plan)}")


def test_a_stop_while_calibrating():
    process = subprocess.Popen([PROGRAM, "run", *PATTERNS, *POINT, "--no-plots", "-q", "--out", "stopped"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while not os.path.exists("stopped/manifest.json"):
        time.sleep(0.002)
    process.send_signal(signal.SIGTERM)
    said = process.communicate()[1]
    with open("stopped/manifest.json") as file:
        planned = "plan" in json.load(file)
    check(process.returncode == 143 and "continues" in said and not planned, f"a stop while calibrating: {said.strip()}")
    check(shmeter("report", "stopped", "--no-plots", "-q").returncode in (0, 5), "it is read")
    done = resume("stopped")
    check(done.returncode == 0 and not faults("stopped", plan), f"it goes on: {told(done)} {faults('stopped', plan)}")


def test_derived_files_are_made_anew():
    shutil.copytree("good", "bare")
    shutil.copytree("good", "again")
    shmeter("report", "again", "--no-plots", "-q")
    measured = ["manifest.json", "samples.csv", "slices.csv", "counters.csv", "metrics.csv", "buckets.csv", "visits.csv"]
    for path in digest("bare"):
        if os.path.basename(path) not in measured and "/series/" not in path:
            os.unlink(path)
    shutil.rmtree("bare/histograms")
    shutil.rmtree("bare/plots")
    with open("bare/values.csv", "w") as file:
        file.write("stale\n")
    with open(glob.glob("good/histograms/*.hgrm")[0]) as file:
        distribution = [line for line in file if not line.startswith("#")]
    done = shmeter("export", "bare", "--to", "hdr-text", "-q")
    check(done.returncode == 0 and set(distribution) <= set(done.stdout.splitlines(keepends=True)),
          f"a distribution without its file: {told(done)}")
    done = shmeter("report", "bare", "-q")
    same = [name for name in ("values.csv", "summary.csv", "pairs.csv", "claims.csv")
            if digest("again")[f"again/{name}"] == digest("bare").get(f"bare/{name}")]
    check(done.returncode == 0 and len(same) == 4 and len(glob.glob("bare/plots/*.svg")) > 2 and not faults("bare", plan),
          f"derived files: {told(done)} {same} {len(glob.glob('bare/plots/*.svg'))} figures")


def test_folders_of_one_second():
    runs = [subprocess.Popen([PROGRAM, "run", "null_loop", "--repeat-blocks", "1", "--no-plots", "-q"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate()[1] for process in runs]
    folders = [path for path in glob.glob("results/*") if not os.path.islink(path)]
    check(len(folders) == 3 and all("is writing" not in s and "not empty" not in s for s in said), f"folders: {folders} {said}")
    done = shmeter("run", "nonsense")
    check(done.returncode == 4 and len(glob.glob("results/*")) == 4, f"a mistake leaves no folder: {glob.glob('results/*')}")


with tempfile.TemporaryDirectory() as scratch:
    os.chdir(scratch)
    done = shmeter("run", *PATTERNS, *POINT, "--no-plots", "-q", "--out", "good")
    if done.returncode:
        sys.exit(f"FAIL: {told(done)}")
    plan = plan_of("good")
    check(not faults("good", plan), f"a run that nobody disturbed: {faults('good', plan)}")
    check(any(row[0].startswith("first_touch/1g") for row in plan.values()), "a case that cannot run is among them")
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
    os.chdir("/")
sys.exit(1 if failed else 0)
