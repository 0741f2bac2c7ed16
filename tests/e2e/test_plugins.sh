#!/usr/bin/env bash
# Transports of plug-ins: the examples are measured like shmeter's own; a bad plug-in costs one sentence and its own cases.
# usage: test_plugins.sh SOURCE_ROOT PROGRAM C_COMPILER C++_COMPILER
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
cc=$3 cxx=$4
. "$root/tests/e2e/lib.sh"
# mistaken MISTAKE [OPTION...]: makes MISTAKE.so
mistaken() {
	local mistake=$1
	shift
	"$cc" -O2 -shared -fPIC -I"$root/harness/include" -DMISTAKE_"$mistake" "$@" "$root/tests/e2e/plugin.c" -o "$mistake.so" ||
		fail "$mistake: it does not compile"
}
brief=(--repeat-blocks 1 --slices 20 --slice 200us --no-counters --no-plots -q --set message=64)

measured=',(ok|disturbed)$' # a busy machine disturbs what works

# the examples
for language in c cpp; do
	source=$(echo "$root/examples/ring_$language"/ring.*)
	compiler=$cc
	[ $language = c ] || compiler=$cxx
	"$compiler" -O2 -Wall -Wextra -Werror -shared -fPIC -I"$root/harness/include" "$source" -o "ring_$language.so" ||
		fail "$source does not compile"
done
# all at once: one that lacks its library costs a sentence
mkdir -p tree/harness tree/examples/absent all
ln -s "$root/harness/include" tree/harness
cp -r "$root"/examples/{build,libraries,ring_c,ring_cpp} tree/examples
echo '    cc -o absent.so' >tree/examples/absent/README.md
echo 'absent libabsent-dev absent/absent.h' >>tree/examples/libraries
expect 0 'absent needs the package libabsent-dev' tree/examples/build all all
[ "$(ls -m all)" = 'ring_c.so, ring_cpp.so' ] || fail "build all made $(ls -m all)"
both=(--plugin ./ring_c.so --plugin ./ring_cpp.so)
expect 0 'ring_c, ring_cpp' "$program" list transport_latency "${both[@]}"
expect 0 'transport_latency' "$program" run transport_latency transport_throughput transport_open_loop rate_sweep "${both[@]}" --dry-run
# two processors are needed to measure a transport that spins
if [ "$(nproc)" -ge 2 ]; then
	expect 0 'Files: good' "$program" run 'transport_*/ring_c*' 'transport_*/shm_ring' 'rate_sweep/ring_c.0us' "${both[@]}" "${brief[@]}" --out good
	for case in transport_latency,ring_c transport_latency,ring_cpp transport_throughput,ring_c transport_open_loop,ring_cpp rate_sweep,ring_c.0us; do
		grep "$case," good/samples.csv | grep -qE "$measured" || fail "$case was not measured: $(cat good/samples.csv)"
	done
	grep -q 'fan_in,ring_c' good/samples.csv && fail 'a transport of one sender was asked to take several'
	expect 0 '' "$program" report good # without the plug-ins
	grep -q ring_cpp good/report.html || fail 'the page lacks ring_cpp'
	grep -qF "shmeter run rate_sweep --plugin $PWD/ring_c.so --profile quick" good/report.html ||
		fail "the page's command lacks the plug-in: $(grep -o 'shmeter run rate.*' good/report.html)"
	tr -s ' \n' ' ' <good/report.html | grep -qE "<li><code>$PWD/ring_c.so</code> \\([0-9]+ bytes, changed $(date +%Y)-[^)]* UTC\\): ring_c\.0us, ring_c</li>" ||
		fail "the page does not say whose ring_c is: $(grep -A9 Plug-ins good/report.html)"
	expect 0 'ring_cpp' "$program" export good --to csv
	expect 0 '' "$program" compare good good
	printf '%s\n' '[ring]' 'case = transport_latency/ring_c' 'against = shm_ring' 'max = 100' 'at = message=64' >gates.ini
	refused 4 'names them, and --plugin FILE.so adds those of a plug-in' "$program" check good --thresholds gates.ini
	expect 0 '1 inconclusive' "$program" check good --thresholds gates.ini "${both[@]}"
	tr -s ' \n' ' ' <out >line
	# what was measured needs no plug-in; fresh trials need the one that was measured, wherever it is now
	"$program" run transport_latency/ring_c transport_latency/shm_ring --plugin ring_c.so "${brief[@]:2:7}" --set message=64,256 \
		--repeat-blocks 9 --out slow >out 2>&1
	quiet slow ring_c=80
	sed -i 's/max = 100/max = 10/' gates.ini
	mkdir moved
	mv ring_c.so moved
	for of in 'report slow --no-plots' 'export slow --to csv' 'compare slow slow' 'history add slow --db history.db'; do
		# shellcheck disable=SC2086 # a command
		expect 0 '' "$program" $of
		grep -qi 'plug-in\|warning' err && fail "$of misses a plug-in: $(cat err)"
	done
	# the key of a figure has the slower line first; that of the plug-in stands out
	PATH=/nonexistent "$program" report slow >out 2>&1 # draws nothing
	for line in "names[2] = 'ring_c'" 'order[1] = 1' 'order[2] = 0' 'plugged[1] = 0' 'plugged[2] = 1'; do
		grep -qxF "$line" slow/plots/transport_latency.gp || fail "no $line: $(head -14 slow/plots/transport_latency.gp)"
	done
	refused 4 'plug-in ring_c.so: No such file' "$program" check slow --thresholds gates.ini --plugin ring_c.so
	expect 0 'fresh trials (could not tell|did not repeat)' "$program" check slow --thresholds gates.ini --plugin moved/ring_c.so --confirm -q
	cp moved/ring_c.so .
	expect 1 'ring_c takes 20\.0 times as long' "$program" check slow --thresholds gates.ini --plugin ring_c.so
	refused 4 'ring_c.so is not what slow measured (size or time' "$program" check slow --thresholds gates.ini --plugin ring_c.so --confirm
	[ ! -e slow/confirm-2 ] || fail 'a refused check made a folder'
	mv moved/ring_c.so ring_c.so
	# a run is resumed with the same build of a plug-in alone
	sed -i 's/"status": "complete"/"status": "interrupted"/' good/manifest.json
	refused 4 'begun with --plugin' "$program" run --resume good
	expect 0 '' "$program" run --resume good "${both[@]}" -q --no-plots
	touch ring_c.so
	sed -i 's/"status": "complete"/"status": "interrupted"/' good/manifest.json
	refused 4 'begun with --plugin' "$program" run --resume good "${both[@]}"
	mistaken right
	# too few blocks for a verdict, whatever the machine
	cp right.so newer.so
	expect 3 'old: plugin=right.so new: plugin=newer.so .*transport_latency/mine.* of 2 measured' "$program" ab \
		--left plugin=right.so --right plugin=newer.so transport_latency/mine --set message=64 --repeat-blocks 2 -q --out sides
fi
# two versions that cannot be compared cost one sentence, before anything is measured
echo 'no object' >text.so
# shellcheck disable=SC2317 # called by refused
apart() { "$program" ab --left plugin="$1" --right plugin="$2" null_loop --repeat-blocks 1 --out apart; } # LEFT RIGHT
refused 4 "--right: plug-in $PWD/text.so: its description: it cannot be loaded" apart ring_cpp.so text.so
refused 4 '--left: plug-in nowhere.so: No such file' apart nowhere.so ring_cpp.so
refused 4 'ring_c.so holds ring_c and ring_cpp.so holds ring_cpp: two versions need one name to be compared' apart ring_c.so ring_cpp.so
[ ! -e apart ] || fail 'a refused ab made a folder'

# what is no plug-in: a sentence on standard error, nothing of its own on standard output, and the run goes on
tells() { # FILE WORDS
	expect 0 "warning: plug-in [^ ]*$1[^ ]*: $2.*it is left out" tried "run-$(basename "$1")" null_loop --plugin "$1" "${brief[@]::7}"
	[ "$(grep -c warning err)" = 1 ] || fail "$1: $(cat err)"
	grep -q 'printed' out err && fail "$1 wrote to the run's output"
}
mkdir folder.so
refused 4 'nowhere.so: No such file' "$program" run null_loop --plugin nowhere.so
refused 4 'folder.so: not a regular file' "$program" list --plugin folder.so
cp text.so $'by\xff.so'
refused 4 'its path is not UTF-8 text' "$program" list --plugin $'by\xff.so'
mistaken reads_input
expect 0 'mine' "$program" list transport_latency --plugin reads_input.so <<<'for shmeter alone'
tells text.so 'its description: it cannot be loaded'
for mistake in no_symbol null magic abi none many size reserved no_name no_function constructor_crash constructor_exits hangs undefined; do
	mistaken $mistake
done
tells no_symbol.so '.*it has no function shmeter_plugin'
tells null.so '.*returns no description'
tells magic.so '.*returns no description'
tells abi.so '.*built for version 2 of the interface .*, and this shmeter has version 1'
for mistake in stamp_size stamp_missing; do
	mistaken $mistake -DSTAMPED
	tells $mistake.so '.*the stamped loops of transport 0 are not what SHMETER_STAMP'
done
tells none.so '.*it lists 0 transports'
tells many.so '.*it lists 1000000 transports'
tells size.so '.*struct_size of transport 0 is 8'
tells reserved.so '.*transport 0 has traits or reserved members'
tells no_name.so '.*transport 0 has no name'
tells no_function.so '.*transport 0 lacks a function'
tells undefined.so '.*it cannot be loaded: .*nobody_has_this'
tells constructor_crash.so '.*killed by signal 6'
tells constructor_exits.so '.*ended early'
tells hangs.so 'its description did not return within 5 s'
mistaken upper -DNAME='"Mine"'
mistaken long -DNAME='"a2345678901234567890123456789012"'
mistaken line -DSUMMARY='"two\nlines"'
mistaken stop -DSUMMARY='"A fast ring."'
mistaken trait -DTRAITS=16
mistaken several -DTRAITS=3
expect 0 'mine.1, mine.2, mine.4' "$program" list transport_fan_in --plugin several.so
mistaken own -DNAME='"pipe"'
tells stop.so '.*summary of mine is not a line of text without a full stop'
tells trait.so '.*transport 0 has traits'
tells upper.so '.*the name "Mine" of a transport'
tells long.so '.*the name of transport 0 is too long: at most 31'
tells line.so '.*summary of mine is not a line of text'
tells own.so 'there is a transport pipe already'
mistaken prints
expect 0 '' "$program" list transport_latency --plugin prints.so
grep -q 'printed' out err && fail 'a plug-in wrote to the output'

# what fails in a trial costs its own cases
costs() { # MISTAKE CODE STATUS WORDS [SCENARIO [OPTION...]]
	mistaken "$1" "${@:6}"
	expect "$2" '' "$program" run "${5:-transport_latency}/mine" null_loop --plugin "$1.so" "${brief[@]}" --out "cost-$1"
	grep ',mine,' "cost-$1/samples.csv" | grep -qE "$4.*,$3\$" || fail "$1: $(grep ',mine,' "cost-$1/samples.csv")"
	grep 'null_loop,loop' "cost-$1/samples.csv" | grep -qE "$measured" || fail "$1: null_loop was not measured"
	grep -q 'printed' out err && fail "$1 wrote to the run's output"
}
if [ "$(nproc)" -ge 2 ]; then
	costs bytes_crash 0 skipped 'bytes\(\): .*killed by signal 6'
	costs bytes_huge 0 skipped 'bytes\(\) asks for 18446744073709551615 bytes'
	costs open_fails 0 skipped 'open\(\): Disk quota exceeded'
	costs open_crash 0 skipped 'open\(\): .*killed by signal 6'
	costs open_exits 0 skipped 'open\(\): .*ended early'
	costs open_interrupted 0 skipped 'open\(\): Interrupted system call'
	costs named 0 '(ok|disturbed)' ''
	[ -z "$(find /dev/shm -name 'shmeter-*' -newer named.so)" ] || fail 'a named object is left'
	costs changes 0 skipped 'open\(\): the file has changed since it was described'
	tr -s ' \n' ' ' <out | grep -qE 'repeated: worker . gave up: plug-in [^ ]*: the file has changed' ||
		fail "a worker does not say why it cannot load: $(cat out)"
	costs attach_fails 0 worker_died 'attach\(\) of mine failed: No space left'
	costs attach_prints 0 '(ok|disturbed)' ''
	costs send_crash 0 worker_died 'killed by signal 6'
	costs send_exits 0 worker_died 'ended early'
	costs send_false 0 worker_died 'send\(\) of mine returned false'
	costs torn 6 verify_failed 'wrong messages'
	costs doubled 6 verify_failed 'wrong messages'
	# stamped loops are looked at: by themselves, before the slices, and by the last message of each
	costs stamp_torn 6 verify_failed 'messages arrived wrong' transport_throughput -DSTAMPED
	costs stamp_doubled 6 verify_failed 'wrong messages' transport_latency -DSTAMPED
	costs stamp_blind 0 worker_died 'found 0 of 2 wrong messages' transport_latency -DSTAMPED
	costs stamp_garbles 0 worker_died 'sent 4 wrong messages' transport_latency -DSTAMPED
	costs stamp_forgets 6 verify_failed 'messages arrived wrong' transport_throughput -DSTAMPED
fi

# the table in docs/testing.md tells what these tests look at
rows=0
while IFS='|' read -r _ _ test mistake sentence _; do
	read -r test mistake <<<"$test $mistake"
	sentence=$(sed 's/^ *//; s/ *$//' <<<"$sentence")
	sed 's/\\//g' "$root/tests/e2e/test_$test.sh" | grep -E "(tells|costs) $mistake(\.so)? " | grep -qF -- "$sentence" ||
		fail "docs/testing.md: test_$test.sh does not look for \"$sentence\" of $mistake"
	rows=$((rows + 1))
done < <(grep -E '^\| .* \| plugin[a-z_]* \|' "$root/docs/testing.md")
[ $rows = 20 ] || fail "docs/testing.md has $rows bad plug-ins, not 20"

[ $failed = 0 ] && echo 'plug-ins are measured, and bad ones cost their own cases'
exit $failed
