#!/usr/bin/env python3
"""Checks the dependency rules of the architecture on the sources: which folder may include which, and that no two files
of a folder depend on each other.  Also plants a violation of each rule and checks that it is found.

usage: test_includes.py SOURCE_ROOT"""
import collections
import functools
import os
import pathlib
import re
import sys

import layers

CONTRACT = "scenario|guard|spin|error|clock|histogram|region|topology|text|os|plugins|plugin_stamp"
INCLUDE = re.compile(r'^\s*#\s*include "([^"]+)"', re.M)
COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"' + r"|'(?:\\.|[^'\\\n])*'", re.S)
# Definitions that other files can use, as clang-format lays them out: functions, and data.
FUNCTION = re.compile(r"^(?!static\b|typedef\b)\w[\w \t*]*?\b(\w+)\([^;{}]*\)\s*\n\{", re.M)
DATA = re.compile(r"^(?!static\b|extern\b|typedef\b)[a-z][\w \t*]*?\b(\w+)(?:\[[^\]]*\])* =", re.M)
WORD = re.compile(r"\b[A-Za-z_]\w*\b")


@functools.cache
def code(text):
    """The source without comments and string literals."""
    return COMMENT.sub(" ", text)


class Tree:
    def __init__(self, files):
        self.files = files  # path below the root: text
        self.public = {path.name: path for path in self.files if path.parent.as_posix() == "harness/include/shmeter"}
        self.defined = collections.defaultdict(dict)  # folder: name: file
        for path in self.sources():
            if path.suffix == ".c":
                text = code(self.files[path])
                for name in FUNCTION.findall(text) + DATA.findall(text):
                    self.defined[self.folder(path)][name] = path

    def sources(self):
        """Files of the harness, except its public headers, and of the program."""
        for path in self.files:
            if path.suffix in (".c", ".h") and (path.parts[0] == "bench" or
                                                (path.parts[0] == "harness" and path.parts[1] != "include")):
                yield path

    def folder(self, path):
        return path.parts[0] if path.parts[0] == "bench" else path.parts[1]

    def includes(self, path):
        return INCLUDE.findall(self.files[path])

    def included(self, path, target):
        """The file that an include refers to: in the same folder, or public."""
        base = "harness/include" if target.startswith("shmeter/") else path.parent
        return pathlib.Path(os.path.normpath(pathlib.Path(base) / target))

    def owners(self, header):
        """The folders that define what a public header declares."""
        names = set(re.findall(r"\b(\w+)\(", code(self.files[self.public[header]])))
        return {folder for folder in layers.RANK if folder != "bench" and names & self.defined[folder].keys()}


def forbidden_words(tree):
    """Rules between harness, scenarios, program and plots."""
    for path, text in tree.files.items():
        at = path.as_posix()
        for target in tree.includes(path) if path.suffix in (".c", ".h") else ():
            said = f'{at}: #include "{target}"'
            if path.parts[0] == "harness":
                if re.match(r"(\.\./)*(scenarios|bench)/|(registry|program)\.h$", target):
                    yield f"{said}: the harness knows neither scenarios nor the program"
                if path.parts[1] == "include" and not target.startswith("shmeter/"):
                    yield f"{said}: public headers include public headers alone"
            if path.parts[0] == "scenarios" and not re.match(
                    rf"(shmeter/({CONTRACT})\.h|(\.\./)?(subject/)?[a-z_]+\.(h|def))$", target):
                yield f"{said}: scenarios see the contract and their subjects"
        if path.parts[0] == "plots" and re.search(r"#include|harness/[a-z]+/[a-z_]+\.[ch]", text):
            yield f"{at}: plots work on the files of a run, never on the code"


def forbidden_arrows(tree):
    """Rules between the folders of the harness, for public and private headers."""
    belongs = {path: tree.folder(path) for path in tree.sources()}
    for header, path in tree.public.items():
        folders = tree.owners(header) | set(layers.DATA_HEADERS.get(header, "").split())
        if len(folders) != 1:
            yield f"{header} belongs to one folder, not to {sorted(folders)}: split it, or name it in DATA_HEADERS"
        else:
            belongs[path], = folders
    for path, folder in belongs.items():
        for target in tree.includes(path):
            wrong = layers.arrow(folder, belongs.get(tree.included(path, target), folder))
            if wrong:
                yield f'{path}: #include "{target}": {wrong}'


def forbidden_circles(tree):
    """Files of one folder of the harness that depend on each other, and headers that include each other."""
    uses, edges = [], {}
    for path in tree.sources():
        folder = tree.folder(path)
        if path.suffix == ".c" and folder != "bench":
            for name in set(WORD.findall(code(tree.files[path]))) & tree.defined[folder].keys():
                uses.append((f"{folder}/{path.stem}", name, f"{folder}/{tree.defined[folder][name].stem}"))
    yield from layers.file_circles(uses)
    for path in tree.files:
        if path.suffix == ".h":
            edges[path.as_posix()] = {tree.included(path, target).as_posix() for target in tree.includes(path)}
    for circle in layers.circles(edges):
        yield f"{', '.join(circle)} include each other"


def read(root):
    return {path.relative_to(root): path.read_text(errors="replace")
            for folder in ("harness", "scenarios", "bench", "plots") for path in sorted((root / folder).rglob("*"))
            if path.is_file()}


def violations(files):
    tree = Tree(files)
    return [*forbidden_words(tree), *forbidden_arrows(tree), *forbidden_circles(tree)]


# The text added to each file, and a word that the error must contain.
PLANTS = (
    ("knows neither", {"harness/plan/case.c": '#include "../../scenarios/registry.h"'}),
    ("knows neither", {"harness/trial/gate.c": '#include "program.h"'}),
    ("public headers alone", {"harness/include/shmeter/plan.h": '#include "../trial/control.h"'}),
    ("see the contract", {"scenarios/coherence/false_sharing.c": '#include "shmeter/trial.h"'}),
    ("see the contract", {"scenarios/calibration/aa.c": '#include "../../harness/trial/control.h"'}),
    ("never on the code", {"plots/forest.gp": '#include "harness/report/page.c"'}),
    ("plan is below analysis", {"harness/plan/case.c": '#include "shmeter/analysis.h"'}),
    ("platform is below trial", {"harness/platform/clock.c": '#include "../trial/control.h"'}),
    ("store is below plan", {"harness/include/shmeter/results.h": '#include "shmeter/plan.h"'}),
    ("platform and store are one layer", {"harness/platform/clock.c": '#include "shmeter/store.h"'}),
    ("gate and report are one layer", {"harness/include/shmeter/gate.h": '#include "shmeter/report.h"'}),
    ("belongs to one folder", {"harness/include/shmeter/clock.h": "unsigned sm_profile_blocks(int profile);"}),
    ("need each other", {"harness/math/random.c": "void sm_random_one(void)\n{\n\tsm_trend_one();\n}",
                         "harness/math/trend.c": "void sm_trend_one(void)\n{\n\tsm_random_one();\n}"}),
    ("include each other", {"harness/include/shmeter/error.h": '#include "shmeter/text.h"'}),
)


def main():
    files = read(pathlib.Path(sys.argv[1]))
    found = violations(files)
    if found:
        sys.exit("forbidden:\n" + "\n".join(found))
    for word, additions in PLANTS:
        planted = {pathlib.Path(file): f"{files[pathlib.Path(file)]}\n{line}\n" for file, line in additions.items()}
        found = violations(files | planted)
        if not any(word in said for said in found):
            sys.exit(f"not seen: {additions}; said was {found}")
    print(f"the arrows hold, and {len(PLANTS)} planted violations were seen")


main()
