#!/usr/bin/env python3
"""Names from a run's files must be compared by handle.  Counts the lines of the analysis, the gate and the report that
compare text, including calls of wrappers, and allows only those listed below.  Also plants some and checks that they
are found.

usage: test_names.py SOURCE_ROOT"""
import collections
import pathlib
import re
import sys

FOLDERS = ("analysis", "gate", "report")
# Lines that may compare text, by file: how many, and why.
ALLOWED = {
    "analysis/slices.c": (1, "an order for equal classes that is the same in every run"),
    "gate/alternation.c": (1, "an order of the cases that is the same in every run"),
    "gate/again.c": (1, "a command line as it was typed"),
    "gate/accept.c": (5, "lines of a file of gates, as they were typed"),
    "gate/load.c": (8, "a file of gates as it was typed: words, and what is no text"),
    "gate/reading.c": (1, "what is no text in a file of gates"),
    "gate/resolve.c": (19, "what a file of gates says, against what a scenario can have"),
    "report/figure_svg.c": (3, "a picture as gnuplot wrote it"),
    "report/gnuplot.c": (1, "the first bytes of a program"),
    "report/page_figure.c": (21, "a picture as gnuplot wrote it"),
    "report/words.c": (1, "units of two figures that were just written"),
}
COMMENT = re.compile(r"/\*.*?\*/", re.S)
COMPARES = re.compile(r"\b(?:strn?(?:case)?cmp|strcoll|str(?:case)?str|memcmp|memmem|fnmatch|"
                      r"sm_has_word|sm_at_holds)\(")
# A function, as clang-format lays it out: result, name, parameters, body.
FUNCTION = re.compile(r"^(?:static |inline |SM_MUST_USE )*(bool|int) (\w+)\(([^;{}]*)\)\s*\n\{(.*?)^\}", re.M | re.S)
PLANTS = (
    ("report/ranking.c", 'static bool planted(const char *x)\n{\n\treturn strcmp(x, "pipe") == 0;\n}\n'),
    ("gate/compare.c", "static bool alike(const char *x, const char *y)\n{\n\tfor (; *x && *x == *y; x++)\n\t\ty++;\n"
                       "\treturn *x == *y;\n}\nbool planted(void)\n{\n\treturn alike(a, b);\n}\n"),
    ("analysis/index.c", 'static bool planted(const char *x)\n{\n\treturn strstr(x, "time per ") == x;\n}\n'),
)


def sources(root):
    for folder in FOLDERS:
        for path in sorted((root / "harness" / folder).glob("*.[ch]")):
            text = path.read_text()
            yield f"{folder}/{path.name}", COMMENT.sub(lambda found: "\n" * found.group().count("\n"), text)


def compares_text(parameters, body):
    """Whether a function that returns yes or no compares two of its text parameters."""
    texts = re.findall(r"const char \*(\w+)", parameters)
    return len(texts) > 1 and (COMPARES.search(body) or
                               any(re.search(rf"\*{x}\b *[!=]= *\*{y}\b", body) for x in texts for y in texts if x != y))


def lines(files):
    """The lines that compare text, by file."""
    wrappers = {found[1] for text in files.values() for found in FUNCTION.findall(text) if compares_text(*found[2:])}
    calls = re.compile(r"\b(?:" + "|".join(sorted(wrappers)) + r")\(") if wrappers else re.compile(r"(?!)")
    found = collections.defaultdict(list)
    for name, text in files.items():
        for number, line in enumerate(text.splitlines(), 1):
            if COMPARES.search(line) or calls.search(line):
                found[name].append(f"harness/{name}:{number}: {line.strip()}")
    return found


def violations(files):
    found = lines(files)
    for name in sorted(found.keys() | ALLOWED.keys()):
        most, why = ALLOWED.get(name, (0, "none is"))
        if len(found[name]) != most:
            yield f"{name} compares text in {len(found[name])} lines; {most} are allowed ({why}):"
            yield from found[name]


def main():
    files = dict(sources(pathlib.Path(sys.argv[1])))
    found = list(violations(files))
    if found:
        sys.exit("names are compared by ==, not as text (docs/adr/0022):\n" + "\n".join(found))
    for name, planted in PLANTS:
        if not any(said.startswith(name) for said in violations(files | {name: files[name] + planted})):
            sys.exit(f"not seen in {name}:\n{planted}")
    print(f"{sum(map(len, lines(files).values()))} lines compare text, each for a reason, and {len(PLANTS)} planted ones "
          "were seen")


main()
