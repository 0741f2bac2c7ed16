# shellcheck shell=bash
# shellcheck disable=SC2034 # the sourcing test looks at some
# What the tests of the program share.  Sourced where $root is the source and $program the program, if there is one.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
export SHMETER_STATE_DIR=$scratch/state
failed=0
fail() {
	echo "FAIL: $*"
	failed=1
}
# expect CODE WORDS COMMAND...: its exit code, and an extended regular expression in what it says, in one line.
expect() {
	local code=$1 words=$2 got
	shift 2
	"$@" >out 2>err </dev/null
	got=$?
	[ $got = "$code" ] || fail "$*: exit $got instead of $code: $(cat out err)"
	cat out err | tr -s ' \n' ' ' | grep -qE -- "$words" || fail "$*: no \"$words\" in: $(cat out err)"
}
# refused CODE WORDS COMMAND...: its exit code, and one sentence that holds the words and nothing else.
refused() {
	local code=$1 words=$2 got
	shift 2
	"$@" >out 2>err </dev/null
	got=$?
	[ "$got" = "$code" ] && [ "$(wc -l <err)" = 1 ] && grep -q '^shmeter: ' err && grep -qF -- "$words" err && [ ! -s out ] ||
		fail "$*: exit $got, not $code: $(cat out err)"
}
