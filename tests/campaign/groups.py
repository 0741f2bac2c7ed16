#!/usr/bin/env python3
"""Quick runs in memory groups: the run must end well, its parent is never killed, cases that fit have values, and cases
that do not fit are skipped with the limit, with their claims not testable.  With `--blind` the program cannot see its
group, so the kernel has to kill a process: it must be a child, and the run must report it.

usage: groups.py PROGRAM [--sizes 64M,256M,512M,2G] [--blind] [--log FILE]       as root; one run per size, two minutes
each"""
import argparse
import csv
import os
import subprocess
import sys
import time

from common import PROGRAM, discard, rows, scratch

FIELDS = ("program", "size", "blind", "exit", "ok", "skipped", "other", "killed", "figures", "not_testable", "peak_mib",
          "seconds", "verdict")
# A shell that enters the group first, so that everything it starts is in it.
ENTER = 'echo $$ >"$0/cgroup.procs" || exit 90; exec "$@"'
HIDE = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs hidden /sys/fs/cgroup; exec "$@"', "sh"]


class Group:
    """A memory group below that of this process, of either version."""

    def __init__(self, size):
        with open("/proc/self/cgroup") as file:
            mine = {controller: path for _, controllers, path in (line.rstrip("\n").split(":", 2) for line in file)
                    for controller in controllers.split(",")}
        self.v1 = "memory" in mine
        parent = "/sys/fs/cgroup" + ("/memory" + mine["memory"] if self.v1 else mine.get("", "/"))
        self.path = os.path.join(parent, f"shmeter-campaign-{os.getpid()}")
        os.mkdir(self.path)
        try:
            self.write("memory.limit_in_bytes" if self.v1 else "memory.max", size)
            if not self.v1 and os.path.exists(os.path.join(self.path, "memory.swap.max")):
                self.write("memory.swap.max", "0")
        except OSError:
            self.remove()
            raise

    def write(self, name, text):
        with open(os.path.join(self.path, name), "w") as file:
            file.write(text)

    def read(self, name):
        try:
            with open(os.path.join(self.path, name)) as file:
                return file.read()
        except OSError:
            return ""

    def kills(self):
        text = self.read("memory.oom_control" if self.v1 else "memory.events")
        return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("oom_kill "))

    def peak_mib(self):
        return int(self.read("memory.max_usage_in_bytes" if self.v1 else "memory.peak") or 0) >> 20

    def remove(self):
        for _ in range(50):
            try:
                os.rmdir(self.path)
                return
            except OSError:
                time.sleep(0.1)


def judge(found):
    """The errors of a row, as text; "ok"."""
    if found["exit"] not in (0, 5):
        return f"exit {found['exit']}"
    if not found["blind"] and found["killed"]:
        return "the kernel had to kill"
    if not found["ok"] or not found["figures"]:
        return "no figures"
    if found["untold"]:
        return f"{found['untold']} kills are not told"
    if found["measured_smaller"]:
        return "a skipped case has figures"
    return "ok"


def measure(size, blind):
    group, folder, began = Group(size), scratch(), time.monotonic()
    command = ["sh", "-c", ENTER, group.path] + (HIDE if blind else [])
    try:
        done = subprocess.run(command + [PROGRAM, "run", "--out", folder, "--no-plots", "-q"], capture_output=True,
                              text=True, stdin=subprocess.DEVNULL)
        samples = rows(folder, "samples.csv") if os.path.exists(os.path.join(folder, "samples.csv")) else []
        skipped = {s["case"] for s in samples if s["status"] == "skipped" and s["pus"] == "-"}
        found = {"program": os.path.basename(PROGRAM), "size": size, "blind": int(blind), "exit": done.returncode,
                 "ok": sum(s["status"] == "ok" for s in samples), "skipped": len(skipped),
                 "other": sum(s["status"] not in ("ok", "skipped") for s in samples), "killed": group.kills(),
                 "peak_mib": group.peak_mib(), "seconds": round(time.monotonic() - began),
                 "untold": int(group.kills() > 0 and not any("killed by the kernel for memory" in s["reason"]
                                                             for s in samples)),
                 "measured_smaller": sum(s["case"] in skipped and s["status"] == "ok" for s in samples)}
        derived = os.path.exists(os.path.join(folder, "claims.csv"))
        found["figures"] = sum(bool(s["median"]) for s in rows(folder, "summary.csv")) if derived else 0
        found["not_testable"] = sum(c["verdict"] == "not_testable" for c in rows(folder, "claims.csv")) if derived else 0
        found["verdict"] = judge(found)
        if found["verdict"] != "ok":
            print(done.stdout[-2000:], done.stderr[-2000:], file=sys.stderr)
        return found
    finally:
        group.remove()
        discard(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--sizes", default="64M,256M,512M,2G")
    parser.add_argument("--blind", action="store_true")
    parser.add_argument("--log", default="results/baseline/groups.csv")
    options = parser.parse_args()
    log = []
    if os.path.exists(options.log):
        with open(options.log, newline="") as file:
            log = list(csv.DictReader(file))
    wrong = 0
    for size in options.sizes.split(","):
        seen = [row for row in log if (row["size"], row["blind"]) == (size, str(int(options.blind)))]
        row = seen[-1] if seen else measure(size, options.blind)
        if not seen:
            with open(options.log, "a", newline="") as file:
                writer = csv.DictWriter(file, FIELDS, extrasaction="ignore", lineterminator="\n")
                if not log and file.tell() == 0:
                    writer.writeheader()
                writer.writerow(row)
        wrong += row["verdict"] != "ok"
        print(f"{size}{' blind' if options.blind else ''}: exit {row['exit']}, {row['ok']} trials ok, {row['figures']} "
              f"figures, {row['skipped']} cases skipped, {row['not_testable']} claims not testable, {row['killed']} "
              f"killed, peak {row['peak_mib']} MiB: {row['verdict']}")
    return 1 if wrong else 0


sys.exit(main())
