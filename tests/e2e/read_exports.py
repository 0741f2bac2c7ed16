#!/usr/bin/env python3
"""Strict readers of the export formats; also checks that a run and its exports agree.

usage: read_exports.py RUN_FOLDER EXPORT_FOLDER [HYPERFINE_JSON]

EXPORT_FOLDER contains one file per format, named after the format.  Prints a line for each consumer that ran; exits
with 1 and a sentence at the first error.  The readers follow the published descriptions of the formats:
golang.org/design/14313-benchmark-format, bencher.dev/docs/reference/bencher-metric-format, the README of
benchmark-action/github-action-benchmark.  prometheus_client reads OpenMetrics and the older text; hyperfine's keys are compared with a
file that hyperfine itself wrote."""

import csv
import datetime
import json
import math
import os
import sys
from statistics import median
from urllib.parse import unquote

try:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
    from prometheus_client.parser import text_string_to_metric_families as plain_families
except ImportError:
    sys.exit("FAIL: install python3-prometheus-client (scripts/bootstrap --test does)")


def fail(words):
    sys.exit(f"FAIL: {words}")


def no_constant(name):
    fail(f"JSON holds {name}")


def no_twins(pairs):
    keys = [key for key, _ in pairs]
    if len(keys) != len(set(keys)):
        fail(f"JSON holds a key twice: {keys}")
    return dict(pairs)


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file, parse_constant=no_constant, object_pairs_hook=no_twins)


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def close(a, b):
    return math.isclose(float(a), float(b), rel_tol=1e-6)


def read_go(path):
    """Values of ns/op by name, and the keys that hold for each name, as in the design document.  A reader ignores lines
    that are no result or key; here these may only be comments."""
    times, keys, keys_of = {}, {}, {}
    with open(path, encoding="utf-8", newline="\n") as file:
        for number, line in enumerate(file, 1):
            where = f"{path}:{number}"
            if not line.endswith("\n"):
                fail(f"{where}: no line end")
            line = line[:-1]
            if line.startswith("#"):
                continue
            if not line.startswith("Benchmark"):
                key, colon, value = line.partition(":")
                if not (colon and key and key[0].islower() and key == key.lower() and not any(map(str.isspace, key))
                        and value[:1] in ("", " ", "\t")):
                    fail(f"{where}: neither result, nor key, nor comment")
                keys[key] = value.strip()
                continue
            fields = line.split()  # Python's white space is Unicode's, like Go's
            if len(fields) % 2 or len(fields) < 4:
                fail(f"{where}: {len(fields)} fields")
            if fields[0][len("Benchmark"):][:1].islower():
                fail(f"{where}: a small letter after Benchmark")
            if not (fields[1].isascii() and fields[1].isdigit() and 0 < int(fields[1]) < 2**63):
                fail(f"{where}: iterations {fields[1]}")
            units = fields[3::2]
            if len(units) != len(set(units)):
                fail(f"{where}: a unit twice")
            for value in fields[2::2]:
                if not math.isfinite(float(value)):
                    fail(f"{where}: {value}")
            if units[0] != "ns/op":
                fail(f"{where}: no ns/op")
            if fields[0].rpartition("-")[2].isdigit():
                fail(f"{where}: the end of the name reads as a number of processors")
            times.setdefault(fields[0], []).append(float(fields[2]))
            if keys_of.setdefault(fields[0], dict(keys)) != keys:
                fail(f"{where}: other keys than in the lines before")
    return times, keys_of


def check_go(run, path):
    prefix = "BenchmarkShmeter/"
    read, keys = read_go(path)
    times = {unquote(name[len(prefix):], errors="strict"): values for name, values in read.items()
             if name.startswith(prefix) or fail(name)}
    for name, have in keys.items():
        case = run.cases[unquote(name[len(prefix):])]
        if [have.get(key) for key in ("class", "placement", "relation")] != [
                case[column] for column in ("pair_class", "placement", "relation")] or not have.get("machine-type"):
            fail(f"go-bench: {name}: keys {have}, not {case}")
    if set(times) != set(run.cases):
        fail(f"go-bench: other cases: {set(times) ^ set(run.cases)}")
    for name, values in times.items():
        if len(values) != int(run.cases[name]["n"]) or not close(median(values), run.cases[name]["median"]):
            fail(f"go-bench: {name}: {len(values)} trials, median {median(values)}, not {run.cases[name]}")
    return f"{sum(map(len, times.values()))} lines of {len(times)} benchmarks"


def check_gbench(run, path):
    document = load(path)
    trials, aggregates = {}, {}
    for one in document["benchmarks"]:
        if one["time_unit"] != "ns" or not all(isinstance(one[k], (int, float)) for k in ("real_time", "cpu_time")):
            fail(f"gbench-json: {one}")
        if one["run_type"] == "iteration":
            trials.setdefault(one["name"], []).append(one["real_time"])
            if one["name"] != one["run_name"]:
                fail(f"gbench-json: {one}")
        else:
            aggregates[one["run_name"], one["aggregate_name"]] = one["real_time"]
            if one["name"] != f"{one['run_name']}_{one['aggregate_name']}":
                fail(f"gbench-json: {one}")
    for name, case in run.cases.items():
        if len(trials[name]) != int(case["n"]) or not close(aggregates[name, "median"], case["median"]):
            fail(f"gbench-json: {name}")
        for end in ("low", "high"):
            if case[end] and not close(aggregates[name, end], case[end]):
                fail(f"gbench-json: {end} of {name}")
    if run.left_out not in document["context"]["shmeter_left_out"]:
        fail(f"gbench-json: left out: {document['context']['shmeter_left_out']}, not {run.left_out}")
    return f"{len(document['benchmarks'])} entries"


def kinds(result):
    """The keys of a hyperfine result with the types of their values; all numbers count as one type."""
    return {key: "number" if isinstance(value, (int, float)) else type(value).__name__
            for key, value in result.items()}


def check_hyperfine(run, path, model):
    document, real = load(path), load(model)
    if set(document) != set(real):
        fail(f"hyperfine-json: keys {set(document)}, hyperfine writes {set(real)}")
    wanted = kinds(real["results"][0])
    for one in document["results"]:
        have = kinds(one)
        if set(have) | {"parameters"} != set(wanted) or any(have[key] != wanted[key] for key in have):
            fail(f"hyperfine-json: {have}, hyperfine writes {wanted}")
        case = run.cases[one["command"]]
        if not close(one["median"] * 1e9, case["median"]) or len(one["times"]) != len(one["exit_codes"]):
            fail(f"hyperfine-json: {one['command']}")
        if not close(median(one["times"]), one["median"]) or not one["min"] <= one["median"] <= one["max"]:
            fail(f"hyperfine-json: {one['command']}")
    if len(document["results"]) != len(run.cases):
        fail("hyperfine-json: other cases")
    return f"{len(document['results'])} results with the keys of hyperfine's own file"


def check_bencher(run, path):
    document = load(path)
    for name, measures in document.items():
        if not 0 < len(name) <= 1024:
            fail(f"bencher-bmf: name {name}")
        for measure, metric in measures.items():
            if not 0 < len(measure) <= 64 or not {"value"} <= set(metric) <= {"value", "lower_value", "upper_value"}:
                fail(f"bencher-bmf: {name}: {measure}: {metric}")
            if not all(isinstance(number, (int, float)) for number in metric.values()):
                fail(f"bencher-bmf: {name}: {measure}: {metric}")
    for name, case in run.cases.items():
        latency = document[name]["latency"]
        if not close(latency["value"], case["median"]) or (case["low"] and (
                not close(latency["lower_value"], case["low"]) or not close(latency["upper_value"], case["high"]))):
            fail(f"bencher-bmf: {name}: {latency}, not {case}")
    for (name, metric, unit), row in run.metrics.items():
        have = document[name][metric if unit == "1" else f"{metric} ({unit})"]
        if not close(have["value"], row["median"]) or (row["low"] and not close(have["lower_value"], row["low"])):
            fail(f"bencher-bmf: {metric} of {name}: {have}, not {row}")
    return f"{len(document)} benchmarks, {sum(map(len, document.values()))} metrics"


def check_github(run, path):
    document = load(path)
    for one in document:
        if not {"name", "unit", "value"} <= set(one) <= {"name", "unit", "value", "range", "extra"}:
            fail(f"github-action-json: {one}")
        case = run.cases[one["name"]]
        if one["unit"] != "ns/op" or not close(one["value"], case["median"]) or ("range" in one) != bool(case["low"]):
            fail(f"github-action-json: {one}, not {case}")
    if len(document) != len(run.cases) or len({one["name"] for one in document}) != len(document):
        fail("github-action-json: other cases")
    return f"{len(document)} entries"


def text_of(path):
    with open(path, encoding="utf-8", newline="\n") as file:
        return file.read()


def check_families(run, families, format):
    """What Prometheus' two formats say alike."""
    times = {sample.labels["case"]: sample.value for sample in families["shmeter_time_seconds"].samples}
    low = {sample.labels["case"]: sample.value for sample in families["shmeter_time_low_seconds"].samples}
    if set(times) != set(run.cases):
        fail(f"{format}: other cases")
    for name, case in run.cases.items():
        if not close(times[name] * 1e9, case["median"]) or (case["low"] and not close(low[name] * 1e9, case["low"])):
            fail(f"{format}: {name}")
    metrics = {(s.labels["case"], s.labels["metric"], s.labels["unit"]): s.value
               for s in families["shmeter_metric"].samples}
    if set(metrics) != set(run.metrics) or any(not close(metrics[key], row["median"])
                                               for key, row in run.metrics.items()):
        fail(f"{format}: other metrics than in summary.csv: {metrics}")
    ok = sum(s.value for s in families["shmeter_trials"].samples if s.labels["status"] == "ok")
    latencies = families["shmeter_latency_seconds"].samples if "shmeter_latency_seconds" in families else []
    if ok != run.ok or bool(latencies) != run.distributions:
        fail(f"{format}: {ok} trials, not {run.ok}, or {len(latencies)} latencies")
    return f"{len(families)} families, {sum(len(f.samples) for f in families.values())} samples"


def check_openmetrics(run, path, time=None):
    families = {family.name: family for family in text_string_to_metric_families(text_of(path))}
    if families["shmeter_time_seconds"].unit != "seconds" or families["shmeter_run"].type != "info":
        fail("openmetrics: units or types")
    for sample in (s for family in families.values() for s in family.samples):
        if (None if sample.timestamp is None else float(sample.timestamp)) != time:
            fail(f"openmetrics: {sample}: time {time} is wanted")
    return check_families(run, families, "openmetrics")


def check_backfill(run, path):
    return check_openmetrics(run, path, run.started)


def check_prometheus(run, path):
    text = text_of(path)
    families = {family.name: family for family in plain_families(text)}
    if {family.type for family in families.values()} != {"gauge", "summary"}:
        fail("prometheus: types")
    if any(sample.timestamp is not None for family in families.values() for sample in family.samples) or "# EOF" in text:
        fail("prometheus: a timestamp, or an end mark")
    return check_families(run, families, "prometheus")


class Run:
    def __init__(self, folder):
        samples = rows(f"{folder}/values.csv")
        good = {row["trial"]: row["case"] for row in samples if row["status"] == "ok"}
        self.ok = len(good)
        skipped = sum(row["status"] == "skipped" for row in samples)
        self.left_out = f"{skipped} skipped" if skipped else ""
        self.cases = {row["case"]: row for row in rows(f"{folder}/summary.csv") if row["median"] and
                      "#" not in row["case"] and row["case"] in set(good.values())}
        self.metrics = {(row["case"].partition("#")[0], row["metric"], row["unit"]): row
                        for row in rows(f"{folder}/summary.csv") if "#" in row["case"] and row["median"]}
        started = datetime.datetime.fromisoformat(load(f"{folder}/manifest.json")["started_utc"].replace("Z", "+00:00"))
        self.started = started.timestamp()
        self.distributions = os.path.isdir(f"{folder}/histograms")


def main():
    run, folder = Run(sys.argv[1]), sys.argv[2]
    checks = [("go-bench", "the strict reader of its grammar", check_go),
              ("gbench-json", "the strict reader of its JSON", check_gbench),
              ("bencher-bmf", "the strict reader of its schema", check_bencher),
              ("github-action-json", "the strict reader of its fields", check_github)]
    for name, who, check in checks:
        print(f"{name}: {who}: {check(run, os.path.join(folder, name))}")
    if len(sys.argv) > 3:
        print(f"hyperfine-json: {check_hyperfine(run, os.path.join(folder, 'hyperfine-json'), sys.argv[3])}")
    for name, check in (("openmetrics", check_openmetrics), ("openmetrics-backfill", check_backfill),
                        ("prometheus", check_prometheus)):
        print(f"{name}: prometheus_client: {check(run, os.path.join(folder, name))}")


main()
