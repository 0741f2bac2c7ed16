#!/usr/bin/env bash
# The exports of a recorded run, read by the programs that they are for: what these compute equals summary.csv.
# Measures nothing.  tests/campaign/consumers.py has those that are too large for every machine.
# usage: test_consumers.sh SOURCE_ROOT PROGRAM
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
. "$root/tests/e2e/lib.sh"
# Only Debian's Python finds the modules from Debian packages.
python=/usr/bin/python3
[ -x "$python" ] || python=python3

cp -r "$root/tests/fuzz/template" run
"$program" report run --no-plots -q >out 2>err || fail "report: $(cat err)"
mkdir exports
for format in gbench-json go-bench hyperfine-json bencher-bmf github-action-json prometheus openmetrics openmetrics-backfill csv; do
	"$program" export run --to $format --out exports/$format -q >out 2>err || fail "$format: $(cat out err)"
done
cases=$("$python" -c 'import csv; print(sum(r["n"] != "0" and "#" not in r["case"] for r in csv.DictReader(open("run/summary.csv"))))')
[ "$cases" -ge 5 ] || fail "the recorded run has figures of only $cases cases"

"$python" "$root/tests/e2e/read_exports.py" run exports >out 2>&1 || failed=1
cat out

# Without an interval there is no confidence in one, and without a figure no number at all.
bad=$("$python" - <<-'PYTHON'
	import csv
	for row in csv.DictReader(open("run/summary.csv")):
	    numbers = [row[c] for c in ("low", "high", "confidence")]
	    if len({n == "" for n in numbers}) > 1 or (row["n"] == "0" and any(
	            row[c] for c in ("median", "mad", "cpu_ns_per_op", "switches_per_op", *("low", "high", "confidence")))):
	        print(row)
PYTHON
)
[ -z "$bad" ] || fail "summary.csv has numbers that nothing supports: $bad"

# agrees FORMAT CONSUMER GOT WANT: how many medians a consumer found, and how many of them are right.
agrees() {
	if [ "$3" = "$4" ]; then
		echo "$1: $2: $cases medians as in summary.csv"
	else
		fail "$1: $2: medians (all, right): $3, not $4"
	fi
}

if here mlr miller; then
	mlr --icsv --ocsv --headerless-csv-output filter '$source == "sample" && $measure == "time"' \
		then stats1 -i -a count,p50 -f value -g case,pair_class \
		then join -j case,pair_class -f run/summary.csv \
		then put '$agrees = $value_count == $n && abs($value_p50 / $median - 1) < 1e-6 ? 1 : 0' \
		then stats1 -a count,sum -f agrees exports/csv >out 2>err || fail "mlr: $(cat err)"
	agrees csv "$(mlr --version)" "$(cat out)" "$cases,$cases"
	mlr --icsv --ojson cat run/summary.csv >summary.json 2>err || fail "mlr: $(cat err)"
fi

if here sqlite3 sqlite3; then
	# with two trials a case the average is the median
	sqlite3 >out 2>err <<-'SQL' || fail "sqlite3: $(cat err)"
		.import --csv exports/csv long
		.import --csv run/summary.csv summary
		SELECT count(*), sum(have.n = summary.n AND abs(have.mean / summary.median - 1) < 1e-6) FROM summary JOIN
			(SELECT "case", pair_class, count(*) AS n, avg(value) AS mean FROM long
			WHERE source = 'sample' AND measure = 'time' GROUP BY "case", pair_class) AS have
			USING ("case", pair_class);
	SQL
	agrees csv "sqlite3 $(sqlite3 --version | cut -d' ' -f1)" "$(cat out)" "$cases|$cases"
fi

# by_jq FORMAT FILTER: the filter makes {case, ns} of every case.
by_jq() {
	local got
	got=$(jq -r --slurpfile summary summary.json "[$2"' | . as $have | $summary[0][] | select(.case == $have.case) |
		$have.ns / .median - 1 | fabs < 1e-6] | "\(length) \(map(select(.)) | length)"' "exports/$1" 2>err) ||
		fail "$1: jq: $(cat err)"
	agrees "$1" "$(jq --version)" "$got" "$cases $cases"
}
if here jq jq && [ -s summary.json ]; then
	by_jq gbench-json '.benchmarks[] | select(.aggregate_name == "median") | {case: .run_name, ns: .real_time}'
	by_jq hyperfine-json '.results[] | {case: .command, ns: (.median * 1e9)}'
	by_jq bencher-bmf 'to_entries[] | select(.value.latency) | {case: .key, ns: .value.latency.value}'
	by_jq github-action-json '.[] | {case: .name, ns: .value}'
fi

[ $failed = 0 ] && echo 'every program reads what the run holds'
exit $failed
