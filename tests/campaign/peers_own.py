#!/usr/bin/env python3
"""Rings of other projects as plug-ins against the projects' own benchmarks: rigtorp/SPSCQueue and
max0x7ba/atomic_queue.

usage: peers_own.py PROGRAM SPSCQUEUE ATOMIC_QUEUE [--rounds N] [--only WORDS] [--cpus A,B] [--seconds S] [--log FILE]
                    [--build DIR] [--table]

SPSCQUEUE and ATOMIC_QUEUE are checkouts; nothing of theirs is changed or kept here.  Their benchmarks are compiled from
copies, in three ways:
  written  without queues of third projects; atomic_queue takes the frequency of the time stamp counter from the name of
           the CPU otherwise
  sized    and with what the plug-in has: messages of 8 bytes instead of 4, 1024 slots for SPSCQueue instead of 10^7,
           whose memory the benchmark writes for the first time, one run instead of the best of three
  same     and with the plug-in's loops in place of their own, which write and check each message in full
The plug-in has as many slots, and is compiled with the same options.

A round is a run of the plug-in, their benchmark in each way, and a run of the plug-in, on the same two PUs.  It counts
where both runs saw one pair class; ours is the mean of both.  Each round adds one line to LOG (results/peers_own.csv),
and a restarted campaign continues after the last.  PASS: in each row the interval of ours / same meets 0.95 to 1.05.
Takes 20 minutes, and a quiet machine: their figure is a mean over all that happened to the two threads."""
import argparse
import collections
import math
import os
import re
import statistics
import subprocess
import sys
import time

from common import (CENTER_RATIO, PROGRAM, NoFigure, append_row, discard, figure, logged_rows, match_classes,
                    median_interval, run, scratch, slices, verdict)
from peers_step import matched, output

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
SPSC_SLOTS, TRIP_SLOTS, STREAM_SLOTS = 1024, 8, 128 * 1024  # the last two are atomic_queue's own
MESSAGES = 2000000
# atomic_queue's own options, without its warnings; SPSCQueue names none
OPTIONS = ["-std=c++17", "-pthread", "-O3", "-march=native", "-mtune=native", "-fno-plt", "-fno-math-errno",
           "-ffinite-math-only", "-fno-stack-protector", "-fno-stack-clash-protection", "-fno-move-loop-invariants",
           "-falign-functions=64", "-fcf-protection=none", "-DNDEBUG"]
TRIP, STREAM = "transport_latency", "transport_throughput"
Row = collections.namedtuple("Row", "scenario variant program environment pattern ns")


def of_spsc(scenario, pattern, ns):
    return Row(scenario, "own_spsc", "spsc", {}, pattern, ns)


def of_atomic(number, scenario):
    """AQB leaves out other queues, and one of the two measures."""
    name = "OptimistAtomicQueue" + ("2" if number == 2 else "")
    if scenario == TRIP:
        return Row(TRIP, f"own_trip_{number}", "atomic", {"AQB": str(1 | 4 | 16)}, rf"\b{name}: ([\d.]+) sec",
                   lambda seconds: 1e9 * seconds)
    return Row(STREAM, f"own_stream_{number}", "atomic", {"AQB": str(1 | 2 | 16)}, rf"\b{name}, 1,s: +(\d+) msg",
               lambda messages: 1e9 / messages)


ROWS = {
    "SPSCQueue round trip": of_spsc(TRIP, r"(\d+) ns RTT", lambda ns: ns),
    "SPSCQueue one way": of_spsc(STREAM, r"(\d+) ops/ms", lambda messages: 1e6 / messages),
    "AtomicQueue round trip": of_atomic(1, TRIP),
    "AtomicQueue one way": of_atomic(1, STREAM),
    "AtomicQueue2 round trip": of_atomic(2, TRIP),
    "AtomicQueue2 one way": of_atomic(2, STREAM),
}
WAYS = ("written", "sized", "same")
FIELDS = ["what", "round", *(f"{way}_ns" for way in WAYS), "ours_ns", "ours_mean_ns", "class_before_ns",
          "class_after_ns", "cpu"]
TSC = r"""
#include <cstdio>
#include <ctime>
#include <x86intrin.h>
static double now() { timespec t; clock_gettime(CLOCK_MONOTONIC_RAW, &t); return t.tv_sec * 1e9 + t.tv_nsec; }
int main()
{
	double from = now(), ticks = __rdtsc();
	while (now() - from < 3e8)
		;
	std::printf("%.6f\n", (__rdtsc() - ticks) / (now() - from));
}
"""


def changed(text, *changes):
    """The text with each pattern replaced; one that is not there means that the project has changed."""
    for pattern, replacement in changes:
        text, count = re.subn(pattern, lambda _: replacement, text, flags=re.DOTALL)
        if count == 0:
            sys.exit(f"peers_own.py: the benchmark has no {pattern!r} any more: adapt the changes")
    return text


def without_blocks(text, start):
    """Cuts the statements that begin so, up to the brace that closes them."""
    while start in text:
        at = text.index(start)
        end = text.index("{", at) + 1
        depth = 1
        while depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        text = text[:at] + text[end:]
    return text


# A loop of theirs, up to the brace or the condition that ends it, becomes one of ours.
OWN = '#include "own.h"\n'


def spsc_benchmark(text):
    """The text in each of the ways."""
    written = changed(text, (r"#if __has_include", "#if 0 && __has_include"))
    sized = changed(written, (r"queueSize = \d+", f"queueSize = {SPSC_SLOTS}"), (r"iters = \d+", f"iters = {MESSAGES}"),
                    (r"SPSCQueue<int>", "SPSCQueue<std::uint64_t>"))
    loop = r"for \(int i = 0; i < iters; \+\+i\) \{\s*"
    same = changed(sized, (loop + r"while \(!q\.front\(\)\).*?q\.pop\(\);\s*\}", "own::stream(q, iters, false);"),
                   (loop + r"q\.emplace\(i\);\s*\}", "own::stream(q, iters, true);"),
                   (loop + r"while \(!q1\.front\(\)\).*?q1\.pop\(\);\s*\}", "own::trips(q1, q2, iters, false);"),
                   (loop + r"q1\.emplace\(i\);.*?q2\.pop\(\);\s*\}", "own::trips(q1, q2, iters, true);"))
    return dict(zip(WAYS, (written, sized, OWN + same)))


def atomic_benchmark(text):
    """The text in each of the ways."""
    text = without_blocks(text, "if(ATOMIC_QUEUE_LIKELY(!params->options.minimal()))")
    written = changed(text, (r'#include [<"](xenium|boost|tbb|moodycamel)[^\n]*', ""),
                      (r"template <class T, class\.\.\. Policies>\nstruct region_guard_traits<xenium.*?\n};\n", ""),
                      (r"using (Reclaimer|BoostAllocator) = [^;]*;", ""),
                      (r"(if\(ATOMIC_QUEUE_LIKELY\(!params->options\.no_spsc\(\)\)\)\s*)?"
                       r"time_(ping_pong|throughput_spsc)[^;]*\"boost::lockfree::spsc_queue\"[^;]*;", ""))
    sized = changed(written, (r"using T = unsigned;", "using T = std::uint64_t;"), (r"RUNS = 3", "RUNS = 1"))
    # the sum that they check is over other messages, so what they say of it is not read
    same = changed(sized, (r"do \{\s*producer\.push.*?--n\)\);", "own::stream(*queue, n, true);"),
                   (r"do \{\s*n = consumer\.pop.*?n != 1\)\);", "own::stream(*queue, ctx->n_producer_msg, false);"),
                   (r"do \{\s*n = consumer_q1\.pop.*?n > 1\)\);", "own::trips(*q1, *q2, ctx->n_producer_msg, false);"),
                   (r"do \{\s*producer_q1\.push.*?n-- > 1\)\);", "own::trips(*q1, *q2, n, true);"))
    return dict(zip(WAYS, (written, sized, OWN + same)))


def compile_cpp(out, *arguments):
    command = ["c++", *OPTIONS, *arguments, "-o", out]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")


def build(folder, spsc, atomic):
    os.makedirs(folder, exist_ok=True)

    def write(name, text):
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)
        return file.name

    def read(*path):
        with open(os.path.join(*path)) as file:
            return file.read()

    compile_cpp(f"{folder}/tsc", write("tsc.cc", TSC))
    ghz = output(f"{folder}/tsc").strip()
    frequency = changed(read(atomic, "src", "cpu_base_frequency.cc"),
                        (r"return std::stod\(m\[1\]\);", f"return {ghz};"),
                        (r"return 1; // Fallback", f"return {ghz}; //"))
    headers = [f"-I{TREE}/harness/include", f"-I{spsc}/include", f"-I{atomic}/include", f"-I{HERE}/peers"]
    spsc_texts = spsc_benchmark(read(spsc, "src", "SPSCQueueBenchmark.cpp"))
    atomic_texts = atomic_benchmark(read(atomic, "src", "benchmarks.cc"))
    for way in WAYS:
        compile_cpp(f"{folder}/spsc_{way}", *headers, write(f"spsc_{way}.cc", spsc_texts[way]))
        compile_cpp(f"{folder}/atomic_{way}", "-masm=intel", "-include", "climits", *headers, f"-I{atomic}/src",
                    write(f"atomic_{way}.cc", atomic_texts[way]), write("frequency.cc", frequency),
                    f"{atomic}/src/huge_pages.cc", "-ldl")
    compile_cpp(f"{folder}/own.so", "-shared", "-fPIC", f"-DSLOTS={SPSC_SLOTS}", f"-DTRIP_SLOTS={TRIP_SLOTS}",
                f"-DSTREAM_SLOTS={STREAM_SLOTS}", *headers, f"{HERE}/peers/own.cpp")


def ours(folder, what, cpus):
    """Figure, mean of the pure slices of its class, and the class."""
    scenario, variant = ROWS[what].scenario, ROWS[what].variant
    out = scratch()
    try:
        run(out, f"{scenario}/{variant}", "--plugin", f"{folder}/own.so", "--set", "message=8", "--placement", cpus,
            "--no-counters", "--repeat-blocks", "3", "--slices", "100")
        found = figure(out, scenario, variant)
        mean = statistics.mean(s.ns_per_op for s in slices(out, scenario, variant)
                               if s.pure and s.pair_class == found.pair_class)
    finally:
        discard(out)
    return found.median, mean, found.class_ns


def theirs(folder, what, cpus, way):
    row = ROWS[what]
    pinned = ["taskset", "-c", cpus] if row.program == "atomic" else []
    arguments = cpus.split(",")[::-1] if row.program == "spsc" else []
    settings = [f"{k}={v}" for k, v in {**row.environment, "AQN": str(MESSAGES), "LC_ALL": "C"}.items()]
    told = output("env", *settings, *pinned, f"{folder}/{row.program}_{way}", *arguments)
    return row.ns(matched(re.compile(row.pattern), told, row.program))


def cpu_name():
    with open("/proc/cpuinfo") as file:
        of = dict(line.split(":", 1) for line in file.read().split("\n\n")[0].splitlines() if ":" in line)
    of = {key.strip(): value.strip() for key, value in of.items()}
    return f"{of.get('model name', '?')} ({of.get('cpu family', '?')}/{of.get('model', '?')})"


def counted(rows, what):
    """{class in ns: [row]} of the rounds in which the cores stayed."""
    rows = [r for r in rows if r["what"] == what and
            1 / CENTER_RATIO < float(r["class_before_ns"]) / float(r["class_after_ns"]) < CENTER_RATIO]
    groups = match_classes([float(r["class_before_ns"]) for r in rows])
    return {statistics.median(float(rows[i]["class_before_ns"]) for i in group): [rows[i] for i in group]
            for group in groups}


def measure(arguments, log, cpu):
    build(arguments.build, arguments.spsc, arguments.atomic)
    end = time.monotonic() + arguments.seconds if arguments.seconds else math.inf
    number = max([int(r["round"]) for r in logged_rows(log)], default=0)

    def short(what):
        done = counted([r for r in logged_rows(log) if r["cpu"] == cpu], what).values()
        return max(map(len, done), default=0) < arguments.rounds

    last = number + 4 * arguments.rounds  # the cores may move in most of them
    while number < last and time.monotonic() < end:
        number += 1
        wanted = [what for what in ROWS if arguments.only in what and short(what)]
        if not wanted:
            return
        for what in wanted:
            try:
                before = ours(arguments.build, what, arguments.cpus)
                other = {f"{way}_ns": f"{theirs(arguments.build, what, arguments.cpus, way):.3f}" for way in WAYS}
                after = ours(arguments.build, what, arguments.cpus)
            except NoFigure as why:
                print(f"{what}: {why}", flush=True)
                continue
            append_row(log, FIELDS, {
                "what": what, "round": number, **other, "ours_ns": f"{(before[0] + after[0]) / 2:.3f}",
                "ours_mean_ns": f"{(before[1] + after[1]) / 2:.3f}", "class_before_ns": f"{before[2]:.1f}",
                "class_after_ns": f"{after[2]:.1f}", "cpu": cpu})


def table(log, only):
    print("| what | class | theirs, as written | with our size | and our loops | ours | rounds "
          "| ours / the last of theirs (95 % interval) | ours as a mean, too | CPU |")
    print("|---|--:|--:|--:|--:|--:|--:|---|---|---|")
    within, told = True, 0
    logged = logged_rows(log)
    for cpu in sorted({r["cpu"] for r in logged}):
        for what in (w for w in ROWS if only in w):
            for center, rows in counted([r for r in logged if r["cpu"] == cpu], what).items():
                of = {key: [float(r[key]) for r in rows] for key in FIELDS if key.endswith("_ns")}
                ratio, low, high = median_interval([a / b for a, b in zip(of["ours_ns"], of["same_ns"])])
                means = median_interval([a / b for a, b in zip(of["ours_mean_ns"], of["same_ns"])])
                medians = " | ".join(f"{statistics.median(of[key]):.4g} ns"
                                     for key in (*(f"{way}_ns" for way in WAYS), "ours_ns"))
                print(f"| {what} | {center:.0f} ns | {medians} | {len(rows)} | {ratio:.3f} ({low:.3f} to {high:.3f}) "
                      f"| {means[0]:.3f} ({means[1]:.3f} to {means[2]:.3f}) | {cpu} |")
                if not math.isnan(low):
                    told += 1
                    within &= low <= 1.05 and high >= 0.95
    verdict(within and told > 0, f"{told} rows with an interval; each has to meet 0.95 to 1.05")


def main():
    parser = argparse.ArgumentParser(usage=__doc__.replace("%", "%%"))
    parser.add_argument("program")
    parser.add_argument("spsc")
    parser.add_argument("atomic")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--only", default="")
    parser.add_argument("--cpus", default="0,1")
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--log", default="results/peers_own.csv")
    parser.add_argument("--build", default="build/peers_own")
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    arguments.build = os.path.abspath(arguments.build)
    assert os.path.exists(PROGRAM), PROGRAM
    if not arguments.table:
        measure(arguments, arguments.log, cpu_name())
    table(arguments.log, arguments.only)


if __name__ == "__main__":
    main()
