# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the sourcing test has set some, and looks at others
# Shared by the tests of alternations: sides whose times are known.  Source it after lib.sh.  $judge is the program that
# judges for a side.

# What `python3` starts: a launcher that first looks for it may take longer than a replay.
interpreter=$(python3 -IS -c 'import sys; print(sys.executable)')

# store FOLDER PATTERN OPTION...: runs one block, to be replayed.  The fixed seed keeps its order, and so the replay,
# the same.
store() {
	tried "$1" "$2" --repeat-blocks 1 --no-counters --no-plots -q --seed 1 "${@:3}" >out 2>&1 || fail "no run: $(cat out)"
}
# side PROGRAM FOLDER CHANGE...: makes a program that replays a stored run with changes (replay.py).  Its options are
# logged in PROGRAM.args.
side() {
	local file=$1 stored=$2
	shift 2
	mkdir -p "$(dirname "$file")"
	cat >"$file" <<-END
		#!/bin/sh
		[ "\$1" = ab ] && exec "$judge" "\$@"
		echo "\$*" >>"$scratch/$file.args"
		exec "$interpreter" -IS "$root/tests/e2e/replay.py" "$scratch/$stored" $* -- "\$@"
	END
	chmod +x "$file"
}
