#!/usr/bin/env bash
# Measured files never change: no command writes them.  A folder that is read-only or still being measured is analysed
# all the same, and only the measuring process writes it.
# usage: test_facts.sh SOURCE_ROOT PROGRAM
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
. "$root/tests/e2e/lib.sh"
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
cp "$program" "$scratch/shmeter" # a place from which another user can start it
program=$scratch/shmeter
measured='manifest.json samples.csv slices.csv counters.csv metrics.csv buckets.csv visits.csv'
sums() { (cd "$1" && sha256sum $measured); } # shellcheck disable=SC2086
cat >gates.ini <<'INI'
[padded]
case = false_sharing/padded_64
against = padded_128
at = op=atomic_add placement=near
max = 2
INI

"$program" run false_sharing lost_update/plain --set op=atomic_add --repeat-blocks 3 --no-plots -q --out run >/dev/null 2>err || fail "run: $(cat err)"
cp -r run other
jq '.seed = "another"' run/manifest.json >other/manifest.json # or it would be the run itself
before=$(sums run)
for _ in 1 2; do
	"$program" report run --no-plots -q >/dev/null 2>err || fail "report: $(cat err)"
	"$program" check run --thresholds gates.ini --baseline other >/dev/null 2>err || fail "check: $(cat err)"
	"$program" compare other run >/dev/null 2>err || fail "compare: $(cat err)"
	"$program" export run --to csv -q >/dev/null 2>err || fail "export: $(cat err)"
	"$program" history add run --db history.sqlite >/dev/null 2>err || fail "history: $(cat err)"
	[ "$(sums run)" = "$before" ] || fail 'a command changed what was measured'
done

# A read-only archive, read by another user.
chmod -R a-w,a+rX run
mkdir -m 777 elsewhere
as_nobody() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; else "$@"; fi; }
as_nobody "$program" report run --no-plots >out 2>err || fail "read-only: $(cat err)"
grep -q 'pass --out DIR' err && grep -q 'times as long' out && ! grep -q '^Files:' out || fail "read-only: $(cat err)"
as_nobody "$program" report run --no-plots -q --out elsewhere/report >out 2>err || fail "read-only, --out: $(cat err)"
[ -s elsewhere/report/report.html ] && [ -s elsewhere/report/values.csv ] && cmp -s elsewhere/report/pairs.csv run/pairs.csv ||
	fail 'read-only, --out: not every file is there'
as_nobody "$program" check run --thresholds gates.ini >/dev/null 2>err || fail "read-only check: $(cat err)"
as_nobody "$program" export run --to go-bench -q >/dev/null 2>err || fail "read-only export: $(cat err)"
[ "$(sums run)" = "$before" ] || fail 'an archive changed'

# If all slices are disturbed there is no time, but counts are valid; without counts the exit code is that of an
# unsuitable machine.
disturbed() { # CODE SCENARIO OPTION...
	local code
	"$program" run "${@:2}" --repeat-blocks 1 --no-plots -q --out disturbed >/dev/null 2>&1
	awk -F, -v OFS=, 'NR > 1 { $9 = "0.5"; $11 = "1" } { print }' disturbed/slices.csv >slices
	cp slices disturbed/slices.csv
	"$program" report disturbed --no-plots -q >out 2>err
	code=$?
	[ "$code" = "$1" ] || fail "$2, disturbed: exit $code instead of $1: $(cat err)"
	rm -r disturbed
}
disturbed 0 first_touch/4k --events minor-faults
disturbed 5 contended_counter/fetch_add --no-counters

# A folder during the measurement.
"$program" run false_sharing lost_update --set op=atomic_add --repeat-blocks 12 --no-plots -q --out live >/dev/null 2>live.err &
writer=$!
for _ in $(seq 200); do
	[ -f live/samples.csv ] && [ "$(wc -l <live/samples.csv)" -gt 20 ] && break
	sleep 0.05
done
looks=0
while kill -0 $writer 2>/dev/null && [ $looks -lt 3 ]; do
	"$program" report live --no-plots >out 2>err || fail "live report: $(cat err)"
	kill -0 $writer 2>/dev/null || break # the run may have ended meanwhile
	grep -q 'still being measured' err || fail "live report: $(cat err)"
	"$program" export live --to csv -q >/dev/null 2>err || fail "live export: $(cat err)"
	"$program" run --resume live -q >/dev/null 2>err
	[ $? = 5 ] && grep -q "process $writer is writing live" err || ! kill -0 $writer 2>/dev/null || fail "live resume: $(cat err)"
	looks=$((looks + 1))
done
wait $writer || fail "the run itself: $(cat live.err)"
[ $looks -gt 0 ] || fail 'nobody looked while it was measured'
want=$(jq '.plan.trials' live/manifest.json)
have=$(awk -F, 'NR > 1 && $2 < t' t="$want" live/samples.csv | wc -l)
[ "$want" = "$have" ] || fail "$have of $want trials stayed"
[ "$(jq -r .status live/manifest.json)" = complete ] || fail 'it is not complete'
"$program" report live --no-plots -q >/dev/null 2>err || fail "afterwards: $(cat err)"
[ $failed = 0 ] && echo "facts stay: 2 rounds of five commands, an archive, $looks looks at a live folder of $want trials"
exit $failed
