"""Makes one fault in one command, and checks the result."""
import collections
import errno
import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

import calls_sites

# Exit codes of docs/commands.md.
CODES = {0, 1, 3, 4, 5, 6}
# Faults of a library that cannot be fixed here: logged, but not counted as failures.
LIBRARIES = {"libhwloc": "hwloc does not look whether it got memory",
             "gen_tracepoint_table": "libpfm4 does not look whether it could read a tracepoint's number"}
Outcome = collections.namedtuple("Outcome", "code out err")
# words, time limit in seconds, whether it reads an existing run and prints the same each time
Command = collections.namedtuple("Command", "words limit reads")
# The result of a command without a fault, and what `report` printed about the folder that it reads.
Reference = collections.namedtuple("Reference", "outcome report")
Fault = collections.namedtuple("Fault", "site name position")
Tools = collections.namedtuple("Tools", "fail_call shim numbers")


class Scratch:
    """A folder for one command: a run to read, one to compare with, gates, a history, a state folder of its own."""

    def __init__(self, base):
        self.top = tempfile.mkdtemp(prefix="shmeter-calls-")
        self.work = os.path.join(self.top, "work")
        shutil.copytree(base, self.work)
        os.makedirs(os.path.join(self.top, "tmp"))
        os.makedirs(os.path.join(self.top, "notes"))
        self.environment = {**os.environ, "SHMETER_STATE_DIR": os.path.join(self.top, "state"), "HOME": self.work,
                            "TMPDIR": os.path.join(self.top, "tmp"), "LC_ALL": "C.UTF-8", "COLUMNS": "100"}
        self.environment.pop("GITHUB_STEP_SUMMARY", None)
        topology = os.path.join(self.work, "topology.xml")
        if os.path.exists(topology):
            self.environment.update(HWLOC_XMLFILE=topology, HWLOC_THISSYSTEM="1")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.top, ignore_errors=True)

    def note(self, name):
        """A file outside the folder that the command sees."""
        return os.path.join(self.top, "notes", name)

    def left(self):
        """What no command may leave behind."""
        parts = glob.glob(self.top + "/**/*.part", recursive=True)
        return ([f"leaves {os.path.relpath(p, self.work)}" for p in parts] +
                [f"leaves {name} in TMPDIR" for name in os.listdir(os.path.join(self.top, "tmp"))])


def call(scratch, words, limit, prefix=()):
    """(Outcome, processes that it left running); code is None if it had to be killed.  A session of its own shows which
    processes are left."""
    with open(scratch.note("out"), "wb+") as out, open(scratch.note("err"), "wb+") as err:
        process = subprocess.Popen([*prefix, *words], cwd=scratch.work, env=scratch.environment, stdout=out, stderr=err,
                                   stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            code = None
        running = end_session(process.pid, 0 if code is None else 0.7)
        process.wait()
        out.seek(0), err.seek(0)
        return Outcome(code, out.read().decode("utf-8", "replace"), err.read().decode("utf-8", "replace")), running


def session(sid):
    found = []
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{number}/stat") as file:
                words = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[3]) == sid and words[0] != "Z":
            found.append(int(number))
    return found


def end_session(sid, patience):
    """Waits up to `patience` for the last process of the session, kills the rest, and returns what was left."""
    end = time.monotonic() + patience
    while (left := session(sid)) and time.monotonic() < end:
        time.sleep(0.02)
    running = []
    for pid in left:
        try:
            with open(f"/proc/{pid}/comm") as file:
                running.append(f"leaves the process {file.read().strip()}")
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
    return running


def objects():
    """Names and System V objects of this program's processes."""
    def lines(path):
        with open(path) as file:
            return [line.split() for line in file.read().splitlines()[1:]]
    found = set(glob.glob("/dev/shm/shmeter*") + glob.glob("/dev/mqueue/shmeter*"))
    for kind, cpid in (("shm", 4), ("msg", 5), ("sem", None)):
        for words in lines(f"/proc/sysvipc/{kind}"):
            found.add((kind, words[1], words[cpid] if cpid else ""))
    return found


def report_of(scratch, program, folder, quiet=True):
    return call(scratch, [program, "report", folder, "--no-plots", *(["-q"] if quiet else [])], 20)[0]


def figures(text):
    """The part of the output that a run and a report of it have in common."""
    return [line for line in text.splitlines() if not line.startswith(("Files: ", "figures"))]


def judge_words(fault, command, outcome, reference):
    """The errors in its exit code and its sentences."""
    code, said = outcome.code, [line for line in outcome.err.splitlines() if line.strip()]
    if fault.name == "signal=SIGTERM" and code in (128 + signal.SIGTERM, -signal.SIGTERM):
        return []
    if code not in CODES:
        return [f"exit {code}"]
    wrong = []
    if code not in (0, reference.code):
        if not any(line.startswith("shmeter: ") for line in said):
            wrong.append("fails without a sentence")
        elif command.reads and len(said) > 1 + len(reference.err.splitlines()):
            wrong.append(f"{len(said)} sentences")
    if fault.site.call == "write" and code and os.strerror(errno.ENOENT) in outcome.err:
        wrong.append("names the errno of another call")
    if command.reads and code == reference.code and outcome.out != reference.out and not said:
        wrong.append("prints something else and says nothing")
    return wrong


def judge_folders(scratch, program, command, outcome, report):
    """The errors in the folder that it read, and in the one that it made."""
    wrong = []
    if command.reads:
        again = report_of(scratch, program, "run")
        if again.code != report.code or again.out != report.out:
            wrong.append(f"the folder is another afterwards: report says {again.code} {again.err[:200]}")
    if os.path.exists(os.path.join(scratch.work, "new", "manifest.json")):
        again = report_of(scratch, program, "new", quiet=False)  # a run prints its tables
        # like the run itself, or the run had not begun to measure
        if again.code not in (0, 1, 3, 5, outcome.code) and not (again.code in (4, 6) and "--resume" in again.err):
            wrong.append(f"report: exit {again.code}: {again.err[:200]}")
        mine, theirs = figures(outcome.out), figures(again.out)
        if outcome.code == 0 and mine != theirs:
            first = next((p for p in zip(mine, theirs) if p[0] != p[1]), (len(mine), len(theirs)))
            wrong.append(f"the run's figures are not those of report: {first}")
    return wrong


def injector(scratch, fault, tools):
    """The command line with the tool that makes the fault, and a file that exists if the fault was made."""
    site, (kind, _, value) = fault.site, fault.name.partition("=")
    if site.call == "allocation":
        return ["env", f"LD_PRELOAD={tools.shim}", f"SHMETER_FAIL_ALLOCATION={fault.position}",
                f"SHMETER_REFUSED={scratch.note('made')}"], scratch.note("made")
    value = {"error": getattr(errno, value, 0), "delay": 30000, "signal": int(signal.SIGTERM)}[kind]
    return [tools.fail_call, scratch.note("made"), str(tools.numbers[site.call.split()[0]]), str(site.process),
            str(fault.position), f"{kind}={value}"], scratch.note("made")


def make(base, program, tools, command, fault, reference):
    """The row of the log."""
    before = objects()
    with Scratch(base) as scratch:
        prefix, made = injector(scratch, fault, tools)
        outcome, wrong = call(scratch, [program, *command.words], command.limit, prefix)
        was_met = os.path.exists(made)
        wrong += [left for left in scratch.left() if left.split()[1] not in outcome.err]
        # a name that cannot be removed is reported with the command that removes it, by a run among its reasons
        if "ipcrm" not in outcome.err + outcome.out:
            wrong += [f"leaves {o}" for o in objects() - before]
        if outcome.code is None:
            wrong.append("hangs")
        else:
            wrong += judge_words(fault, command, outcome, reference.outcome)
            wrong += judge_folders(scratch, program, command, outcome, reference.report)
        frames = fault.site.frames
        if fault.site.call == "allocation" and was_met:
            with open(made) as file:
                frames = [os.path.basename(file.read())]
    verdict = "; ".join(wrong) or "good"
    for frame, why in LIBRARIES.items():
        if wrong and any(f.startswith(frame) for f in frames):
            verdict = f"known: {why}: {verdict}"
    return {"command": fault.site.command, "process": "child" if fault.site.process else "own",
            "call": fault.site.call, "fault": fault.name, "position": fault.position,
            "site": calls_sites.place(fault.site), "met": "yes" if was_met else "no", "code": outcome.code,
            "verdict": verdict, "said": " | ".join(outcome.err.splitlines())[:300]}
