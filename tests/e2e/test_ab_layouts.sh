#!/usr/bin/env bash
# An alternation of several layouts of each side: each pair of them runs equally often, and is one unit of the verdict.
# Times are replayed (replay.py).
# usage: test_ab_layouts.sh SOURCE_ROOT PROGRAM
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
. "$root/tests/e2e/lib.sh"
judge=$program
runs=0
. "$root/tests/e2e/sides.sh"
store three false_sharing --set op=atomic_add --set processes=2 --set work=0

for ((i = 0; i < 9; i++)); do
	side "l$i" three
	side "m$i" three
	side "s$i" three slow:padded_64:6
done
list() { # LETTER...: the builds of a side, the first with the first letter
	local i=0 letter text=
	for letter in "$@"; do text+=,./$letter$((i++)); done
	printf '%s' "${text#,}"
}
# layouts OLD NEW OPTION...
# shellcheck disable=SC2317 # called by expect
layouts() {
	runs=$((runs + 1))
	"$program" ab "$1" "$2" false_sharing --out "ab-$runs" "${@:3}"
}
old=$(list l l l l l l l l l)
expect 1 'FAIL \[false_sharing/padded_64\?.*9 pairs of layouts.*Fresh trials repeat it.*2 of 3 gates pass, 1 fail' \
	layouts "$old" "$(list s s s s s s s s s)" --seed 7
grep -qF "Again: shmeter ab './l0,./l1,./l2,./l3,./l4,./l5,./l6,./l7,./l8' './s0," <(tr -s ' \n' ' ' <out) || fail "again: $(cat out)"
! grep -q 'One build is one layout' out || fail "several layouts are not one: $(cat out)"
for ((i = 0; i < 9; i++)); do # two blocks, and two that confirm, with the same layout of both sides
	[ "$(wc -l <"l$i.args")" = 4 ] || fail "layout $i ran $(wc -l <"l$i.args") times"
	cmp -s <(grep -o 'old-[0-9]*' "l$i.args" | cut -c5-) <(grep -o 'new-[0-9]*' "s$i.args" | cut -c5-) ||
		fail "layout $i of old met another one of new"
done
# the seed draws the order of a round: block numbers of layouts 0, 1, 2...
order() { for ((i = 0; i < 9; i++)); do grep -o 'old-00[0-8]' "l$i.args" | head -1; done | paste -sd ' '; }
drawn=$(order)
same=
for seed in 7 8; do
	rm ./l[0-8].args
	layouts "$old" "$(list m m m m m m m m m)" --seed $seed --repeat-blocks 9 >/dev/null 2>&1
	[ "$(order)" != "$drawn" ] || same+=$seed
done
[ "$same" = 7 ] || fail "the same order as with seed 7: $same"
# what some layouts are slower by is no difference, and how far they scatter is told
expect 0 'INCONCLUSIVE \[false_sharing/padded_64\?.*varies by [23](\.[0-9])? % between layouts, by 0\.[0-9]+ % between blocks of one' \
	layouts "$old" "$(list s m s m s m s m s)"
expect 3 'too few layouts to detect a failure: 9 needed, 2 usable of 2 measured' \
	layouts ./l0,./l1 ./m0,./m1 --repeat-blocks 2
# what is wrong with one of them is wrong with the side
side w0 three status:padded_64:verify_failed
side d0 three status:padded_64:worker_died
expect 1 'FAIL \[false_sharing/padded_64\?.*1 of 2 trials of new failed in a way that none of old did: 1 with wrong data' \
	layouts ./l0,./l1 ./w0,./m1 --repeat-blocks 2
grep -q 'the new side, ./w0, in block [12]: wrong data' err || fail "not said which build's data was wrong: $(cat err)"
expect 1 'FAIL \[false_sharing/padded_64\?.*1 of 2 trials of new failed.*1 whose worker died.*Fresh trials repeat it' \
	layouts ./l0,./l1 ./d0,./m1 --repeat-blocks 2
refused 4 'the old side has 2 builds and the new side 1' layouts ./l0,./l1 ./m0
refused 4 './l0 is given twice' layouts ./l0,./l0 ./m0,./m1
refused 4 'nowhere: not an executable file' layouts ./l0,nowhere ./m0,./m1

[ $failed = 0 ] && echo 'layouts are the units'
exit $failed
