#!/usr/bin/env bash
# Scenarios of plug-ins: one is listed, measured, judged and compared like shmeter's own; a bad one costs one sentence and its
# own cases.
# usage: test_plugin_scenarios.sh SOURCE_ROOT PROGRAM C_COMPILER
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
cc=$3
. "$root/tests/e2e/lib.sh"
# mistaken MISTAKE [OPTION...]: makes MISTAKE.so
mistaken() {
	local mistake=$1
	shift
	"$cc" -std=gnu17 -O2 -shared -fPIC -I"$root/harness/include" -DMISTAKE_"$mistake" "$@" "$root/tests/e2e/scenario.c" \
		-o "$mistake.so" || fail "$mistake: it does not compile"
}
brief=(--repeat-blocks 1 --slices 20 --slice 200us --no-counters --no-plots -q)
measured=',(ok|disturbed)$' # a busy machine disturbs what works

# the contract compiles alone, whatever is included before it
for first in '' '#include <time.h>'; do
	printf '%s\n#include "shmeter/scenario.h"\nextern const struct sm_scenario one;\nSM_PLUGIN(&one);\n' "$first" >alone.c
	"$cc" -std=c17 -Wall -Wextra -Werror -pedantic -fsyntax-only -I"$root/harness/include" alone.c ||
		fail "scenario.h does not compile alone after \"$first\""
done

# what is no scenario: one sentence, and the rest goes on
tells() { # MISTAKE WORDS [OPTION...]
	mistaken "$1" "${@:3}"
	expect 0 "warning: plug-in [^ ]*$1.so: $2; it is left out" "$program" list null_loop --plugin "$1.so"
	[ "$(grep -c warning err)" = 1 ] || fail "$1: $(cat err)"
	grep -q 'internal error' err && fail "$1 is told as a mistake of shmeter's: $(cat err)"
}
tells no_verify 'scenario step_by_step: verify\(\) is missing.*'
tells claim_variant 'scenario step_by_step: claim MINE1: variant "three" does not exist \(variants: one, two\)'
tells claim_taken 'scenario step_by_step: claim T1 is one of scenario transport_latency, too'
tells claim_kind 'scenario step_by_step: claim MINE2: it says no kind.*'
tells long_text 'its description: .*the summary is longer than 4000 characters'
tells bad_memory 'its description: .*it asks for memory of an unknown kind or page size'
tells plugs 'its description: .*it takes transports or locks of plug-ins.*'
tells null 'its description: .*the list has a NULL in it'
tells contract 'its description: it was built with another scenario.h than this shmeter: build it again'
tells no_end 'its description: .*(killed by signal|does not end|is longer than|unknown kind|`plugged`).*'
tells workers 'scenario step_by_step: workers_param allows more than 65536 workers: lower max of "words"'
tells name 'scenario aa: two scenarios have this name, one of family calibration, one of family mine' -DNAME='"aa"'
tells family 'scenario step_by_step: family "my own" is invalid.*' -DFAMILY='"my own"'
mistaken right
expect 0 'step_by_step.*variants one, two' "$program" list step_by_step --plugin right.so
expect 0 'two scenarios have this name, one of family mine, one of family mine' "$program" list step_by_step --plugin right.so --plugin right.so

# two processors are needed to measure
if [ "$(nproc)" -lt 2 ]; then
	[ $failed = 0 ] && echo 'scenarios of plug-ins are listed; one processor measures none'
	exit $failed
fi
expect 0 'supported the answer is 42' "$program" run step_by_step --plugin right.so "${brief[@]::7}" --out good
grep -q 'printed' out err && fail "setup() wrote to the run's output"
[ "$(grep -cE "step_by_step,(one|two),words=1,.*$measured" good/samples.csv)" = 2 ] || fail "not measured: $(cat good/samples.csv)"
[ "$(grep -c 'three words do not go together,skipped' good/samples.csv)" = 2 ] || fail 'supported() was not asked'
grep -q 'Does a scenario of a plug-in work?' good/report.html || fail 'the page lacks the scenario'
tr -s '\n' ' ' <good/report.html | grep -q '<li><code>[^<]*right.so</code>[^<]*: one, two' || fail 'the page does not name the plug-in of its variants'
grep -qF "shmeter run step_by_step --plugin $PWD/right.so --profile" good/report.html || fail "the page's command lacks the plug-in"
expect 0 'supported the answer is 42' "$program" report good --plugin right.so
expect 0 'step_by_step' "$program" report good # without the plug-in: no claims
printf '%s\n' '[two]' 'case = step_by_step/two' 'against = one' 'max = 100' 'at = words=1' >gates.ini
expect 4 'no scenario "step_by_step"' "$program" check good --thresholds gates.ini
expect 0 '1 inconclusive' "$program" check good --thresholds gates.ini --plugin right.so
sed -i 's/"status": "complete"/"status": "interrupted"/' good/manifest.json
refused 4 'begun with --plugin' "$program" run --resume good
cp right.so other.so
# too few blocks for a verdict, whatever the machine
expect 3 'step_by_step/one.*2 blocks of each side' "$program" ab --left plugin=right.so --right plugin=other.so step_by_step/one \
	--set words=1 --repeat-blocks 2 -q --out sides
mistaken right -DNAME='"another"'
refused 4 'right.so holds another and other.so holds step_by_step: two versions need one name' \
	"$program" ab --left plugin=right.so --right plugin=other.so step_by_step/one --repeat-blocks 2 --out apart
cp other.so right.so

# the example
"$root/examples/build" scenario_c . >out 2>&1 || fail "the example does not compile: $(cat out)"
expect 0 'publish_snapshot works' "$program" plugin check scenario_c.so

refused 4 'two versions need one name to be compared' "$program" ab --left plugin=right.so --right plugin=scenario_c.so step_by_step

# what fails in a trial costs its own cases, not the run
costs() { # MISTAKE CODE STATUS WORDS [OPTION...]
	mistaken "$1" "${@:5}"
	"$program" run step_by_step/one null_loop --set words=1 --plugin "$1.so" "${brief[@]}" --out "cost-$1" >out 2>err </dev/null
	got=$?
	# 5: other load disturbed null_loop, too
	[ $got = "$2" ] || [ $got$2 = 50 ] || fail "$1: exit $got instead of $2: $(cat out err)"
	grep 'step_by_step,one,' "cost-$1/samples.csv" | grep -qE "$4.*,$3\$" || fail "$1: $(grep 'step_by_step,one,' "cost-$1/samples.csv")"
	grep 'null_loop,loop' "cost-$1/samples.csv" | grep -qE "$measured" || fail "$1: null_loop was not measured"
	grep -q 'printed' out err && fail "$1 wrote to the run's output"
	sort "cost-$1/slices.csv" | uniq -d | grep . && fail "$1: a process wrote what this one had buffered"
}
costs region_crash 0 skipped 'region_bytes\(\): .*killed by signal 6'
costs region_huge 0 skipped 'region_bytes\(\) asks for 18446744073709551615 bytes'
costs setup_fails 0 skipped 'the place is taken'
costs setup_crash 0 skipped 'setup\(\) of step_by_step was killed by signal 6'
costs setup_exits 0 skipped 'setup\(\) of step_by_step ended early'
costs setup_hangs 0 skipped 'setup\(\) of step_by_step did not return in time'
costs run_crash 0 worker_died 'worker . was killed by signal 6'
costs run_hangs 0 skipped "did not end before the trial's deadline"
costs run_cheats 6 verify_failed 'did less than it says'
costs verify_exits 6 verify_failed 'verify\(\) of step_by_step ended early'
costs measure_crash 6 verify_failed 'measure\(\) of step_by_step was killed by signal 6'
costs scribbles 0 skipped 'step_by_step'
costs ages 0 worker_died 'a trial of step_by_step told more time than it took' -I"$root/harness/trial"
costs teardown_crash 0 worker_died 'teardown\(\) of step_by_step was killed by signal 6'

# a run that is stopped in the middle of a trial calls teardown()
mistaken leaves
"$program" run step_by_step/one --set words=1 --plugin leaves.so --slice 500ms --no-plots -q --out stopped >out 2>err </dev/null &
pid=$!
for ((i = 0; i < 200; i++)); do
	[ -e left ] && break
	sleep 0.05
done
[ -e left ] || fail "no trial began: $(cat out err)"
kill $pid
wait $pid
[ -e left ] && fail 'teardown() was not called'

# `plugin check` sees the same
expect 0 'ok one .*some points cannot run here.*step_by_step works' "$program" plugin check right.so
refused 4 'holds scenarios alone: omit it' "$program" plugin check right.so --source .
for mistake in run_cheats setup_crash verify_exits no_verify; do
	expect 1 '(FAIL one .*does not work|verify\(\) is missing)' "$program" plugin check $mistake.so
done

[ $failed = 0 ] && echo 'scenarios of plug-ins are measured, and bad ones cost their own cases'
exit $failed
