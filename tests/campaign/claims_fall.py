#!/usr/bin/env python3
"""Whether each claim falls where its sentence is false: a defect is planted into a copy of the sources, the program is
built, the scenario is run, and the verdict is compared with the one that is due.

A plant makes a sentence false (`refuted`), or makes one true that is refuted on most machines (`supported`).  Some also
ask for less of the machine than the claim does, because the plant is about something else: five cores, 2 MiB pages.

The log has one row per claim and plant, so a stopped campaign continues where it ends.  The claims of counts are turned
over by tests/fault, the bounds of all by tests/unit/test_claims.

--busy is for a machine that does other work: the planted differences are large, so slices that were interrupted count, and
nothing is compared within a class of pairs of cores.

usage: claims_fall.py [--only PATTERN] [--tries N] [--blocks N] [--log FILE] [--keep FOLDER] [--busy] [--list]"""
import argparse
import filecmp
import fnmatch
import os
import shutil
import subprocess
import sys
import tempfile

import common
from claims_fall_plants import PLANTS
from common import append_row, discard, logged_rows, rows, scratch

SOURCES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# With --busy slices in which a process had to wait for its PU count, too, and all pairs of cores are of one class.
SLICES_C = "harness/analysis/slices.c"
BUSY = [(SLICES_C, "slice->away_share > (float)SM_AWAY_MAX", "slice->away_share > 2"),
        (SLICES_C, "slice->purity = (uint8_t)judge_probes(relation, slice, first, second);",
         "if (relation->classes.count > 0) first = second = 0, slice->klass = relation->klass[0]; "
         "else slice->purity = (uint8_t)judge_probes(relation, slice, first, second);")]
SLICES, BUSY_SLICES = "24", "8"  # so many that some are pure, or all are
FIELDS = ["claim", "plant", "due", "verdict", "evidence", "reason"]


def copy_sources(folder):
    """The files that git knows, as they are now.  One that is there with other contents gets the time of the copy, so that
    what was built of it is built again."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=SOURCES, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        target = os.path.join(folder, name)
        source = os.path.join(SOURCES, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.isfile(source) and not (os.path.isfile(target) and filecmp.cmp(source, target, shallow=False)):
            shutil.copy(source, target)


def build(folder):
    """Builds the program alone; the reason where it cannot."""
    made = os.path.join(folder, "build")
    if not os.path.exists(os.path.join(made, "build.ninja")):
        subprocess.run(["cmake", "-S", folder, "-B", made, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                        *(["-DCMAKE_C_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else [])],
                       check=True, capture_output=True)
    done = subprocess.run(["cmake", "--build", made, "--target", "shmeter"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"the planted program does not build:\n{done.stdout[-2000:]}")
    return os.path.join(made, "shmeter")


def change(folder, changes):
    """Replaces each old text, which must be there once, by the new one."""
    for path, old, new in changes:
        path = os.path.join(folder, path)
        with open(path) as file:
            text = file.read()
        if text.count(old) != 1:
            sys.exit(f"{path}: {text.count(old)} times: {old}")
        with open(path, "w") as file:
            file.write(text.replace(old, new))


def restore(folder, changes):
    for path in {path for path, _, _ in changes}:
        shutil.copy(os.path.join(SOURCES, path), os.path.join(folder, path))


def judge(program, plant, blocks, slices):
    """{claim: (verdict, evidence, reason)} of one run."""
    common.PROGRAM = program
    folder = scratch()
    try:
        done = common.run(folder, *plant.cases, "--repeat-blocks", str(blocks), "--slices", slices, *plant.options,
                          check=False)
        if not os.path.exists(os.path.join(folder, "claims.csv")):
            return {claim: ("no run", "-", done.stderr.strip()[-200:]) for claim in plant.claims}
        return {r["claim"]: (r["verdict"], r["evidence"], r["reason"]) for r in rows(folder, "claims.csv")}
    finally:
        discard(folder)


def try_plant(folder, plant, claims, options):
    """Appends a row for each claim, after as many tries as it takes."""
    change(folder, plant.changes)
    try:
        program = build(folder)
        left = list(claims)
        for attempt in range(options.tries):
            found = judge(program, plant, options.blocks * (1 + attempt), BUSY_SLICES if options.busy else SLICES)
            for claim in list(left):
                verdict, evidence, reason = found.get(claim, ("no verdict", "-", "-"))
                if verdict != plant.due and attempt + 1 < options.tries:
                    continue
                left.remove(claim)
                row = (claim, plant.name, plant.due, verdict, evidence, reason)
                append_row(options.log, FIELDS, dict(zip(FIELDS, row)))
                print(f"{'ok  ' if verdict == plant.due else 'LEFT'} {claim}: {plant.name}: {verdict}; {evidence}"
                      f"{'' if verdict == plant.due else '; ' + reason}", flush=True)
            if not left:
                break
    finally:
        restore(folder, plant.changes)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.rsplit("usage: ", 1)[1])
    parser.add_argument("--only", default="*")
    parser.add_argument("--tries", type=int, default=2)
    parser.add_argument("--blocks", type=int, default=8)
    parser.add_argument("--log", default="claims_fall.csv")
    parser.add_argument("--keep")
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    done = {(r["claim"], r["plant"]) for r in logged_rows(options.log) if r["verdict"] == r["due"]}
    folder = options.keep or tempfile.mkdtemp(prefix="shmeter-claims-")
    try:
        if not options.list:
            copy_sources(folder)
            change(folder, BUSY if options.busy else [])
        for plant in PLANTS:
            claims = [c for c in plant.claims if fnmatch.fnmatch(c, options.only) and (c, plant.name) not in done]
            if claims and options.list:
                print(f"{' '.join(claims)}: {plant.name}: {plant.due} is due")
            elif claims:
                try_plant(folder, plant, claims, options)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    if options.list:
        return
    fallen = {(r["claim"], r["plant"]) for r in logged_rows(options.log) if r["verdict"] == r["due"]}
    chosen = [(c, p.name) for p in PLANTS for c in p.claims if fnmatch.fnmatch(c, options.only)]
    missing = [c for c in chosen if c not in fallen]
    common.verdict(not missing, f"{len(chosen) - len(missing)} of {len(chosen)} planted defects turned their claim over"
                   + "".join(f"; {claim}: {plant}" for claim, plant in missing))


if __name__ == "__main__":
    main()
