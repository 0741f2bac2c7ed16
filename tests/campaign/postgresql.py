#!/usr/bin/env python3
"""What huge pages gain PostgreSQL, beside what the figures of buffer_pool predict.

usage: postgresql.py [PROGRAM] [--minutes M] [--rounds N] [--pools MIB,MIB] [--seconds S] [--folder DIR] [--bin DIR]
                     [--log FILE] [--table]       as root

A round, for each size of shared_buffers: runs of buffer_pool/4k beside buffer_pool/2m over as many bytes, and the same
cluster started with huge_pages off and on, in turn first.  All of a database's blocks are put into the pool.  Then pgbench -S
-M prepared reads with one client and with two, and a client whose calls select 100 rows each: without round trips and switches
to another process between the rows.  Each round adds its lines to LOG at once; a later start goes on where the log ends.  A
round is a unit: server, pool and program are new in each.

The prediction: for a row PostgreSQL looks up `hits` blocks (pg_statio counts them).  With 2 MiB pages each look-up saves what a
record of buffer_pool does there, so the rows per second grow by 1 / (1 - hits * saved / time of a row).  The lower end takes
independent look-ups, and counts the blocks that differ from one row to the next (the leaf of the index, the block of the
table).  The upper end takes dependent look-ups, as the descent of an index is, and also counts the root of the index and the
level below, which stay in the caches.  PASS: in each row the interval of the measured gain is at most 10 %
wide, and meets that of the prediction.

The cluster lies in a temporary folder below DIR, belongs to the user postgres, and listens on a socket there.  Huge pages are
reserved while the campaign runs, and given back however it ends.  Needs the Debian package postgresql
(scripts/bootstrap --postgresql), 6 GiB of memory and 5 GiB of disk."""
import argparse
import collections
import contextlib
import glob
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import common

USER = "postgres"
# Clients of pgbench, and rows that one call selects.  1: pgbench -S.
Load = collections.namedtuple("Load", "name clients selects")
LOADS = (Load("1 client", 1, 1), Load("2 clients", 2, 1), Load("1 client, 100 rows a call", 1, 100))
MANY = """create function many(n int, last int) returns bigint language plpgsql as $$
declare total bigint := 0; one int; key int;
begin
    for i in 1..n loop
        key := 1 + (random() * (last - 1))::int;
        select abalance into one from pgbench_accounts where aid = key;
        total := total + one;
    end loop;
    return total;
end $$"""
FIELDS = ["cpu", "pool_mib", "load", "round", "off_tps", "on_tps", "off_cpu_us", "on_cpu_us", "off_faults", "on_faults",
          "hits", "cold_hits", "off_own_ns", "on_own_ns",
          "independent_4k_ns", "independent_ratio", "dependent_4k_ns", "dependent_ratio"]
LOOKUPS = ("independent", "dependent")  # of buffer_pool
PAGES = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
WIDTH = 1.1  # high / low of the widest interval that decides
RESERVE_MAX = 2048  # pages of 2 MiB
MIB_PER_SCALE = 15  # pgbench_accounts with its index
WARM_UP = 4  # seconds
PASSES = 5
FULL = 0.8  # of the pool is filled by them
SETTINGS = {"listen_addresses": "", "max_connections": "20", "autovacuum": "off", "fsync": "off", "wal_level": "minimal",
            "max_wal_senders": "0", "max_wal_size": "8GB", "checkpoint_timeout": "1d", "jit": "off"}


def quiet(*command, **more):
    """Runs a command; returns what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, **more)
    if done.returncode:
        raise common.NoFigure(f"{' '.join(command[:12])}: exit {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def scale(pool):
    """Of pgbench, so that its table and index fill most of a pool."""
    return round(pool * FULL / MIB_PER_SCALE)


def number_in(path):
    with open(path) as file:
        return int(file.read())


@contextlib.contextmanager
def huge_pages(count):
    """`count` more pages of 2 MiB while the block runs.  A process of its own gives them back when this one is gone, even by
    kill -9: its input ends then."""
    before = number_in(PAGES)
    if count > RESERVE_MAX:
        sys.exit(f"postgresql.py: {count} huge pages are needed, and it reserves at most {RESERVE_MAX}: choose smaller --pools")
    with subprocess.Popen(["sh", "-c", 'cat >/dev/null; echo "$1" >"$0"', PAGES, str(before)], stdin=subprocess.PIPE,
                          start_new_session=True) as keeper:
        try:
            with open(PAGES, "w") as file:
                file.write(str(before + count))
            if number_in(PAGES) < before + count:
                sys.exit(f"postgresql.py: the kernel found {number_in(PAGES) - before} of {count} huge pages: free some memory")
            yield
        finally:
            keeper.stdin.close()
            keeper.wait()
    if number_in(PAGES) != before:
        sys.exit(f"postgresql.py: {number_in(PAGES)} huge pages are reserved, and {before} were before: see {PAGES}")


def pages_of(pid):
    """Page size in KiB of the largest mapping of a process."""
    with open(f"/proc/{pid}/smaps") as file:
        found = re.findall(r"^Size: +(\d+) kB\nKernelPageSize: +(\d+) kB", file.read(), re.M)
    return max((int(size), int(page)) for size, page in found)[1]


def sessions(server):
    """CPU time in ns and page faults of the clients' sessions of a server, summed; None while one of them is ending."""
    cpu = faults = count = 0
    for pid in subprocess.run(["pgrep", "-P", str(server)], capture_output=True, text=True, check=False).stdout.split():
        try:
            with open(f"/proc/{pid}/cmdline") as file:
                title = file.read()
            if title and "[local]" not in title:
                continue  # the server's own
            with open(f"/proc/{pid}/schedstat") as times, open(f"/proc/{pid}/stat") as stat:
                count += 1
                cpu += int(times.read().split()[0])
                faults += int(stat.read().rsplit(")", 1)[1].split()[7])
        except OSError:
            return None
    return count, cpu, faults


class Cluster:
    """A cluster in a folder of its own, with a database for each size of the pool."""

    def __init__(self, bin_, folder, pools):
        self.bin, self.folder, self.data = bin_, folder, os.path.join(folder, "data")
        shutil.chown(folder, USER, USER)
        quiet(*self.as_user("initdb", "-D", self.data, "-A", "trust", "-N"), cwd=folder)
        with self.server(pools[0], "off"):
            for pool in pools:
                quiet(*self.as_user("createdb", "-h", folder, f"p{pool}"), cwd=folder)
                quiet(*self.as_user("pgbench", "-h", folder, "-i", "-q", "-s", str(scale(pool)), f"p{pool}"), cwd=folder)
                self.sql(pool, "create extension pg_prewarm", MANY, "checkpoint")
        with open(os.path.join(folder, "many.sql"), "w") as file:
            file.write("select many(:selects, :last);\n")

    def as_user(self, program, *arguments):
        # the server ends with this process
        return ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups", "--pdeathsig=INT", "--",
                os.path.join(self.bin, program), *arguments)

    def settings(self, pool, huge):
        return [f"--{key}={value}" for key, value in {**SETTINGS, "shared_buffers": f"{pool}MB", "huge_pages": huge,
                                                      "unix_socket_directories": self.folder}.items()]

    def pages_needed(self, pool):
        return int(quiet(*self.as_user("postgres", "-D", self.data, *self.settings(pool, "on"), "-C",
                                       "shared_memory_size_in_huge_pages"), cwd=self.folder))

    @contextlib.contextmanager
    def server(self, pool, huge):
        """The process id of a server, while the block runs."""
        with open(os.path.join(self.folder, "log"), "a") as log:
            process = subprocess.Popen(self.as_user("postgres", "-D", self.data, *self.settings(pool, huge)), stdout=log,
                                       stderr=log, cwd=self.folder)
        try:
            end = time.monotonic() + 60
            while subprocess.run([os.path.join(self.bin, "pg_isready"), "-q", "-h", self.folder], check=False).returncode:
                if process.poll() is not None or time.monotonic() > end:
                    with open(log.name) as file:
                        raise common.NoFigure(f"no server with huge_pages={huge}: {file.read().strip()[-300:]}")
                time.sleep(0.1)
            yield process.pid
        finally:
            process.send_signal(signal.SIGINT)  # it ends its sessions
            process.wait()

    def sql(self, pool, *commands):
        return quiet(*self.as_user("psql", "-h", self.folder, "-d", f"p{pool}", "-XAtq", "-v", "ON_ERROR_STOP=1",
                                   *(word for command in commands for word in ("-c", command))), cwd=self.folder)

    def fill(self, pool):
        """Puts all blocks into the pool.  Returns how long PostgreSQL takes to look up one that is there, in ns: of several
        passes the fastest, because others are interrupted."""
        one = "select pg_prewarm('pgbench_accounts') + pg_prewarm('pgbench_accounts_pkey')"
        printed = self.sql(pool, one, "\\timing on", *[one] * PASSES)
        blocks, ms = re.findall(r"^(\d+)$", printed, re.M), re.findall(r"^Time: ([\d.]+) ms", printed, re.M)
        return min(float(t) for t in ms) * 1e6 / int(blocks[0])

    def blocks(self, pool):
        """Blocks found in the pool and read into it, of the table and of its index."""
        return [int(n) for n in self.sql(pool, "select heap_blks_hit, idx_blks_hit, heap_blks_read + idx_blks_read from "
                                         "pg_statio_user_tables where relname = 'pgbench_accounts'").split("|")]

    def bench(self, pool, server, load, seconds):
        """One run of pgbench after a warm-up, in which a new session maps the pool: rows selected per second; of each
        row CPU time of the server in us, page faults there, look-ups of blocks of the table and of the index."""
        before, lines, seen = self.blocks(pool), [], []
        what = ["-S"] if load.selects == 1 else ["-f", "many.sql", "-D", f"selects={load.selects}", "-D",
                                                 f"last={scale(pool) * 100000}"]
        command = self.as_user("pgbench", "-h", self.folder, "-n", *what, "-M", "prepared", "-c", str(load.clients), "-j",
                               str(load.clients), "-T", str(WARM_UP + seconds), "-P", "1", f"p{pool}")
        with subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as bench:
            for line in bench.stderr:
                if line.startswith("progress:") and len(lines) < WARM_UP + seconds - 1:  # the last one comes at the end
                    lines.append(float(re.search(r"([\d.]+) tps", line).group(1)) * load.selects)
                    seen.append(sessions(server))
            printed = re.search(r"transactions actually processed: (\d+)", bench.stdout.read())
        if not printed or len(lines) < WARM_UP + seconds - 1:
            raise common.NoFigure(f"pgbench ended early (exit {bench.returncode})")
        done = int(printed.group(1)) * load.selects
        heap, index, read = (b - a for a, b in zip(before, self.blocks(pool)))
        first, last = seen[WARM_UP - 1], seen[-1]
        if not first or not last or first[0] != load.clients or last[0] != load.clients:
            raise common.NoFigure(f"pgbench did not have {load.clients} sessions all the time")
        if sum(tps := lines[WARM_UP:]) == 0:
            raise common.NoFigure("pgbench had no CPU for seconds")
        if read > done / 100:
            raise common.NoFigure(f"{read} blocks of {done} selects were not in a pool of {pool} MiB")
        return (statistics.mean(tps), (last[1] - first[1]) / 1000 / sum(tps), (last[2] - first[2]) / sum(tps), heap / done,
                index / done)


def pool_figures(pool):
    """Time of a record at 4 KiB pages, and its ratio to that at 2 MiB pages; none where the run was disturbed too much."""
    found = {}
    for lookups in LOOKUPS:
        out = common.scratch()
        try:
            common.run(out, "buffer_pool/4k", "buffer_pool/2m", "--set", "skew=uniform", "--set", f"lookups={lookups}", "--set",
                       "processes=2", "--set", f"bytes={pool << 20}", "--no-counters", "--repeat-blocks", "2")
            ns = common.medians_of(out, "buffer_pool", ("4k", "2m"))
            found.update({f"{lookups}_4k_ns": f"{ns['4k']:.1f}", f"{lookups}_ratio": f"{ns['4k'] / ns['2m']:.4f}"})
        except common.NoFigure as why:
            print(f"{pool} MiB, {lookups}: {why}", file=sys.stderr)
        finally:
            common.discard(out)
    return found


def measure(cluster, pool, number, seconds):
    """The lines of a round."""
    found, own = {}, {}
    of_pool = pool_figures(pool)
    for huge in ("off", "on") if number % 2 == 0 else ("on", "off"):
        with cluster.server(pool, huge) as pid:
            if pages_of(pid) != (4 if huge == "off" else 2048):
                raise common.NoFigure(f"with huge_pages={huge} the pool has pages of {pages_of(pid)} KiB")
            own[huge] = cluster.fill(pool)
            for load in LOADS:
                found[huge, load] = cluster.bench(pool, pid, load, seconds)
    for load in LOADS:
        row = {"pool_mib": pool, "load": load.name, "round": number, **of_pool}
        for huge in ("off", "on"):
            tps, cpu, faults, heap, index = found[huge, load]
            row.update({f"{huge}_tps": f"{tps:.1f}", f"{huge}_cpu_us": f"{cpu:.2f}", f"{huge}_faults": f"{faults:.4f}",
                        f"{huge}_own_ns": f"{own[huge]:.1f}", "hits": f"{heap + index:.3f}", "cold_hits": f"{heap + 1:.3f}"})
        yield row


def predicted(row, lookups, hits, of_us):
    """The gain where `hits` look-ups of a row that takes `of_us` save what those of buffer_pool do."""
    saved_us = hits * row[f"{lookups}_4k_ns"] * (1 - 1 / row[f"{lookups}_ratio"]) / 1000
    return 1 / (1 - saved_us / of_us) if saved_us < of_us else float("inf")


def gains(rows, clients):
    """{what: (median, low, high)} of the rounds of one row of the table."""
    rows = [{key: float(value or "nan") for key, value in row.items() if key not in ("cpu", "load")} for row in rows]
    for row in rows:
        row["us"] = clients * 1e6 / row["off_tps"]
    # buffer_pool has no figures where its run was disturbed too much
    first, second = ([row for row in rows if row[f"{lookups}_ratio"] == row[f"{lookups}_ratio"]] for lookups in LOOKUPS)
    found = {
        "measured": [row["on_tps"] / row["off_tps"] for row in rows],
        "cpu": [row["off_cpu_us"] / row["on_cpu_us"] for row in rows],
        "own": [row["off_own_ns"] / row["on_own_ns"] for row in rows],
        "faults": [row["off_faults"] for row in rows],
        "off_tps": [row["off_tps"] for row in rows],
        "least": [predicted(row, "independent", row["cold_hits"], row["us"]) for row in first],
        "most": [predicted(row, "dependent", row["hits"], row["us"]) for row in second],
        "cpu_least": [predicted(row, "independent", row["cold_hits"], row["off_cpu_us"]) for row in first],
        "cpu_most": [predicted(row, "dependent", row["hits"], row["off_cpu_us"]) for row in second],
        "independent": [row["independent_ratio"] for row in first],
        "dependent": [row["dependent_ratio"] for row in second],
        "share": [row["hits"] * row["dependent_4k_ns"] / row["us"] / 10 for row in second],
    }
    none = (float("nan"),) * 3
    return {what: common.median_interval(values) if values else none for what, values in found.items()}


def meet(gain, least, most):
    """Whether the interval of a gain meets that of its prediction; None: it cannot decide (too few rounds, or too wide)."""
    if any(x != x for x in (*gain, *least, *most)) or gain[2] > gain[1] * WIDTH:
        return None
    return gain[1] <= most[2] and least[1] <= gain[2]


def told(interval):
    return f"{interval[0]:.3f} ({interval[1]:.3f} to {interval[2]:.3f})"


def table(log, pools, model):
    print("| pool | load | rounds | rows/s, 4 KiB pages | measured gain (95 % interval) | predicted "
          "| gain in CPU time of the server | predicted | buffer_pool, 4k / 2m, independent and dependent "
          "| PostgreSQL's own look-ups, off / on | share of look-ups | page faults a row, off |")
    print("|--:|---|--:|--:|---|---|---|---|---|---|--:|--:|")
    verdicts, rows = [], [row for row in common.logged_rows(log) if row["cpu"] == model]
    for pool in pools:
        for load in LOADS:
            of = [row for row in rows if (row["pool_mib"], row["load"]) == (str(pool), load.name)]
            if not of:
                continue
            gain = gains(of, load.clients)
            verdicts.append(meet(gain["measured"], gain["least"], gain["most"]))
            print(f"| {pool} MiB | {load.name} | {len(of)} | {gain['off_tps'][0]:.0f} | {told(gain['measured'])} "
                  f"| {gain['least'][0]:.3f} to {gain['most'][0]:.3f} ({gain['least'][1]:.3f} to {gain['most'][2]:.3f}) "
                  f"| {told(gain['cpu'])} | {gain['cpu_least'][0]:.3f} to {gain['cpu_most'][0]:.3f} "
                  f"| {gain['independent'][0]:.2f}, {gain['dependent'][0]:.2f} | {told(gain['own'])} "
                  f"| {gain['share'][0]:.0f} % | {gain['faults'][0]:.3f} |")
    common.verdict(len(verdicts) == len(pools) * len(LOADS) and all(verdicts),
                   f"{verdicts.count(True)} rows have the predicted gain, {verdicts.count(False)} another, "
                   f"{verdicts.count(None)} cannot decide: fewer than 6 rounds, or an interval wider than {WIDTH}")


def tools(folder):
    """The folder of initdb: Debian keeps one for each version out of PATH."""
    found = [folder] if folder else sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    for path in reversed(found):
        if os.path.exists(os.path.join(path, "initdb")):
            return path
    sys.exit("postgresql.py: no initdb; install the package postgresql (scripts/bootstrap --postgresql), or name --bin DIR")


def campaign(options, pools, model):
    # a signal ends this like an error: the servers end and the pages are given back
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    end = time.monotonic() + options.minutes * 60
    folder = tempfile.mkdtemp(prefix="shmeter-postgresql-", dir=options.folder)
    try:
        cluster = Cluster(tools(options.bin), folder, pools)
        with huge_pages(cluster.pages_needed(max(pools))):
            for number in range(options.rounds):
                for pool in pools:
                    done = {row["round"] for row in common.logged_rows(options.log)
                            if row["cpu"] == model and row["pool_mib"] == str(pool)}
                    if str(number) in done or time.monotonic() > end:
                        continue
                    try:
                        for row in measure(cluster, pool, number, options.seconds):
                            common.append_row(options.log, FIELDS, {"cpu": model, **row})
                    except common.NoFigure as why:
                        print(f"{pool} MiB, round {number}: {why}", file=sys.stderr)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.replace("%", "%%"))
    parser.add_argument("program", nargs="?")
    parser.add_argument("--minutes", type=float, default=1e6)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--pools", default="512,2048")
    parser.add_argument("--seconds", type=int, default=7)
    parser.add_argument("--folder", default="/var/tmp")
    parser.add_argument("--bin")
    parser.add_argument("--log", default="results/postgresql.csv")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    pools, model = [int(pool) for pool in options.pools.split(",")], common.cpu_model()
    if not options.table:
        if os.geteuid():
            sys.exit("postgresql.py: start it as root: it reserves huge pages, and runs the server as another user")
        campaign(options, pools, model)
    table(options.log, pools, model)


if __name__ == "__main__":
    main()
