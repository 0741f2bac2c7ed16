#!/usr/bin/env python3
"""Every system call fails once.  A small form of each command runs under strace, which records the system calls and
their call stacks.  Then each site (see calls_sites.py) fails once with each error that the call's man page lists and
that a machine could return there, EINTR included; is delayed; and is interrupted by a signal.  Each time the command
must end soon, with a documented code, and with one sentence if it failed.  It must leave no .part file, no process, no
name in /dev/shm and no System V object behind, and `report` must accept the run folder.  Its output must be the same as
without the fault, unless standard error says otherwise.

How sites are counted.  A site that several forms of one command share fails in the first of them.  hwloc reads the
machine from a file written before, so that a command makes hundreds of calls instead of ten thousand; in `list sysfs`
and `doctor sysfs` it asks the kernel.  Identical workers count once.  A fault hits the call whose name and number
strace recorded for the site, because a command makes its calls in the same order each time (of a run's 1,500 calls two
or three differ).  A fault that did not happen is not counted.

The faults are made by seccomp's user notification (fail_call of the test build), which only stops at calls of one name
and can distinguish processes.

With --allocations each allocation of a command fails once instead (fail_allocation of the test build, preloaded), with
the same requirements.

usage: calls.py PROGRAM TOOLS [--allocations] [--log FILE] [--seconds S] [--only COMMAND[,...]] [--sample]
  TOOLS          the folder of fail_call and libfail_allocation.so: build-test/tests
  --log FILE      a line for each fault; faults in it are not repeated.  Stack addresses are valid for one build
  --seconds S     stops after that time
  --only ...      only these commands
  --errors N      at most N faults per site: with 2 every site is visited first
  --jobs N        processes that share the work; more than one needs root
  --sample        few sites of few commands: for the quick tests; writes no log
  --failed        repeats the faults of the log that ended wrong
  --table FILE    writes the table of the log (results/baseline/calls.csv), and prints the share of the sites in it"""
import argparse
import collections
import csv
import ctypes
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import calls_sites
from calls_made import CODES, Command, Fault, Reference, Scratch, Tools, call, make, report_of

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TEMPLATE = os.path.join(SOURCE, "tests", "fuzz", "template")
SMALL = ["--repeat-blocks", "1", "--slices", "3", "--no-plots", "--no-counters", "--seed", "1", "--out", "new"]
GATES = ["--thresholds", "gates.ini", "--baseline", "good"]
EXPORTS = ("go-bench", "gbench-json", "hyperfine-json", "bencher-bmf", "github-action-json", "prometheus", "hdr-text")

COMMANDS = {
    "report": Command(["report", "run", "--no-plots"], 10, True),
    "report --out": Command(["report", "run", "--no-plots", "--out", "out"], 10, True),
    "check": Command(["check", "run", *GATES, "--junit", "junit.xml"], 10, True),
    "check json": Command(["check", "run", *GATES, "--json", "--github"], 10, True),
    "compare": Command(["compare", "good", "run"], 10, True),
    "export": Command(["export", "run", "--to", "openmetrics", "--out", "metrics.txt"], 10, True),
    "export csv": Command(["export", "run", "--to", "csv"], 10, True),
    **{f"export {to}": Command(["export", "run", "--to", to], 10, True) for to in EXPORTS},
    "history add": Command(["history", "add", "run", "--db", "history.sqlite"], 15, True),
    "history show": Command(["history", "show", "--db", "old.sqlite"], 15, True),
    "choose": Command(["choose", "--lock", "--from", "locks"], 10, True),
    "report plots": Command(["report", "run"], 40, True),
    "help man": Command(["help", "man"], 10, True),
    "list": Command(["list"], 10, False),
    "list some": Command(["list", "first_touch", "transport_latency", "numa_policy"], 10, False),
    "list sysfs": Command(["list"], 10, False),
    "doctor": Command(["doctor"], 20, False),
    "doctor sysfs": Command(["doctor"], 20, False),
    "tune": Command(["tune"], 10, False),
    "tune --undo": Command(["tune", "--undo"], 10, False),
    "run": Command(["run", "lock_uncontended/mutex", *SMALL], 40, False),
    "run counters": Command(["run", "lock_uncontended/mutex", *(w for w in SMALL if w != "--no-counters")], 40, False),
    "run plots": Command(["run", "lock_uncontended/mutex", *(w for w in SMALL if w != "--no-plots")], 60, False),
    "run backings": Command(["run", "prefault/lazy", "prefault/populate", *SMALL, "--backing", "sysv"], 40, False),
    "run file": Command(["run", "prefault/lazy", *SMALL, "--backing", "file"], 40, False),
    "run transports": Command(["run", "transport_latency/posix_mq", "transport_latency/unix_stream", *SMALL], 40, False),
    "demo": Command(["demo", "one-frame", "--yes"], 40, False),
}
# Recording all of `list` takes longer than the sample.
QUICK = ("report", "export", "list some", "tune --undo", "run")
# hwloc does not check for failed allocations, so commands that load a topology crash in it.
QUICK_ALLOCATIONS = ("report", "check", "export", "history add")
FIELDS = ["command", "process", "call", "fault", "position", "site", "met", "code", "verdict", "said"]


def record(base, program, name):
    """Every site of a command."""
    command = COMMANDS[name]
    with Scratch(base) as scratch:
        trace = scratch.note("trace")
        outcome = call(scratch, [program, *command.words], command.limit * 20, ["strace", "-ff", "-k", "-o", trace])[0]
        if outcome.code not in CODES:
            sys.exit(f"{name}: not recorded: {outcome}")
        return calls_sites.read_traces(trace, name, command.words[0], os.path.basename(program))


def sites_of(base, arguments, name, tools):
    """The sites of a command; they are stored next to the log, with the build that they belong to."""
    path = arguments.log and not arguments.sample and arguments.log + ".sites"
    with open(arguments.program, "rb") as file:
        known = {"build": hashlib.sha256(file.read()).hexdigest()}
    if path and os.path.exists(path):
        with open(path) as file:
            before = json.load(file)
        if before["build"] != known["build"]:
            sys.exit(f"FAIL {arguments.log} is of another build: begin a new log")
        known = before
    key = f"allocations of {name}" if arguments.allocations else name
    if key in known:
        return [calls_sites.Site(*s[:3], tuple(s[3]), s[4]) for s in known[key]]
    if arguments.allocations:
        known[key] = count_allocations(base, arguments.program, name, tools.shim)
    else:
        known[key] = record(base, arguments.program, name)
    if path:
        with open(path, "w") as file:
            json.dump(known, file)
    return known[key]


def count_allocations(base, program, name, shim):
    """A site for each allocation of a command."""
    command = COMMANDS[name]
    with Scratch(base) as scratch:
        path = scratch.note("count")
        call(scratch, [program, *command.words], command.limit,
             ["env", f"LD_PRELOAD={shim}", f"SHMETER_COUNT_ALLOCATIONS={path}"])
        with open(path) as file:
            return [calls_sites.Site(name, 0, "allocation", (f"{name} {i + 1}",), [i + 1])
                    for i in range(int(file.read()))]


def prepare(program, folder):
    """The folders that commands start with: one has hwloc's record of this machine, the other does not."""
    base = os.path.join(folder, "base")
    os.makedirs(base)
    for name in ("run", "good"):
        shutil.copytree(TEMPLATE, os.path.join(base, name))
    shutil.copy(os.path.join(TEMPLATE, "gates.ini"), base)
    subprocess.run([program, "history", "add", "good", "--db", "old.sqlite"], cwd=base, stdout=subprocess.DEVNULL,
                   check=True)
    subprocess.run([program, "run", "lock_throughput/tas", "lock_throughput/mutex", *SMALL[:-1], "locks", "-q"], cwd=base,
                   stdout=subprocess.DEVNULL, check=True)
    shutil.copytree(base, os.path.join(folder, "sysfs"))
    hwloc, topology = ctypes.CDLL("libhwloc.so.15"), ctypes.c_void_p()
    if (hwloc.hwloc_topology_init(ctypes.byref(topology)) or hwloc.hwloc_topology_load(topology) or
            hwloc.hwloc_topology_export_xml(topology, os.path.join(base, "topology.xml").encode(), ctypes.c_ulong(0))):
        sys.exit("FAIL hwloc does not write this machine's topology")


class Log:
    """Rows grouped by site, together with the rows for sites that have no fault yet."""

    def __init__(self, path):
        self.path, self.rows = path, {}
        if path and os.path.exists(path):
            with open(path, newline="") as file:
                self.rows = {self.key(row): row for row in csv.DictReader(file)}

    @staticmethod
    def key(row):
        return (row["process"], row["call"], row["site"], row["fault"])

    @staticmethod
    def key_of(task):
        return ("child" if task.site.process else "own", task.site.call, calls_sites.place(task.site), task.name)

    def has(self, task):
        return self.key_of(task) in self.rows

    def add(self, *rows):
        new = self.path and not os.path.exists(self.path)
        self.rows.update((self.key(row), row) for row in rows)
        if self.path:
            with open(self.path, "a", newline="") as file:
                out = csv.DictWriter(file, FIELDS, lineterminator="\n")
                if new:
                    out.writeheader()
                out.writerows(rows)

    def note_sites(self, sites):
        """Adds for each site a row that says that it was seen."""
        seen = [Fault(s, "seen", 0) for s in sites]
        self.add(*({"command": t.site.command, "process": self.key_of(t)[0], "call": t.site.call, "fault": "seen",
                    "position": len(t.site.positions), "site": calls_sites.place(t.site), "met": "", "code": "",
                    "verdict": "", "said": ""} for t in seen if not self.has(t)))


def is_wrong(row):
    return row["verdict"] != "good" and not row["verdict"].startswith("known: ")


def write_table(rows, path):
    """A line for each site: its faults and their results; a call with two possible errors needs both."""
    sites = collections.defaultdict(list)
    for row in rows:
        sites[(row["process"], row["call"], row["site"])].append(row)
    counts = collections.Counter()
    with open(path, "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["process", "call", "site", "command", "seen", "faults", "errors", "ended", "wrong"])
        for (process, name, site), of in sorted(sites.items()):
            made = [r for r in of if r["fault"] != "seen" and r["met"] == "yes"]
            errors = sorted(r["fault"][6:] for r in made if r["fault"].startswith("error="))
            can = len(calls_sites.ERRORS.get(name, []))
            counts["calls"] += sum(int(r["position"]) for r in of if r["fault"] == "seen")
            counts["sites"] += 1
            counts["without"] += not can
            counts["injected"] += bool(can) and len(errors) >= min(2, can)
            counts["faults"] += len(made)
            counts["wrong"] += sum(map(is_wrong, made))
            ended = collections.Counter(r["code"] for r in made)
            short = " < ".join(f.split("+")[0] for f in site.split(" < ")[:5])
            out.writerow([process, name, short, of[0]["command"],
                          next((r["position"] for r in of if r["fault"] == "seen"), ""), len(made), " ".join(errors),
                          " ".join(f"{c}:{n}" for c, n in sorted(ended.items())), sum(map(is_wrong, made))])
    able = counts["sites"] - counts["without"]
    print(f"{counts['calls']} calls at {counts['sites']} sites; {counts['without']} sites of calls that cannot fail; "
          f"{counts['injected']} of {able} others ({100 * counts['injected'] / max(1, able):.1f} %) failed with two errors "
          f"where there are two; {counts['faults']} faults, {counts['wrong']} ended wrong")


def tasks_of(sites, most):
    """Every fault of every site, the first of each site first."""
    tasks = [(n, Fault(s, f, calls_sites.position(s, n))) for s in sites for n, f in enumerate(calls_sites.faults(s))
             if n < most]
    return [t for _, t in sorted(tasks, key=lambda t: t[0])]


def sample_of(tasks):
    """A few faults, with an EINTR of each call; of allocations also the last ones, where a command computes its answer."""
    if tasks and tasks[0].site.call == "allocation":
        return [*tasks[-100:], *tasks[:-100:max(1, len(tasks) // 40)]]
    interrupted = {t.site.call: t for t in reversed(tasks) if t.name == "error=EINTR"}
    return [*interrupted.values(), *tasks[::max(1, len(tasks) // 40)]]


def work(arguments, names, folder, log, tools):
    """(faults made, made before, ended wrong) for each command."""
    begin, seconds = time.monotonic(), arguments.seconds or 1e9
    part, parts = map(int, arguments.part.split("/"))
    for number, name in enumerate(names):
        # in a sample each command gets its share of the time
        end = begin + seconds * ((number + 1) / len(names) if arguments.sample else 1)
        if time.monotonic() > end:
            continue
        base = base_of(folder, name)
        sites = sites_of(base, arguments, name, tools)
        if not arguments.sample:
            log.note_sites(sites)
        tasks = tasks_of(sites, arguments.errors)[part::parts]
        tasks = sample_of(tasks) if arguments.sample else tasks
        done = [t for t in tasks if log.has(t)]
        if arguments.failed:
            todo = [t for t in done if is_wrong(log.rows[log.key_of(t)])]
        else:
            todo = [t for t in tasks if not log.has(t) or log.rows[log.key_of(t)]["met"] == "no"]
        made, bad = make_all(arguments.program, base, tools, todo, end, log)
        print(f"{name}: {len(sites)} sites, {made} faults made of {len(todo)}, {len(done)} before, "
              f"{bad} ended wrong", flush=True)
        yield made, len(done), bad


def make_all(program, base, tools, todo, end, log):
    """(faults made, ended wrong) of one command, until the time is over."""
    made = bad = 0
    if not todo:
        return 0, 0
    command = COMMANDS[todo[0].site.command]
    with Scratch(base) as scratch:
        outcome = call(scratch, [program, *command.words], 60)[0]
    with Scratch(base) as scratch:
        reference = Reference(outcome, report_of(scratch, program, "run"))
    for task in todo:
        if time.monotonic() > end:
            break
        row = make(base, program, tools, command, task, reference)
        made += 1
        log.add(row)
        if is_wrong(row):
            bad += 1
            print(f"FAIL {row['command']}: {row['process']} {row['call']} {row['position']} {row['fault']}: "
                  f"{row['verdict']} [{row['said'][:150]}] at {row['site'][:160]}", flush=True)
    return made, bad


def base_of(folder, name):
    return os.path.join(folder, "sysfs" if name.endswith("sysfs") else "base")


def share_out(arguments, names, folder, log, tools):
    """Distributes the work to processes with their own shared memory and queues, so that each finds only what it left
    behind itself; they write one log."""
    for name in names:  # before the parts, which all note the same
        log.note_sites(sites_of(base_of(folder, name), arguments, name, tools))
    parts = [subprocess.Popen([os.path.join(SOURCE, "tests", "apart"), sys.executable, os.path.abspath(__file__),
                               *sys.argv[1:], "--jobs", "1", "--part", f"{part}/{arguments.jobs}"])
             for part in range(arguments.jobs)]
    return max([part.wait() for part in parts])


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=os.path.abspath)
    parser.add_argument("tools", type=os.path.abspath)
    for option in ("--log", "--only", "--table"):
        parser.add_argument(option)
    parser.add_argument("--part", default="0/1", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--errors", type=int, default=99)
    parser.add_argument("--jobs", type=int, default=1)
    for flag in ("--allocations", "--sample", "--failed"):
        parser.add_argument(flag, action="store_true")
    return parser.parse_args()


def main():
    arguments = parse()
    if not (arguments.allocations or shutil.which("strace")):
        sys.exit("FAIL there is no strace: install it")
    log = Log(None if arguments.sample else arguments.log)
    if arguments.table:
        write_table(log.rows.values(), arguments.table)
        return 0
    quick = QUICK_ALLOCATIONS if arguments.allocations else QUICK
    names = arguments.only.split(",") if arguments.only else quick if arguments.sample else list(COMMANDS)
    tools = Tools(os.path.join(arguments.tools, "fail_call"), os.path.join(arguments.tools, "libfail_allocation.so"),
                  calls_sites.numbers())
    with tempfile.TemporaryDirectory(prefix="shmeter-calls-base-") as folder:
        prepare(arguments.program, folder)
        if arguments.jobs > 1:
            return share_out(arguments, names, folder, log, tools)
        made, done, bad = (sum(column) for column in zip(*work(arguments, names, folder, log, tools)))
    holds = bad == 0 and made + done > 0
    print(("PASS " if holds else "FAIL ") + f"{made} faults, {bad} ended wrong")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
