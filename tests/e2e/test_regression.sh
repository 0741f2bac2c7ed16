#!/usr/bin/env bash
# scripts/check-regression and scripts/compare-revisions: equal builds pass, a slower one fails, the old build judges, and what
# they name can be called.  Where a verdict depends on times they are played back (replay.py).
# usage: test_regression.sh SOURCE_ROOT PROGRAM
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
export SHMETER_STATE_DIR=$scratch/state TMPDIR=$scratch/tmp SHMETER_JUDGE=
mkdir tmp
unset GITHUB_STEP_SUMMARY
failed=0
fail() {
	echo "FAIL: $*"
	failed=1
}
# expect CODE WORDS COMMAND...: its exit code, and an extended regular expression in what it says, in one line.
expect() {
	local code=$1 words=$2 got
	shift 2
	"$@" >out 2>err
	got=$?
	[ $got = "$code" ] || fail "$*: exit $got instead of $code: $(cat out err)"
	cat out err | tr -s ' \n' ' ' | grep -qE -- "$words" || fail "$*: no \"$words\" in: $(cat out err)"
}
# side FOLDER JUDGE CHANGE...: a build that plays the stored run back, changed, and judges with the program JUDGE.
side() {
	local folder=$1 judge=$2
	shift 2
	mkdir "$folder"
	# shellcheck disable=SC2016 # for the side's shell
	printf '#!/bin/sh\n[ "$1" = ab ] && exec "%s" "$@"\nexec python3 "%s" "%s" %s -- "$@"\n' "$judge" \
		"$root/tests/e2e/replay.py" "$scratch/stored" "$*" >"$folder/shmeter"
	chmod +x "$folder/shmeter"
}
check=$root/scripts/check-regression

"$program" run false_sharing --set op=atomic_add --set processes=2 --repeat-blocks 1 --no-counters --no-plots -q \
	--out stored >out 2>&1 || fail "no run: $(cat out)"
side same "$program"
side slow /bin/echo slow:padded_64:40 # its `ab` finds nothing wrong, ever
side without /bin/false

# the real thing once
expect 0 'padded_64.*blocks of each side' "$check" "$program" "$(dirname "$program")" false_sharing/padded_64 \
	--set op=atomic_add --set processes=2

expect 0 '3 of 3 gates pass' "$check" same same false_sharing --repeat-blocks 9
expect 1 'FAIL \[false_sharing/padded_64\?.*Fresh trials repeat it' "$check" same slow false_sharing --repeat-blocks 9
expect 0 'ab same slow' env SHMETER_JUDGE=slow "$check" same slow false_sharing
expect 0 '3 of 3 gates pass' env SHMETER_MAX=1.6 "$check" same slow false_sharing
expect 1 '::error title=shmeter FAIL' env GITHUB_STEP_SUMMARY="$scratch/summary.md" SHMETER_OUT=kept "$check" same slow false_sharing \
	--repeat-blocks 9
[ -d kept/new-000 ] || fail 'SHMETER_OUT holds no runs'
xmllint --noout kept.xml || fail 'SHMETER_OUT.xml is no XML'
grep -q '^## shmeter: FAIL' summary.md || fail 'no summary'
expect 3 'a FAIL was not possible' env SHMETER_BUDGET=1ms "$check" same same false_sharing
expect 4 'two builds are needed' "$check" same
expect 4 'nowhere is no program' "$check" nowhere same
expect 4 'has no .ab.: set SHMETER_JUDGE' "$check" without same

# two revisions of a repository whose build is to copy a program that is there
mkdir -p repository bin
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
compare=repository/scripts/compare-revisions
expect 1 'FAIL \[false_sharing/padded_64\?.*Fresh trials repeat it' "$compare" first second false_sharing --repeat-blocks 9
again=$(tr -s ' \n' ' ' <out | grep -oE "Again: repository/scripts/compare-revisions first second 'false_sharing/padded_64'")
[ -n "$again" ] || fail "it names no command that works: $(cat out)"
expect 1 'FAIL \[false_sharing/padded_64\?' sh -c "${again#Again: }"
[ -z "$(ls tmp)" ] || fail "left behind: $(ls tmp)"
expect 6 'this does not compile' "$compare" first third
log=$(grep -oE 'the whole output is in [^)]*' err | sed 's/.* in //')
grep -q 'this does not compile' "$log" || fail "the log that it names is not there: $(cat err)"
rm -f "$log"
expect 4 'two revisions are needed' "$compare" first
expect 4 '"none" is no revision' "$compare" first none
[ -z "$(ls tmp)" ] || fail "left behind: $(ls tmp)"

[ $failed = 0 ] && echo 'builds and revisions are compared'
exit $failed
