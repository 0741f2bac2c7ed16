#!/usr/bin/env bash
# The self-test in a short form: what it tells of false alarms and of noise floors, what it keeps, and what a later run
# knows of it.  A busy machine can leave a floor unknown, and then it has to say so.
# usage: test_selftest.sh SOURCE_ROOT PROGRAM
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
. "$root/tests/e2e/lib.sh"

"$program" selftest aa/b --repeat-blocks 20 --out self -q >out 2>err
got=$?
grep -q 'false alarms in' out || fail "no false alarms are told: exit $got: $(cat out err)"
"$program" run aa -q --no-plots --out later >/dev/null 2>&1
if grep -q 'Noise floor of the control' out; then
	jq -e '.[] | .time > 1 and .ratio > 1' state/noise.json >/dev/null || fail 'no noise floor was kept'
	jq -e '.noise_floor.time > 1' later/manifest.json >/dev/null || fail 'a later run does not know the noise floor'
	grep -qE 'times [0-9a-z. %]+, ratio.*: aa/b' out || fail "the case and its floor are not named: $(cat out)"
	if ! grep -q 'Unknown: too few runs count' out; then
		grep -qE 'ratio to b [0-9.]+ %: aa/a' out || fail "the reference with the least floor is not named: $(cat out)"
		jq -e '[.. | .ratio? | objects | .b | numbers] | length > 0 and .[0] > 1' state/noise.json >/dev/null ||
			fail "no floor of a ratio was kept: $(cat state/noise.json)"
		jq -e '.noise_floor.cases | keys | length > 0 and all(test("^aa/"))' later/manifest.json >/dev/null ||
			fail "a later run does not know the floors of its cases: $(jq .noise_floor later/manifest.json)"
	fi
else
	grep -q 'The noise floor is unknown' out || fail "no word of the noise floor: exit $got: $(cat out err)"
fi
expect 4 'omit aa' "$program" selftest --counters aa
[ $failed = 0 ] && echo 'the self-test tells what it found, and keeps it'
exit $failed
