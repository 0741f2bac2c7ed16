# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the sourcing test has set some, and looks at others
# What the tests of alternations share: sides whose times are known, and what is expected of them.  Sourced where $root is
# the source, $scratch the folder in which all is made, and $judge the program that judges for a side.

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
# store FOLDER PATTERN OPTION...: one block, to be played back; the seed keeps its order, and so what is played, the same.
store() {
	"$program" run "$2" --repeat-blocks 1 --no-counters --no-plots -q --seed 1 --out "$1" "${@:3}" >out 2>&1 ||
		fail "no run: $(cat out)"
}
# side PROGRAM FOLDER CHANGE...: a build that plays a stored run back, changed (replay.py).  Its options are in PROGRAM.args.
side() {
	local file=$1 stored=$2
	shift 2
	mkdir -p "$(dirname "$file")"
	cat >"$file" <<-END
		#!/bin/sh
		[ "\$1" = ab ] && exec "$judge" "\$@"
		echo "\$*" >>"$scratch/$file.args"
		exec python3 -IS "$root/tests/e2e/replay.py" "$scratch/$stored" $* -- "\$@"
	END
	chmod +x "$file"
}
