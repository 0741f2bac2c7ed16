#!/usr/bin/env bash
# Exceptions as users write them: into the file of gates alone, shown at every check, until their last day.  Measures
# nothing.
# usage: test_accept.sh SOURCE_ROOT PROGRAM
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
. "$root/tests/e2e/lib.sh"
cp -r "$root/tests/fuzz/template" run
printf '%s\n' '; ours' '[faults]' 'case = lost_update/atomic' 'count = minor-faults' 'per_op = 1' '' \
	'[none]' 'case = false_sharing/packed' 'count = minor-faults' 'per_op = 0' >gates.ini
cp gates.ini before.ini
check() { "$program" check "$@" --thresholds gates.ini; }
accept() { check --accept "$1" --reason "$2" --until "$3"; }
day=$(date -u -d '+30 days' +%F)
far=$(date -u -d '+400 days' +%F)

expect 1 'FAIL: 1 of 2 gates pass, 1 fail, 0' check run
awk 'length > 80' out | grep . && fail 'a verdict is wider than 80 columns'
# what cannot be written
refused 4 'has no gate "fault": there are "faults", "none"' accept fault why "$day"
refused 4 '--reason has an empty value' accept faults '' "$day"
refused 4 'is more than one line' accept faults $'a\nb' "$day"
refused 4 'holds ; or #' accept faults 'see #7' "$day"
refused 4 'there is no such day' accept faults why 2026-02-30
refused 4 'a day is expected as YYYY-MM-DD' accept faults why 1.2.2030
refused 4 'is over: today is' accept faults why 2020-01-01
refused 4 'more than 366 days from today' accept faults why "$far"
refused 4 '--accept needs a last day: --until' check --accept faults --reason why
refused 4 '--accept needs a reason: --reason' check --accept faults --until "$day"
refused 4 '--reason belongs to --accept' check run --reason why
refused 4 '--until belongs to --accept' check --until "$day"
refused 4 'omit run' check run --accept faults --reason why --until "$day"
for option in --confirm '--baseline run' '--baseline-store store' --same-type --strict '--junit j.xml' --github --json; do
	# shellcheck disable=SC2086 # an option and its value
	refused 4 "omit ${option%% *}" check --accept faults --reason why --until "$day" $option
done
refused 4 '--thresholds FILE' "$program" check --accept faults --reason why --until "$day"
refused 4 'nowhere.ini' "$program" check --accept faults --reason why --until "$day" --thresholds nowhere.ini
if [ "$(id -u)" = 0 ]; then
	chmod 777 .
	chmod 444 gates.ini
	chmod 755 "$scratch"
	nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	refused 5 'cannot write gates.ini: Permission denied' "${nobody[@]}" "$program" check --thresholds gates.ini \
		--accept faults --reason why --until "$day"
	chmod 666 gates.ini
	refused 5 'cannot write ' "${nobody[@]}" "$program" check --thresholds gates.ini --accept faults --reason why --until "$day"
	chmod 644 gates.ini
else
	echo 'skipped as a user: a file and a folder that cannot be written'
fi
cmp -s gates.ini before.ini || fail 'a refused exception changed the file'
[ "$(find . -name '*.part')" = '' ] || fail 'a temporary file is left'

# one exception, shown each time
expect 0 "^gates.ini: \[faults\] a FAIL is accepted until $day: the kernel of this image \$" accept faults 'the kernel of this image' "$day"
sed "s/^per_op = 1/&\naccept = the kernel of this image\naccept_until = $day/" before.ini | cmp - gates.ini || fail "the file is $(cat gates.ini)"
accepted="FAIL \[faults\] \(accepted\) Accepted until $day: the kernel of this image\."
expect 0 "$accepted.*PASS: 1 of 2 gates pass, 1 fail \(1 accepted\)" check run
expect 0 "$accepted" check run --strict
expect 0 "$accepted" check run --confirm
[ ! -e run/confirm-1 ] || fail 'an accepted FAIL was measured again'
expect 0 'begun with this run' check run --baseline-store store # it is on no baseline
GITHUB_STEP_SUMMARY=$scratch/summary.md expect 0 '::warning title=shmeter FAIL faults::Accepted until' check run --github --junit j.xml
grep -q 'FAIL (accepted)' summary.md || fail "the summary: $(cat summary.md)"
[ "$(xmllint --xpath 'concat(//testsuite/@failures, //testsuite/@skipped)' j.xml)" = 01 ] || fail "JUnit: $(cat j.xml)"
check run --json >out
jq -e --arg day "$day" '.verdict == "PASS" and .gates[1].accepted == null and .gates[0].accepted ==
	{reason: "the kernel of this image", until: $day, in_force: true, used: true}' out >/dev/null || fail "JSON: $(cat out)"
expect 0 'first_touch|lost_update' "$program" run --thresholds gates.ini --dry-run

# several at once lose none
for gate in {1..30}; do printf '[g%s]\ncase = false_sharing/packed\ncount = minor-faults\nper_op = 0\n' "$gate"; done >many.ini
for gate in {1..30}; do "$program" check --accept "g$gate" --reason why --until "$day" --thresholds many.ini >/dev/null & done
wait
[ "$(grep -c '^accept = why' many.ini)" = 30 ] || fail "of 30 exceptions at once $(grep -c '^accept = why' many.ini) are there"

# wrong work is never accepted; an exception that expired is told
accept none 'we know' "$day" >/dev/null
expect 0 "PASS \[none\] Its exception until $day is not needed now: remove it" check run
sed -i '/^template,4,/s/,ok$/,verify_failed/' run/samples.csv
expect 1 "Wrong data: its exception until $day does not hold for it \(we know\).*1 accepted" check run
sed -i "s/^accept_until = .*/accept_until = 2020-02-29/" gates.ini
expect 1 'Its exception expired on 2020-02-29 \(the kernel.*FAIL: 0 of 2 gates pass, 2 fail, 0' check run
sed -i '/^accept_until/d' gates.ini
refused 4 '[faults] has accept without accept_until' check run
refused 4 '[faults] has accept without accept_until' "$program" run --thresholds gates.ini --dry-run

[ $failed = 0 ] && echo 'exceptions are written, shown, and end'
exit $failed
