#!/usr/bin/env bash
# Every command of the README exists: scripts are there, and `shmeter` takes each line's options.
# usage: test_readme.sh SOURCE_ROOT PROGRAM
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
. "$root/tests/e2e/lib.sh"
export XDG_DATA_HOME=$scratch/data
count=0

while IFS= read -r line; do
	line=${line%%  #*}
	case "$line" in
	scripts/*)
		[ -x "$root/${line%% *}" ] || fail "no ${line%% *}"
		;;
	build/shmeter\ run\ --resume*) ;; # there is nothing to go on with
	build/shmeter\ run*)
		eval "$program ${line#build/shmeter } --dry-run" >out 2>&1 || fail "$line: $(cat out)"
		;;
	build/shmeter\ report*)
		[ -d results/latest ] || {
			mkdir -p results
			"$program" run aa --repeat-blocks 1 -q --out results/latest >out 2>&1
		}
		eval "$program ${line#build/shmeter }" >out 2>&1 || fail "$line: $(cat out)"
		;;
	build/shmeter*)
		eval "$program ${line#build/shmeter }" >out 2>&1 || fail "$line: $(cat out)"
		;;
	*) continue ;;
	esac
	count=$((count + 1))
done < <(awk '/^```sh/ {inside = 1; next} /^```/ {inside = 0} inside' "$root/README.md")

[ "$count" -ge 6 ] || fail "only $count commands in the README"
for file in $(grep -oE '\]\(([^)#]+)' "$root/README.md" | sed 's/](//' | grep -v '^http'); do
	[ -e "$root/$file" ] || fail "the README links to $file"
done
[ $failed = 0 ] && echo "$count commands of the README work"
exit $failed
