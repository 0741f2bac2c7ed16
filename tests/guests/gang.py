#!/usr/bin/env python3
"""Runs the emulated PUs of a guest two by two, as gangs, where the host has fewer PUs.

Two processes that spin for each other get on only while the threads of both their PUs run.  Of sixteen threads on two
PUs of the host, the kernel rarely runs two certain ones at the same time.  So the threads of PUs 0 and 1 have priority
over all others for two milliseconds, then those of 2 and 3, and so on.  While they sleep, the others run.
usage: gang.py EMULATOR ARGUMENT...    ends as it does; it names its threads (-name debug-threads=on).  Without the
       right to set priorities it only runs the emulator.
"""
import os
import re
import subprocess
import sys
import time

TURN_S = 0.002


def pu_threads(pid):
    """The threads that emulate a PU each, in the order of the PUs."""
    found = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/comm", encoding="utf-8") as comm:
            match = re.match(r"CPU (\d+)/", comm.read())
        if match:
            found[int(match[1])] = int(tid)
    return [found[number] for number in sorted(found)]


def take_turns(emulator):
    threads = []
    while emulator.poll() is None and not threads:
        time.sleep(0.5)  # it makes all of them at once, before the guest boots
        threads = pu_threads(emulator.pid)
    gangs = [threads[at:at + 2] for at in range(0, len(threads), 2)]
    if not 2 <= len(os.sched_getaffinity(0)) < len(threads):
        return
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(3))
    while True:
        for gang in gangs:
            for thread in gang:
                os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(2))
            time.sleep(TURN_S)
            for thread in gang:
                os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))


def main():
    emulator = subprocess.Popen(sys.argv[1:])
    try:
        take_turns(emulator)
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        pass  # it has ended, or this user may not set priorities
    return emulator.wait()


if __name__ == "__main__":
    sys.exit(main())
