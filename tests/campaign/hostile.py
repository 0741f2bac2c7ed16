#!/usr/bin/env python3
"""A run folder may come from an attacker: puts each payload in each string field of each of its files, one at a time,
and passes the folder to every command that reads one.  Nothing may be executed, nothing may be written outside the
folder, no control character may reach standard output or error, and each command must end with a documented code.

usage: hostile.py PROGRAM RUN-FOLDER [--sample] [--pages FOLDER] [--log FILE] [--seconds S]
  --sample        each field and each payload at least once, through four commands each: for the quick tests
  --pages FOLDER  keeps the pages and pictures that show a payload, for tests/page/quiet.mjs
  --log FILE      a line for each pair that was tried; pairs in it are not repeated
  --seconds S     stops after that time"""
import argparse
import csv
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

PAYLOADS = {
    "gnuplot string": "aa';system('touch PWNED-1');a='x",
    "gnuplot line": "x\nsystem 'touch PWNED-2'\n#",
    "gnuplot shell": "6.1\n!touch PWNED-3\n#",
    "gnuplot data": 'x" 1 2 3\n"y `touch PWNED-4`',
    "gnuplot pipe": "<touch PWNED-5",
    "backslash": "x\\",
    "shell": "x'; touch PWNED-6; '$(touch PWNED-7)`touch PWNED-8`",
    "markup": "<img src=x onerror=document.title='PWNED'><script>document.title='PWNED'</script>",
    "attribute": "\" onfocus=document.title='PWNED' autofocus='' x=\"' onmouseover=document.title='PWNED' y='",
    "svg": "</text></svg><script>document.title='PWNED'</script>]]>",
    "svg script": "');document.title='PWNED';//",
    "markdown": "| ![x](http://PWNED.invalid/x.png) [x](javascript:alert(1)) `",
    "workflow command": "x\n::error file=PWNED::x%0A",
    "xml": "]]><!ENTITY x SYSTEM \"file:///etc/passwd\">&x;",
    "openmetrics": 'x"} 1\nPWNED_total{a="b',
    "csv": '=cmd|"/c touch PWNED"!A1,\n1,2',
    "title": "\x1b]0;PWNED\x07\x1b[2J\x1b[31m",
    "C1 as UTF-8": "x\u009b2J\u009d0;PWNED\u009c",
    "right to left": "x\u202eDENWP\u2066",
    "path": "../../PWNED-path",
    "absolute path": "/tmp/PWNED-path",
    "long": "A" * 5000,
    "format": "%s%n%1000000d",
}
# Bytes that no JSON string can contain; only for CSV.
BYTES = {"C1 as a byte": b"x\x9b2J\x9d0;PWNED\x9c", "no UTF-8": b"\xff\xfe\xc0\xaf"}

# The commands: BAD is the hostile folder and GOOD a valid one.  CODES are the exit codes that a refusal or a finding
# may have.
FORMATS = ("gbench-json", "go-bench", "hyperfine-json", "bencher-bmf", "github-action-json", "prometheus", "openmetrics",
           "openmetrics-backfill", "hdr-text", "csv")
QUICK = [
    ["report", "BAD", "--no-plots"],
    ["report", "BAD", "--no-plots", "--color", "never", "-v", "--out", "elsewhere"],
    ["check", "BAD", "--thresholds", "gates.ini", "--junit", "junit.xml", "--github"],
    ["check", "BAD", "--thresholds", "gates.ini", "--json"],
    ["check", "GOOD", "--thresholds", "gates.ini", "--baseline", "BAD"],
    ["check", "BAD", "--thresholds", "gates.ini", "--baseline-store", "kept"],
    ["check", "GOOD", "--thresholds", "gates.ini", "--baseline-store", "kept"],
    ["compare", "GOOD", "BAD"],
    ["compare", "BAD", "GOOD", "--json"],
    ["history", "add", "BAD", "--db", "history.sqlite"],
    ["history", "show", "--db", "history.sqlite"],
    ["run", "--resume", "BAD", "--dry-run"],
    ["choose", "--lock", "--from", "BAD"],
] + [["export", "BAD", "--to", f] for f in FORMATS]
DRAWN = [["report", "BAD"], ["report", "BAD", "--term", "-q"],
         ["history", "show", "--db", "history.sqlite", "--out", "figures"]]
# Every figure shows the machine's name, so the sample also draws it with the payloads that could be executed there.
DRAWN_ALWAYS = {(("environment", "cpu_model"), what)
                for what in ("gnuplot string", "gnuplot line", "markup", "attribute", "svg", "svg script")}
CODES = {0, 1, 3, 4, 5, 6}
GATES = """[ratio]
case = false_sharing/packed
against = false_sharing/padded_64
min = 1.01
[claim]
claim = false_sharing.C1
"""

# C0 except line end and tab, DEL, C1, characters that change the direction or end a line; the same as in
# sm_is_control().
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff]")


def is_number(text):
    return re.fullmatch(r"[0-9.e+-]*", text) and text != "-"


def fields_of(folder, numbers):
    """(file, field): every column of a non-empty table, columns of numbers only if `numbers` is set, and every string
    of the manifest."""
    for name in ("samples.csv", "slices.csv", "counters.csv", "metrics.csv"):
        with open(os.path.join(folder, name), newline="") as file:
            for column, value in next(csv.DictReader(file), {}).items():
                if numbers or not is_number(value):
                    yield name, column
    with open(os.path.join(folder, "manifest.json")) as file:
        for path in json_strings(json.load(file)):
            yield "manifest.json", path


def json_strings(node, path=()):
    """The paths of all strings; of a list only those of its first and last member."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from json_strings(value, path + (key,))
    elif isinstance(node, list):
        for i in sorted({0, len(node) - 1}) if node else ():
            yield from json_strings(node[i], path + (i,))
    elif isinstance(node, str):
        yield path


def plant(good, bad, name, field, payload):
    shutil.copytree(good, bad, symlinks=True)
    path = os.path.join(bad, name)
    if name == "manifest.json":
        with open(path) as file:
            manifest = json.load(file)
        node = manifest
        for key in field[:-1]:
            node = node[key]
        node[field[-1]] = payload
        with open(path, "w") as file:
            json.dump(manifest, file)
        return
    if isinstance(payload, bytes):
        payload = payload.decode("latin-1")
        encoding = "latin-1"
    else:
        encoding = "utf-8"
    with open(path, newline="", encoding=encoding) as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row[field] = payload
        if field == "reason":  # only unsuccessful trials show their reason
            row["status"] = "skipped"
    with open(path, "w", newline="", encoding=encoding) as file:
        out = csv.DictWriter(file, rows[0], lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


def listing(top, without):
    found = set()
    for folder, folders, files in os.walk(top):
        folders[:] = [f for f in folders if os.path.join(folder, f) not in without]
        found |= {os.path.join(folder, f) for f in files + folders}
    return found


class Campaign:
    def __init__(self, program, good, pages, sample):
        self.program, self.good, self.pages, self.sample = program, good, pages, sample
        self.wrong, self.commands, self.refused, self.drawn = 0, 0, 0, 0
        self.top = tempfile.mkdtemp(prefix="shmeter-hostile-")
        self.work = os.path.join(self.top, "a", "b")  # ../../ stays inside the folder that is checked
        os.makedirs(self.work)
        self.environment = {**os.environ, "SHMETER_STATE_DIR": os.path.join(self.top, "state"), "HOME": self.work,
                            "GITHUB_STEP_SUMMARY": os.path.join(self.work, "summary.md"), "LC_ALL": "C.UTF-8"}

    def fail(self, what):
        print(f"FAIL {what}", flush=True)
        self.wrong += 1

    def run(self, what, command):
        bad = os.path.join(self.work, "bad")
        words = [{"BAD": "bad", "GOOD": self.good}.get(w, w) for w in command]
        done = subprocess.run([self.program, *words], cwd=self.work, env=self.environment, capture_output=True,
                              timeout=120)
        self.commands += 1
        where = f"{what}: {' '.join(command)}"
        if done.returncode not in CODES:
            self.fail(f"{where}: exit {done.returncode}: {done.stderr[:300]!r}")
        for name, stream in (("standard output", done.stdout), ("standard error", done.stderr)):
            self.check_text(f"{where}: {name}", stream, "--term" in command)
        for name in ("junit.xml", "summary.md", "elsewhere/report.html", "bad/report.html"):
            path = os.path.join(self.work, name)
            if os.path.exists(path):
                with open(path, "rb") as file:
                    self.check_text(f"{where}: {name}", file.read(), False)
        if done.returncode in (4, 6):
            self.refused += 1
            if len(done.stderr.splitlines()) != 1:
                self.fail(f"{where}: not one sentence: {done.stderr[:300]!r}")
        for line in done.stdout.decode("utf-8", "replace").splitlines():
            if line.startswith("::") and not re.match("::(error|warning) title=shmeter ", line):
                self.fail(f"{where}: a command of the payload's own: {line[:100]}")
        return bad

    def check_text(self, where, stream, terminal):
        try:
            text = stream.decode("utf-8")
        except UnicodeDecodeError as error:
            return self.fail(f"{where}: no UTF-8: {error}")
        found = CONTROL.search(text.replace("\f", "") if terminal else text)
        if found:
            self.fail(f"{where}: control character {found.group()!r} in {text[max(0, found.start() - 40):][:80]!r}")
        if "PWNED_total{" in text.split("\n") or re.search("^PWNED_total", text, re.M):
            self.fail(f"{where}: a line of the payload's own")

    def one(self, name, field, what, payload, commands):
        label = f"{name} {path_of(field)}: {what}"
        bad = os.path.join(self.work, "bad")
        for entry in os.listdir(self.work):
            path = os.path.join(self.work, entry)
            shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
        with open(os.path.join(self.work, "gates.ini"), "w") as file:
            file.write(GATES)
        plant(self.good, bad, name, field, payload)
        before = listing(self.top, {bad})
        for command in commands:
            self.run(label, command)
        allowed = {os.path.join(self.work, f) for f in ("junit.xml", "history.sqlite", "summary.md", "elsewhere",
                                                        "figures", "kept", ".cache")} | {self.environment["SHMETER_STATE_DIR"]}
        made = {f for f in listing(self.top, {bad}) - before if not any(f == a or f.startswith(a + "/") for a in allowed)}
        made |= {f for f in listing(self.top, set()) if "PWNED" in os.path.basename(f)}
        made |= {f for f in os.listdir("/tmp") if "PWNED" in f}
        if made:
            self.fail(f"{label}: made {sorted(made)}")
        self.keep(bad, label)

    def keep(self, bad, label):
        plots = os.path.join(bad, "plots")
        figures = [f for f in (os.listdir(plots) if os.path.isdir(plots) else []) if f.endswith(".svg")]
        for name in os.listdir(plots) if os.path.isdir(plots) else []:
            if not re.fullmatch("[A-Za-z0-9_-]+\\.(svg|png|gp|dat)", name):
                self.fail(f"{label}: plots/{name}")
        if figures:
            self.drawn += 1
        if not self.pages:
            return
        few = sorted(figures)[:3] if self.sample else figures
        for source in [os.path.join(bad, "report.html")] + [os.path.join(plots, f) for f in few]:
            if os.path.exists(source) and b"PWNED" in open(source, "rb").read():
                shutil.copy(source, os.path.join(self.pages, f"{self.commands}-{os.path.basename(source)}"))


def path_of(field):
    return "/".join(map(str, field)) if isinstance(field, tuple) else field


def choose(good, sample):
    """All pairs, or a part of them in which each field and each payload occurs."""
    pairs = [(name, field, what, payload) for name, field in fields_of(good, not sample)
             for what, payload in {**PAYLOADS, **(BYTES if name.endswith(".csv") else {})}.items()]
    if not sample:
        return pairs
    random.Random(1).shuffle(pairs)
    fields, whats, chosen = set(), set(), []
    for pair in pairs:
        if pair[:2] not in fields or pair[2] not in whats or (pair[1], pair[2]) in DRAWN_ALWAYS:
            chosen.append(pair)
            fields.add(pair[:2])
            whats.add(pair[2])
    return chosen


def commands_for(field, sample, number):
    """The commands for a folder; also gnuplot and the browser if the field describes the machine or a failure."""
    shown = field in ("reason", ("environment", "cpu_model"), ("environment", "kernel"))
    quick = [QUICK[(4 * number + i) % len(QUICK)] for i in range(4)] if sample else QUICK
    return quick + (DRAWN if shown else [])


def tried(log):
    if not log or not os.path.exists(log):
        return []
    with open(log, newline="") as file:
        return list(csv.DictReader(file))


COLUMNS = ("file", "field", "payload", "commands", "refused", "drawn", "wrong")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("folder")
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("--pages")
    parser.add_argument("--log")
    parser.add_argument("--seconds", type=float, default=float("inf"))
    options = parser.parse_args()
    good = os.path.abspath(options.folder)
    campaign = Campaign(os.path.abspath(options.program), good, options.pages, options.sample)
    pairs = choose(good, options.sample)
    done = tried(options.log)
    known = {(d["file"], d["field"], d["payload"]) for d in done}
    begin = time.monotonic()
    try:
        for number, (name, field, what, payload) in enumerate(pairs):
            if (name, path_of(field), what) in known:
                continue
            if time.monotonic() - begin > options.seconds:
                break
            was = (campaign.commands, campaign.refused, campaign.drawn, campaign.wrong)
            campaign.one(name, field, what, payload, commands_for(field, options.sample, number))
            now = (campaign.commands, campaign.refused, campaign.drawn, campaign.wrong)
            done.append(dict(zip(COLUMNS, (name, path_of(field), what, *(b - a for a, b in zip(was, now))))))
            if options.log:
                new = not os.path.exists(options.log)
                with open(options.log, "a", newline="") as file:
                    out = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                    if new:
                        out.writeheader()
                    out.writerow(done[-1])
    finally:
        shutil.rmtree(campaign.top)
    total = {key: sum(int(d[key]) for d in done) for key in COLUMNS[3:]}
    fields = len({(d["file"], d["field"]) for d in done})
    print(f"{'FAIL' if total['wrong'] else 'PASS'} {len(done)} of {len(pairs)} payloads in {fields} fields through "
          f"{total['commands']} commands: {total['refused']} refused in one sentence, {total['drawn']} folders drawn, "
          f"{total['wrong']} wrong")
    sys.exit(1 if total["wrong"] else 0)


if __name__ == "__main__":
    main()
