#!/usr/bin/env bash
# The gate on a machine as it is: a healthy run passes, a planted slowdown fails, fresh trials repeat it.  On a machine
# that is too busy for a verdict, INCONCLUSIVE is the right one, and the test says how often it was; the opposite verdict
# fails at once.  Verdicts themselves are the subject of test_gate.sh.
# usage: test_gate_live.sh SOURCE_ROOT PROGRAM
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
. "$root/tests/e2e/lib.sh"
busy=0
# live CODE WORDS NEVER COMMAND...: checks the exit code and that the output, joined to one line, matches WORDS.  NEVER is
# the opposite verdict.  Without a verdict the command is tried twice more; it may use \$go, which is the number of the try.
live() {
	local code=$1 words=$2 never=$3 got
	shift 3
	for go in 1 2 3; do
		eval "$*" >out 2>err
		got=$?
		tr -s ' \n' ' ' <out >line
		[ $got = "$code" ] && grep -qE -- "$words" line && return
		if [[ $got != [0135] ]] || grep -qE -- "$never" line; then
			fail "$*: exit $got instead of $code, or no \"$words\": $(cat out err)"
			return
		fi
	done
	busy=$((busy + 1))
	echo "no verdict in three tries: $*: $(tail -1 out)"
	return 1
}
# measure RUN OPTION...: measures the gate's cases; a planted defect doubles a case's time
measure() {
	"$program" run --thresholds gates.ini --slices 12 --no-plots -q --out "$@" >out 2>err || fail "run $*: $(cat out err)"
}
printf '%s\n' '[mutex]' 'case = lock_uncontended/mutex' 'against = pthread_spin' 'baseline = yes' 'max = 1.5' >gates.ini
check=("$program" check --thresholds gates.ini --baseline)

live 0 'PASS: 1 of 1 gates pass' '^FAIL' 'measure first-$go; measure healthy-$go; "${check[@]}" first-$go healthy-$go'
first=first-$go
if live 1 'FAIL: 0 of 1 gates pass' '^PASS' \
	'measure slow-$go --inject lock_uncontended/mutex=100; "${check[@]}" $first slow-$go'; then
	slow=slow-$go
	live 1 'Fresh trials repeat it' 'did not repeat' 'cp -r $slow again-$go; "${check[@]}" $first again-$go --confirm -q' &&
		{ [ -d again-$go/confirm-1 ] || fail 'the confirmation left no run'; }
fi

# blocks go to the gate that is open: one side against itself is never clearly under a ratio of 1
printf '%s\n' '[open]' 'case = aa/b' 'against = a' 'max = 1.0001' >gates.ini
"$program" run --thresholds gates.ini --no-plots -q --budget 5s --out open >/dev/null 2>&1
jq -e '.blocks_added > 0' open/manifest.json >/dev/null || fail 'a gate that is open got no more blocks'
jq -e '.wall_s < 9' open/manifest.json >/dev/null || fail 'blocks were added beyond the budget'

# an alternation of equal builds, and of one that is slowed down.  The case has two processes: with a single worker, a
# neighbour on its core could leave too few blocks in one band to detect a failure
pair='false_sharing/padded_64 --set op=atomic_add --set processes=2 --set work=0'
live 0 'PASS' '^FAIL' 'SHMETER_MAX=1.5 SHMETER_OUT=same-$go "$root/scripts/check-regression" "$program" "$(dirname "$program")" $pair'
live 1 'Fresh trials repeat it' '^PASS' \
	'"$program" ab --max 1.5 --right inject=false_sharing/padded_64=100 $pair --repeat-blocks 9 --out slower-$go -q'
expect 4 'not an executable file' "$program" ab /none "$program" lock_uncontended/mutex
expect 4 'KEY=VALUE' "$program" ab --left pages lock_uncontended/mutex --out no
expect 4 'a ratio over 1' "$program" ab --max 0.5 a b

[ $failed = 0 ] && echo "the gate tells apart what it is to tell apart; without a verdict: $busy of 5"
exit $failed
