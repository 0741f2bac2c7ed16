#!/usr/bin/env bash
# Every export format, read by a tool that users read it with; prints which tools ran.
# usage: test_export.sh SOURCE_ROOT PROGRAM
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
. "$root/tests/e2e/lib.sh"
# Only Debian's Python finds the modules from Debian packages.
python=/usr/bin/python3
[ -x "$python" ] || python=python3

# Two runs of the same cases; lost_update has further metrics, transport_latency distributions.
for run in old new; do
	"$program" run false_sharing transport_latency/pipe transport_latency/shm_ring lost_update/plain \
		--set op=atomic_add --set work=0 --set message=64 --no-plots -q --out $run >out 2>err || fail "run: $(cat err)"
done
first_ok() { awk -F, 'NR > 1 && /,ok$/ {print $2; exit}' old/samples.csv; }
# Trials that must not be exported, one per status.
for status in skipped verify_failed worker_died timed_out disturbed; do # as measured
	trial=$(first_ok)
	sed -i -E "s/^(old,$trial,.*),ok\$/\\1,$status/" old/samples.csv
done
"$program" report old --no-plots -q >out 2>err # compute the derived files from the remaining trials

formats='gbench-json go-bench hyperfine-json bencher-bmf github-action-json prometheus openmetrics openmetrics-backfill hdr-text csv'
for run in old new; do
	mkdir $run.exports
	for format in $formats; do
		"$program" export $run --to "$format" --out "$run.exports/$format" >out 2>err || fail "$format: $(cat err)"
		[ -s out ] && fail "$format: with --out it prints"
		"$program" export $run --to "$format" -q >out 2>err || fail "$format: $(cat err)"
		cmp -s out "$run.exports/$format" || fail "$format: the file and standard output differ"
		[ -s err ] && fail "$format: -q is not quiet"
	done
done
"$program" export old --to csv 2>err >out
grep -q 'left out: 1 skipped, 1 verify_failed, 1 worker_died, 1 timed_out' err || fail "not said what is left out: $(cat err)"
ls ./*.part ./*/*.part 2>/dev/null && fail 'something half-written is left'

if here hyperfine hyperfine; then
	hyperfine -N --runs 3 -L n 1,2 --export-json model.json 'true {n}' >out 2>&1 || fail "hyperfine: $(cat out)"
fi
model=$([ -e model.json ] && echo model.json)
# shellcheck disable=SC2086 # without hyperfine there is no argument
for run in old new; do
	"$python" "$root/tests/e2e/read_exports.py" $run $run.exports $model >out 2>&1 || failed=1
	cat out
done

# Google Benchmark's own compare.py.  It needs two functions of SciPy; if SciPy (250 MB) is not installed, replacements
# are used.
compare=/usr/share/benchmark/compare.py
if here $compare libbenchmark-tools && here jq jq; then
	with=SciPy
	"$python" -c 'import scipy.stats, numpy' 2>/dev/null || {
		with='stand-ins for SciPy'
		mkdir -p stand/scipy
		touch stand/scipy/__init__.py
		cat >stand/numpy.py <<-'PYTHON'
			class array(list):
			    def any(self):
			        return any(self)
		PYTHON
		cat >stand/scipy/stats.py <<-'PYTHON'
			from math import exp, log
			from types import SimpleNamespace
			from numpy import array
			def gmean(rows):
			    return array(exp(sum(map(log, column)) / len(column)) for column in zip(*rows))
			def mannwhitneyu(left, right, alternative):
			    return SimpleNamespace(pvalue=0.5)
		PYTHON
	}
	PYTHONPATH=$scratch/stand "$python" $compare --no-color -d diff.json benchmarks old.exports/gbench-json \
		new.exports/gbench-json >out 2>&1 || fail "compare.py: $(tail -3 out)"
	# only cases of both runs: an unsettled or always disturbed case has no value in one of them
	cases=$(jq -s '[.[] | [.benchmarks[] | select(.run_type == "iteration") | .name] | unique] | .[0] - (.[0] - .[1]) | length' \
		old.exports/gbench-json new.exports/gbench-json)
	compared=$(jq '[.[] | select(.run_type == "iteration")] | length' diff.json)
	[ "$cases" -ge 5 ] && [ "$compared" = "$cases" ] || fail "compare.py compared $compared of $cases cases"
	grep -qE '^false_sharing/.*_median +[+-][0-9.]+ ' out || fail 'compare.py shows no median'
	grep -q 'OVERALL_GEOMEAN' out || fail 'compare.py shows no mean of all'
	echo "gbench-json: compare.py with $with: $compared cases"
fi

if here jq jq; then
	for format in gbench-json hyperfine-json bencher-bmf github-action-json; do
		jq -e . "old.exports/$format" >out || fail "jq: $format"
	done
	[ "$(jq '[.[] | .value] | min > 0' old.exports/github-action-json)" = true ] || fail 'jq: a value of 0'
	echo 'JSON: jq'
fi

# The table joins the run's own files; a tool that knows nothing about shmeter counts its rows.
if here sqlite3 sqlite3; then
	sqlite3 exports.db <<-'SQL' || fail sqlite3
		.import --csv old.exports/csv long
		.import --csv old/values.csv samples
		.import --csv old/counters.csv counters
		.import --csv old/metrics.csv metrics
	SQL
	query() { sqlite3 exports.db "$1"; }
	ok=$(query "SELECT count(*) FROM samples WHERE status = 'ok'")
	[ "$ok" -gt 30 ] || fail "$ok trials are ok"
	[ "$(query "SELECT count(*) FROM long WHERE source = 'sample' AND measure = 'time'")" = "$ok" ] || fail 'csv: times'
	for source in counter metric; do
		have=$(query "SELECT count(*) FROM long WHERE source = '$source'")
		want=$(query "SELECT count(*) FROM ${source}s JOIN samples USING (trial) WHERE status = 'ok'")
		[ "$have" = "$want" ] && [ "$have" -gt 0 ] || fail "csv: $have rows of ${source}s, not $want"
	done
	off=$(query "SELECT count(*) FROM long JOIN samples USING (trial) WHERE measure = 'time' AND long.value <> samples.value")
	[ "$off" = 0 ] || fail "csv: $off times differ"
	[ "$(query "SELECT count(*) FROM long WHERE state = ''")" = 0 ] || fail 'csv: an empty last column'
	[ "$(query "SELECT count(*) FROM long")" = $(($(wc -l <old.exports/csv) - 1)) ] || fail 'csv: rows lost'
	echo "csv: sqlite3: $(query 'SELECT count(*) FROM long') rows of $ok trials"
fi

if here gnuplot gnuplot-nox; then
	distributions=$(grep -c '^# case: ' old.exports/hdr-text)
	gnuplot >out 2>&1 <<-'GNUPLOT' || fail "gnuplot: $(cat out)"
		set datafile separator comma
		stats 'old.exports/csv' using (stringcolumn("measure") eq "time" ? column("value") : NaN) name 'T' nooutput
		set datafile separator whitespace
		stats 'old.exports/hdr-text' using 1 name 'H' nooutput
		stats 'old.exports/hdr-text' index 0 using 1:2 name 'P' nooutput
		set print '-'
		print sprintf("times %d distributions %d last percentile %.3f", T_records, H_blocks, P_max_y)
	GNUPLOT
	times=$(sqlite3 exports.db "SELECT count(*) FROM long WHERE measure = 'time'" 2>/dev/null)
	grep -qx "times $times distributions $distributions last percentile 1.000" out ||
		fail "gnuplot: $(tail -1 out); $times times, $distributions distributions"
	echo "csv, hdr-text: gnuplot: $(tail -1 out)"
fi

# The names of the classes of another run: a run's own names are those that it has anyway.
"$program" export old --to go-bench --like old -q | cmp -s - old.exports/go-bench || fail 'export --like itself differs'
"$program" export new --to go-bench --like old -q >out 2>err || fail "export --like: $(cat err)"
cmp -s <(grep -v '^class: ' out) <(grep -v '^class: ' new.exports/go-bench) || fail 'export --like changes more than classes'
other=$(grep '^class: ' out | sort -u | grep -vxFf <(grep -h '^class: ' old.exports/go-bench new.exports/go-bench))
[ -z "$other" ] || fail "export --like: a class of neither run: $other"

# Errors: one sentence, the right exit code, and no output file.
refused 4 'run folder' "$program" export --to csv
refused 4 "one of $formats" "$program" export old
refused 4 "choose one of $formats" "$program" export old --to xml
refused 4 'is not a run folder' "$program" export nowhere --to csv
refused 4 'is not a run folder' "$program" export old --to go-bench --like nowhere
refused 4 'is for --to go-bench' "$program" export old --to csv --like new
refused 4 'is not a regular file' "$program" export old --to csv --out .
refused 4 'cannot write' "$program" export old --to csv --out nowhere/file
mkfifo pipe
refused 4 'is not a regular file' "$program" export old --to csv --out pipe
[ -p pipe ] || fail 'a pipe was replaced'
cp -r old unread && rm unread/summary.csv unread/values.csv # files that follow from a run are computed again, not read
"$program" export unread --to csv -q >out 2>err && cmp -s out <("$program" export old --to csv -q | sed 's/^old,/unread,/') ||
	fail "without derived files: $(cat err)"
sed -i -E 's/,(ok|verify_failed|worker_died|timed_out|disturbed)$/,skipped/' unread/samples.csv
refused 5 'nothing to export' "$program" export unread --to csv --out never
[ -e never ] && fail 'a file of nothing'
"$program" export old --to csv -q >/dev/full 2>err
[ $? = 5 ] && grep -q 'cannot write standard output' err || fail "a full disk: $(cat err)"
ln -s target link && touch target
"$program" export old --to csv -q --out link && [ -L link ] && [ -s target ] || fail 'a link was replaced'

[ $failed = 0 ] && echo 'every export is read'
exit $failed
