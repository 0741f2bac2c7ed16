#!/usr/bin/env python3
"""Judges what a guest machine sent back: what the kernel says, never how long anything took.
usage: check.py NAME FOLDER     NAME is one of tests/guests/machines"""
import csv
import json
import pathlib
import re
import sys

import verdicts
from machine import Machine

# The machine amd64: PU to node, and which two are threads of one core.
NODE_OF = {pu: pu // 4 for pu in range(8)}
CORE_OF = {pu: pu // 2 for pu in range(8)}
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

    def machine(self):
        return Machine(self.log("facts"))

    def samples(self, step, control=False):
        return [row for row in self.table(step, "samples") if control or row["scenario"] != "aa"]


def relation(first, second):
    if NODE_OF[first] != NODE_OF[second]:
        return "cross-package"
    return "smt" if CORE_OF[first] == CORE_OF[second] else "same-node"


def wrong_seats(rows, placement):
    """The rows that are not what was asked for, in words; each package is a node."""
    wrong, placement = [], placement.replace("cross-node", "cross-package")
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
    judge.ended("refused-bind", 4)
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


def is_too_new(row):
    """Whether the kernel of this guest is too old for what the row asks for."""
    return row["status"] == "skipped" and row["numa"] == "weighted-interleave" and "needs Linux 6.9" in row["reason"]


def check_numa(judge):
    listed = list(csv.DictReader(judge.log("list").splitlines()))
    listed = [row for row in listed if row["scenario"].startswith("numa_")]
    scenarios = sorted({row["scenario"] for row in listed})
    unsupported = [row["scenario"] + "/" + row["variant"] for row in listed if row["reason"]]
    judge.expect(scenarios, "there are numa scenarios")
    judge.expect(not unsupported, "`list` finds nothing missing for them", ", ".join(unsupported))
    judge.ended("numa")
    cases = {}
    for row in judge.samples("numa"):
        if not is_too_new(row):
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


PLACEMENTS = ("near", "same-core", "smt", "shared-l2", "shared-l3", "same-node", "cross-node", "cross-package",
              "farthest-node")


def check_plan(judge, machine, placement):
    """The team of every number of workers against the kernel's files; a pair is refused only where there is none."""
    step, teams, wrong = f"plan-{placement}", {}, []
    asked = (2, 3, 4, 6, 8)
    for line in re.sub(r"\n {6,}", " ", judge.log(step)).splitlines():  # a reason is wrapped
        match = re.match(r" *\d+ +PUs ([\d ]+?) +contended_counter/fetch_add\?processes=(\d+)@", line)
        if match:
            teams[int(match.group(2))] = [int(pu) for pu in match.group(1).split()]
        match = re.match(r"skip +contended_counter/fetch_add\?processes=(\d+)@[^ ]*?(?: and (\d+) more)?: (.*)", line)
        if match:  # one reason stands for as many teams, the first of which is named
            first = asked.index(int(match.group(1)))
            for workers in asked[first:first + 1 + int(match.group(2) or 0)]:
                teams[workers] = match.group(3)
    if not judge.ended(step, 0 if any(isinstance(team, list) for team in teams.values()) else 5):
        return
    for workers, team in sorted(teams.items()):
        if isinstance(team, str):
            if placement in ("near", "same-core") or workers <= machine.most(placement):
                wrong.append(f"{workers} workers are refused: {team}")
        elif len(team) != workers or machine.broken(placement, team):
            wrong.append(f"{workers} workers on {team}: {machine.broken(placement, team)}")
    judge.expect(set(teams) == set(asked) and not wrong, f"{placement}: " + "; ".join(
        f"{workers} " + ("refused" if isinstance(team, str) else "on " + " ".join(map(str, team)))
        for workers, team in sorted(teams.items())), "; ".join(wrong))


def check_doctor(judge, machine, step="doctor"):
    if not judge.ended(step):
        return
    found = json.loads(judge.log(step)).get("environment", {})
    judge.expect(found.get("pus") == len(machine.pus), f"{step} sees {len(machine.pus)} PUs", str(found.get("pus")))
    places = {place["pu"]: place["node"] for place in found.get("pu_places", [])}
    judge.expect(places == machine.node_of, f"{step} has every PU on the kernel's node", f"{places}")


def check_survey(judge, machine):
    check_doctor(judge, machine)
    judge.ended("doctor-text")
    judge.ended("list")
    for placement in PLACEMENTS:
        check_plan(judge, machine, placement)


def wrong_nodes(machine, row, memory):
    """What a row of samples.csv says of nodes that is not so, in words; "" if nothing."""
    bound = re.fullmatch(r"bind:(\d+)", row["numa"])
    pus = [int(pu) for pu in row["pus"].split()] if row["pus"] != "-" else []
    nodes = [int(node) for node in row["nodes"].split()] if row["nodes"] != "-" else []
    worker = re.search(r"cpu_node=(\d+)", row["params"])
    if row["status"] not in DONE + ("skipped",):
        return f"{row['status']}, {row['reason']}"
    if row["status"] == "skipped":
        possible = (not bound or int(bound.group(1)) in memory) and (
            not worker or int(worker.group(1)) in machine.with_pus)
        # first touch needs memory on the worker's own node
        possible = possible and not (row["numa"] == "first-touch" and worker and int(worker.group(1)) not in memory)
        return f"skipped, {row['reason']}" if possible and not is_too_new(row) else ""
    if nodes != [machine.node_of[pu] for pu in pus]:
        return f"PUs {pus} are said to be on nodes {nodes}"
    if worker and int(worker.group(1)) not in nodes:
        return f"ran on nodes {nodes}"
    if bound and int(bound.group(1)) not in memory:
        return "measured, and there is no such memory"
    return ""


def check_nodes(judge, machine, name, memory=None):
    """Every numa scenario: the kernel's numbers, the whole matrix, no claim refuted that no machine can refute."""
    step, memory = f"numa-{name}", machine.with_memory if memory is None else memory
    judge.ended(f"nodes-{name}")
    lines = judge.log(f"nodes-{name}").splitlines()
    judge.expect(lines and not any(line.startswith("FAIL") for line in lines),
                 f"nodes-{name}: {len(lines)} ways of asking for a node's memory, by numa_maps",
                 "; ".join(sorted({re.sub("memory pages=|prefault=.*toucher=.", "", line)
                                   for line in lines if line.startswith("FAIL")})))
    judge.ended(step)
    rows = judge.samples(step)
    wrong = [f"{row['scenario']}/{row['variant']} {row['params']} {row['numa']}: {what}"
             for row in rows if (what := wrong_nodes(machine, row, memory))]
    judge.expect(rows and not wrong, f"{step}: {len(rows)} trials on the nodes that their rows name",
                 "; ".join(wrong))
    whole = {(worker, bound) for worker in machine.with_pus for bound in memory}
    for scenario in ("numa_latency", "numa_bandwidth"):
        got = {(int(row["nodes"].split()[0]), int(row["numa"][5:])) for row in rows
               if row["scenario"] == scenario and row["status"] in DONE and row["numa"].startswith("bind:")}
        judge.expect(got == whole, f"{scenario}: every worker's node with every node's memory ({len(whole)} pairs)",
                     f"missing {sorted(whole - got)}, too many {sorted(got - whole)}")
    claims = [row for row in judge.table(step, "claims")
              if row["scenario"] == "numa_policy" or row["claim"].endswith(".expected")]
    refuted = [f"{row['sentence']}: {row['evidence']}" for row in claims if row["verdict"] == "refuted"]
    judge.expect(len(claims) >= 4 and not refuted, f"{step}: {len(claims)} claims about placement, none refuted",
                 "; ".join(refuted))
    elsewhere = [row["value"] for row in judge.table(step, "metrics") if row["metric"] == "pages elsewhere"]
    judge.expect(elsewhere and all(float(value) == 0 for value in elsewhere),
                 f"{step}: no page lies elsewhere in {len(elsewhere)} trials", ", ".join(elsewhere))


def check_team(judge, machine, step, placement, workers):
    judge.ended(step)
    rows = [row for row in judge.samples(step) if row["status"] in DONE]
    teams = [[int(pu) for pu in row["pus"].split()] for row in rows]
    wrong = [f"{team}: {machine.broken(placement, team)}" for team in teams
             if len(team) != workers or machine.broken(placement, team)]
    judge.expect(teams and not wrong, f"{step}: {workers} workers {placement}, on {teams[0] if teams else '-'}",
                 "; ".join(wrong) or judge.log(step)[-300:])


def check_bound(judge, step, possible):
    """A run bound to one node: it measures there, or is refused with the reason and the nodes that there are."""
    judge.ended(step, 0 if possible else 4)
    if possible:
        rows = judge.samples(step)
        judge.expect(rows and all(row["status"] in DONE for row in rows), f"{step} is measured", str(rows)[:300])
    else:
        said = " ".join(judge.log(step).split())
        judge.expect(re.search(r"NUMA node \d.*: choose among [\d,-]+$", said), f"{step} is refused: {said}")


def check_shared_l3(judge):
    machine = judge.machine()
    check_survey(judge, machine)
    judge.expect(machine.most("cross-node") == 4 and machine.shared(3, 0, 3), "two nodes share the L3")
    check_nodes(judge, machine, "all")
    check_team(judge, machine, "across", "cross-node", 4)
    verdicts.check_moved(judge, balancing=False)


def check_two_l3(judge):
    machine = judge.machine()
    judge.expect(len(set(machine.cache_of[3].values())) == 2, "there are two L3s")
    check_survey(judge, machine)
    check_team(judge, machine, "team", "shared-l3", 4)


def check_memory(judge):
    machine = judge.machine()
    judge.expect((machine.with_pus, machine.with_memory) == ({0, 1}, {0, 2, 3}), "nodes 2 and 3 are memory alone")
    check_survey(judge, machine)
    check_nodes(judge, machine, "all")
    for node in range(5):
        check_bound(judge, f"bind-{node}", node in machine.with_memory)
    check_bound(judge, "interleaved", True)


def check_distances(judge):
    machine = judge.machine()
    judge.expect(any(row[other] != machine.distance[other][node] for node, row in machine.distance.items()
                     for other in machine.distance), "distances depend on the direction", str(machine.distance))
    check_survey(judge, machine)
    check_nodes(judge, machine, "all")
    check_team(judge, machine, "transports", "cross-node", 2)
    judge.expect("Mems_allowed_list:\t2" in judge.log("one-status"), "the control group allows node 2's memory alone")
    check_doctor(judge, machine, "one-doctor")
    check_nodes(judge, machine, "one", memory={2})
    for node in (0, 2):
        check_bound(judge, f"one-bind-{node}", node == 2)


def check_balancing(judge):
    machine = judge.machine()
    check_survey(judge, machine)
    judge.expect("NUMA balancing" in judge.log("doctor-text"), "doctor tells of NUMA balancing")
    check_nodes(judge, machine, "all")
    verdicts.check_moved(judge, balancing=True)


def check_fragments(judge):
    had = {}
    for name in ("before", "fragmented", "after"):
        match = re.search(r"MemFree: +(\d+) kB\n(\d+)\n", judge.log(name))
        had[name] = (int(match[2]), int(match[1]) >> 10) if match else (-1, -1)
    pages, free = had["fragmented"]
    judge.expect(judge.log("fragment").startswith("pinned "), "a page of each 2 MiB is pinned", judge.log("fragment"))
    judge.expect((had["before"][0], had["after"][0]) == (64, 64), "64 pages of 2 MiB can be had before and after", str(had))
    judge.expect(0 <= pages < 32 and free > 256, f"{pages} of 64 can be had while {free} MiB are free", str(had))


def check_arm64_nodes(judge):
    machine = judge.machine()
    judge.expect(len(machine.pus) == 4 and machine.with_memory == {0, 1}, "four cores, two nodes")
    check_survey(judge, machine)
    check_nodes(judge, machine, "all")
    check_team(judge, machine, "across", "cross-node", 2)


def check_arm64_16k(judge):
    judge.ended("doctor")
    judge.ended("list")
    found = json.loads(judge.log("doctor") or "{}").get("environment", {})
    judge.expect((found.get("page_bytes"), found.get("thp_bytes")) == (16384, 32 << 20),
                 "doctor sees base pages of 16 KiB and transparent huge pages of 32 MiB",
                 f"{found.get('page_bytes')}, {found.get('thp_bytes')}")
    judge.expect("base pages of 16 KiB, transparent huge pages of 32 MiB" in
                 " ".join(judge.log("doctor-text").split()), "and says so")
    for step in ("pages", "around", "stream"):
        judge.ended(step)
        rows = judge.samples(step, control=True)
        wrong = [f"{row['scenario']}/{row['variant']}: {row['status']}, {row['pages']} pages of {row['page_bytes']}, "
                 f"{row['ops']} operations, {row['metric']}, {row['reason']}" for row in rows
                 if row["status"] not in DONE or "4k" in row["case"] or "4 KiB" in row["metric"].replace("64 KiB", "")
                 or int(row["page_bytes"]) != {"thp": 32 << 20, "2m": 2 << 20, "32m": 32 << 20}.get(
                     row["variant"], 16384)
                 or (row["scenario"] in ("first_touch", "prefault", "private_vs_shared") and
                     int(row["ops"]) != (64 << 20) // 16384)]
        judge.expect(rows and not wrong, f"{step}: {len(rows)} trials, an operation is a page of 16 KiB",
                     "; ".join(wrong))
    faults = {(row["scenario"], row["variant"]): int(row["minflt"]) for row in judge.samples("pages")}
    judge.expect([faults.get(("first_touch", size)) for size in ("16k", "2m", "thp", "32m")] == [4096, 32, 2, 2],
                 "64 MiB take 4096 faults of 16 KiB, 32 of 2 MiB or 2 of 32 MiB", str(faults))
    claims = {row["claim"]: row for step in ("pages", "around") for row in judge.table(step, "claims")}
    for claim in ("P1", "P2", "P4c", "M4.faults", "M2.faults", "first_touch.expected"):
        row = claims.get(claim, {})
        judge.expect(row.get("verdict") == "supported", f"{claim}: {row.get('sentence')}", str(row))
    judge.expect("per 16 KiB page" in claims.get("P1", {}).get("sentence", ""), "claims have the size of the pages")
    judge.ended("small-pages", 4)
    judge.expect("choose among 16k, thp" in judge.log("small-pages"), "--pages 4k is refused with the sizes there are",
                 judge.log("small-pages"))
    judge.ended("small-variant", 4)


def check_pairs(judge):
    machine = judge.machine()
    judge.expect(len(set(machine.cache_of[3].values())) == 8, "there are eight L3s")
    for step in ("doctor", "list", "plan", "pairs"):
        judge.ended(step)
    judge.expect("rounds of up to 8" in " ".join(judge.log("plan").split()), "the plan has eight pairs a round",
                 judge.log("plan")[-300:])
    visits = judge.table("pairs", "visits")
    judge.expect(any(row["company"] == "8" for row in visits), "eight pairs played at the same time",
                 str({row["company"] for row in visits}))
    pairs = {frozenset((int(row["from"]), int(row["to"]))) for row in visits}
    got = {machine.relation(*pair) for pair in pairs}
    judge.expect(got == {machine.relation(one, two) for one in machine.pus for two in machine.pus if one < two},
                 f"{len(pairs)} pairs are visited, of every relation", str(got))


def check_host_a(judge):
    for step in ("doctor", "list", "run"):
        judge.ended(step)


def check_host_b(judge):
    for step in ("doctor", "list", "earlier", "run"):
        judge.ended(step)
    for step, *words in (
            ("same-host", "of the same host"),
            ("other-host", "another host of the same type: only ratios are compared with it", "pass --same-type"),
            ("same-type", "another host of the same type, which --same-type accepts"),
            ("compare", "two hosts of one type")):
        judge.ended(step)
        text = " ".join(judge.log(step).split())
        judge.expect(all(word in text for word in words), f"{step}: {', '.join(words)}", text[-400:])


CHECKS = {"amd64": check_amd64, "arm64": check_arm64, "shared-l3": check_shared_l3, "two-l3": check_two_l3,
          "memory": check_memory, "distances": check_distances, "balancing": check_balancing, "swap": verdicts.check_swap, "fragments": check_fragments,
          "pmem": verdicts.check_pmem,
          "arm64-nodes": check_arm64_nodes, "arm64-16k": check_arm64_16k, "pairs": check_pairs,
          "host-a": check_host_a, "host-b": check_host_b}


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in CHECKS:
        print(__doc__.splitlines()[-1], file=sys.stderr)
        return 4
    judge = Judge(sys.argv[2])
    CHECKS[sys.argv[1]](judge)
    print(f"{sys.argv[1]} guest: {judge.passed} passed, {judge.failed} failed")
    return 1 if judge.failed else 0


sys.exit(main())
