"""Checks that a run folder is complete: its rows against the plan, and against each other."""
import collections
import glob
import json
import os
import re

from common import rows


def manifest(folder):
    with open(os.path.join(folder, "manifest.json")) as file:
        return json.load(file)


def plan_of(folder):
    """{trial: (case, block, order)} of every trial of a finished run."""
    return {s["trial"]: (s["case"], s["block"], s["order"]) for s in rows(folder, "samples.csv")}


def distributions(folder):
    """{file of a case: operations} from the percentile texts."""
    found = {}
    for path in glob.glob(os.path.join(folder, "histograms", "*.hgrm")):
        with open(path) as file:
            found[os.path.basename(path)[:-5]] = int(re.search(r"Total count\s*=\s*(\d+)", file.read())[1])
    return found


def stem(case):
    return re.sub(r"[/?,@+:]", "-", case.replace("=", "_"))


def faults(folder, plan):
    """The errors in the folder of a run that should equal another one of this plan; none: []."""
    wrong = []
    told = manifest(folder)
    if told["status"] != "complete":
        wrong.append(f"status {told['status']}")
    samples = rows(folder, "samples.csv")
    trials = [s["trial"] for s in samples]
    doubled = [t for t, n in collections.Counter(trials).items() if n > 1]
    wrong += [f"trial {t} stands there twice" for t in doubled]
    wrong += [f"trial {t} is missing" for t in plan if t not in trials]
    for s in samples:
        if plan.get(s["trial"]) != (s["case"], s["block"], s["order"]):
            wrong.append(f"trial {s['trial']} is {s['case']}, and the plan has {plan.get(s['trial'])}")
    well = {s["trial"]: s for s in samples if s["status"] == "ok"}
    metrics = {c["id"]: c["metrics"] for c in told["plan"]["cases"]}
    expected = {
        "slices": {s["trial"]: [str(i) for i in range(int(s["slices"]))] for s in samples},
        "counters": {t: [e["name"] for e in told["events"]] for t in well},
        "metrics": {t: metrics[s["case"]] for t, s in well.items()},
    }
    for name, key in (("slices", "slice"), ("counters", "event"), ("metrics", "metric")):
        seen = collections.defaultdict(list)
        for row in rows(folder, f"{name}.csv"):
            seen[row["trial"]].append(row[key])
        want = {t: keys for t, keys in expected[name].items() if keys}
        wrong += [f"{name} of trial {t}: {seen.get(t)}, not {want.get(t)}"
                  for t in sorted(want.keys() | seen.keys()) if want.get(t) != seen.get(t)]
    operations = collections.Counter()
    for row in rows(folder, "buckets.csv"):
        operations[stem(well[row["trial"]]["case"])] += int(row["count"])
    if operations != distributions(folder):
        wrong.append(f"distributions {distributions(folder)}, not {dict(operations)}")
    left = glob.glob(folder + "/**/*.part", recursive=True)
    wrong += [f"{path} stays" for path in left]
    return wrong
