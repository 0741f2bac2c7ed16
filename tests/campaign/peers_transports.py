"""Message passing compared with other benchmarks: the kernel's transports by round trip, and rings slice by slice."""
import os
import re
import statistics
import subprocess
import time

from common import NoFigure, class_of, discard, pair_classes, run, scratch, slices, trials
from peers_step import Step, matched, ours, output

TRIPS = {"0": 30000, "1": 8000}
# The duration of a measurement and the cost of reading the clock, so that lmbench does not search for them.  It
# measures once per round (-N 1), because the rounds repeat it.
LMBENCH = {**os.environ, "ENOUGH": "100000", "TIMING_O": "0", "LOOP_O": "0"}
BARE = {"byte-ring-compiled": "bare byte ring, length compiled in",
        "byte-ring-run-time": "bare byte ring, length at run time"}
SLICES_MIN = 10  # per class, in a run


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


def run_pinned(command, cpu, generation=1, environment=None):
    """Its output.  The first process runs on CPU 0; the process that it communicates with runs on `cpu`, which may also
    be 0."""
    process = subprocess.Popen(["taskset", "-c", "0", *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               text=True, env=environment)
    if cpu != "0":
        pin_descendant(process, generation, int(cpu))
    return process.communicate()[0]


def rigtorp(built, name):
    def once(cpu):
        out = run_pinned([f"{built}/{name}", "64", str(TRIPS[cpu])], cpu)
        return 2.0 * matched(re.compile(r"average latency: (\d+) ns"), out, name)
    return once


def perf_pipe(cpu):
    out = run_pinned(["perf", "bench", "sched", "pipe", "-l", str(TRIPS[cpu])], cpu)
    return 1000 * matched(re.compile(r"([\d.]+) usecs/op"), out, "perf bench sched pipe")


def goldsborough_mq(built):
    """Its two programs, pinned at the start; the server prints the mean of its round trips.  They send signals to their
    whole process group, so they get one of their own."""
    def once(cpu):
        arguments = ["-s", "64", "-c", str(TRIPS[cpu])]
        server = subprocess.Popen(["taskset", "-c", "0", f"{built}/mq-server", *arguments], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True, process_group=0)
        client = subprocess.Popen(["taskset", "-c", cpu, f"{built}/mq-client", *arguments],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=server.pid)
        try:
            out = server.communicate(timeout=30)[0]
            return 1000 * matched(re.compile(r"Average duration:\s+([\d.]+)"), out, "mq-server")
        except subprocess.TimeoutExpired as why:
            raise NoFigure("mq-server did not end") from why
        finally:
            for process in (server, client):
                process.kill()
                process.wait()
    return once


def lmbench(built, name, *arguments):
    """A round trip.  The program writes the value to stderr."""
    def once(cpu):
        out = run_pinned(["sh", "-c", 'exec "$@" 2>&1', "sh", f"{built}/{name}", "-N", "1", *arguments], cpu, 2,
                         LMBENCH)
        return 1000 * matched(re.compile(r": ([\d.]+) microseconds"), out, name)
    return once


def lmbench_tcp(built):
    """Its server forks for each connection, so the child is pinned to the server's CPU."""
    def once(cpu):
        subprocess.run(["taskset", "-c", cpu, f"{built}/lat_tcp", "-s"], check=True, env=LMBENCH)
        time.sleep(0.2)
        try:
            return lmbench(built, "lat_tcp", "-m", "64", "localhost")("0")
        finally:
            subprocess.run([f"{built}/lat_tcp", "-S", "localhost"], stderr=subprocess.DEVNULL)
    return once


def trip(transport, peer, once, cpu):
    def measure():
        theirs = once(cpu)
        mine = ours("transport_latency", transport, "--set", "message=64", "--placement", f"0,{cpu}",
                    "--repeat-blocks", "6")
        return [{"what": f"{transport} round trip, {mine.relation}", "peer": peer, "ours": mine.median,
                 "theirs": theirs}]
    return Step("transports", f"{transport} {peer} 0,{cpu}", measure)


def ring_slices(folder):
    """{(ring, what, class): [ns]}: pure slices of the run in each of its classes."""
    found = {}
    for scenario, what in (("transport_throughput", "throughput"), ("transport_latency", "round trip")):
        for s in slices(folder, scenario):
            if s.pure:
                found.setdefault((s.variant, what, s.pair_class), []).append(s.ns_per_op)
    return found


def peer_slices(built, classes):
    """The same for the other projects' rings: their stretches have the same probes, and are assigned to the classes of
    our run."""
    found = {}
    for line in output(f"{built}/spsc", "0", "1", "160").splitlines():
        name, what, before, after, ns = line.split()
        if within := class_of(float(before), float(after), classes):
            found.setdefault((BARE.get(name, name), what.replace("-", " "), within.name), []).append(float(ns))
    return found


def rings(built):
    def measure():
        folder = scratch()
        try:
            run(folder, "transport_throughput/shm_ring", "transport_throughput/shm_ring_ck",
                "transport_latency/shm_ring", "--set", "message=64", "--repeat-blocks", "8", "--no-counters",
                "--placement", "0,1")
            mine, classes = ring_slices(folder), pair_classes(folder)
            relation = trials(folder, "transport_latency")[0]["relation"]
        finally:
            discard(folder)
        other = peer_slices(built, classes[relation])
        for (ring, what, pair_class), values in mine.items():
            if ring == "shm_ring_ck":
                other[("ck_ring (shm_ring_ck)", what, pair_class)] = values
        center = {c.name: c.center_ns for c in classes[relation]}
        readings = []
        for (peer, what, pair_class), values in other.items():
            own = mine.get(("shm_ring", what, pair_class), [])
            if min(len(own), len(values)) >= SLICES_MIN:
                readings.append({"what": f"shm_ring {what}, 64 B, {relation}", "peer": peer,
                                 "class_ns": center[pair_class], "ours": statistics.median(own),
                                 "theirs": statistics.median(values)})
        if not readings:
            raise NoFigure("no class with enough slices of both")
        return readings


    def good(what, peer, low, _):
        return low <= (1.05 if peer in BARE.values() else 1.0)
    return Step("rings", "rings", measure, classed=True, good=good)


def steps(built):
    peers = [("pipe", "rigtorp/ipc-bench pipe_lat", rigtorp(built, "pipe_lat")),
             ("pipe", "perf bench sched pipe", perf_pipe),
             ("unix_stream", "rigtorp/ipc-bench unix_lat", rigtorp(built, "unix_lat")),
             ("tcp_loopback", "rigtorp/ipc-bench tcp_lat", rigtorp(built, "tcp_lat")),
             ("pipe", "lmbench lat_pipe", lmbench(built, "lat_pipe")),
             ("unix_stream", "lmbench lat_unix", lmbench(built, "lat_unix", "-m", "64")),
             ("tcp_loopback", "lmbench lat_tcp", lmbench_tcp(built)),
             ("sysv_msg", "goldsborough/ipc-bench mq", goldsborough_mq(built))]
    # perf's two processes cannot be identified soon enough to pin them to two CPUs
    trips = [trip(*peer, cpu) for peer in peers for cpu in ("0", "1") if cpu == "0" or peer[2] is not perf_pipe]
    return [*trips, rings(built)]
