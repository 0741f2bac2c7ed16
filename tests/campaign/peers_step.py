"""One measurement of the comparison with other tools, repeated in each round."""
import ctypes
import dataclasses
import os
import subprocess
from typing import Callable

from common import NoFigure, discard, figure, run, scratch

HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS = 10
PR_SET_THP_DISABLE = 41  # linux/prctl.h


@dataclasses.dataclass
class Step:
    """measure() returns readings: dictionaries with what, peer, ours and theirs (ns) and, if known, class_ns."""
    part: str
    name: str
    measure: Callable
    bound: float = 1.05  # how much faster the peer may be: the lower end of the ratio's interval must be at most this
    rounds: int = ROUNDS
    classed: bool = False  # continue, for up to twice the rounds, until one class has enough
    why: Callable = None  # (what, peer) -> why this peer is faster, if it is: printed, but changes no verdict
    good: Callable = None  # (what, peer, low, high), replaces the bound
    table: Callable = None  # (readings, cpu) prints a table of its own and returns an exit code

    def holds(self, what, peer, low, high):
        return self.good(what, peer, low, high) if self.good else low <= self.bound

    def reason(self, what, peer):
        return self.why(what, peer) if self.why else None


def no_huge_pages():
    """For the next program: a machine that gives transparent huge pages to all processes would give them to a peer."""
    ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)


def output(*command, small_pages=False):
    """What a peer prints; raises NoFigure if it is missing or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120,
                              preexec_fn=no_huge_pages if small_pages else None).stdout
    except (OSError, subprocess.SubprocessError) as why:
        raise NoFigure(f"{os.path.basename(command[0])}: {why}") from why


def matched(pattern, text, who):
    """The number that a peer printed."""
    found = pattern.search(text or "")
    if not found:
        raise NoFigure(f"{who} printed no figure")
    return float(found.group(1))


def ours(scenario, variant, *options):
    """Our value of one case: its median in the leading class."""
    folder = scratch()
    try:
        run(folder, f"{scenario}/{variant}", "--no-counters", *options)
        return figure(folder, scenario, variant)
    finally:
        discard(folder)
