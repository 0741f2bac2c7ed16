#!/usr/bin/env python3
"""The exports of two measured runs, read by the programs that they are for and that are too large for every machine
(tests/e2e/test_consumers.sh has the small ones): promtool, a Prometheus server, node_exporter, the pushgateway, R and
benchstat.  Each has to read what the export holds, and to refuse what the documentation says it refuses.

usage: consumers.py PROGRAM [--log FILE] [--benchstat FILE]
  --log FILE        one row per check (default results/baseline/consumers.csv), written anew
  --benchstat FILE  the program, which Debian does not have; without it its checks are left out
Debian has the others: prometheus, prometheus-node-exporter, prometheus-pushgateway, r-base-core."""
import argparse
import csv
import http.server
import io
import math
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from common import PROGRAM, run

CASES = ("false_sharing", "transport_latency/pipe", "lost_update/plain", "--set", "op=atomic_add", "--set", "work=0",
         "--set", "message=64")
TYPES = {"openmetrics": "application/openmetrics-text; version=1.0.0; charset=utf-8",
         "prometheus": "text/plain; version=0.0.4; charset=utf-8"}
FIELDS = ("consumer", "version", "format", "check", "said", "verdict")


class Wrong(Exception):
    """A consumer that did not do what it should, and what it said."""


def call(command, **how):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, **how)
    return done.returncode, (done.stdout + done.stderr).strip()


def export(folder, to, *more):
    done = subprocess.run([PROGRAM, "export", folder, "--to", to, "-q", *more], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"export --to {to}: {done.stderr}")
    return done.stdout


def write(name, text):
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)
    return name


def series(text):
    """{name and labels: value} of the samples of an export or an answer."""
    return {line[:line.rindex("}") + 1]: float(line[line.rindex("}") + 1:].split()[0])
            for line in text.splitlines() if line.startswith("shmeter_")}


def is_alike(have, want):
    """Whether two sets of values are the same; label order and escapes are each program's own."""
    return len(have) == len(want) and all(math.isclose(a, b, rel_tol=1e-6) for a, b in zip(sorted(have), sorted(want)))


def free_port():
    with socket.socket() as any_socket:
        any_socket.bind(("127.0.0.1", 0))
        return any_socket.getsockname()[1]


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return answer.read().decode()


def wait_for(question, seconds=30):
    """The first true answer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            answer = question()
        except OSError:
            answer = None
        if answer:
            return answer
        time.sleep(0.2)
    raise Wrong(f"no answer in {seconds} s")


class Service:
    """A program that answers on a port until the end of the block."""

    def __init__(self, command):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)

    def said(self):
        self.log.seek(0)
        return self.log.read()


def check_metrics():
    with open("run.prom", encoding="utf-8") as file:
        code, said = call(["promtool", "check", "metrics"], stdin=file)
    if code or said:
        raise Wrong(f"exit {code}: {said}")
    return "nothing, exit 0"


def check_backfill():
    code, said = call(["promtool", "tsdb", "create-blocks-from", "openmetrics", "run.om", "data"])
    if code:
        raise Wrong(f"exit {code}: {said}")
    os.mkdir("data/wal")  # without it, dump says that this is no server's folder
    code, dump = call(["promtool", "tsdb", "dump", "data"])
    lines = [line for line in dump.splitlines() if "shmeter_" in line]
    times = {line.split()[-1] for line in lines}
    with open("run.om", encoding="utf-8") as file:
        text = file.read()
    want = {line.split()[-1] + "000" for line in text.splitlines() if not line.startswith("#")}
    if code or len(lines) != len(series(text)) or times != want or len(want) != 1:
        raise Wrong(f"exit {code}: {len(lines)} samples at {times}, not {len(series(text))} at {want}")
    return f"{' '.join(said.splitlines()[-1].split())}; dump: {len(lines)} samples at {times.pop()} ms"


def check_untimed():
    """What --to openmetrics-backfill is for: without timestamps there is nothing to file."""
    write("untimed.om", export("new", "openmetrics"))
    code, said = call(["promtool", "tsdb", "create-blocks-from", "openmetrics", "untimed.om", "untimed"])
    if code == 0:
        raise Wrong(f"accepted: {said}")
    return said.splitlines()[-1]


def collected(folder):
    """What node_exporter answers with the files of a folder."""
    port = free_port()
    with Service(["prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile",
                  f"--collector.textfile.directory={folder}", f"--web.listen-address=127.0.0.1:{port}"]):
        return wait_for(lambda: get(port, "/metrics"))


def check_textfile():
    os.makedirs("textfiles", exist_ok=True)
    shutil.copy("run.prom", "textfiles/shmeter.prom")
    answer = collected("textfiles")
    with open("run.prom", encoding="utf-8") as file:
        want = series(file.read())
    have = series(answer)
    if "\nnode_textfile_scrape_error 0\n" not in answer or not is_alike(have.values(), want.values()):
        raise Wrong(f"{len(have)} series, not {len(want)}; {re.findall('.*scrape_error.*', answer)}")
    return f"node_textfile_scrape_error 0, {len(have)} series"


def check_textfile_refuses(text, name):
    folder = f"refused-{name}"
    os.makedirs(folder, exist_ok=True)
    write(f"{folder}/shmeter.prom", text)
    answer = collected(folder)
    if "\nnode_textfile_scrape_error 1\n" not in answer or series(answer):
        raise Wrong(f"it takes {name}")
    return "node_textfile_scrape_error 1, no series"


def pushed(text):
    """The pushgateway's answer to a text, and what it offers then."""
    port = free_port()
    with Service(["prometheus-pushgateway", f"--web.listen-address=127.0.0.1:{port}"]):
        wait_for(lambda: get(port, "/-/ready"))
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics/job/shmeter", text.encode(), timeout=5).close()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode().strip(), {}
        return 200, "", series(get(port, "/metrics"))


def check_push():
    text = export("new", "prometheus")
    code, said, have = pushed(text)
    if code != 200 or not is_alike(have.values(), series(text).values()):
        raise Wrong(f"{code} {said}: {len(have)} series, not {len(series(text))}")
    return f"200, {len(have)} series"


def check_push_refuses(to):
    code, said, have = pushed(export("new", to))
    if code != 400 or have:
        raise Wrong(f"{code} {said}: {len(have)} series")
    return f"400 {said}"


def scraped(text, content_type):
    """What a Prometheus server has after it scraped the text: (up, {series: value})."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    served = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    port = free_port()
    write("prometheus.yml", "global: {scrape_interval: 1s}\nscrape_configs: [{job_name: shmeter, static_configs: "
                            f"[{{targets: ['127.0.0.1:{served.server_port}']}}]}}]\n")
    folder = tempfile.mkdtemp(dir=".")
    try:
        with Service(["prometheus", "--config.file=prometheus.yml", f"--storage.tsdb.path={folder}",
                      f"--web.listen-address=127.0.0.1:{port}"]):
            asked = ["promtool", "query", "instant", f"http://127.0.0.1:{port}"]
            up = wait_for(lambda: re.search(r'^up\{.*=> ([01]) @', call([*asked, "up"])[1], re.M))
            found = call([*asked, '{__name__=~"shmeter_.*"}'])[1]
            return up[1], [float(value) for value in re.findall(r"^shmeter_\w+\{.*\} => (\S+) @", found, re.M)]
    finally:
        served.shutdown()


def check_scrape(format):
    with open("run.prom", encoding="utf-8") as file:
        want = series(file.read()).values()
    up, have = scraped(export("new", format), TYPES[format])
    if up != "1" or not is_alike(have, want):
        raise Wrong(f"up {up}, {len(have)} series, not {len(want)}")
    return f"up 1, {len(have)} series"


def check_scrape_refuses():
    up, have = scraped(export("new", "openmetrics"), TYPES["prometheus"])
    if up != "0" or have:
        raise Wrong(f"up {up}, {len(have)} series of OpenMetrics sent as text/plain")
    return "up 0, no series"


R = """
trials <- read.csv("run.csv", check.names = FALSE)
times <- subset(trials, source == "sample" & measure == "time")
for (of in split(times, list(times$case, times$pair_class), drop = TRUE))
  writeLines(paste(of$case[1], of$pair_class[1], nrow(of), format(median(of$value), digits = 9), sep = "\\t"))
"""


def check_r():
    """Medians by class; summary.csv also takes a trial's slices in a class that is not the trial's own."""
    table = export("new", "csv")
    write("run.csv", table)
    code, said = call(["Rscript", "--vanilla", "-e", R], env={**os.environ, "LC_ALL": "C.UTF-8"})
    values = {}
    for row in csv.DictReader(io.StringIO(table)):
        if row["source"] == "sample" and row["measure"] == "time":
            values.setdefault((row["case"], row["pair_class"]), []).append(float(row["value"]))
    have = {tuple(line.split("\t")[:2]): line.split("\t")[2:] for line in said.splitlines()}
    if code or have.keys() != values.keys() or any(
            int(have[key][0]) != len(values[key]) or not math.isclose(float(have[key][1]), statistics.median(values[key]),
                                                                      rel_tol=1e-6) for key in values):
        raise Wrong(f"exit {code}: {said}; not {values}")
    return f"{len(have)} medians by case and class, of {sum(map(len, values.values()))} trials"


def benchstat(program, old, new):
    """How many cells compare something: "~", or a percentage with a p-value."""
    code, said = call([program, write("old.txt", old), write("new.txt", new)])
    if code:
        raise Wrong(f"exit {code}: {said}")
    return said, len(re.findall(r"\(p=", said))


def check_benchstat(program):
    new = export("new", "go-bench", "--like", "old")
    said, compared = benchstat(program, export("old", "go-bench"), new)
    names = set(re.findall(r"^BenchmarkShmeter\S+", new, re.M))
    if compared < len(names) or "syntax" in said:
        raise Wrong(f"{compared} comparisons of {len(names)} benchmarks: {said}")
    return f"{compared} comparisons, of {len(names)} benchmarks"


def check_benchstat_refuses(program, key):
    new = export("new", "go-bench", "--like", "old")
    said, compared = benchstat(program, export("old", "go-bench"), re.sub(f"^{key}: .*$", f"{key}: another", new, flags=re.M))
    if compared:
        raise Wrong(f"{compared} comparisons across {key}: {said}")
    return "0 comparisons"


def checks(benchstat_program):
    yield "promtool", "prometheus", "check metrics", check_metrics
    yield "promtool", "openmetrics-backfill", "tsdb create-blocks-from openmetrics", check_backfill
    yield "promtool", "openmetrics", "no blocks without timestamps", check_untimed
    yield "prometheus-node-exporter", "prometheus", "textfile collector", check_textfile
    for to in ("openmetrics", "openmetrics-backfill"):
        yield ("prometheus-node-exporter", to, "textfile collector refuses it",
               lambda to=to: check_textfile_refuses(export("new", to), to))
    yield "prometheus-pushgateway", "prometheus", "push", check_push
    for to in ("openmetrics", "openmetrics-backfill"):
        yield "prometheus-pushgateway", to, "push is refused", lambda to=to: check_push_refuses(to)
    for to in TYPES:
        yield "prometheus", to, "scrape", lambda to=to: check_scrape(to)
    yield "prometheus", "openmetrics", "scrape as text/plain is refused", check_scrape_refuses
    yield "Rscript", "csv", "medians of the trials", check_r
    if benchstat_program:
        yield "benchstat", "go-bench", "compares two runs", lambda: check_benchstat(benchstat_program)
        for key in ("class", "placement", "relation", "machine-type", "cpu"):
            yield ("benchstat", "go-bench", f"compares nothing across {key}",
                   lambda key=key: check_benchstat_refuses(benchstat_program, key))


def version_of(consumer):
    if consumer == "benchstat":
        return "-"
    found = re.search(r"\d+\.\d+\.\d+", call([consumer, "--version"])[1])
    return found[0] if found else "-"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--log", default="results/baseline/consumers.csv", type=os.path.abspath)
    parser.add_argument("--benchstat", type=os.path.abspath)
    options = parser.parse_args()
    log = []
    with tempfile.TemporaryDirectory(prefix="shmeter-consumers-") as folder:
        os.chdir(folder)
        for name in ("old", "new"):
            run(name, *CASES)
        write("run.prom", export("new", "prometheus"))
        write("run.om", export("new", "openmetrics-backfill"))
        for consumer, to, what, check in checks(options.benchstat):
            version = "-"
            try:
                version = version_of(consumer)
                said, verdict = check(), "ok"
            except FileNotFoundError as missing:
                said, verdict = f"{missing.filename} is not installed", "FAIL"
            except Wrong as wrong:
                said, verdict = str(wrong), "FAIL"
            log.append(dict(zip(FIELDS, (consumer, version, to, what, said, verdict))))
            print(f"{verdict} {consumer} {version}: {to}: {what}: {said}", flush=True)
        os.chdir("/")
    with open(options.log, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(log)
    bad = sum(row["verdict"] != "ok" for row in log)
    print(f"{'FAIL' if bad else 'PASS'} {len(log)} checks of {len({row['consumer'] for row in log})} programs, {bad} failed")
    return bad > 0


sys.exit(main())
