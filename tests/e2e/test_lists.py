#!/usr/bin/env python3
"""Lists of variants, claims and labels end: the last entry of each in the scenarios' sources is empty.  At start-up the
program cannot see that for sure, for it reads on behind a list without its end.  Also takes each end out and checks
that this is found.

usage: test_lists.py SOURCE_ROOT"""
import pathlib
import re
import sys

# A list, as clang-format lays it out.
LIST = re.compile(r"^(?:static )?const struct sm_(variant|claim) (\w+)\[\w*\] = \{(.*?)\};$", re.M | re.S)
LABELS = re.compile(r"\.labels = (\w+)")
ENDS = {"variant": r"\{ 0 \},?\s*$", "claim": r"\{ 0 \},?\s*$", "label": r"\bNULL,?\s*$"}


def lists(text):
    """Kind, name and entries of each list."""
    yield from (found.groups() for found in LIST.finditer(text))
    for name in sorted(set(LABELS.findall(text))):
        array = re.search(rf"^static const char \*const {name}\[\w*\][^=]* = \{{(.*?)\}};$", text, re.M | re.S)
        yield "label", name, array[1] if array else ""


def endless(text):
    return [f"the list of {kind}s {name} lacks its last, empty entry: {'NULL' if kind == 'label' else '{ 0 }'}"
            for kind, name, entries in lists(text) if not re.search(ENDS[kind], entries)]


def main():
    count = 0
    for path in sorted(pathlib.Path(sys.argv[1]).glob("scenarios/*/*.[ch]")):
        text = path.read_text()
        if said := endless(text):
            sys.exit(f"{path}: {said[0]}")
        for kind, name, entries in lists(text):
            cut = text.replace(entries, re.sub(ENDS[kind], "", entries))
            if len(endless(cut)) != 1:
                sys.exit(f"{path}: not seen where {name} lacks its end")
            count += 1
    if count < 90:
        sys.exit(f"only {count} lists were found")
    print(f"{count} lists end, and each was seen without its end")


main()
