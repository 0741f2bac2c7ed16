#!/usr/bin/env bash
# scripts/check-regression and scripts/compare-revisions: equal builds pass, a slower one fails, the old build judges,
# and the commands that they print work.  Times are replayed (replay.py); test_gate.sh has a real measurement.
# usage: test_regression.sh SOURCE_ROOT PROGRAM
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
. "$root/tests/e2e/lib.sh"
export TMPDIR=$scratch/tmp SHMETER_JUDGE=
mkdir tmp
unset GITHUB_STEP_SUMMARY SHMETER_MAX SHMETER_BUDGET SHMETER_OUT SHMETER_AGAIN
. "$root/tests/e2e/sides.sh"
check=$root/scripts/check-regression

store stored false_sharing --set op=atomic_add --set processes=2 --set work=0
judge=$program side same/shmeter stored
judge=/bin/echo side slow/shmeter stored slow:padded_64:40 # its `ab` never finds anything wrong
judge=/bin/false side without/shmeter stored

expect 0 '3 of 3 gates pass' "$check" same same false_sharing --repeat-blocks 9
expect 0 'ab same slow' env SHMETER_JUDGE=slow "$check" same slow false_sharing
expect 0 '3 of 3 gates pass' env SHMETER_MAX=1.6 "$check" same slow false_sharing --repeat-blocks 9
cp slow/shmeter here
expect 0 'ab here same' "$check" here same false_sharing # a program in the current folder, not one from PATH
expect 1 'FAIL \[false_sharing/padded_64\?.*Fresh trials repeat it.*::error title=shmeter FAIL' env GITHUB_STEP_SUMMARY="$scratch/summary.md" SHMETER_OUT=kept \
	"$check" same slow false_sharing --repeat-blocks 9
[ -d kept/new-000 ] || fail 'SHMETER_OUT holds no runs'
xmllint --noout kept.xml || fail 'SHMETER_OUT.xml is no XML'
grep -q '^## shmeter: FAIL' summary.md || fail 'no summary'
expect 3 'too few blocks to detect a failure' env SHMETER_BUDGET=1ms SHMETER_OUT=brief "$check" same same false_sharing
expect 4 'two builds are needed' "$check" same
expect 4 'nowhere: not an executable file' "$check" nowhere same
expect 4 'has no .ab.: set SHMETER_JUDGE' "$check" without same

# two revisions of a repository whose build copies an existing program
mkdir -p repository bin told
cp -r "$root/scripts" repository
cat >bin/cmake <<'FAKE'
#!/bin/sh
[ "$1" = --build ] || { [ "$1" != -S ] || cp "$2/side" "$2/.side"; exit; }
mkdir -p "$2"
[ -s "$2/../.side" ] || { echo 'this does not compile'; exit 1; }
cp "$(cat "$2/../.side")/shmeter" "$2/shmeter"
FAKE
chmod +x bin/cmake
commit() { # TAG CONTENT
	printf '%s' "$2" >repository/side
	git -C repository add -A
	git -C repository -c user.name=test -c user.email=test@localhost commit -qm "$1"
	git -C repository tag "$1"
}
git -C repository init -q
commit first "$scratch/same"
commit second "$scratch/slow"
commit third ''
export PATH=$scratch/bin:$PATH
# shellcheck disable=SC2016 # for the program's shell
printf '#!/bin/sh\necho "again: $SHMETER_AGAIN "\nexec "%s" "$@"\n' "$program" >told/shmeter
chmod +x told/shmeter
compare=repository/scripts/compare-revisions
expect 1 'FAIL \[false_sharing/padded_64\?.*Fresh trials repeat it' "$compare" first second false_sharing --repeat-blocks 9
again=$(tr -s ' \n' ' ' <out | grep -oE "Again: repository/scripts/compare-revisions first second 'false_sharing/padded_64'")
[ -n "$again" ] || fail "it names no command that works: $(cat out)"
expect 1 'FAIL \[false_sharing/padded_64\?' sh -c "${again#Again: } --repeat-blocks 9"
# the printed command sets the same variables again, and its paths are relative to the current folder
expect 3 "again: SHMETER_MAX=1.6 SHMETER_BUDGET=1ms SHMETER_JUDGE=told/shmeter repository/scripts/compare-revisions first second " \
	env SHMETER_MAX=1.6 SHMETER_BUDGET=1ms SHMETER_JUDGE=told/shmeter SHMETER_OUT=told/runs "$compare" first second false_sharing
[ -d told/runs/new-000 ] || fail 'SHMETER_OUT is not where it was called'
[ -z "$(ls tmp)" ] || fail "left behind: $(ls tmp)"
# several layouts of each; the judge has to know them
expect 3 'too few layouts to detect a failure: 9 needed, 2 usable of 2 measured' \
	"$compare" --layouts 2 first second false_sharing --repeat-blocks 2
expect 3 "again: SHMETER_BUDGET=1ms SHMETER_JUDGE=told/shmeter repository/scripts/compare-revisions --layouts 2 first second " \
	env SHMETER_JUDGE=told/shmeter SHMETER_BUDGET=1ms \
	"$compare" --layouts 2 first second false_sharing
[ -z "$(ls tmp)" ] || fail "left behind: $(ls tmp)"
expect 3 '2 usable of 2 measured' "$check" same,slow slow,same false_sharing --repeat-blocks 2
expect 4 'slow/shmeter takes one build of each side: set SHMETER_JUDGE' "$check" slow,same same,slow
expect 4 '"0" is not a whole number from 1' "$compare" --layouts 0 first second
expect 4 'two revisions are needed' "$compare" --layouts 2 first
expect 6 'this does not compile' "$compare" first third
log=$(grep -oE 'the whole output is in [^)]*' err | sed 's/.* in //')
grep -q 'this does not compile' "$log" || fail "the log that it names is not there: $(cat err)"
rm -f "$log"
expect 4 'two revisions are needed' "$compare" first
expect 4 '"none" is no revision' "$compare" first none
[ -z "$(ls tmp)" ] || fail "left behind: $(ls tmp)"

[ $failed = 0 ] && echo 'builds and revisions are compared'
exit $failed
