#!/usr/bin/env bash
# Every command of the README exists: scripts are there, and `shmeter` takes each line's options.
# usage: test_readme.sh SOURCE_ROOT PROGRAM
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
export XDG_DATA_HOME=$scratch/data SHMETER_STATE_DIR=$scratch/state
failed=0
count=0

while IFS= read -r line; do
	line=${line%%  #*}
	case "$line" in
	scripts/*)
		[ -x "$root/${line%% *}" ] || { echo "FAIL: no ${line%% *}"; failed=1; }
		;;
	build/shmeter\ run\ --resume*) ;; # there is nothing to go on with
	build/shmeter\ run*)
		eval "$program ${line#build/shmeter } --dry-run" >out 2>&1 || { echo "FAIL: $line: $(cat out)"; failed=1; }
		;;
	build/shmeter\ report*)
		[ -d results/latest ] || {
			mkdir -p results
			"$program" run aa --repeat-blocks 1 -q --out results/latest >out 2>&1
		}
		eval "$program ${line#build/shmeter }" >out 2>&1 || { echo "FAIL: $line: $(cat out)"; failed=1; }
		;;
	build/shmeter*)
		eval "$program ${line#build/shmeter }" >out 2>&1 || { echo "FAIL: $line: $(cat out)"; failed=1; }
		;;
	*) continue ;;
	esac
	count=$((count + 1))
done < <(awk '/^```sh/ {inside = 1; next} /^```/ {inside = 0} inside' "$root/README.md")

[ "$count" -ge 6 ] || { echo "FAIL: only $count commands in the README"; failed=1; }
for file in $(grep -oE '\]\(([^)#]+)' "$root/README.md" | sed 's/](//' | grep -v '^http'); do
	[ -e "$root/$file" ] || { echo "FAIL: the README links to $file"; failed=1; }
done
[ $failed = 0 ] && echo "$count commands of the README work"
exit $failed
