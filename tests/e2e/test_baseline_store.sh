#!/usr/bin/env bash
# A store of baselines by type of machine, as a pipeline uses it: begun with the first run, read and extended by later
# ones, on other hosts of the type as well.  One run is measured; the others are copies with another manifest.
# usage: test_baseline_store.sh SOURCE_ROOT PROGRAM
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
. "$root/tests/e2e/lib.sh"
printf '%s\n' '[time]' 'case = lock_uncontended/mutex' 'baseline = yes' 'max = 9' \
	'[ratio]' 'case = lock_uncontended/mutex' 'against = pthread_spin' 'baseline = yes' 'max = 9' >gates.ini
"$program" run lock_uncontended/mutex lock_uncontended/pthread_spin --repeat-blocks 8 --slices 8 --slice 500us --no-counters \
	--no-plots -q --out first >out 2>&1 || fail "run: $(cat out)"
quiet first
# derive NAME DAY HOST: the same run on that day and host
derive() {
	cp -r first "$1"
	jq --arg day "2026-01-$2T10:00:00Z" --arg host "$3" '.started_utc = $day | .identity.host = $host' \
		first/manifest.json >"$1/manifest.json"
}
check() { "$program" check "$1" --thresholds gates.ini --baseline-store store "${@:2}"; }
type=$(jq -r .identity.type first/manifest.json)

derive one 01 aaaa
expect 0 "No baseline of this type yet in store \(type [a-z0-9-]*$type\): begun with this run. Added as store/[a-z0-9-]*$type/20260101T100000Z-aaaa-[0-9]+ \(1 of this type\)" check one
expect 0 'NOT TESTABLE: 0 of 2 gates pass' check one
expect 3 'Not added: it is in the store already' check one --strict
derive two 02 aaaa
expect 0 'INCONCLUSIVE: 0 of 2 gates pass.*Found 1 run of this type in store/.*: 1 of this host, 0 of other hosts. Added as' check two
derive three 03 aaaa
expect 0 'Found 2 runs of this type in store/[a-z0-9].*Added as store/[a-z0-9].*\(3 of this type\)' "$program" check three --thresholds gates.ini \
	--baseline-store store//
derive four 04 aaaa
check four --json >out 2>err || fail "check --json: $(cat err)"
jq -e '(.gates | all(.baseline_runs == 3)) and (.baseline_store | .of_host == 3 and .of_type == 3 and .removed == 0 and
	(.added | startswith("20260104T100000Z-aaaa-")) and .why_not_added == null and .left_out == [])' out >/dev/null ||
	fail "the JSON: $(cat out)"

# another host of the type: its ratio is compared, its time is not; then on request
derive there 05 bbbb
check there --json >out
jq -e '.gates[0].verdict == "NOT TESTABLE" and (.gates[0].reason | test("pass --same-type")) and .gates[1].baseline_runs == 4 and
	(.baseline_store | .of_host == 0 and .of_type == 4)' out >/dev/null || fail "another host: $(cat out)"
derive here 06 bbbb
check here --json --same-type >out
jq -e '.gates[0].baseline_runs == 5 and (.baseline_store | .of_host == 1 and .of_type == 5)' out >/dev/null || fail "same type: $(cat out)"

# what it keeps are runs; a damaged one is told and changes nothing
kept=$(echo store/*/20260102*)
expect 0 'from one host' "$program" compare "$kept" three
expect 0 'of the same host' "$program" check four --thresholds gates.ini --baseline "$kept"
: >"$kept/samples.csv"
derive seven 07 aaaa
expect 0 "run 20260102T.* of the store is left out: .*; remove $kept" check seven

# a FAIL that fresh trials do not repeat is no baseline
printf '%s\n' '[inside]' 'case = lock_uncontended/mutex' 'against = pthread_spin' 'max = 20' >inside.ini
derive odd 08 aaaa
mutex=$(awk -F, 'NR > 1 && /mutex/ { print $2 }' odd/samples.csv | tr '\n' ' ')
awk -F, -v OFS=, -v mutex=" $mutex" 'NR > 1 && index(mutex, " " $1 " ") { $4 *= 40 } 1' odd/slices.csv >edited && mv edited odd/slices.csv
expect 0 'INCONCLUSIVE.*fresh trials (did not repeat it|could not tell).*Not added: a gate failed' "$program" check odd --thresholds inside.ini --confirm \
	--baseline-store store

# usage, and stores that cannot be used
refused 4 'give one of the two' check seven --baseline one
refused 4 'the folder above it does not exist' "$program" check seven --thresholds gates.ini --baseline-store no/store
refused 4 'is no folder' "$program" check seven --thresholds gates.ini --baseline-store gates.ini
derive eight 08 aaaa
jq '.identity.type = "../../x"' eight/manifest.json >edited && mv edited eight/manifest.json
refused 4 'lacks the type of machine' check eight
# a type that the verdict's end finds taken: the verdict and its exit code stand
derive nine 09 aaaa
jq '.identity.type = "other"' nine/manifest.json >edited && mv edited nine/manifest.json
chmod a-w store
if [ "$(id -u)" != 0 ]; then
	expect 0 'warning: the run is not added to the store: cannot make .*NOT TESTABLE|NOT TESTABLE.*warning: the run is not added' check nine
	expect 3 'warning: the run is not added' check nine --strict
fi
chmod u+w store
[ $failed = 0 ] && echo 'a store finds, tells and keeps baselines by type'
exit $failed
