#!/usr/bin/env bash
# The gate as a pipeline uses it: a healthy run passes; a planted defect of each kind fails, and the output says what
# failed, by how much and how to reproduce it.  Also the files for CI services, alternations and comparisons of runs.
# usage: test_gate.sh SOURCE_ROOT PROGRAM
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
. "$root/tests/e2e/lib.sh"
# again CODE WORDS COMMAND...: checks the exit code, and that the output, with its lines joined, matches an extended
# regular expression.  On a machine that is too busy for a verdict it tries three more times.  The command may use \$go,
# which is another number in each try.
again() {
	local code=$1 words=$2 got
	shift 2
	for go in 1 2 3 4; do
		eval "$*" >out 2>err
		got=$?
		[ $got = "$code" ] && tr -s ' \n' ' ' <out | grep -qE -- "$words" && return
	done
	fail "$*: exit $got instead of $code, or no \"$words\": $(cat out err)"
}
gate() { printf '%s\n' "$@" >gates.ini; }
# measure DIR OPTION...: in a first try with half of the slices, which a quiet machine needs at most
measure() {
	local folder=$1 half=()
	shift
	[ "$go" -gt 1 ] || half=(--slices 12)
	"$program" run --thresholds gates.ini "${half[@]}" --no-plots -q --out "$folder" "$@" >out 2>err || fail "run $folder: $(cat out err)"
}
# calm DIR: removes the records of other load, which would keep times of two runs from being compared.
calm() { jq '.noise.others_percent = 0' "$1/manifest.json" >calm.json && mv calm.json "$1/manifest.json"; }

# gates on a ratio to a baseline, a ratio, a count, claims
gate '[mutex]' 'case = lock_uncontended/mutex' 'against = pthread_spin' 'baseline = yes' 'max = 1.10' \
	'[semaphore]' 'case = lock_uncontended/sysv_sem' 'against = mutex' 'min = 2' \
	'[faults]' 'case = first_touch/4k' 'count = minor-faults' 'per_op = 1' 'slack = 2' \
	'[seen]' 'claim = K7.private'
again 0 'PASS: 4 of 4 gates pass' 'rm -rf first healthy; measure first; measure healthy; \
	"$program" check healthy --thresholds gates.ini --baseline first'
expect 0 'no baseline was given' "$program" check healthy --thresholds gates.ini
expect 3 '3 of 4 gates pass' "$program" check healthy --thresholds gates.ini --strict
cp gates.ini all.ini
gate '[mutex]' 'case = lock_uncontended/mutex' 'against = pthread_spin' 'baseline = yes' 'max = 1.10'
expect 0 'NOT TESTABLE: 0 of 1 gates pass' "$program" check healthy --thresholds gates.ini
expect 3 'NOT TESTABLE: 0 of 1 gates pass' "$program" check healthy --thresholds gates.ini --strict

# the defects: a slower case, a faster other side, one more fault, a claim that is false
# (the slowdown is 40 % of the lock's time on a core of its own; with a neighbour on the core the lock takes longer, and
# 40 % becomes a smaller share)
again 1 '95 % interval 1\.[2-4][^)]*\); at most 1\.1 is allowed' 'rm -rf slow; measure slow --inject lock_uncontended/mutex=40; \
	"$program" check slow --thresholds gates.ini --baseline first'
grep -q '^FAIL  \[mutex\]' out || fail "the gate is not named: $(cat out)"
grep -qF "shmeter run" out || fail "no command to measure again: $(cat out)"
again 1 'Fresh trials repeat it' '"$program" check slow --thresholds gates.ini --baseline first --confirm -q'
[ -d slow/confirm-1 ] || fail 'the confirmation left no run'
gate '[semaphore]' 'case = lock_uncontended/sysv_sem' 'against = mutex' 'max = 2'
expect 1 'at most 2 is allowed' "$program" check healthy --thresholds gates.ini
gate '[faults]' 'case = first_touch/4k' 'count = minor-faults' 'per_op = 1.01'
expect 1 'are expected' "$program" check healthy --thresholds gates.ini
gate '[seen]' 'claim = K7.private'
sed "s/,child's writes seen,0,/,child's writes seen,7,/" healthy/metrics.csv >metrics && mv metrics healthy/metrics.csv
expect 1 "child's writes seen of private" "$program" check healthy --thresholds gates.ini
cp all.ini gates.ini

# a time: one earlier run fails nothing, whatever its blocks say; three show by how much runs differ.  A run counts once.
gate '[mutex in time]' 'case = lock_uncontended/mutex' 'baseline = yes' 'max = 1.15'
calm slow
calm first
expect 0 'INCONCLUSIVE' "$program" check slow --thresholds gates.ini --baseline first
tr -s ' \n' ' ' <out | grep -q 'noise floor unknown. Why: too few baseline runs to detect a failure: 1 of at least 3' ||
	fail "the words of one baseline run: $(cat out)"
jq -e '.gates[0].baseline_runs == 1 and .gates[0].noise_floor == null' \
	<("$program" check slow --thresholds gates.ini --baseline first --json) >/dev/null || fail 'the JSON of one baseline run'
cp -r first copy
expect 4 'copy: it is the run that is checked' "$program" check first --thresholds gates.ini --baseline slow --baseline copy
expect 4 'this run is given twice' "$program" check slow --thresholds gates.ini --baseline first --baseline copy
# further runs of `first`, in which every slice took longer or shorter
derive() {
	cp -r first "$1"
	awk -F, -v OFS=, -v f="$2" 'NR > 1 { $4 = int($4 * f) } 1' first/slices.csv >"$1/slices.csv"
	jq --arg seed "$1" '.seed = $seed' first/manifest.json >"$1/manifest.json"
}
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
again 0 'slower [0-9.]+ \([^)]*\) lock_uncontended/mutex' 'old=first new=slow; [ $go = 1 ] || { old=old-$go new=new-$go; \
	measure $old; measure $new --inject lock_uncontended/mutex=40; }; calm $old; calm $new; "$program" compare $old $new'
tr -s ' \n' ' ' <out | grep -q 'By how much runs of one build alone differ is unknown for [1-9]' ||
	fail "compare does not say what runs alone differ by: $(cat out)"

# blocks go to the gate that is open: one side against itself is never clearly under a ratio of 1
jq -e '.looked' healthy/manifest.json >/dev/null || fail 'a run for gates does not say that it looks at them'
gate '[open]' 'case = aa/b' 'against = a' 'max = 1.0001'
"$program" run --thresholds gates.ini --no-plots -q --budget 8s --out open >/dev/null 2>&1
jq -e '.blocks_added > 0' open/manifest.json >/dev/null || fail 'a gate that is open got no more blocks'
jq -e '.wall_s < 12' open/manifest.json >/dev/null || fail 'blocks were added beyond the budget'
cp all.ini gates.ini

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

# an alternation of equal builds, and of one that is slowed down.  The case has two processes: with a single worker, a
# neighbour on its core could leave too few blocks in one band to detect a failure
pair='false_sharing/padded_64 --set op=atomic_add --set processes=2 --set work=0'
again 0 'PASS' 'SHMETER_MAX=1.10 SHMETER_OUT=same-$go "$root/scripts/check-regression" "$program" "$(dirname "$program")" $pair'
again 1 'Fresh trials repeat it' \
	'"$program" ab --right inject=false_sharing/padded_64=40 $pair --repeat-blocks 9 --out slower-$go -q'
expect 4 'not an executable file' "$program" ab /none "$program" lock_uncontended/mutex
expect 4 'KEY=VALUE' "$program" ab --left pages lock_uncontended/mutex --out no
expect 4 'a ratio over 1' "$program" ab --max 0.5 a b
expect 4 'nowhere.ini' "$program" check healthy --thresholds nowhere.ini
expect 4 'needs one run folder' "$program" check
expect 4 'needs two run folders' "$program" compare healthy

# the selftest, in a short form
again 0 'Noise floor' '"$program" selftest lock_uncontended/mutex --repeat-blocks 40 --out self-$go -q'
grep -q 'false alarms in' out || fail "no false alarms are told: $(cat out)"
grep -qE 'ratio to b [0-9.]+ %: aa/a' out || fail "the reference with the least floor is not named: $(cat out)"
jq -e '.[] | .time > 1 and .ratio > 1' state/noise.json >/dev/null || fail 'no noise floor was kept'
"$program" run aa lock_uncontended/mutex -q --no-plots --out later >/dev/null 2>&1
jq -e '.noise_floor.time > 1' later/manifest.json >/dev/null || fail 'a later run does not know the noise floor'
jq -e '[.. | .ratio? | objects | .b | numbers] | length > 0 and .[0] > 1' state/noise.json >/dev/null ||
	fail "no floor of a ratio was kept: $(cat state/noise.json)"
jq -e '.noise_floor.cases | keys | length > 0 and all(test("lock_uncontended/mutex|aa/"))' later/manifest.json >/dev/null ||
	fail "a later run does not know the floors of its cases: $(jq .noise_floor later/manifest.json)"
expect 4 'omit aa' "$program" selftest --counters aa

[ $failed = 0 ] && echo 'the gate passes, fails and tells'
exit $failed
