#!/usr/bin/env bash
# The history as users call it: each run is added once, by two programs at a time; steps are reported; SQLite's own
# program reads it.
# usage: test_history.sh SOURCE_ROOT PROGRAM
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
. "$root/tests/e2e/lib.sh"
export XDG_DATA_HOME=$scratch/data

"$program" run lock_uncontended/mutex --repeat-blocks 6 --no-counters --no-plots -q --out one >/dev/null 2>err || fail "run: $(cat err)"
"$program" history add one >out 2>err || fail "add: $(cat err)"
"$program" history add one | grep -q 'is already in' || fail 'the same run went in twice'
[ -s data/shmeter/history.sqlite ] || fail 'no file in the data folder'
# nine copies with other dates, the last four slower; added by two programs at a time
for day in 1 2 3 4 5 6 7 8 9; do
	cp -r one run-$day
	sed -i "s/\"started_utc\": \"[^\"]*\"/\"started_utc\": \"2030-01-0${day}T00:00:00Z\"/" run-$day/manifest.json
	[ $day -gt 5 ] && python3 - run-$day <<'P'
import csv, sys
path = sys.argv[1] + "/slices.csv"
rows = list(csv.DictReader(open(path)))
for row in rows:
    row["ns"] = str(round(1.2 * int(row["ns"])))
with open(path, "w", newline="") as file:
    writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
P
done
"$program" history add run-1 run-3 run-5 run-7 run-9 -q &
"$program" history add run-2 run-4 run-6 run-8 -q || fail 'two at a time'
wait $! || fail 'two at a time'
"$program" history show lock_uncontended --out figures >out 2>err || fail "show: $(cat err)"
grep -q 'STEP: +20.0 %' out || fail "no step: $(cat out)"
grep -q '1 cases, 1 steps' out || fail "not one step: $(cat out)"
xmllint --noout figures/*.svg && [ -s "$(echo figures/*.png)" ] || fail 'no figure'
[ "$(sqlite3 data/shmeter/history.sqlite 'SELECT count(*) FROM run')" = 10 ] || fail 'not ten runs'
[ "$(sqlite3 data/shmeter/history.sqlite 'PRAGMA integrity_check')" = ok ] || fail 'the file is damaged'

# another host of the type, later than all: the others are not shown unless the type is asked for
cp -r run-9 twin
sed -i -E 's/"host": "[0-9a-f]{16}"/"host": "0000000000000000"/; s/2030-01-09/2031-01-01/' twin/manifest.json
"$program" history add twin -q || fail 'twin'
"$program" history show lock_uncontended >out 2>err || fail "show: $(cat err)"
tr -s ' \n' ' ' <out | grep -q 'host 0000000000000000 of type .* 10 of other hosts' || fail "the host is not told: $(cat out)"
"$program" history show lock_uncontended --same-type >out 2>err || fail "show: $(cat err)"
grep -q 'all hosts of type' out && grep -q '1 cases, 1 steps' out || fail "not all hosts: $(cat out)"

sqlite3 other.sqlite 'CREATE TABLE t (x)'
refused 6 "another program's" "$program" history show --db other.sqlite
head -c 5000 /dev/urandom >noise.sqlite
refused 6 'no history' "$program" history add one --db noise.sqlite
refused 4 'history add' "$program" history show --db nothing.sqlite
refused 4 'matches "no_such_case"' "$program" history show no_such_case
refused 4 'takes `add' "$program" history
refused 4 'not a run folder' "$program" history add data
[ -e nothing.sqlite ] && fail 'show made a file'
[ $failed = 0 ] && echo 'ten runs, one step'
exit $failed
