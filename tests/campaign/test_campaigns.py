#!/usr/bin/env python3
"""Tests the code that the campaigns share, with hardly any measurement: matching of classes between runs, reading a
run's folder, the log of the comparison with other tools and its verdicts.

usage: test_campaigns.py PROGRAM"""
import contextlib
import io
import itertools
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile

import common
import file_io_fio
import peers
import peers_lines
import peers_own
import postgresql
from common import (CENTER_RATIO, NoFigure, PairClass, Slice, class_of, discard, figure, figures, match_classes,
                    pair_classes, run, scratch, slices, trials)
from peers_step import Step


def groups(centers):
    return [sorted(centers[i] for i in group) for group in match_classes(centers)]


def test_each_campaign_says_how_it_is_used():
    for campaign in ("file_io_fio", "mpi_windows", "peers_own", "postgresql", "power_cuts"):
        path = f"{os.path.dirname(os.path.realpath(__file__))}/{campaign}.py"
        told = subprocess.run([sys.executable, path, "--help"], capture_output=True, text=True, timeout=20)
        assert told.returncode == 0 and campaign in told.stdout, f"{campaign} --help: {told.stderr}"


def test_classes_are_matched():
    assert groups([]) == []
    assert groups([82.0]) == [[82.0]]
    assert groups([323.0, 78.0, 75.0, 340.0, 82.0]) == [[75.0, 78.0, 82.0], [323.0, 340.0]]
    # no fixed bound in ns separates them: the classes come from the runs
    assert groups([205.0, 180.0, 220.0, 195.0]) == [[180.0, 195.0, 205.0, 220.0]]
    assert groups([30.0, 45.0, 32.0, 46.0]) == [[30.0, 32.0], [45.0, 46.0]]
    # a group that is too wide for one class is cut at its widest gap
    assert groups([61.0, 76.0, 79.0, 64.0]) == [[61.0, 64.0, 76.0, 79.0]]
    assert groups([61.0, 76.0, 82.0, 64.0]) == [[61.0, 64.0], [76.0, 82.0]]


def test_two_classes_of_a_run_are_never_one():
    numbers = random.Random(1)
    for _ in range(2000):
        runs = []
        for _ in range(numbers.randrange(1, 12)):
            centers = [numbers.uniform(30, 90)]
            while numbers.random() < 0.5 and len(centers) < 4:
                centers.append(centers[-1] * numbers.uniform(CENTER_RATIO, 4))
            runs.append(centers)
        of = [number for number, centers in enumerate(runs) for _ in centers]
        found = match_classes(list(itertools.chain(*runs)))
        assert sorted(itertools.chain(*found)) == list(range(len(of)))
        for group in found:
            assert len({of[i] for i in group}) == len(group), (runs, found)


def test_a_stretch_has_the_class_of_both_its_probes():
    near, far = PairClass("80ns", 80.0, 0.0, 170.0), PairClass("330ns", 330.0, 170.0, math.inf)
    assert class_of(78, 84, [near, far]) == near
    assert class_of(310, 350, [near, far]) == far
    assert class_of(160, 180, [near, far]) is None  # not of one class
    assert class_of(66, 103, [near, far]) == near
    assert class_of(62, 103, [near, far]) is None  # they disagree
    assert class_of(9000, 9000, [near, far]) is None  # a pair that was preempted has no class
    # the only class of a run has no bounds, but more distant cores must not match it
    assert class_of(322, 330, [PairClass("88ns", 88.0, 0.0, math.inf)]) is None
    assert class_of(280, 285, [PairClass("282ns", 282.0, 0.0, math.inf)]).name == "282ns"


def test_a_round_counts_where_the_cores_stayed():
    what = next(iter(peers_own.ROWS))
    rows = [{"what": what, "class_before_ns": before, "class_after_ns": after}
            for before, after in (("80.0", "84.0"), ("80.0", "330.0"), ("325.0", "335.0"), ("82.0", "79.0"))]
    found = peers_own.counted([*rows, {**rows[0], "what": "another"}], what)
    assert found == {81.0: [rows[0], rows[3]], 325.0: [rows[2]]}


def test_a_benchmark_loses_what_is_cut():
    assert peers_own.without_blocks("a; if(x) { b; { c; } } d;", "if(x)") == "a;  d;"
    assert peers_own.changed("T = int;", (r"T = \w+", "T = long")) == "T = long;"
    try:
        peers_own.changed("T = int;", (r"U = \w+", "U = long"))
        assert False, "a change that finds nothing is no change"
    except SystemExit as why:
        assert "adapt the changes" in str(why)


def test_a_run_is_read():
    folder = scratch()
    try:
        run(folder, "lock_uncontended/mutex", "--repeat-blocks", "2", "--no-counters")
        found, control = figure(folder, "lock_uncontended", "mutex"), figures(folder, "aa")
        own = trials(folder, "lock_uncontended", "mutex")
        of = slices(folder, "lock_uncontended")
        every = slices(folder, "aa")
        classes = pair_classes(folder)
        assert {v for v, _ in control} == {"a", "b"}
        try:
            figure(folder, "aa")
            assert False, "two cases are not one"
        except NoFigure:
            pass
    finally:
        discard(folder)
    assert len(own) == 2
    assert found.unit == "ns/op" and found.low != found.low  # two blocks are too few for an interval
    medians = []
    for t in own:
        assert sum(s.trial == t["trial"] for s in of) == int(t["slices"]), t
        pure = [s.ns_per_op for s in of if s.trial == t["trial"] and s.pure and s.pair_class == found.pair_class]
        if len(pure) >= 3:
            medians.append(statistics.median(pure))
        mine = [s.ns_per_op for s in of if s.trial == t["trial"] and s.pure and s.pair_class == t["pair_class"]]
        assert not t["value"] or math.isclose(float(t["value"]), statistics.median(mine), rel_tol=1e-6), (t, mine)
    assert len(medians) == found.n, (medians, found)
    assert math.isclose(found.median, statistics.median(medians), rel_tol=1e-6)
    named = {c.name: c for members in classes.values() for c in members}
    assert every
    for s in every:
        assert not s.pure or s.pair_class in named or s.pair_class == "shared-pu"
    for members in classes.values():
        assert members[0].lower_ns == 0 and all(c.lower_ns <= c.center_ns < c.upper_ns for c in members)


def test_medians_are_of_one_class():
    """Of the classes, the one that both variants have most of; disturbed slices do not count."""
    made = [Slice(variant, "-", "0", ns, class_, pure) for variant, ns, class_, pure, count in (
        ("a", 100.0, "80ns", True, 9), ("a", 300.0, "330ns", True, 5), ("b", 330.0, "330ns", True, 6),
        ("b", 900.0, "330ns", False, 9), ("b", 110.0, "80ns", True, 4)) for _ in range(count)]
    original = common.slices
    try:
        common.slices = lambda folder, scenario: made
        assert common.medians_of("", "s", ("a", "b")) == {"a": 300.0, "b": 330.0}
        for variants, least in ((("a", "b"), 6), (("a", "c"), 1)):
            try:
                common.medians_of("", "s", variants, least)
                assert False, "too few"
            except NoFigure:
                pass
    finally:
        common.slices = original


def test_c2clat_counts_in_the_class_of_the_runs_around_it():
    """If a round trip of the probe's line takes 150 ns and one of two_lines 280, c2clat reads 135: both are of one
    class."""
    def one_round(before, after):
        runs = iter((before, after))
        original = peers_lines.two_lines, peers_lines.c2clat
        try:
            peers_lines.two_lines, peers_lines.c2clat = lambda: next(runs), lambda built, name: 135.0
            return peers_lines.lines("").measure()
        finally:
            peers_lines.two_lines, peers_lines.c2clat = original

    found = [r for r in one_round((140.0, 134.0, 150.0), (141.0, 133.0, 156.0)) if "shortest" not in r["what"]]
    assert [(r["ours"], r["theirs"], r["class_ns"]) for r in found] == [(140.5, 135.0, 153.0)] * 2
    moved = one_round((48.0, 44.0, 79.0), (163.0, 160.0, 338.0))
    assert len(moved) == 1 and "moved" in moved[0]["reason"] and "ours" not in moved[0]


def test_a_campaign_goes_on_where_its_log_ends():
    made = []

    def step(name, **kind):
        def measure():
            made.append(name)
            return [{"what": name, "peer": "x", "ours": 1.0, "theirs": 2.0,
                     "class_ns": (80, 300)[len(made) % 2] if kind.get("classed") else ""}]
        return Step("part", name, measure, **kind)

    def one(steps, log):
        with contextlib.redirect_stderr(io.StringIO()):
            peers.measure(*peers.todo(steps, log, None), log)

    with tempfile.TemporaryDirectory() as folder:
        path, steps = os.path.join(folder, "log.csv"), [step("a", rounds=3), step("b", rounds=2)]
        for _ in range(3):
            one(steps, peers.Log(path, "this"))
        assert made == ["a", "b", "a"]
        assert len(peers.Log(path, "that").readings) == 0  # there are no readings of another CPU yet
        while peers.todo(steps, peers.Log(path, "this"), None):
            one(steps, peers.Log(path, "this"))
        assert made == ["a", "b", "a", "b", "a"]
        # with two alternating classes it takes twice the rounds until one has enough
        made.clear()
        classed, log = step("c", rounds=6, classed=True), peers.Log(path, "this")
        while peers.todo([classed], log, None):
            one([classed], log)
        assert len(made) == 11, len(made)
        assert sorted(len(same) for _, same in peers.by_class(log.of(classed))[("c", "x")]) == [5, 6]
        # a measurement without a value is reported, and not repeated for ever
        def none():
            raise NoFigure("not here")
        bare = Step("part", "d", none, rounds=2)
        while peers.todo([bare], log, None):
            one([bare], log)
        assert {r["reason"] for r in log.of(bare)} == {"not here"}


def judged(ratios, classes=None, **kind):
    step = Step("part", "s", None, **kind)
    with tempfile.TemporaryDirectory() as folder:
        log = peers.Log(os.path.join(folder, "log.csv"), "a CPU")
        for i, ratio in enumerate(ratios):
            log.add(step, i, [{"what": "w", "peer": "p", "ours": 100.0 * ratio, "theirs": 100.0,
                               "class_ns": classes[i] if classes else ""}])
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = peers.table([step], log)
    return code, out.getvalue()


def test_verdicts():
    assert judged([0.9] * 10)[0] == 0
    code, out = judged([1.2] * 10)
    assert code == 1 and "MORE" in out and "| a CPU |" in out and "FAIL" in out
    code, out = judged([1.04] * 10)
    assert code == 0 and "| more |" in out
    assert judged([1.04] * 10, good=lambda what, peer, low, high: low <= 1.0)[0] == 1
    # a reason is printed, but changes no verdict
    code, out = judged([1.2] * 10, why=lambda what, peer: "other work" if peer == "p" else None)
    assert code == 1 and "| MORE: other work |" in out
    assert judged([1.2] * 10, why=lambda what, peer: "other work" if peer == "q" else None)[0] == 1
    code, out = judged([1.2] * 5)
    assert code == 0 and "5 rounds only" in out
    # a class that is slower is detected although the other one is not, and the two are not mixed
    code, out = judged([0.5, 1.5] * 8, [80.0, 300.0] * 8)
    assert code == 1 and "class 80 ns" in out and "class 300 ns" in out and "0.500 (0.500 to 0.500)" in out


def test_a_wide_interval_cannot_decide():
    assert file_io_fio.judged([0.99, 1.0, 1.01] * 5) == (True, "agrees")
    assert file_io_fio.judged([0.89, 0.9, 0.91] * 5) == (False, "differs")
    assert file_io_fio.judged([1.1, 1.11, 1.12] * 5)[0] is False
    assert file_io_fio.judged([0.94, 0.96, 0.97] * 5)[0] is True  # it reaches into 5 %
    verdict, words = file_io_fio.judged([0.8, 1.0, 1.2] * 5)
    assert verdict is None and "50 % wide, more than 5 %" in words
    assert file_io_fio.judged([1.0] * 5) == (None, "cannot decide: 5 pairs, and an interval needs 6")


def test_latencies_are_slices():
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "log")
        with open(log, "w") as file:
            # the first pass, two slices, one that was interrupted, and two more
            file.writelines(f"{at}, {ns}, 0, 4096, 0\n" for at, ns in enumerate(
                [9000] * 4 + [100, 102] * 4 + [104, 5000000, 104, 104] + [110, 110] * 4))
        assert file_io_fio.slices(log, 4, 4) == statistics.median([101, 101, 110, 110])
        try:
            file_io_fio.slices(log, 18, 4)
            assert False, "too few"
        except NoFigure:
            pass


def test_a_gain_is_predicted():
    # 4 look-ups of 300 ns become 200 ns each: 0.4 us of 10 us are saved
    row = {"dependent_4k_ns": 300.0, "dependent_ratio": 1.5}
    assert math.isclose(postgresql.predicted(row, "dependent", 4, 10), 10 / 9.6)
    assert postgresql.predicted({**row, "dependent_ratio": 1.0}, "dependent", 4, 10) == 1
    line = {"cpu": "a CPU", "pool_mib": "512", "load": "2 clients", "off_tps": "200000", "on_tps": "208000",
            "off_cpu_us": "5", "on_cpu_us": "4", "off_faults": "0", "on_faults": "0", "hits": "4", "cold_hits": "2",
            "off_own_ns": "300", "on_own_ns": "150", "independent_4k_ns": "300", "independent_ratio": "1.5",
            "dependent_4k_ns": "600", "dependent_ratio": "1.5"}
    without = {**line, "independent_4k_ns": "", "independent_ratio": "", "dependent_4k_ns": "", "dependent_ratio": ""}
    gain = postgresql.gains([{**line, "round": str(i)} for i in range(6)] + [{**without, "round": "6"}], 2)
    # with two clients a row takes 10 us of each
    assert math.isclose(gain["measured"][0], 1.04) and math.isclose(gain["share"][0], 24)
    assert math.isclose(gain["least"][0], 10 / 9.8) and math.isclose(gain["most"][2], 10 / 9.2)
    assert math.isclose(gain["cpu"][0], 1.25) and math.isclose(gain["cpu_most"][0], 5 / 4.2)
    one = (1.1, 1.05, 1.15)
    assert postgresql.meet(one, (1.01, 1.0, 1.02), (1.05, 1.04, 1.06)) is True
    assert postgresql.meet(one, (1.01, 1.0, 1.02), (1.03, 1.02, 1.04)) is False
    assert postgresql.meet(one, (1.2, 1.16, 1.3), (1.3, 1.2, 1.4)) is False
    nan = float("nan")
    assert postgresql.meet((1.1, nan, nan), one, one) is None
    assert postgresql.meet((1.1, 0.9, 1.3), one, one) is None  # too wide


for name, test in list(globals().items()):
    if name.startswith("test_"):
        test()
        print(f"{name[5:].replace('_', ' ')}: as it should be", flush=True)
