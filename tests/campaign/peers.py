#!/usr/bin/env python3
"""shmeter beside what people would otherwise run, alternated ten times on the same CPUs (c2clat forty times).

usage: peers.py SOURCES [PROGRAM [ONLY]]     ONLY: those whose name has this in it
SOURCES holds the peers' source trees, unpacked, as owner+name: rigtorp+c2clat, rigtorp+ipc-bench, rigtorp+SPSCQueue,
max0x7ba+atomic_queue, goldsborough+ipc-bench, intel+lmbench (which needs libtirpc-dev).  They are built in a folder of their own.  `perf` is used
where it is installed.  What each figure includes stands in docs/peers.md."""
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

SOURCES = os.path.abspath(sys.argv.pop(1))

from common import discard, median_interval, rows, run, scratch, verdict  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS = 10
LINE_ROUNDS = 40
ONLY = sys.argv[2] if len(sys.argv) > 2 else ""
TRIPS = {"same-core": 30000, "near": 8000}
BUILT = tempfile.mkdtemp(prefix="shmeter-peers-")


def build():
    for name in ("pipe_lat", "unix_lat", "tcp_lat"):
        subprocess.run(["cc", "-O2", "-w", f"{SOURCES}/rigtorp+ipc-bench/src/{name}.c", "-o", f"{BUILT}/{name}"],
                       check=True)
    mq = f"{SOURCES}/goldsborough+ipc-bench/source"
    common = [f"{mq}/common/{c}.c" for c in ("arguments", "benchmarks", "parent", "process", "signals", "utility")]
    for side in ("client", "server"):
        subprocess.run(["cc", "-O2", "-w", "-D_GNU_SOURCE", f"-I{mq}", f"{mq}/mq/{side}.c", f"{mq}/mq/mq-common.c",
                        *common, "-lm", "-o", f"{BUILT}/mq-{side}"], check=True)
    subprocess.run(["c++", "-std=c++17", "-O2", "-w", f"-I{SOURCES}/rigtorp+SPSCQueue/include",
                    f"-I{SOURCES}/max0x7ba+atomic_queue/include", f"{HERE}/peers/spsc.cc", "-pthread", "-o",
                    f"{BUILT}/spsc"], check=True)
    lm = f"{SOURCES}/intel+lmbench/src"
    library = [f"{lm}/{c}.c" for c in ("lib_timing", "lib_mem", "lib_stats", "lib_debug", "getopt", "lib_sched",
                                       "lib_tcp", "lib_unix", "lib_udp")]
    for name in ("lat_pipe", "lat_unix", "lat_tcp"):
        subprocess.run(["cc", "-O2", "-w", "-std=gnu89", "-DHAVE_socklen_t", "-DHAVE_uint", "-DHAVE_int64_t",
                        "-I/usr/include/tirpc", f"-I{lm}", f"{lm}/{name}.c", *library, "-ltirpc", "-lm", "-o",
                        f"{BUILT}/{name}"], check=True)


def pin(pid, cpu):
    try:
        os.sched_setaffinity(pid, {cpu})
    except ProcessLookupError:
        pass


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(c) for c in file.read().split()]
    except OSError:
        return []


def pin_descendant(process, generation, cpu):
    """Pins the first child, or the child's first child, as soon as there is one."""
    for _ in range(2000):
        pids = [process.pid]
        for _ in range(generation):
            pids = [child for pid in pids for child in children(pid)]
        if pids:
            pin(pids[0], cpu)
            return
        time.sleep(0.0002)


def run_pinned(command, placement, generation=1, environment=None):
    """Its output, with the first process on CPU 0 and the one it answers to on CPU 1 or 0."""
    process = subprocess.Popen(["taskset", "-c", "0", *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               text=True, env=environment)
    if placement == "near":
        pin_descendant(process, generation, 1)
    return process.communicate()[0]


def rigtorp(name):
    def once(placement):
        out = run_pinned([f"{BUILT}/{name}", "64", str(TRIPS[placement])], placement)
        return 2.0 * float(re.search(r"average latency: (\d+) ns", out).group(1))
    return once


def perf_pipe(placement):
    if placement != "same-core":
        return None
    out = run_pinned(["perf", "bench", "sched", "pipe", "-l", str(TRIPS[placement])], placement)
    return 1000 * float(re.search(r"([\d.]+) usecs/op", out).group(1))


def goldsborough_mq(placement):
    """Its two programs, started with pinning; the server prints the mean of its round trips.  They signal
    their whole process group, which is therefore one of their own."""
    arguments = ["-s", "64", "-c", str(TRIPS[placement])]
    cpu = "0" if placement == "same-core" else "1"
    server = subprocess.Popen(["taskset", "-c", "0", f"{BUILT}/mq-server", *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, process_group=0)
    client = subprocess.Popen(["taskset", "-c", cpu, f"{BUILT}/mq-client", *arguments], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, process_group=server.pid)
    try:
        out = server.communicate(timeout=30)[0]
        return 1000 * float(re.search(r"Average duration:\s+([\d.]+)", out).group(1))
    except (subprocess.TimeoutExpired, AttributeError):
        return None
    finally:
        for process in (server, client):
            process.kill()
            process.wait()


# How long a measurement takes and what reading the clock costs, given so that it does not search for them.
LMBENCH = {**os.environ, "ENOUGH": "100000", "TIMING_O": "0", "LOOP_O": "0"}


def lmbench(name, *arguments):
    """A round trip.  The figure is written to stderr."""
    def once(placement):
        out = run_pinned(["sh", "-c", 'exec "$@" 2>&1', "sh", f"{BUILT}/{name}", *arguments, "-N", "5"], placement, 2,
                         LMBENCH)
        return 1000 * float(re.search(r": ([\d.]+) microseconds", out).group(1))
    return once


def lmbench_tcp(placement):
    """Its server forks for each connection; the server's CPU is the child's."""
    cpu = "0" if placement == "same-core" else "1"
    subprocess.run(["taskset", "-c", cpu, f"{BUILT}/lat_tcp", "-s"], check=True, env=LMBENCH)
    time.sleep(0.2)
    try:
        out = run_pinned(["sh", "-c", 'exec "$@" 2>&1', "sh", f"{BUILT}/lat_tcp", "-m", "64", "-N", "5", "localhost"],
                         "same-core", 2, LMBENCH)
        return 1000 * float(re.search(r": ([\d.]+) microseconds", out).group(1))
    finally:
        subprocess.run([f"{BUILT}/lat_tcp", "-S", "localhost"], stderr=subprocess.DEVNULL)


PEERS = [("pipe", "rigtorp/ipc-bench pipe_lat", rigtorp("pipe_lat")),
         ("pipe", "perf bench sched pipe", perf_pipe),
         ("unix_stream", "rigtorp/ipc-bench unix_lat", rigtorp("unix_lat")),
         ("tcp_loopback", "rigtorp/ipc-bench tcp_lat", rigtorp("tcp_lat")),
         ("pipe", "lmbench lat_pipe", lmbench("lat_pipe")),
         ("unix_stream", "lmbench lat_unix", lmbench("lat_unix", "-m", "64")),
         ("tcp_loopback", "lmbench lat_tcp", lmbench_tcp),
         ("sysv_msg", "goldsborough/ipc-bench mq", goldsborough_mq)]


def shmeter_trips(transport, placement):
    folder = scratch()
    run(folder, f"transport_latency/{transport}", "--set", "message=64", "--placement", placement, "--repeat-blocks",
        "6", "--no-counters")
    values = [float(s["value"]) for s in rows(folder, "samples.csv")
              if s["scenario"] == "transport_latency" and s["status"] == "ok"]
    discard(folder)
    return statistics.median(values)


def compare_kernel():
    good = True
    for transport, name, once in PEERS:
        if ONLY not in name:
            continue
        for placement in ("same-core", "near"):
            ratios, ours, theirs = [], [], []
            for _ in range(ROUNDS):
                peer = once(placement)
                if peer is None:
                    break
                mine = shmeter_trips(transport, placement)
                ours.append(mine)
                theirs.append(peer)
                ratios.append(mine / peer)
            if not ratios:
                continue
            middle, low, high = median_interval(ratios)
            good &= low <= 1.05
            print(f"| {transport} round trip, {placement} | {statistics.median(ours):.0f} ns | {name} | "
                  f"{statistics.median(theirs):.0f} ns | {middle:.3f} ({low:.3f} to {high:.3f}) |", flush=True)
    return good


def near_or_far(before, after):
    """The class of a slice, None where the probes disagree."""
    if max(before, after) > 1.6 * min(before, after):
        return None
    return "near" if before < 200 else "far"


def our_rings(folder):
    """{(ring, what, class): [ns]}: slices of this run."""
    found = {}
    names = {"transport_throughput": "throughput", "transport_latency": "round-trip"}
    samples = {s["trial"]: s for s in rows(folder, "samples.csv")}
    for s in rows(folder, "slices.csv"):
        of = samples.get(s["trial"])
        if not of or of["scenario"] not in names or s["status"] != "pure":
            continue
        c = near_or_far(float(s["probe_before_ns"]), float(s["probe_after_ns"]))
        found.setdefault((of["variant"], names[of["scenario"]], c), []).append(float(s["ns_per_op"]))
    return found


def compare_rings():
    ratios, ours, theirs = {}, {}, {}
    for _ in range(ROUNDS):
        folder = scratch()
        run(folder, "transport_throughput/shm_ring", "transport_throughput/shm_ring_ck", "transport_latency/shm_ring",
            "--set", "message=64", "--repeat-blocks", "8", "--no-counters", "--placement", "0,1")
        mine = our_rings(folder)
        discard(folder)
        other = {}
        for line in subprocess.run([f"{BUILT}/spsc", "0", "1", "160"], capture_output=True, text=True,
                                   check=True).stdout.splitlines():
            name, what, before, after, ns = line.split()
            c = near_or_far(float(before), float(after))
            other.setdefault((name, what, c), []).append(float(ns))
        for (ring, what, c), values in mine.items():
            if ring == "shm_ring_ck":
                other[("ck_ring (shm_ring_ck)", what, c)] = values
        for (name, what, c), values in other.items():
            own = mine.get(("shm_ring", what, c))
            if c and own and len(own) >= 10 and len(values) >= 10:
                key = (name, what, c)
                ratios.setdefault(key, []).append(statistics.median(own) / statistics.median(values))
                ours.setdefault(key, []).append(statistics.median(own))
                theirs.setdefault(key, []).append(statistics.median(values))
    good = True
    for key in sorted(ratios):
        if len(ratios[key]) < 6:
            print(f"(class {key[2]}: only {len(ratios[key])} rounds had it for {key[0]} {key[1]})")
            continue
        middle, low, high = median_interval(ratios[key])
        # a queue that passes an element and its state in one line has fewer lines to move: told, not held against
        good &= low <= 1.0 or ("atomic_queue" in key[0] and key[1] == "round-trip")
        print(f"| shm_ring {key[1]}, 64 B, {key[2]} | {statistics.median(ours[key]):.1f} ns | {key[0]} | "
              f"{statistics.median(theirs[key]):.1f} ns | {middle:.3f} ({low:.3f} to {high:.3f}) |", flush=True)
    return good


def build_c2clat():
    """As its README says, and the same source with its lines off the machine's stack (SafeStack, a hardening option of clang:
    https://clang.llvm.org/docs/SafeStack.html).  The lines are variables of main, which loads the one that it waits for
    relative to the stack pointer.  Processors such as Zen predict such loads from earlier stores to the same place, which
    would be wrong each time another core stored; that is the likely cause of what the other build saves."""
    source = f"{SOURCES}/rigtorp+c2clat/c2clat.cpp"
    subprocess.run(["c++", "-O3", "-DNDEBUG", source, "-pthread", "-o", f"{BUILT}/c2clat"], check=True)
    subprocess.run(["clang++", "-O3", "-DNDEBUG", "-fsanitize=safe-stack", source, "-pthread", "-o",
                    f"{BUILT}/c2clat-safe-stack"], check=True)


def c2clat(name):
    """The one-way time between CPUs 0 and 1 that it prints: half of its shortest round trip, cut to whole ns."""
    out = subprocess.run(["taskset", "-c", "0,1", f"{BUILT}/{name}"], capture_output=True, text=True, check=True).stdout
    return float(out.splitlines()[1].split()[2])


def compare_lines():
    """Where both saw the cores equally near.  c2clat's figure is the shortest of a thousand windows of a hundred round trips over
    one pair of lines, another pair in each process.  A slice is some thousand round trips over one pair, another in each
    slice: their median is held against it, and the shortest stands beside."""
    build_c2clat()
    found = {}
    for _ in range(LINE_ROUNDS):
        folder = scratch()
        run(folder, "core_to_core/two_lines", "--set", "from=0", "--set", "to=1", "--repeat-blocks", "6", "--no-counters")
        trials = {s["trial"] for s in rows(folder, "samples.csv") if s["scenario"] == "core_to_core"}
        slices = {}
        for s in rows(folder, "slices.csv"):
            if s["trial"] in trials and s["status"] == "pure":
                c = near_or_far(float(s["probe_before_ns"]), float(s["probe_after_ns"]))
                slices.setdefault(c, []).append(float(s["ns_per_op"]) / 2)
        discard(folder)
        for name in ("c2clat", "c2clat-safe-stack"):
            peer = c2clat(name)
            mine = slices.get(near_or_far(2 * peer, 2 * peer), [])
            if len(mine) >= 6:
                found.setdefault((name, near_or_far(2 * peer, 2 * peer)), []).append(
                    (statistics.median(mine), min(mine), peer))
    good = False
    for (name, c), rounds in sorted(found.items()):
        if len(rounds) < 6:
            print(f"(class {c}: only {len(rounds)} rounds had it for {name})")
            continue
        middle, low, high = median_interval([m / peer for m, _, peer in rounds])
        if name == "c2clat-safe-stack":
            good = low <= 1.1 and high >= 0.9
        ours, shortest, theirs = (statistics.median(column) for column in zip(*rounds))
        print(f"| core_to_core two_lines, one way, {c} | {ours:.1f} ns (shortest {shortest:.1f}) | rigtorp/{name} | "
              f"{theirs:.1f} ns | {middle:.3f} ({low:.3f} to {high:.3f}) |", flush=True)
    return good


if ONLY != "c2clat":
    build()
print("| what | shmeter | peer | peer's figure | ratio (95 % interval) |\n|---|---|---|---|---|")
rings = compare_rings() if ONLY in "rings" else True
lines = compare_lines() if ONLY in "c2clat" else True
kernel = compare_kernel()
verdict(rings and lines and kernel, "no peer is faster beyond its bound")
