"""Shared by the campaigns: running shmeter, reading a run's folder (only here), matching pair classes between runs,
order-statistic intervals."""
import collections
import csv
import glob
import json
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

PROGRAM = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build/shmeter")

# The smallest ratio between the centers of two classes of one run (docs/adr/0003-pair-classes.md, rule 3).  Centers
# that are closer are never separated there, and here not between two runs either.
CENTER_RATIO = 1.3
# A slice is pure if its probes agree within this ratio (the same decision).
PROBES_RATIO = 1.6

PairClass = collections.namedtuple("PairClass", "name center_ns lower_ns upper_ns")
Slice = collections.namedtuple("Slice", "variant params trial ns_per_op pair_class pure")
Figure = collections.namedtuple("Figure", "median low high n relation pair_class class_ns unit reason")


class NoFigure(Exception):
    """A measurement that ended without a value, and the reason."""


def scratch():
    """A fresh folder for the results of one run; the caller removes it."""
    return os.path.join(tempfile.mkdtemp(prefix="shmeter-campaign-"), "run")


def discard(folder):
    shutil.rmtree(os.path.dirname(folder), ignore_errors=True)


def run(folder, *arguments, check=True):
    command = [PROGRAM, "run", "--out", folder, "--no-plots", "-q", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if check and done.returncode:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    return done


def rows(folder, name):
    with open(os.path.join(folder, name), newline="") as file:
        return list(csv.DictReader(file))


def trials(folder, scenario=None, variant=None):
    """The measurements of each trial, and the analysis's class, value and status for it."""
    values = {v["trial"]: v for v in rows(folder, "values.csv")}
    return [{**s, **values.get(s["trial"], {})} for s in rows(folder, "samples.csv")
            if scenario in (None, s["scenario"]) and variant in (None, s["variant"])]


def slices(folder, scenario, variant=None):
    """Every slice of the scenario's trials: a list of Slice."""
    of = {t["trial"]: t for t in trials(folder, scenario, variant)}
    return [Slice(of[s["trial"]]["variant"], of[s["trial"]]["params"], s["trial"], float(s["ns_per_op"]),
                  s["pair_class"], s["purity"] == "pure") for s in rows(folder, "purity.csv") if s["trial"] in of]


def pair_classes(folder):
    """{relation: [PairClass]} as the run's own analysis found them; a class ends where the next one begins."""
    with open(os.path.join(folder, "analysis.json")) as file:
        found = json.load(file)["classes"]
    classes = {}
    for relation, members in found.items():
        lower = 0.0
        for c in members:
            upper = math.inf if c["upper_ns"] is None else float(c["upper_ns"])
            classes.setdefault(relation, []).append(PairClass(c["name"], float(c["center_ns"]), lower, upper))
            lower = upper
    return classes


def figures(folder, scenario, variant=None):
    """{(variant, params): Figure}: what the report says about each case in its leading pair class.  The median is NaN
    if there is none; class_ns is None for a case without probes."""
    classes = pair_classes(folder)
    found = {}
    for s in rows(folder, "summary.csv"):
        if s["scenario"] != scenario or variant not in (None, s["variant"]) or "#" in s["case"]:
            continue
        center = [c.center_ns for c in classes.get(s["relation"], []) if c.name == s["pair_class"]]
        number = {key: float(s[key] or "nan") for key in ("median", "low", "high")}
        found[(s["variant"], s["params"])] = Figure(**number, n=int(s["n"]), relation=s["relation"],
                                                    pair_class=s["pair_class"], class_ns=center[0] if center else None,
                                                    unit=s["unit"], reason=s["reason"])
    return found


def figure(folder, scenario, variant=None):
    """The only case of a run; raises NoFigure if the number of cases is not one, or it has no median."""
    found = list(figures(folder, scenario, variant).values())
    if len(found) != 1:
        raise NoFigure(f"{scenario}/{variant or '*'}: {len(found)} cases, not one")
    if math.isnan(found[0].median):
        raise NoFigure(f"{scenario}/{variant or '*'}: {found[0].reason}")
    return found[0]


def medians_of(folder, scenario, variants, slices_min=5):
    """{variant: median of its pure slices} in the pair class in which the variant with fewest has most; raises NoFigure."""
    found = {}
    for s in slices(folder, scenario):
        if s.pure and s.variant in variants:
            found.setdefault(s.pair_class, {}).setdefault(s.variant, []).append(s.ns_per_op)
    fewest = {name: min(len(of.get(variant, [])) for variant in variants) for name, of in found.items()}
    best = max(fewest, key=fewest.get, default=None)
    if best is None or fewest[best] < slices_min:
        raise NoFigure(f"{scenario}: no pair class in which {' and '.join(variants)} have {slices_min} pure slices each")
    return {variant: statistics.median(found[best][variant]) for variant in variants}


def class_of(before_ns, after_ns, classes):
    """The class of a stretch of another program between two probes; None: none.  The probes must agree like those of a
    pure slice, and lie in the class and near its center, because the only class of a run has no other bounds."""
    if max(before_ns, after_ns) > PROBES_RATIO * min(before_ns, after_ns):
        return None
    for c in classes:
        if all(c.lower_ns <= p < c.upper_ns and c.center_ns / CENTER_RATIO < p < c.center_ns * CENTER_RATIO
               for p in (before_ns, after_ns)):
            return c
    return None


def match_classes(centers):
    """Matches the classes of several runs: groups of indices into centers (ns), the nearest cores first.  All centers
    of a group are within CENTER_RATIO of each other, so that two classes of one run are never in one group; a wider
    group is cut at its widest gap."""
    def split(group):
        if centers[group[-1]] < CENTER_RATIO * centers[group[0]]:
            return [group]
        gaps = [centers[b] / centers[a] for a, b in zip(group, group[1:])]
        cut = gaps.index(max(gaps)) + 1
        return split(group[:cut]) + split(group[cut:])

    order = sorted(range(len(centers)), key=lambda i: centers[i])
    return split(order) if order else []


# All settings that shmeter may change.
SETTINGS = ("/sys/kernel/mm/hugepages/*/nr_hugepages", "/sys/kernel/mm/hugepages/*/nr_overcommit_hugepages",
            "/sys/kernel/mm/transparent_hugepage/shmem_enabled",
            "/sys/kernel/mm/transparent_hugepage/hugepages-*/shmem_enabled",
            "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor", "/proc/sys/kernel/numa_balancing",
            "/proc/sys/kernel/perf_event_paranoid", "/proc/sys/fs/mqueue/msg*_max", "/proc/sys/kernel/msgm*")


def settings():
    """{path: content} of the settings of the system that shmeter may change."""
    found = {}
    for path in (p for pattern in SETTINGS for p in glob.glob(pattern)):
        with open(path, "rb") as file:
            found[path] = file.read()
    return found


def guard_of(parent):
    """The guard of this run, found by its parent as the kernel recorded it; None: there is none (yet)."""
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path) as file:
                name, state = file.read().split("(", 1)[1].rsplit(")", 1)
        except OSError:
            continue  # it has ended
        if name == "shmeter-guard" and int(state.split()[1]) == parent:
            return int(path.split("/")[2])
    return None


def processes_with(text):
    """Processes with this text in their command line."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                if text.encode() in file.read():
                    found.append(int(path.split("/")[2]))
        except OSError:
            pass  # it has ended
    return found


def logged_rows(path):
    """The rows of a campaign's log; none if there is no log yet."""
    try:
        with open(path, newline="") as file:
            return list(csv.DictReader(file))
    except FileNotFoundError:
        return []


def append_row(path, fields, row):
    is_new = not os.path.exists(path)
    with open(path, "a", newline="") as file:
        writer = csv.DictWriter(file, fields, lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def cpu_model():
    """What /proc/cpuinfo calls the CPU."""
    with open("/proc/cpuinfo") as file:
        return re.search(r"model name\s*:\s*(.*)", file.read()).group(1)


def spread(values):
    return (max(values) - min(values)) / statistics.median(values)


def median_interval(values, confidence=0.95):
    """Median and its exact order-statistic interval."""
    values = sorted(values)
    n = len(values)
    tail, k = 0.0, 0
    while k < n // 2:
        tail += math.comb(n, k) / 2**n
        if 2 * tail > 1 - confidence:
            break
        k += 1
    if k == 0:
        return statistics.median(values), float("nan"), float("nan")
    return statistics.median(values), values[k - 1], values[n - k]


def verdict(holds, text):
    print(("PASS " if holds else "FAIL ") + text, flush=True)
    sys.exit(0 if holds else 1)
