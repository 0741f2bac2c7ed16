#!/usr/bin/env python3
"""Judges what a guest machine sent back: what the kernel says, never how long anything took.
usage: check.py amd64 | arm64 FOLDER"""
import csv
import json
import pathlib
import re
import sys

# The machine of tests/guests/run: PU to node, and which two are threads of one core.
NODE_OF = {pu: pu // 4 for pu in range(8)}
CORE_OF = {pu: pu // 2 for pu in range(8)}
BASE_PAGE = 4096
PAGES_OF_A_FAULT = {"4k": 1, "thp": 512, "2m": 512, "1g": 262144}
# A trial that a busy host disturbed did its work and was verified; only its time is worth nothing.
DONE = ("ok", "disturbed")


class Judge:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.passed = self.failed = 0

    def expect(self, holds, what, otherwise=""):
        if holds:
            self.passed += 1
            print(f"ok   {what}")
        else:
            self.failed += 1
            print(f"FAIL {what}: {otherwise}" if otherwise else f"FAIL {what}")
        return holds

    def log(self, step):
        path = self.folder / f"{step}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def ended(self, step, code=0):
        path = self.folder / f"{step}.rc"
        got = path.read_text().strip() if path.exists() else "none"
        tail = " | ".join(self.log(step).strip().splitlines()[-3:])
        return self.expect(got == str(code), f"{step} exits with {code}", f"{got}: {tail}")

    def table(self, step, name):
        path = self.folder / step / f"{name}.csv"
        if not path.exists():
            return []
        with path.open(newline="") as file:
            return list(csv.DictReader(file))

    def samples(self, step, control=False):
        return [row for row in self.table(step, "samples") if control or row["scenario"] != "aa"]


def relation(first, second):
    if NODE_OF[first] != NODE_OF[second]:
        return "cross-node"
    return "smt" if CORE_OF[first] == CORE_OF[second] else "same-node"


def wrong_seats(rows, placement):
    """The rows that are not what was asked for, in words."""
    wrong = []
    for row in rows:
        pus = [int(pu) for pu in row["pus"].split()] if row["pus"] != "-" else []
        got = relation(pus[0], pus[1]) if len(set(pus)) == 2 else "-"
        if (row["status"] not in DONE or row["relation"] != placement or got != placement
                or row["migrations"] != "0"):
            wrong.append(f"{row['scenario']}/{row['variant']} on {row['pus']}: {row['relation']}, "
                         f"{row['status']}, {row['migrations']} migrations, {row['reason']}")
    return wrong


def check_placements(judge):
    for placement in ("smt", "same-node", "cross-node"):
        step = f"place-{placement}"
        judge.ended(step)
        rows = judge.samples(step, control=True)
        wrong = wrong_seats(rows, placement)
        judge.expect(len(rows) >= 5 and not wrong,
                     f"{placement}: {len(rows)} trials sit so, by the machine's own numbers",
                     "; ".join(wrong))
    judge.ended("place-list")
    rows = judge.samples("place-list")
    judge.expect(len(rows) == 1 and rows[0]["pus"] == "1 6" and rows[0]["status"] in DONE,
                 "PUs 1 and 6, asked for by number", str(rows))
    judge.ended("refused-shared-l2", 5)
    judge.expect("two cores under one L2 cache" in judge.log("refused-shared-l2"),
                 "shared-l2 is refused with the reason")
    judge.ended("refused-bind", 5)
    judge.expect(re.search(r"no NUMA node 2", judge.log("refused-bind")),
                 "a third node is refused with the reason", judge.log("refused-bind")[-300:])
    judge.ended("transports")
    rows = judge.samples("transports")
    wrong = wrong_seats(rows, "cross-node")
    judge.expect(len(rows) >= 10 and not wrong, f"{len(rows)} transports talk from node to node",
                 "; ".join(wrong))


def check_read_back(judge):
    judge.ended("pins")
    pins = re.findall(r"^ok +pin pu=(\d+) runs=(\d+) node=(\d+)$", judge.log("pins"), re.M)
    right = [pin for pin in pins if pin[0] == pin[1] and NODE_OF[int(pin[0])] == int(pin[2])]
    judge.expect(len(right) == len(pins) and {int(pin[0]) for pin in pins} == set(NODE_OF),
                 f"{len(right)} pins hold, on every PU", f"of {len(pins)}")
    judge.ended("memory")
    lines = judge.log("memory").splitlines()
    for line in lines:
        if line.startswith("FAIL"):
            judge.expect(False, line[5:])
    found = set()
    for line in lines:
        match = re.match(r"ok +memory pages=(\S+) backing=(\S+) numa=(\S+) prefault=\S+ toucher=(\d)"
                         r" on0=(\d+) on1=(\d+)$", line)
        if match:
            pages, backing, numa, toucher, *on = match.groups()
            wanted = {"bind:0": (1, 0), "bind:1": (0, 1), "interleave": (1, 1)}.get(
                numa, (toucher == "0", toucher == "1"))
            if tuple(int(count) > 0 for count in on) == tuple(bool(some) for some in wanted):
                found.add((pages, backing, numa if numa != "first-touch" else numa + toucher))
    policies = ("bind:0", "bind:1", "interleave", "first-touch0", "first-touch1")
    needed = {(pages, backing, numa) for numa in policies for pages, backings in
              (("4k", ("anon", "memfd", "posix", "sysv", "file")),
               ("thp", ("anon", "memfd", "sysv")),
               ("2m", ("anon", "memfd", "sysv"))) for backing in backings}
    needed |= {("1g", "memfd", "bind:0"), ("1g", "memfd", "bind:1")}
    judge.expect(needed <= found, f"pages lie where {len(needed)} ways of asking put them, page by page",
                 "missing " + ", ".join("/".join(way) for way in sorted(needed - found)))


def check_faults(judge):
    steps = [f"faults-{numa}" for numa in ("first-touch", "bind:0", "bind:1", "interleave")]
    for step in steps + ["faults-1g"]:
        judge.ended(step)
        counted = {row["trial"]: row for row in judge.table(step, "counters")
                   if row["event"] == "minor-faults"}
        rows, wrong, seen = judge.samples(step), [], {}
        for row in rows:
            wanted = int(row["ops"]) // PAGES_OF_A_FAULT[row["variant"]]
            got = counted[row["trial"]]
            if (row["status"] not in DONE or got["state"] != "counted" or int(got["raw"]) != wanted
                    or int(row["minflt"]) != wanted or row["pages_got"] not in (row["pages"], "none")):
                wrong.append(f"{row['variant']}: {got['raw']} ({got['state']}), getrusage "
                             f"{row['minflt']}, of {wanted} in {row['ops']} pages; {row['status']}, "
                             f"{row['reason']}")
            seen[row["variant"]] = f"{row['variant']} {got['raw']}"
        variants = {"1g"} if step == "faults-1g" else {"4k", "thp", "2m"}
        judge.expect(set(seen) == variants and not wrong,
                     f"{step}: exact minor faults ({', '.join(sorted(seen.values()))})", "; ".join(wrong))


def check_numa(judge):
    listed = list(csv.DictReader(judge.log("list").splitlines()))
    scenarios = sorted({row["scenario"] for row in listed if row["family"] == "numa"})
    unsupported = [row["scenario"] + "/" + row["variant"] for row in listed
                   if row["family"] == "numa" and row["reason"]]
    judge.expect(scenarios, "there are numa scenarios")
    judge.expect(not unsupported, "`list` finds nothing missing for them", ", ".join(unsupported))
    judge.ended("numa")
    cases = {}
    for row in judge.samples("numa"):
        cases.setdefault(row["case"], []).append(row)
    for scenario in scenarios:
        mine = {case: rows for case, rows in cases.items() if rows[0]["scenario"] == scenario}
        wrong = [f"{case}: {', '.join(row['status'] + ' ' + row['reason'] for row in rows)}"
                 for case, rows in mine.items()
                 if not any(row["status"] == "ok" for row in rows)
                 or any(row["status"] not in DONE for row in rows)]
        judge.expect(mine and not wrong, f"{scenario}: {len(mine)} cases are ok", "; ".join(wrong))
    elsewhere = [row["value"] for row in judge.table("numa", "metrics")
                 if row["metric"] == "pages elsewhere"]
    judge.expect(elsewhere and all(float(value) == 0 for value in elsewhere),
                 f"no page lies elsewhere in {len(elsewhere)} trials", ", ".join(elsewhere))


def check_limits(judge):
    def told(step, code, *words):
        judge.ended(step, code)
        text = " ".join((judge.log(step) + " ".join(s["reason"] for s in judge.samples(step))).split())
        missing = [word for word in words if word not in text]
        judge.expect(not missing, f"{step} says {', '.join(words)}", f"without {missing}: {text[-400:]}")

    told("limit-huge", 5, "of its limit of 8 MiB for 2m pages", "/sys/fs/cgroup/huge/hugetlb.2MB.max")
    told("blind-huge", 5, "SIGBUS")
    told("limit-doctor", 0, "its memory limit is 64 MiB")
    told("limit-memory", 5, "of its limit of 64 MiB", "/sys/fs/cgroup/memory/memory.max")
    told("blind-memory", 5, "was killed by the kernel for memory")
    told("limit-quota-doctor", 0, "its CPU limit is 0.5 PUs of 8")
    told("limit-quota", 0, "Throttled: a CPU limit of 0.5 PUs")
    told("limit-pids", 5, "/sys/fs/cgroup/few/pids.max")
    for step in ("limit-huge-fits", "limit-memory-fits"):
        rows = judge.samples(step)
        judge.expect(rows and all(row["status"] in DONE for row in rows), f"{step}: what fits is measured",
                     judge.log(step)[-300:])


def check_amd64(judge):
    judge.ended("doctor")
    judge.ended("list")
    check_models(judge, "skl loads-from-other-core: skl::MEM_LOAD_L3_HIT_RETIRED:XSNP_HITM")
    machine = json.loads(judge.log("doctor") or "{}").get("environment", {})
    judge.expect(machine.get("nodes") == 2 and machine.get("pus") == 8, "doctor sees 2 nodes, 8 PUs",
                 f"{machine.get('nodes')} and {machine.get('pus')}")
    judge.expect(machine.get("hugepages_2m") == 128 and machine.get("hugepages_1g") == 2,
                 "doctor sees the pools of 2 MiB and 1 GiB pages",
                 f"{machine.get('hugepages_2m')} and {machine.get('hugepages_1g')}")
    check_read_back(judge)
    check_placements(judge)
    check_faults(judge)
    check_numa(judge)
    check_limits(judge)
    states = {(row["event"], row["state"]) for row in judge.table("place-smt", "counters")}
    judge.expect(("cycles", "not_supported") in states and ("minor-faults", "counted") in states,
                 "without a PMU cycles are not_supported, and faults are counted", str(states))


def check_counted(judge, step, cycles, instructions):
    """A cycle is a nanosecond and an instruction takes eight: both counts have to say the same."""
    trials = {}
    for row in judge.table(step, "counters"):
        trials.setdefault(row["trial"], {})[row["event"]] = row
    wrong = []
    for trial, events in trials.items():
        first, second = events.get(cycles), events.get(instructions)
        if not first or not second or first["state"] != "counted" or second["state"] != "counted":
            wrong.append(f"trial {trial}: not counted")
        elif not int(second["raw"]) or not 7.5 < int(first["raw"]) / int(second["raw"]) < 8.5:
            wrong.append(f"trial {trial}: {first['raw']} cycles, {second['raw']} instructions")
    total = sum(int(events[cycles]["raw"]) for events in trials.values() if cycles in events)
    judge.expect(len(trials) >= 3 and not wrong,
                 f"{step}: {total} {cycles} in {len(trials)} trials, 8 for each of {instructions}",
                 "; ".join(wrong))
    return trials


def check_models(judge, *lines):
    judge.ended("models")
    missing = [line for line in lines if line not in judge.log("models")]
    judge.expect(not missing, "line events of every CPU model: " + judge.log("models").strip().split("\n")[-1],
                 str(missing))


def check_arm64(judge):
    judge.ended("doctor")
    judge.ended("list")
    check_models(judge, "arm_n1 reads-beyond-last-cache: arm_n1::LL_CACHE_MISS_RD",
                 "arm_n1 accesses-to-other-socket: arm_n1::REMOTE_ACCESS",
                 "arm_ac57 loads-from-other-core: libpfm4 has no event for ")
    judge.ended("counters")
    trials = check_counted(judge, "counters", "cycles", "instructions")
    refused = ("cache-references", "cache-misses", "L1D-load-misses", "LLC-load-misses", "dTLB-load-misses")
    rows = [row for row in judge.table("counters", "rates") if row["event"] in refused]
    judge.expect(len(rows) == len(trials) * len(refused) and
                 all(row["state"] == "not_supported" and not row["value"] for row in rows),
                 f"{', '.join(refused)}: not_supported, without a value",
                 str({(row["event"], row["state"], row["value"]) for row in rows}))
    manifest = judge.folder / "counters" / "manifest.json"
    events = json.loads(manifest.read_text())["events"] if manifest.exists() else []
    reasons = {event["name"]: event["reason"] for event in events}
    judge.expect("the kernel does not count this event on this CPU" in reasons.get("cache-misses", ""),
                 "the manifest says why cache misses are not counted", str(reasons))
    judge.expect(all(row["status"] in DONE for row in judge.samples("counters")), "every trial is done",
                 str([row["reason"] for row in judge.samples("counters")]))
    judge.ended("model-events")
    check_counted(judge, "model-events", "arm_n1::CPU_CYCLES", "arm_n1::INST_RETIRED")
    judge.ended("unknown-event", 4)
    judge.expect("libpfm4 does not know" in judge.log("unknown-event"),
                 "an unknown event is refused with the reason")


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("amd64", "arm64"):
        print(__doc__.splitlines()[-1], file=sys.stderr)
        return 4
    judge = Judge(sys.argv[2])
    check_amd64(judge) if sys.argv[1] == "amd64" else check_arm64(judge)
    print(f"{sys.argv[1]} guest: {judge.passed} passed, {judge.failed} failed")
    return 1 if judge.failed else 0


sys.exit(main())
