# shellcheck shell=bash
# Shared by the scripts.  Source it after `set -eu -o pipefail`.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*"; }

# die CODE WORDS...
die() {
	local code=$1
	shift
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit "$code"
}

# may_build FOLDER: whether a build folder can be made there, or one that is there can be written.
may_build() {
	local folder
	for folder in "$1" "$1"/build*; do
		[ ! -d "$folder" ] || [ ! -w "$folder" ] || return 0
	done
	return 1
}

# Runs a command with its output in a file; prints the end of the output only if the command fails.
quietly() { # LOG COMMAND...
	local log=$1
	shift
	if ! "$@" >"$log" 2>&1; then
		tail -n 40 "$log" >&2
		die 6 "failed: $* (the whole output is in $log)"
	fi
}
