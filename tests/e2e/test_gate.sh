#!/usr/bin/env bash
# The gate as a pipeline uses it: a healthy run passes; a defect of each kind fails, and the output says what failed, by
# how much and how to reproduce it.  Also the files for CI services and comparisons of runs.  One run is measured and made
# quiet, so that a busy machine changes no verdict; test_gate_live.sh measures each.
# usage: test_gate.sh SOURCE_ROOT PROGRAM
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
. "$root/tests/e2e/lib.sh"
gate() { printf '%s\n' "$@" >gates.ini; }
# derive RUN FACTOR [VARIANT]: a further run in which every slice, or those of a variant, took longer or shorter
derive() {
	local trials=' '
	cp -r first "$1"
	[ -z "${3:-}" ] || trials=$(awk -F, -v v="$3" '$4 == v { printf " %s ", $2 }' first/samples.csv)
	awk -F, -v OFS=, -v f="$2" -v trials="$trials" \
		'NR > 1 && (trials == " " || index(trials, " " $1 " ")) { $4 = int($4 * f + 0.5) } 1' first/slices.csv >"$1/slices.csv"
	jq --arg seed "$1" '.seed = $seed' first/manifest.json >"$1/manifest.json"
}
# shellcheck disable=SC2317 # called by expect
verdict() { "$program" check healthy --thresholds gates.ini "$@"; }
ratio=('[mutex]' 'case = lock_uncontended/mutex' 'against = pthread_spin' 'baseline = yes' 'max = 1.10')

# gates on a ratio to a baseline, a ratio, a count, claims
gate "${ratio[@]}" \
	'[semaphore]' 'case = lock_uncontended/sysv_sem' 'against = mutex' 'min = 2' \
	'[faults]' 'case = first_touch/4k' 'count = minor-faults' 'per_op = 1' 'slack = 2' \
	'[seen]' 'claim = K7.private'
cp gates.ini all.ini
"$program" run --thresholds gates.ini --slices 8 --slice 500us --budget 5s --no-plots -q --out first >out 2>&1 ||
	fail "run: $(cat out)"
jq -e '.looked' first/manifest.json >/dev/null || fail 'a run for gates does not say that it looks at them'
quiet first sysv_sem=600
derive healthy 1.001
derive slow 1.4 mutex
expect 0 'PASS: 4 of 4 gates pass' verdict --baseline first
expect 0 'no baseline was given' verdict
expect 3 '3 of 4 gates pass' verdict --strict
gate "${ratio[@]}"
expect 0 'NOT TESTABLE: 0 of 1 gates pass' verdict
expect 3 'NOT TESTABLE: 0 of 1 gates pass' verdict --strict

# the defects: a slower case, a faster other side, one more fault, a claim that is false
expect 1 '95 % interval 1\.[34][^)]*\); at most 1\.1 is allowed' "$program" check slow --thresholds gates.ini --baseline first
grep -q '^FAIL  \[mutex\]' out || fail "the gate is not named: $(cat out)"
grep -qF "shmeter run" out || fail "no command to measure again: $(cat out)"
gate '[semaphore]' 'case = lock_uncontended/sysv_sem' 'against = mutex' 'max = 2'
expect 1 'at most 2 is allowed' verdict
gate '[faults]' 'case = first_touch/4k' 'count = minor-faults' 'per_op = 1.01'
expect 1 'are expected' verdict
gate '[seen]' 'claim = K7.private'
sed "s/,child's writes seen,0,/,child's writes seen,7,/" healthy/metrics.csv >metrics && mv metrics healthy/metrics.csv
expect 1 "child's writes seen of private" verdict
cp all.ini gates.ini

# a time: one earlier run fails nothing, whatever its blocks say; three show by how much runs differ.  A run counts once.
gate '[mutex in time]' 'case = lock_uncontended/mutex' 'baseline = yes' 'max = 1.15'
expect 0 'INCONCLUSIVE' "$program" check slow --thresholds gates.ini --baseline first
tr -s ' \n' ' ' <out | grep -q 'noise floor unknown. Why: too few baseline runs to detect a failure: 1 of at least 3' ||
	fail "the words of one baseline run: $(cat out)"
jq -e '.gates[0].baseline_runs == 1 and .gates[0].noise_floor == null' \
	<("$program" check slow --thresholds gates.ini --baseline first --json) >/dev/null || fail 'the JSON of one baseline run'
cp -r first copy
expect 4 'copy: it is the run that is checked' "$program" check first --thresholds gates.ini --baseline slow --baseline copy
expect 4 'this run is given twice' "$program" check slow --thresholds gates.ini --baseline first --baseline copy
derive base-1 1
derive base-2 1.01
derive base-3 0.99
derive base-4 1.2
three=(--thresholds gates.ini --baseline base-1 --baseline base-2 --baseline base-3)
expect 1 'as in 3 baseline runs .*at most 1.15 is allowed; noise floor 1\.' "$program" check base-4 "${three[@]}" --junit runs.xml
grep -q -- "--baseline 'base-1' --baseline 'base-2' --baseline 'base-3'" <(tr -d '\n' <out | tr -s ' ') ||
	fail "the command to measure again lacks baselines: $(cat out)"
grep -q 'noise floor 1\.' runs.xml || fail "JUnit lacks the noise floor: $(cat runs.xml)"
"$program" check base-4 "${three[@]}" --json >out
jq -e '.baselines == 3 and .gates[0].baseline_runs == 3 and .gates[0].noise_floor > 1' out >/dev/null || fail "the JSON of three: $(cat out)"
sed -i 's/1.15/1.02/' gates.ini
derive base-5 1.005
expect 0 'threshold 1.02 is under the noise floor 1\.[0-9]* of lock_uncontended/mutex' "$program" check base-5 "${three[@]}"
expect 1 'as in 3 baseline runs' "$program" check base-4 "${three[@]}"
cp all.ini gates.ini

# a run of another type of machine is never compared, one of another host of the type only on request
derive twin 1
sed -i -E 's/"host": "[0-9a-f]{16}"/"host": "0000000000000000"/' twin/manifest.json
cp -r twin elsewhere
sed -i 's/"type": "[0-9a-f]*"/"type": "0000000000000000"/' elsewhere/manifest.json
expect 0 'another machine' "$program" check first --thresholds gates.ini --baseline elsewhere
expect 0 'different machines' "$program" compare elsewhere first
expect 0 'another type of machine: it is not compared with' "$program" check first --thresholds gates.ini --baseline elsewhere --same-type
expect 0 'too few baseline runs to detect a failure: 2 of at least 3' "$program" check first --thresholds gates.ini --baseline base-1 --baseline twin
expect 0 'another host of the same type: only ratios are compared with it' "$program" check first --thresholds gates.ini --baseline twin
gate '[mutex in time]' 'case = lock_uncontended/mutex' 'baseline = yes' 'max = 1.15'
expect 0 '1 of 2 baseline runs left out: baseline twin is of another host' "$program" check first --thresholds gates.ini --baseline base-1 --baseline twin
expect 0 'pass --same-type' "$program" check first --thresholds gates.ini --baseline twin
cp all.ini gates.ini
expect 0 'another host of the same type, which --same-type accepts' "$program" check first --thresholds gates.ini --baseline twin --same-type
expect 0 '"baseline_is": "of another host of the same type"' "$program" check first --thresholds gates.ini --baseline twin --same-type --json
expect 0 'of the same host' "$program" check first --thresholds gates.ini --baseline base-1
expect 0 'two hosts of one type' "$program" compare twin first
expect 0 'from one host' "$program" compare first first
expect 0 'slower [0-9.]+ \([^)]*\) lock_uncontended/mutex' "$program" compare first slow
tr -s ' \n' ' ' <out | grep -q 'By how much runs of one build alone differ is unknown for [1-9]' ||
	fail "compare does not say what runs alone differ by: $(cat out)"

# JUnit, GitHub
export GITHUB_STEP_SUMMARY=$scratch/summary.md
expect 1 '::error title=shmeter FAIL' "$program" check slow --thresholds gates.ini --baseline first --junit j.xml --github
xmllint --noout j.xml || fail 'the JUnit file is no XML'
[ "$(xmllint --xpath 'count(//testcase)' j.xml)" = 4 ] || fail "not 4 cases: $(cat j.xml)"
[ "$(xmllint --xpath 'string(//testsuite/@failures)' j.xml)" = 1 ] || fail "not 1 failure: $(cat j.xml)"
grep -q '^## shmeter: FAIL' summary.md || fail "no summary: $(cat summary.md)"
expect 1 'evidence' "$program" check slow --thresholds gates.ini --baseline first --json
jq -e '.verdict == "FAIL" and (.gates | length) == 4' out >/dev/null || fail "the JSON is not right: $(cat out)"
expect 1 '::error title=shmeter FAIL' "$program" check slow --thresholds gates.ini --baseline first --json --github
jq -e '.verdict == "FAIL"' out >/dev/null || fail "annotations break the JSON: $(cat out)"
head -c 1048576 /dev/zero | tr '\0' x >summary.md
"$program" check slow --thresholds gates.ini --github >/dev/null 2>&1
[ "$(stat -c %s summary.md)" = 1048576 ] || fail 'the summary grew over its limit'
expect 4 'cannot write' "$program" check healthy --thresholds gates.ini --junit /proc/none/junit.xml

expect 4 'nowhere.ini' "$program" check healthy --thresholds nowhere.ini
expect 4 'needs one run folder' "$program" check
expect 4 'needs two run folders' "$program" compare healthy

[ $failed = 0 ] && echo 'the gate passes, fails and tells'
exit $failed
