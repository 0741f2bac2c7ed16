#!/usr/bin/env python3
"""Every system call fails once.  A small form of each command runs under strace, which records the calls that it makes
and from where; then each place (call and the program's own frames of its stack) fails once with each error that the
call's man page lists and that a machine could give there, is delayed, and is ended by a signal.  Each time the command
has to end soon, with a documented code; with one sentence if it failed; without a .part file, a process, a name in
/dev/shm or a System V object left behind; with the run folder fit for `report`; and what it printed as it was without
the fault, unless it said otherwise on standard error.

What the dynamic loader does before main() is not the program's and is not failed.

With --allocations SHIM (fail_allocation of the test build, preloaded) each allocation of a command gets no memory once
instead, and is held to the same.

usage: calls.py PROGRAM [--allocations SHIM] [--log FILE] [--seconds S] [--only COMMAND[,...]] [--sample] [--jobs N]
  --log FILE      a line for each fault; those in it are not made again (default results/baseline/calls.csv)
  --seconds S     stops after that long
  --only ...      these commands alone
  --sample        few places of few commands: for the quick tests; writes no log
  --failed        makes those of the log again that ended wrong
  --table         prints the table of the log"""
import argparse
import collections
import concurrent.futures
import csv
import errno
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TEMPLATE = os.path.join(SOURCE, "tests", "fuzz", "template")
SMALL = ["--repeat-blocks", "1", "--slices", "3", "--no-plots", "--seed", "1"]

# name: (the command in its folder, seconds it may take, whether it reads an existing run and prints the same each time)
COMMANDS = {
    "report": (["report", "run", "--no-plots"], 10, True),
    "report --out": (["report", "run", "--no-plots", "--out", "out"], 10, True),
    "check": (["check", "run", "--thresholds", "gates.ini", "--baseline", "good", "--junit", "junit.xml"], 10, True),
    "compare": (["compare", "good", "run"], 10, True),
    "export": (["export", "run", "--to", "openmetrics", "--out", "metrics.txt"], 10, True),
    "export csv": (["export", "run", "--to", "csv"], 10, True),
    "history add": (["history", "add", "run", "--db", "history.sqlite"], 15, True),
    "history show": (["history", "show", "--db", "old.sqlite"], 15, True),
    "report plots": (["report", "run"], 40, True),
    "list": (["list"], 10, False),
    "doctor": (["doctor"], 20, False),
    "tune": (["tune"], 10, False),
    "tune --undo": (["tune", "--undo"], 10, False),
    "run": (["run", "lock_uncontended/mutex", *SMALL, "--out", "new"], 40, False),
    "run backings": (["run", "prefault/lazy", "prefault/populate", *SMALL, "--backing", "sysv", "--out", "new"], 40,
                     False),
    "run transports": (["run", "transport_latency/posix_mq", "transport_latency/unix_stream", *SMALL, "--out", "new"],
                       40, False),
    "demo": (["demo", "one-frame", "--yes"], 40, False),
}
QUICK = ("report", "export", "tune --undo", "run")
# hwloc does not look whether it got memory: what loads a topology dies in it.
QUICK_ALLOCATIONS = ("report", "check", "export", "history add")

# What the man pages list and a caller that passes what we pass can meet.  brk itself never fails: the kernel returns
# the old end, which --inject cannot; memory that is refused is calls of mmap here, and --allocations.
FILES = "EACCES EMFILE ENFILE ENOENT ENOMEM EINTR EIO ELOOP ENOTDIR EROFS ENOSPC"
ERRORS = {name: errors.split() for name, errors in {
    "openat": FILES, "open": FILES, "read": "EIO EINTR EISDIR EAGAIN", "pread64": "EIO EINTR",
    "write": "ENOSPC EIO EINTR EPIPE EDQUOT EFBIG", "pwrite64": "ENOSPC EIO EINTR EFBIG", "writev": "ENOSPC EIO EINTR",
    "close": "EIO EINTR ENOSPC", "newfstatat": "EACCES ENOENT ENOMEM ELOOP", "fstat": "ENOMEM EOVERFLOW",
    "statx": "EACCES ENOENT ENOMEM", "statfs": "EACCES EIO ENOSYS EINTR", "fstatfs": "EIO ENOSYS EINTR",
    "access": "EACCES ENOENT EIO ELOOP ENOMEM", "faccessat2": "EACCES ENOENT EIO ENOSYS EPERM",
    "getdents64": "ENOENT ENOTDIR EIO", "lseek": "ESPIPE EINVAL EOVERFLOW", "rename": "EACCES ENOSPC EIO EROFS EXDEV",
    "unlink": "EACCES EBUSY EIO EROFS", "unlinkat": "EACCES EBUSY EIO EROFS", "rmdir": "EBUSY ENOTEMPTY EACCES",
    "mkdir": "EACCES ENOSPC EROFS EMLINK EDQUOT", "fsync": "EIO ENOSPC EROFS", "fdatasync": "EIO ENOSPC EROFS",
    "ftruncate": "EFBIG EINTR EIO EPERM", "fallocate": "ENOSPC EOPNOTSUPP EINTR EIO",
    "fcntl": "EAGAIN EACCES EINTR EINVAL",
    "flock": "EAGAIN EINTR ENOLCK", "ioctl": "ENOTTY EINVAL", "readlink": "EACCES EINVAL EIO ENOENT",
    "readlinkat": "EACCES EINVAL EIO ENOENT", "symlink": "EACCES EEXIST ENOSPC EROFS", "chmod": "EPERM EROFS",
    "fchmod": "EPERM EROFS", "fchown": "EPERM EROFS", "fadvise64": "EINVAL ESPIPE", "getcwd": "EACCES ENOENT",
    "chdir": "EACCES ENOENT", "dup": "EMFILE EBADF", "dup2": "EBUSY EINTR EMFILE", "dup3": "EBUSY EINTR EMFILE",
    "pipe2": "EMFILE ENFILE", "eventfd2": "EMFILE ENOMEM", "memfd_create": "EMFILE ENOMEM ENOSYS",
    "mmap": "ENOMEM EAGAIN ENODEV EPERM", "munmap": "ENOMEM EINVAL", "mprotect": "ENOMEM EACCES",
    "mremap": "ENOMEM EAGAIN", "madvise": "ENOMEM EAGAIN EINVAL EPERM", "mlock": "ENOMEM EPERM EAGAIN",
    "munlock": "ENOMEM EPERM", "msync": "EIO ENOMEM", "mbind": "EPERM ENOSYS EIO ENOMEM",
    "get_mempolicy": "EPERM ENOSYS", "set_mempolicy": "EPERM ENOSYS ENOMEM", "move_pages": "EPERM ENOSYS ENOMEM",
    "brk": "", "mincore": "EAGAIN ENOMEM", "clone": "EAGAIN ENOMEM EPERM", "clone3": "EAGAIN ENOMEM EPERM ENOSYS",
    "fork": "EAGAIN ENOMEM", "vfork": "EAGAIN ENOMEM", "execve": "ENOENT EACCES E2BIG ENOMEM",
    "wait4": "EINTR ECHILD", "waitid": "EINTR ECHILD", "kill": "EPERM ESRCH", "tgkill": "ESRCH EAGAIN",
    "pidfd_open": "EMFILE ENOMEM ENOSYS EPERM", "pidfd_send_signal": "EPERM ESRCH ENOSYS",
    "setpgid": "EACCES EPERM ESRCH",
    "setsid": "EPERM", "poll": "EINTR ENOMEM EINVAL", "ppoll": "EINTR ENOMEM", "select": "EINTR ENOMEM",
    "pselect6": "EINTR ENOMEM", "nanosleep": "EINTR", "clock_nanosleep": "EINTR", "futex": "EINTR EAGAIN ETIMEDOUT",
    "sched_setaffinity": "EINVAL EPERM ESRCH ENOSYS", "sched_getaffinity": "EPERM ENOSYS EINVAL",
    "sched_setscheduler": "EPERM", "sched_getparam": "EPERM", "setpriority": "EACCES EPERM", "prctl": "EINVAL EPERM",
    "prlimit64": "EPERM EINVAL", "getrlimit": "EINVAL", "setrlimit": "EPERM", "getrusage": "EINVAL ENOSYS",
    "clock_gettime": "EINVAL", "times": "EINVAL", "uname": "ENOSYS", "sysinfo": "ENOSYS",
    "getrandom": "EAGAIN EINTR ENOSYS",
    "rt_sigaction": "EINVAL", "rt_sigprocmask": "EINVAL", "signalfd4": "EMFILE ENOMEM",
    "timerfd_create": "EMFILE ENOMEM",
    "timerfd_settime": "EINVAL ECANCELED", "perf_event_open": "EACCES EMFILE ENOENT EPERM EBUSY ENOSYS",
    "socket": "EAFNOSUPPORT EMFILE ENOBUFS EACCES", "socketpair": "EMFILE EOPNOTSUPP", "bind": "EADDRINUSE EACCES",
    "listen": "EADDRINUSE", "connect": "ECONNREFUSED EINTR EAGAIN", "accept": "EMFILE EINTR ECONNABORTED",
    "accept4": "EMFILE EINTR ECONNABORTED", "setsockopt": "ENOPROTOOPT EPERM", "getsockopt": "ENOPROTOOPT",
    "getsockname": "ENOBUFS", "sendto": "EINTR ENOBUFS EPIPE", "recvfrom": "EINTR ECONNRESET",
    "sendmsg": "EINTR ENOBUFS",
    "recvmsg": "EINTR ENOMEM", "shutdown": "ENOTCONN", "shmget": "ENOSPC ENOMEM EACCES EPERM",
    "shmat": "EACCES ENOMEM EIDRM",
    "shmdt": "EINVAL", "shmctl": "EPERM EIDRM EACCES", "semget": "ENOSPC ENOMEM", "semctl": "EPERM EIDRM",
    "semop": "EINTR EIDRM", "semtimedop": "EINTR EAGAIN EIDRM", "msgget": "ENOSPC ENOMEM", "msgctl": "EPERM EIDRM",
    "msgsnd": "EINTR EIDRM EAGAIN", "msgrcv": "EINTR EIDRM", "mq_open": "EMFILE ENOSPC EACCES ENOSYS",
    "mq_unlink": "EACCES ENOENT", "mq_timedsend": "EINTR EAGAIN", "mq_timedreceive": "EINTR EAGAIN",
    "mq_getsetattr": "EBADF", "process_vm_readv": "EPERM ESRCH ENOSYS", "utimensat": "EACCES EROFS",
    "geteuid": "", "getuid": "", "getpid": "", "getppid": "", "gettid": "", "umask": "", "getgid": "", "getegid": "",
    "exit_group": "", "exit": "", "sched_yield": "", "alarm": "", "set_robust_list": "EINVAL",
    "getpgrp": "", "pause": "EINTR", "rt_sigreturn": "", "membarrier": "ENOSYS EPERM", "rseq": "ENOSYS",
    "get_robust_list": "EPERM", "pkey_mprotect": "ENOMEM", "inotify_init1": "EMFILE", "getcpu": "",
    "setitimer": "EINVAL", "timer_create": "EAGAIN ENOMEM", "timer_settime": "EINVAL", "timer_delete": "EINVAL",
    "linkat": "EACCES ENOSPC", "symlinkat": "EACCES ENOSPC", "renameat2": "EACCES ENOSPC", "mkdirat": "EACCES ENOSPC",
    "mlock2": "ENOMEM EPERM", "mlockall": "ENOMEM EPERM", "munlockall": "EPERM", "splice": "ENOMEM EINVAL",
    "process_madvise": "EPERM", "pivot_root": "EPERM", "io_uring_setup": "EPERM ENOSYS ENOMEM", "set_tid_address": "",
    "restart_syscall": "EINTR", "userfaultfd": "EPERM ENOSYS",
}.items()}
# They end the process, or are its start.
NEVER = {"exit_group", "exit", "rt_sigreturn", "execve"}
# Faults of a library that cannot be mended here: told in the log, not failed.
LIBRARIES = {"gen_tracepoint_table": "libpfm4 does not look whether it could read a tracepoint's number"}
CODES = {0, 1, 3, 4, 5, 6}
FIELDS = ["command", "call", "position", "fault", "site", "code", "verdict", "said"]
Site = collections.namedtuple("Site", "command call position frames")
Outcome = collections.namedtuple("Outcome", "code out err")


class Scratch:
    """A folder for one command: a run to read, one to compare with, gates, a history, a state of its own."""

    def __init__(self, base):
        self.top = tempfile.mkdtemp(prefix="shmeter-calls-")
        self.work = os.path.join(self.top, "work")
        shutil.copytree(base, self.work)
        os.makedirs(os.path.join(self.top, "tmp"))
        self.environment = {**os.environ, "SHMETER_STATE_DIR": os.path.join(self.top, "state"), "HOME": self.work,
                            "TMPDIR": os.path.join(self.top, "tmp"), "LC_ALL": "C.UTF-8", "COLUMNS": "100"}
        self.environment.pop("GITHUB_STEP_SUMMARY", None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.top, ignore_errors=True)


def call(scratch, words, limit, prefix=()):
    """Outcome; code is None where it had to be killed.  A session of its own shows what stays."""
    with open(os.path.join(scratch.top, "out"), "wb+") as out, open(os.path.join(scratch.top, "err"), "wb+") as err:
        process = subprocess.Popen([*prefix, *words], cwd=scratch.work, env=scratch.environment, stdout=out, stderr=err,
                                   stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            code = None
        end_session(process.pid, 0 if code is None else 0.7)
        process.wait()
        out.seek(0), err.seek(0)
        return Outcome(code, out.read().decode("utf-8", "replace"), err.read().decode("utf-8", "replace")), process.pid


def session(sid):
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path) as file:
                words = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[3]) == sid and words[0] != "Z":
            found.append(int(path.split("/")[2]))
    return found


LEFT = {}


def end_session(sid, patience):
    """Waits so long for the last process of the session, then ends what is left, and notes it."""
    end = time.monotonic() + patience
    while session(sid) and time.monotonic() < end:
        time.sleep(0.02)
    left = session(sid)
    for pid in left:
        try:
            with open(f"/proc/{pid}/comm") as file:
                LEFT.setdefault(sid, []).append(file.read().strip())
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass


def objects():
    """Names and System V objects of this program's processes; those of a process that lives are not left."""
    def lines(path):
        with open(path) as file:
            return [line.split() for line in file.read().splitlines()[1:]]
    found = set(glob.glob("/dev/shm/shmeter*") + glob.glob("/dev/mqueue/shmeter*"))
    for kind, cpid in (("shm", 4), ("msg", 5), ("sem", None)):
        for words in lines(f"/proc/sysvipc/{kind}"):
            found.add((kind, words[1], words[cpid] if cpid else ""))
    return found


def record(base, program, name):
    """Every place of a command: its first position among the parent's calls of that name."""
    words, limit, _ = COMMANDS[name]
    with Scratch(base) as scratch:
        trace = os.path.join(scratch.top, "trace")
        outcome, _ = call(scratch, [program, *words], limit * 20, ["strace", "-ff", "-k", "-o", trace])
        if outcome.code not in CODES:
            sys.exit(f"{name}: not recorded: {outcome}")
        parent = min(glob.glob(trace + ".*"), key=lambda p: int(p.rpartition(".")[2]))
        return list(read_trace(parent, name, os.path.basename(program)))


def read_trace(path, name, program):
    counts, seen = collections.Counter(), set()
    current, frames = None, []

    def end():
        own = tuple(f for f in frames if f)
        if current and own and (current, own) not in seen:
            seen.add((current, own))
            return Site(name, current, counts[current], own)
        return None

    with open(path, errors="replace") as file:
        for line in file:
            if line.startswith(" > "):
                found = re.match(r" > \S*/" + re.escape(program) + r"\(([^)]*)\)", line)
                frames.append(found.group(1) if found else None)
                continue
            site = end()
            if site:
                yield site
            called = re.match(r"(\w+)\(", line)
            current, frames = (called.group(1), []) if called else (None, [])
            counts[current] += 1
    site = end()
    if site:
        yield site


def count_allocations(base, program, name, shim):
    """A place for each allocation of a command."""
    words, limit, _ = COMMANDS[name]
    with Scratch(base) as scratch:
        path = os.path.join(scratch.top, "count")
        call(scratch, [program, *words], limit,
             ["env", f"LD_PRELOAD={shim}", f"SHMETER_COUNT_ALLOCATIONS={path}"])
        with open(path) as file:
            return [Site(name, "allocation", i + 1, ()) for i in range(int(file.read()))]


def faults(site):
    if site.call == "allocation":
        return ["no memory"]
    if site.call in NEVER:
        return []
    kinds = [f"error={e}" for e in ERRORS.get(site.call, [])]
    return kinds + ["delay_enter=30000", "signal=SIGTERM"]


def report_of(scratch, program, folder, *options):
    return call(scratch, [program, "report", folder, "--no-plots", *options], 20)[0]


def judge(site, fault, outcome, reference, left, scratch, program):
    """What is wrong with how it ended; an empty text where nothing is."""
    code, out, err = outcome
    wrong = []
    if err.startswith("strace: "):
        return f"was not made: {err.strip()}"
    said = [line for line in err.splitlines() if line.strip()]
    stopped = fault == "signal=SIGTERM"
    if code is None:
        return "hangs"
    if stopped and code in (128 + signal.SIGTERM, -signal.SIGTERM):
        pass
    elif code < 0 or code > 6 or code not in CODES:
        wrong.append(f"exit {code}")
    elif code not in (0, reference.code) and not any(line.startswith("shmeter: ") for line in said):
        wrong.append("fails without a sentence")
    elif (code not in (0, reference.code) and len(said) > 1 + len(reference.err.splitlines()) and
          COMMANDS[site.command][2]):
        wrong.append(f"{len(said)} sentences")
    if site.call == "write" and code and os.strerror(errno.ENOENT) in err:
        wrong.append("names the errno of another call")
    wrong += left
    if COMMANDS[site.command][2]:
        if code == reference.code and out != reference.out and not said:
            wrong.append("prints something else and says nothing")
        again = report_of(scratch, program, "run")
        if again.code != scratch.plain.code or again.out != scratch.plain.out:
            wrong.append(f"the folder is another afterwards: report says {again.code} {again.err[:200]}")
    if os.path.exists(os.path.join(scratch.work, "new", "manifest.json")):
        again = report_of(scratch, program, "new")
        if again.code not in (0, 1, 3, 5) and not (again.code == 6 and "no trial" in again.err):
            wrong.append(f"report: exit {again.code}: {again.err[:200]}")
        if code == 0:
            again = report_of(scratch, program, "new", "-q")  # without tables, as after a run
            mine = [l for l in out.splitlines() if not l.startswith(("Files: ", "figures"))]
            theirs = [l for l in again.out.splitlines() if not l.startswith(("Files: ", "figures"))]
            if mine != theirs:
                first = next((p for p in zip(mine, theirs) if p[0] != p[1]), (len(mine), len(theirs)))
                wrong.append(f"the run's figures are not those of report: {first}")
    return "; ".join(wrong)


def with_fault(site, fault, shim):
    if site.call == "allocation":
        return ["env", f"LD_PRELOAD={shim}", f"SHMETER_FAIL_ALLOCATION={site.position}"]
    inject = f"inject={site.call}:{fault}:when={site.position}"
    return ["strace", "-qqq", "-o", "/dev/null", "-e", f"trace={site.call}", "-e", inject]


def one(base, program, site, fault, prefix, reference, plain):
    words, limit, _ = COMMANDS[site.command]
    before = objects()
    with Scratch(base) as scratch:
        scratch.plain = plain
        outcome, sid = call(scratch, [program, *words], limit, prefix)
        left = [f"leaves {os.path.relpath(p, scratch.work)}" for p in
                glob.glob(scratch.top + "/**/*.part", recursive=True)]
        left += [f"leaves the process {c}" for c in LEFT.pop(sid, [])]
        # other runs come and go: what is left is what nobody's process made
        new = {o for o in objects() - before
               if not (isinstance(o, tuple) and o[2] and os.path.exists(f"/proc/{o[2]}"))}
        if new:
            time.sleep(0.5)
            left += [f"leaves {o}" for o in new & objects() if not another_lives(o)]
        left += [f"leaves {name} in TMPDIR" for name in os.listdir(os.path.join(scratch.top, "tmp"))]
        verdict = judge(site, fault, outcome, reference, left, scratch, program)
        if verdict:
            verdict = next((f"known: {why}: {verdict}" for frame, why in LIBRARIES.items()
                            if any(f.startswith(frame) for f in site.frames)), verdict)
    return {"command": site.command, "call": site.call, "position": site.position, "fault": fault,
            "site": " < ".join(site.frames[:8]), "code": outcome.code, "verdict": verdict or "good",
            "said": " | ".join(outcome.err.splitlines())[:300]}


def another_lives(name):
    """Whether a process that lives has its number in the name."""
    numbers = re.findall(r"\d+", name if isinstance(name, str) else name[2])
    return any(os.path.exists(f"/proc/{n}") for n in numbers if int(n) > 1)


def prepare(program, folder):
    base = os.path.join(folder, "base")
    os.makedirs(base)
    for name in ("run", "good"):
        shutil.copytree(TEMPLATE, os.path.join(base, name))
    shutil.copy(os.path.join(TEMPLATE, "gates.ini"), base)
    subprocess.run([program, "history", "add", "good", "--db", "old.sqlite"], cwd=base, stdout=subprocess.DEVNULL,
                   check=True)
    return base


def name_of(task):
    site, fault = task
    return (site.command, site.call, str(site.position), fault)


def key(row):
    return (row["command"], row["call"], str(row["position"]), row["fault"])


class Log:
    def __init__(self, path):
        self.path, self.rows = path, {}
        if path and os.path.exists(path):
            with open(path, newline="") as file:
                self.rows = {key(row): row for row in csv.DictReader(file)}

    def add(self, row):
        new = self.path and not os.path.exists(self.path)
        self.rows[key(row)] = row
        if self.path:
            with open(self.path, "a", newline="") as file:
                out = csv.DictWriter(file, FIELDS, lineterminator="\n")
                if new:
                    out.writeheader()
                out.writerow(row)


def is_wrong(row):
    return row["verdict"] != "good" and not row["verdict"].startswith("known: ")


def table(rows):
    by = collections.defaultdict(lambda: [set(), 0, collections.Counter(), 0])
    for row in rows:
        entry = by[row["call"]]
        entry[0].add((row["command"], row["site"], row["position"]))
        entry[1] += 1
        entry[2][row["code"]] += 1
        entry[3] += is_wrong(row)
    print("| call | sites | faults | exit codes | wrong |\n|---|---|---|---|---|")
    for name, (sites, count, codes, wrong) in sorted(by.items()):
        print(f"| {name} | {len(sites)} | {count} | " + ", ".join(f"{c}: {n}" for c, n in codes.most_common()) +
              f" | {wrong} |")


def work(arguments, program, base, log):
    sample = QUICK_ALLOCATIONS if arguments.allocations else QUICK
    names = arguments.only.split(",") if arguments.only else sample if arguments.sample else list(COMMANDS)
    begin, seconds = time.monotonic(), arguments.seconds or 1e9
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for number, name in enumerate(names):
            # of a sample each command has its share
            end = begin + seconds * ((number + 1) / len(names) if arguments.sample else 1)
            if time.monotonic() > end:
                continue
            shim = arguments.allocations and os.path.abspath(arguments.allocations)
            sites = count_allocations(base, program, name, shim) if shim else record(base, program, name)
            todo = [(s, f) for s in sites for f in faults(s)]
            if arguments.sample:
                # an EINTR of each call is among it
                interrupted = {t[0].call: t for t in reversed(todo) if t[1] == "error=EINTR"}
                todo = [*interrupted.values(), *todo[::max(1, len(todo) // 40)]]
            done = [t for t in todo if name_of(t) in log.rows]
            if arguments.failed:
                todo = [t for t in done if log.rows[name_of(t)]["verdict"] != "good"]
            else:
                todo = [t for t in todo if t not in done]
            with Scratch(base) as scratch:
                reference = call(scratch, [program, *COMMANDS[name][0]], 60)[0]
            with Scratch(base) as scratch:
                plain = report_of(scratch, program, "run")

            def make(task, end=end):
                if time.monotonic() > end:
                    return None
                return one(base, program, *task, with_fault(*task, shim), reference, plain)
            bad = made = 0
            for row in pool.map(make, todo):
                if row is None:
                    continue
                made += 1
                log.add(row)
                if is_wrong(row):
                    bad += 1
                    print(f"FAIL {name}: {row['call']} {row['position']} {row['fault']}: {row['verdict']} "
                          f"[{row['said'][:150]}] at {row['site'][:160]}", flush=True)
            print(f"{name}: {len(sites)} places, {made} faults made of {len(todo)}, {len(done)} before, "
                  f"{bad} ended wrong", flush=True)
            yield made, bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--log", default=os.path.join(SOURCE, "results", "baseline", "calls.csv"))
    parser.add_argument("--allocations")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--only")
    parser.add_argument("--jobs", type=int, default=2)
    for flag in ("--sample", "--failed", "--table"):
        parser.add_argument(flag, action="store_true")
    arguments = parser.parse_args()
    program = os.path.abspath(arguments.program)
    if not (arguments.allocations or shutil.which("strace")):
        sys.exit("FAIL there is no strace: install it")
    log = Log(None if arguments.sample else arguments.log)
    if arguments.table:
        table(log.rows.values())
        return 0
    with tempfile.TemporaryDirectory(prefix="shmeter-calls-base-") as folder:
        results = list(work(arguments, program, prepare(program, folder), log))
    made, bad = (sum(column) for column in zip(*results))
    print(("PASS " if bad == 0 and made else "FAIL ") + f"{made} faults, {bad} ended wrong")
    return 0 if bad == 0 and made else 1


if __name__ == "__main__":
    sys.exit(main())
