"""One measurement of the campaign beside the peers, made again each round."""
import dataclasses
import os
import subprocess
from typing import Callable

from common import NoFigure, discard, figure, run, scratch

HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS = 10


@dataclasses.dataclass
class Step:
    """measure() returns readings: dictionaries with what, peer, ours and theirs (ns) and, where it knows, class_ns."""
    part: str
    name: str
    measure: Callable
    bound: float = 1.05  # the peer may be faster by so much: the lower end of the ratio's interval may be at most this
    rounds: int = ROUNDS
    classed: bool = False  # go on, to twice the rounds, until one class has them
    good: Callable = None  # (what, peer, low, high), in place of the bound
    table: Callable = None  # (readings, cpu) prints a table of its own and returns an exit code

    def holds(self, what, peer, low, high):
        return self.good(what, peer, low, high) if self.good else low <= self.bound


def output(*command, timeout=120):
    """What a peer prints; NoFigure where it is not there or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=timeout).stdout
    except (OSError, subprocess.SubprocessError) as why:
        raise NoFigure(f"{os.path.basename(command[0])}: {why}") from why


def matched(pattern, text, who):
    """The number that a peer printed."""
    found = pattern.search(text or "")
    if not found:
        raise NoFigure(f"{who} printed no figure")
    return float(found.group(1))


def ours(scenario, variant, *options):
    """Our figure of one case: its median in the leading class."""
    folder = scratch()
    try:
        run(folder, f"{scenario}/{variant}", "--no-counters", *options)
        return figure(folder, scenario, variant)
    finally:
        discard(folder)
