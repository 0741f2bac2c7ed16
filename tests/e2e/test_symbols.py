#!/usr/bin/env python3
"""Checks the dependency rules of the architecture on the symbols of the built objects: which folder of the harness uses
which, and that no two files of a folder depend on each other.  Also compiles violations and checks that they are found.

usage: test_symbols.py COMPILER OBJECT..."""
import pathlib
import subprocess
import sys
import tempfile

import layers


def symbols(objects):
    """The defined symbols as {name: file}, and the used ones as [(file, name)]; a file is "folder/name"."""
    defined, used = {}, []
    listing = subprocess.run(["nm", "-A", *map(str, objects)], stdout=subprocess.PIPE, text=True, check=True).stdout
    for line in listing.splitlines():
        path, rest = line.rsplit(":", 1)
        path = pathlib.Path(path)
        file = f"{path.parent.name}/{path.name.split('.')[0]}"
        *_, kind, name = rest.split()
        if kind == "U":
            used.append((file, name))
        elif kind in "TDBRCGSVW":
            defined.setdefault(name, file)
    return defined, used


def violations(objects):
    defined, used = symbols(objects)
    uses = [(user, name, defined[name]) for user, name in used if name in defined]
    found = set()
    for user, name, definer in uses:
        wrong = layers.arrow(user.split("/")[0], definer.split("/")[0])
        if wrong:
            found.add(f"{user} uses {name} of {definer}: {wrong}")
    needs = {}
    for user, _, definer in uses:
        needs.setdefault(user.split("/")[0], set()).add(definer.split("/")[0])
    found.update(f"folders {', '.join(circle)} need each other" for circle in layers.circles(needs))
    found.update(layers.file_circles(uses))
    return sorted(found)


# Files that are compiled with those of the harness, and a word that the error must contain.
PLANTS = (
    ("math is below run", {"math/planted": "void sm_run(void); void planted(void) { sm_run(); }"}),
    ("gate and report are one layer", {"gate/planted": "void sm_report_tables(void);"
                                                       "void planted(void) { sm_report_tables(); }"}),
    ("folders base, ", {"base/planted": "void sm_plan_free(void); void planted(void) { sm_plan_free(); }"}),
    ("plan/one, plan/two need each other", {"plan/one": "void two(void); void one(void) { two(); }",
                                            "plan/two": "void one(void); void two(void) { one(); }"}),
)


def main():
    compiler, objects = sys.argv[1], sys.argv[2:]
    folders = {pathlib.Path(path).parent.name for path in objects}
    missing = layers.RANK.keys() - folders - {"bench"}
    if missing:
        sys.exit(f"no objects of {sorted(missing)}")
    found = violations(objects)
    if found:
        sys.exit("forbidden:\n" + "\n".join(found))
    for word, sources in PLANTS:
        with tempfile.TemporaryDirectory() as folder:
            planted = []
            for name, source in sources.items():
                path = pathlib.Path(folder) / f"{name}.c"
                path.parent.mkdir(exist_ok=True)
                path.write_text(source + "\n")
                planted.append(path.with_suffix(".o"))
                subprocess.run([compiler, "-c", path, "-o", planted[-1]], check=True)
            found = violations([*objects, *planted])
        if not any(word in said for said in found):
            sys.exit(f"not seen: {sources}; said was {found}")
    print(f"the symbols of {len(objects)} objects obey the layers, and {len(PLANTS)} planted violations were seen")


main()
