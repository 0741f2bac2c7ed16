"""One cache line between two cores compared with c2clat and multichase's pingpong, and contended locks compared with
perf and stress-ng.

`two_lines` works like c2clat, so their values are compared.  `one_line` is the subject of the matrix and claim C5.  The
spread of each from run to run is compared with the peers' spread: `one_line` with c2clat, and with pingpong as its
README calls it; `two_lines` with c2clat, and with pingpong's transfer alone (`-r 0`).  Our spread is within a pair
class, the peers' is overall, since a peer does not know its class.  By default pingpong makes ten pauses between two
reads of the line.  A transfer that ends within a pause is seen when the pause ends, which hides much of the difference.
All values are one way."""
import re
import shutil
import statistics

from common import discard, figure, figures, match_classes, run, scratch, slices, spread
from peers_step import Step, matched, ours, output

LINE_ROUNDS = 40
SPREAD_ROUNDS = 30
CONTENDED_ROUNDS = 3
CLASS_RUNS = 5  # in each of two classes; needed if the core distance changed
BLOCKS = "50"  # 0.6 s of timed work in all; pingpong takes five samples of 0.25 s
PAIR = ("--set", "from=0", "--set", "to=1")
PINGPONG, PAUSED, C2CLAT = "google/multichase pingpong -u -r 0", "google/multichase pingpong -u", "rigtorp/c2clat"


def c2clat(built, name):
    """The one-way time between CPUs 0 and 1 that it prints: half of its shortest round trip, truncated to whole ns."""
    table = output("taskset", "-c", "0,1", f"{built}/{name}").splitlines()
    return float(table[1].split()[2])


def two_lines():
    """Half of a round trip: the median of the leading class, the shortest of its pure slices, and the class in ns."""
    folder = scratch()
    try:
        run(folder, "core_to_core/two_lines", *PAIR, "--repeat-blocks", "6", "--no-counters")
        found = figure(folder, "core_to_core", "two_lines")
        shortest = min(s.ns_per_op for s in slices(folder, "core_to_core", "two_lines")
                       if s.pure and s.pair_class == found.pair_class)
    finally:
        discard(folder)
    return found.median / 2, shortest / 2, found.class_ns


def lines(built):
    """c2clat does not know which class it measured.  So it runs between two runs of ours, and counts if both saw the
    same class."""
    peers = [(C2CLAT, "c2clat"), (f"{C2CLAT}, with -fsanitize=safe-stack", "c2clat-safe-stack")]

    def measure():
        before = two_lines()
        theirs = [(peer, c2clat(built, program)) for peer, program in peers]
        after = two_lines()
        if len(match_classes([before[2], after[2]])) > 1:
            return [{"what": "core_to_core two_lines", "reason": f"the cores moved: {before[2]}, {after[2]} ns"}]
        class_ns = (before[2] + after[2]) / 2
        readings = []
        for peer, one_way in theirs:
            for what, column in (("two_lines, one way", 0), ("two_lines, one way, shortest slice", 1)):
                readings.append({"what": f"core_to_core {what}", "peer": peer, "class_ns": class_ns, "theirs": one_way,
                                 "ours": (before[column] + after[column]) / 2})
        return readings

    def good(what, peer, low, high):
        # plain c2clat loses time to its own stack (docs/peers.md), and the shortest slice is only reported: neither
        # decides
        return "safe-stack" not in peer or "shortest" in what or (low <= 1.1 and high >= 0.9)

    def why(what, _):
        return None if "shortest" in what else "c2clat prints its shortest of 1,000 windows, and this is a median"
    return Step("lines", "c2clat", measure, rounds=LINE_ROUNDS, classed=True, why=why, good=good)


def spread_step(built):
    def measure():
        readings = []
        for variant in ("one_line", "two_lines"):
            mine = ours("core_to_core", variant, *PAIR, "--profile", "quick", "--repeat-blocks", BLOCKS)
            readings.append({"what": f"core_to_core {variant}", "class_ns": mine.class_ns, "ours": mine.median / 2})
        readings.append({"peer": C2CLAT, "theirs": c2clat(built, "c2clat")})
        for peer, pauses in ((PINGPONG, ["-r", "0"]), (PAUSED, [])):
            out = output("taskset", "-c", "0,1", f"{built}/pingpong", "-u", "-c", "2", *pauses)
            readings.append({"peer": peer, "theirs": float(out.split()[-1])})
        return readings
    return Step("spread", "spread", measure, rounds=SPREAD_ROUNDS, table=spread_table)


def spread_table(readings, cpu):
    print("| what | runs | median, one way | spread (largest - smallest, of the median) | CPU |\n|---|---|---|---|---|")

    def line(what, values):
        print(f"| {what} | {len(values)} | {statistics.median(values):.1f} ns | {100 * spread(values):.1f} % | {cpu} |")

    widest, moved = {"one_line": 0.0, "two_lines": 0.0}, False
    for variant in widest:
        mine = [r for r in readings if r["what"] == f"core_to_core {variant}" and r["class_ns"]]
        centers = [float(r["class_ns"]) for r in mine]
        classes = [([centers[i] for i in group], [float(mine[i]["ours"]) for i in group])
                   for group in match_classes(centers)]
        for seen, values in classes:
            line(f"core_to_core {variant}, class {statistics.median(seen):.0f} ns", values)
            widest[variant] = max(widest[variant], spread(values))
        moved = moved or sum(len(values) >= CLASS_RUNS for _, values in classes) >= 2
    theirs = {peer: [float(r["theirs"]) for r in readings if r["peer"] == peer] for peer in (C2CLAT, PINGPONG, PAUSED)}
    if not all(theirs.values()):
        print("<!-- no round yet -->")
        return 3
    for peer, values in theirs.items():
        line(peer, values)
    third = {peer: spread(values) / 3 for peer, values in theirs.items()}
    print(f"\nWithin a class one_line spreads by {100 * widest['one_line']:.1f} % at most and two_lines by "
          f"{100 * widest['two_lines']:.1f} %; a third of c2clat's spread is {100 * third[C2CLAT]:.1f} %, "
          f"of pingpong's {100 * third[PAUSED]:.1f} %, and without its pauses {100 * third[PINGPONG]:.1f} %.")
    if not moved:
        print("The cores did not move between two classes: there is one class for everybody, and nothing to compare.")
        return 3
    return 0 if (widest["one_line"] < min(third.values()) and
                 widest["two_lines"] < min(third[C2CLAT], third[PINGPONG])) else 1


def contended(_):
    def measure():
        folder = scratch()
        try:
            run(folder, "lock_throughput/mutex*", "lock_throughput/futex_lock", "--set", "processes=2", "--no-counters")
            mine = figures(folder, "lock_throughput")
        finally:
            discard(folder)
        readings = [{"what": f"lock_throughput {variant}", "class_ns": f.class_ns or "", "ours": f.median}
                    for (variant, _), f in mine.items() if f.unit == "ns/op" and f.n >= 6]
        out = output("perf", "bench", "futex", "lock-pi", "-t", "2", "-M", "-r", "3")
        rate = matched(re.compile(r"Averaged (\d+)"), out, "perf bench futex lock-pi")
        readings.append({"peer": "perf bench futex lock-pi -t 2 -M", "theirs": 1e9 / rate})
        for stressor in ("mutex", "futex") if shutil.which("stress-ng") else ():
            out = output("sh", "-c", f"stress-ng --{stressor} 1 --taskset 0,1 -t 3 --metrics-brief 2>&1")
            rate = matched(re.compile(rf"\] {stressor} +\d+ +[\d.]+ +[\d.]+ +[\d.]+ +([\d.]+)"), out, "stress-ng")
            readings.append({"peer": f"stress-ng --{stressor} 1", "theirs": 1e9 / rate})
        return readings
    return Step("contended", "contended locks", measure, rounds=CONTENDED_ROUNDS, table=contended_table)


def contended_table(readings, cpu):
    print("| contended by two, on two PUs | rounds | time per acquisition of each | CPU |\n|---|---|---|---|")
    found = {}
    for r in readings:
        if r["ours"] or r["theirs"]:
            found.setdefault(r["what"] or r["peer"], []).append(float(r["ours"] or r["theirs"]))
    for what, values in found.items():
        print(f"| {what} | {len(values)} | {statistics.median(values):.0f} ns | {cpu} |")
    return 0


def steps(built):
    return [lines(built), spread_step(built), contended(built)]
