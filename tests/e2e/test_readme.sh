#!/usr/bin/env bash
# Every command in the README and docs/commands.md exists: the scripts are there, and `shmeter` accepts the options.
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
	build/shmeter\ run\ --resume*) ;; # there is no run to resume
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
	build/shmeter\ choose* | build/shmeter\ selftest* | build/shmeter\ *--baseline*)
		# only parsed: it would measure for minutes, or needs runs that are not there
		eval "$program ${line#build/shmeter } --help" >out 2>&1 || fail "$line: $(cat out)"
		;;
	build/shmeter*)
		eval "$program ${line#build/shmeter }" >out 2>&1 || fail "$line: $(cat out)"
		;;
	*) continue ;;
	esac
	count=$((count + 1))
done < <(awk '/^```sh/ {inside = 1; next} /^```/ {inside = 0} inside' "$root/README.md" "$root/docs/commands.md")

[ "$count" -ge 15 ] || fail "only $count commands"
for page in README.md docs/commands.md; do
	for file in $(grep -oE '\]\(([^)#]+)' "$root/$page" | sed 's/](//' | grep -v '^http'); do
		[ -e "$root/$(dirname "$page")/$file" ] || fail "$page links to $file"
	done
done
[ $failed = 0 ] && echo "$count commands of the documentation work"
exit $failed
