#!/usr/bin/env bash
# Demonstrations run unattended and show what they promise; another language reads a region.
# usage: test_demo.sh SOURCE_ROOT PROGRAM
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
. "$root/tests/e2e/lib.sh"
export TMPDIR=$scratch

"$program" demo --list >list || fail 'no list'
[ "$(wc -l <list)" -ge 21 ] || fail "$(wc -l <list) demonstrations"
[ "$(awk -F'\t' 'NF == 3' list | wc -l)" = "$(wc -l <list)" ] || fail "a line of the list is not three fields: $(cat list)"
cut -f1 list | sort | uniq -d | grep . && fail 'a name is there twice'

# Some demonstrations in full; the rest run the same program over other scenarios, which have tests of their own.
for name in one-frame lost-update false-sharing numa orphans; do
	begin=$(date +%s)
	timeout 60 "$program" demo "$name" --yes </dev/null >out 2>err || fail "$name: exit $?: $(cat err)"
	awk -v name="$name" 'length > 80 {print "FAIL: " name " is wider than 80 columns: " $0; bad = 1}
		END {exit bad}' out || failed=1
	grep -E '\|.*[0-9]e[+-]?[0-9]' out | grep -v '^  |' && fail "$name writes numbers as nobody does"
	if [ "$name" = one-frame ] && grep '^ *shared |' out | grep -vq '|[*]* 1 *$'; then
		fail "$name draws a time, and is about a count"
	fi
	[ $(($(date +%s) - begin)) -le 20 ] || fail "$name takes $(($(date +%s) - begin)) s"
	[ -s err ] && fail "$name complains: $(cat err)"
	for part in 'What was measured here' 'Why' 'The code that ran' 'What to try next'; do
		grep -qx "$part" out || fail "$name lacks \"$part\""
	done
	grep -qE '^  (supported|refuted|inconclusive|not_testable):' out || fail "$name has no verdict: $(cat out)"
	grep -qE '^  scenarios/.*, from line [0-9]+:$' out && grep -q '^  | }$' out || fail "$name shows no code: $(cat out)"
done
# the code that a demonstration prints is at the named line of its file
sed -nE 's/^  scenarios\/(.*), from line ([0-9]+):$/\1 \2/p' out | while read -r file line; do
	[ "$(sed -n "${line}p" "$root/scenarios/$file")" = "$(sed -nE 's/^  \| (.*)$/\1/p' out | head -1)" ] || echo "$file:$line"
done | grep . && fail 'the code is another than in its file'
# each demonstration's function is found in its source
grep -oE '\.source = "[^"]+"|\.function = "[^"]+"' "$root/bench/demos.c" | cut -d'"' -f2 | paste - - | while read -r file function; do
	grep -qE "^[a-z].*\b$function\(" "$root/scenarios/$file" || echo "$file: $function"
done | grep . && fail 'a demonstration names code that is not there'
# drawings fit a terminal of 80 columns; the program wraps the rest
grep -oE '"  ([^"\\]|\\.)*"' "$root/bench/demos.c" | sed -E 's/\\n"$/"/; s/\\(.)/\1/g; s/^"//; s/"$//' | awk 'length > 79' |
	grep . && fail 'a drawing is wider than 79 columns'
ls -d "$scratch"/shmeter-demo-* 2>/dev/null && fail 'a demonstration left its run'

timeout 5 "$program" demo watch --yes >out 2>err || fail "watch: $(cat err)"
grep -q 'POSIX names' out && grep -q 'System V segments' out || fail "watch says little: $(cat out)"
timeout 5 "$program" demo nothing >out 2>err
[ $? = 4 ] || fail 'an unknown demonstration is not refused'
timeout 5 "$program" demo watch x >out 2>err
[ $? = 4 ] || fail 'a wrong process number is not refused'

# Python reads what C counts.
timeout 60 "$program" run lost_update/atomic --backing file --file-folder . --repeat-blocks 60 --no-counters --no-plots -q --out counted >/dev/null 2>&1 &
python3 "$root/docs/teaching/read_region.py" 2 >out 2>err || fail "read_region.py: $(cat err)"
kill $!
wait
grep -qE '; [1-9][0-9]* times it had grown' out || fail "Python saw no counter grow: $(cat out err)"

[ $failed = 0 ] && echo 'the classroom is open'
exit $failed
