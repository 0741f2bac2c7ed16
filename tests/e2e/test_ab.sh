#!/usr/bin/env bash
# An alternation reports which case is slower, what fails, what is missing, and whether it could have detected a
# failure. Times are replayed (replay.py), so that a busy machine changes no verdict.
# usage: test_ab.sh SOURCE_ROOT PROGRAM
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
. "$root/tests/e2e/lib.sh"
judge=$program
runs=0
. "$root/tests/e2e/sides.sh"
# ab OLD NEW OPTION...
# shellcheck disable=SC2317 # called by expect
ab() {
	runs=$((runs + 1))
	"$program" ab "./$1" "./$2" false_sharing --out "ab-$runs" "${@:3}"
}

point=(--set op=atomic_add --set processes=2 --set work=0)
store three false_sharing "${point[@]}"
store many lock_uncontended
store both false_sharing/padded_64 lock_uncontended/mutex "${point[@]}"
side same three
side slow three slow:padded_64:40
side wrong three status:padded_64:verify_failed:1
side dead three status:padded_64:worker_died
side dies_once three status:padded_64:worker_died:1
side lacks three lack:packed
side wrong_control three status:a:verify_failed:1
side busy_once three busy:2
side busy three busy:99
for end in stop leave; do side ${end}s three busy:2 $end:12; done
side many_cases many
side two both
side turns both slow:padded_64:40:0-11 slow:mutex:40:0-1
side late both slow:padded_64:40:2-19,24-99
side mixed three slow:padded_64:40 slow:packed:1.5

# the slow case fails in any order of trials, and the others do not; the command that reproduces it is printed
slower='FAIL \[false_sharing/padded_64\?.*Fresh trials repeat it.*2 of 3 gates pass, 1 fail'
expect 1 "$slower.*the later ones are of open or failing cases only" ab same mixed --seed 2
grep -qF "Again: shmeter ab './same' './mixed' 'false_sharing/padded_64'" <(tr -s ' \n' ' ' <out) || fail "again: $(cat out)"
grep -qE -- ' --seed 3$' mixed.args || fail "the seed is not passed on: $(head -1 mixed.args)"
# what is clear got no more blocks, and only what failed was measured again
blocks_of() { grep -c "^run $1 " mixed.args; }
[ "$(blocks_of false_sharing)/$(blocks_of false_sharing/padded_64)" = 12/16 ] && (($(blocks_of false_sharing/packed) >= 2)) || fail "blocks: $(cut -d ' ' -f 2 mixed.args | sort | uniq -c)"
expect 1 "$slower" ab same slow --repeat-blocks 9 --seed 1000 --max 1.1 --profile full --set op=atomic_add
grep -qF "'false_sharing/padded_64' --profile 'full' --set 'op=atomic_add' --max 1.1 " <(tr -s ' \n' ' ' <out) || fail "again: $(cat out)"

# a run of one of two scenarios would refuse what is set for the other, so all are measured; a settled verdict stays
expect 0 'INCONCLUSIVE \[false_sharing/padded_64\?.* 12 blocks,.*fresh trials did not repeat it.*PASS \[lock_' ab two turns --set op=atomic_add --budget 9m
# what took 20 blocks is repeated in 20, and only it is judged: 16 of 20 are a FAIL of one gate that nobody looked at
expect 1 'Fresh trials repeat it.*40 blocks of each side' ab two late --set op=atomic_add --budget 9m
# enough blocks to detect a failure among many cases; no PASS with fewer; a comma in the name of one build
cp same with,comma
expect 0 '3 of 3 gates pass.*12 blocks of each side are in ab-[0-9]* One build is one layout of its code: a difference of a few' ab same same
expect 0 '14 blocks of each side' ab many_cases many_cases
expect 3 '"looked": false.*too few blocks to detect a failure: 9 needed, 8 usable of 8 measured' ab same same --repeat-blocks 8 --json
expect 3 '"looked": false.*too few blocks to detect a failure: 9 needed, 1 usable of 1 measured' ab with,comma same --budget 1ms --json

# a failed trial has no time, but is reported
expect 1 'FAIL \[false_sharing/padded_64\?.*1 of 1 trials of new failed in a way that none of old did: 1 with wrong data.*2 blocks of each' \
	ab same wrong --repeat-blocks 1
grep -q 'the new side, ./wrong, in block 1: wrong data' err || fail "not said whose data was wrong: $(cat err)"
expect 0 'the old side, ./wrong, in block 1: wrong data' ab wrong same --repeat-blocks 9
SHMETER_AGAIN='scripts/compare 1 2' expect 1 'trials of new failed.*1 whose worker died.*Fresh trials repeat it' ab same dead --budget 1ms --set op=atomic_add --max 1.1
grep -qE "Again: scripts/compare 1 2 'false_sharing/padded_64' --set 'op=atomic_add' [^-]" <(tr -s ' \n' ' ' <out) || fail "again: $(cat out)"
expect 0 'INCONCLUSIVE \[false_sharing/padded_64\?.*fresh trials did not repeat it' ab same dies_once --repeat-blocks 9
# wrong data in the control, which no gate checks
expect 6 'wrong data, and no gate checks this case' ab same wrong_control --repeat-blocks 2

# a machine too busy for some blocks costs these blocks; one that is too busy for all is told
expect 0 '3 of 3 gates pass.*14 blocks of each.*the old side, ./busy_once, in block 1: no trial' ab busy_once same --budget 9m
expect 1 "$slower" ab busy_once slow --repeat-blocks 12
# a signal ends the adding, and what was measured is judged; a side that leaves no run ends it
expect 130 '"looked": true.*10 blocks,.*the run was interrupted.*stopped by a signal' ab same stops --json
expect 5 'the new side, ./leaves, ended with exit code 5: no memory for objects' ab same leaves
expect 3 'too few blocks to detect a failure: 9 needed, 8 usable of 10 measured.*0 of 3' ab busy_once same --repeat-blocks 10
expect 3 'no failure can be detected|9 needed, 0 usable of 9 measured' ab same busy --repeat-blocks 9

# a case that only the old side has, and one that only the new side has
expect 0 'INCONCLUSIVE \[false_sharing/packed\?.*new has no such case' ab same lacks --repeat-blocks 8
expect 3 'new has no such case' ab same lacks --strict --repeat-blocks 8
expect 0 '2 of 2 gates pass.*false_sharing/packed\?.*the old side does not have it' ab lacks same --repeat-blocks 8
expect 3 'new has no such case.*no failure can be detected: no case was measured on both' ab same many_cases --repeat-blocks 1
printf '#!/bin/sh\necho words; echo "shmeter: no scenario matches" >&2; exit 4\n' >broken && chmod +x broken
expect 4 'the new side, ./broken, ended with exit code 4: no scenario matches' ab same broken

# measured, not replayed: sides that differ in a placement form one case, and placements that both measure form two
expect 3 '\[false_sharing/padded_64\?op=atomic_add processes=2 work=0\+.*too few blocks to detect a failure: 7 needed, [01] usable of 1 measured' "$program" ab --left placement=near \
	--right placement=same-core false_sharing/padded_64 "${point[@]}" --repeat-blocks 1 --out placed
expect 3 '@near.*@same-core|@same-core.*@near' "$program" ab "$program" "$program" false_sharing/padded_64 "${point[@]}" \
	--profile standard --repeat-blocks 1 --out standard

[ $failed = 0 ] && echo 'an alternation says which, what and whether'
exit $failed
