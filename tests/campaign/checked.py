#!/usr/bin/env python3
"""Every command under a memory checker: on a valid run folder (the forms of calls.py), and on hostile ones (hostile.py
--sample).  Each must end with a documented code and without a finding.

usage: checked.py PROGRAM [--valgrind] [--hostile RUN-FOLDER] [--only COMMAND[,...]]
  PROGRAM        of the asan-ubsan build; with --valgrind of any other build
  --hostile RUN  puts the hostile variants of that run folder through every command that reads one, instead"""
import argparse
import os
import subprocess
import sys
import tempfile

from calls import COMMANDS, base_of, prepare
from calls_made import CODES, Command, Scratch, call

FOUND = 99  # the exit code of a checker that found something
VALGRIND = f"valgrind -q --error-exitcode={FOUND} --leak-check=full --errors-for-leak-kinds=definite --trace-children=no"
SANITIZER = {"ASAN_OPTIONS": f"exitcode={FOUND}:detect_stack_use_after_return=1",
             "UBSAN_OPTIONS": f"halt_on_error=1:exitcode={FOUND}:print_stacktrace=1", "LSAN_OPTIONS": f"exitcode={FOUND}"}
MORE = {
    "selftest": Command(["selftest"], 60, False),
    "help": Command(["help"], 10, False),
    "run --resume": Command(["run", "--resume", "run"], 10, False),
    "history show --out": Command(["history", "show", "--db", "old.sqlite", "--out", "figures"], 40, False),
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=os.path.abspath)
    parser.add_argument("--valgrind", action="store_true")
    parser.add_argument("--hostile")
    parser.add_argument("--only")
    options = parser.parse_args()
    os.environ.update(SANITIZER)
    failed, codes = 0, []
    with tempfile.TemporaryDirectory(prefix="shmeter-checked-") as folder:
        # a program file of its own, to pass to hostile.py
        program = os.path.join(folder, "shmeter")
        with open(program, "w") as file:
            file.write(f"#!/bin/sh\nexec {VALGRIND if options.valgrind else ''} {options.program} \"$@\"\n")
        os.chmod(program, 0o755)
        if options.hostile:
            return subprocess.run([sys.executable, os.path.join(os.path.dirname(__file__), "hostile.py"), program,
                                   options.hostile, "--sample"]).returncode
        prepare(options.program, folder)
        commands = {**COMMANDS, **MORE}
        for name in options.only.split(",") if options.only else commands:
            with Scratch(base_of(folder, name)) as scratch:
                outcome, running = call(scratch, [program, *commands[name].words], 40 * commands[name].limit)
            codes.append(outcome.code)
            if outcome.code not in CODES or running or "==ERROR" in outcome.err or "runtime error" in outcome.err:
                failed += 1
                print(f"FAIL {name}: exit {outcome.code} {' '.join(running)}\n{outcome.err[:4000]}", flush=True)
    print(f"{'FAIL' if failed else 'PASS'} {len(codes)} commands, "
          f"{', '.join(f'{codes.count(c)} with exit {c}' for c in sorted(set(codes), key=str))}, {failed} with findings")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
