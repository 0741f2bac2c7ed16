#!/usr/bin/env bash
# `choose` as users call it: from a run and by measuring, all three kinds of question, and its answers to bad input.
# usage: test_choose.sh SOURCE_ROOT PROGRAM
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
# shellcheck source=tests/e2e/lib.sh
. "$root/tests/e2e/lib.sh"

measured() { # DIR RUN...
	rm -rf "$1"
	"$program" run "${@:2}" --no-counters --no-plots --out "$1" >out 2>err || fail "run: $(cat out err)"
}
# The figures are made quiet, so that a busy machine changes no answer.
measured transports transport_latency/pipe transport_latency/shm_ring transport_latency/shm_mutex_cond \
	transport_throughput/pipe transport_throughput/shm_mutex_cond transport_throughput/two_copies \
	--set message=64 --repeat-blocks 6 --slices 6
quiet transports pipe=2500 shm_ring=100 shm_mutex_cond=3000
measured pages page_size_random/4k page_size_random/thp page_size_stream/4k page_size_stream/thp first_touch/4k \
	prefault/lazy prefault/touch prefault/madvise --set bytes=4m --set op=read,copy --repeat-blocks 6 --slices 6
quiet pages 4k=5 lazy=90 touch=30 madvise=20

# a transport
two=$(($(nproc) > 1))
if [ $two = 1 ]; then
	expect 0 'Take pipe\. A round trip takes transport_latency/pipe' \
		"$program" choose --message 64 --from transports
	expect 0 'Left out, for they spin while they wait \(--may-spin takes them\): shm_ring\.' \
		"$program" choose --message 64 --from transports
	expect 0 'Take shm_ring\. .*By rate: transport_throughput' "$program" choose --message 64 --may-spin --from transports
	expect 0 'By the 99 % quantile of the round trips' "$program" choose --message 64 --p99 --may-spin --from transports
	refused 4 'no trial at message=64, near has them' \
		"$program" choose --message 64 --p99 --from transports
	expect 0 '([12]) of \1 sustain 1\.00 /s: .*At 1\.00 /s it takes [0-9.e-]+ % of a PU' \
		"$program" choose --message 64 --rate 1/s --cpu-budget 90% --from transports
	expect 0 'None of the transports measured is known to do that' "$program" choose --message 64 --rate 999M/s --from transports
fi
"$program" choose --message 64 --from transports | grep -q two_copies && fail 'a ceiling is no transport'
refused 4 'the run has no figure of transport_latency at message=128' "$program" choose --message 128 --from transports
refused 4 'at message=64, same-core' "$program" choose --message 64 --same-core --from transports
# with the ring of a plug-in, which an answer from a run does not load
for kind in ring lock; do
	"$root/examples/build" ${kind}_c . >out 2>&1 || fail "${kind}_c does not compile: $(cat out)"
done
if [ $two = 1 ]; then
	measured plugged transport_latency/ring_c transport_latency/pipe --plugin ring_c.so --set message=64 --repeat-blocks 6 --slices 6
	quiet plugged pipe=40
	refused 4 'are about a measurement, and --from makes none' "$program" choose --message 64 --from plugged --plugin ring_c.so
	mv ring_c.so moved.so
	expect 0 'Take pipe\. A round.*Left out, for they spin while they wait \(--may-spin takes them\): ring_c\.' \
		"$program" choose --message 64 --from plugged
	expect 0 "Take ring_c \\(plug-in $PWD/ring_c.so\\)\. A round" "$program" choose --message 64 --may-spin --from plugged
fi
# as wide as the terminal
for width in 80 120; do
	{
		COLUMNS=$width "$program" choose --message 64 --may-spin --from transports
		COLUMNS=$width "$program" choose --memory 8g --access stream --from pages
	} >out
	[ "$(awk -v width=$width 'length($0) > width' out)" = '' ] || fail "wider than $width: $(cat out)"
done

# pages
expect 0 '4 MiB of memory, at random: Take thp\..*First touch takes .* per GiB.*Take madvise\.' \
	"$program" choose --memory 4m --access random --from pages
expect 0 '8 GiB of memory, at random: NOT measured\. The figures are of 4 MiB' "$program" choose --memory 8g --from pages
expect 0 'op=read: 4 MiB of memory, in order: Take thp\..*op=copy: .*That is .* per GiB' \
	"$program" choose --memory 4m --access stream --from pages

# a lock, measured: the run is removed, unless --out keeps it.  A busy machine can leave it without an interval, and then
# that is the answer.
unknown='Which one to take is not known: without intervals there is no order'
TMPDIR=$scratch expect 0 "A lock that 1 process takes alone: (Take [a-z_]+( \([^)]*\))?|$unknown)\. .*lock_uncontended/.* lock_c [0-9. ]+ [nu]s" \
	"$program" choose --lock --processes 1 -q --plugin lock_c.so
[ -z "$(echo shmeter-choose-*)" ] || [ ! -e "$(echo shmeter-choose-*)" ] || fail "left behind: $(ls -d shmeter-choose-*)"
if [ $two = 1 ]; then
	expect 0 'A critical section of 300 ns is [0-9]+ multiplications, .*lock_throughput/mutex with processes=1' \
		"$program" choose --lock --critical-section 300ns --out kept -q
	for folder in kept kept-2; do
		[ -s $folder/claims.csv ] || fail "--out does not keep $folder"
	done
	refused 4 'the run does not say how long the work under a lock takes' \
		"$program" choose --lock --critical-section 300ns --from kept-2
fi

# bad input: one sentence each, and no other output
refused 4 'say what to choose' "$program" choose
refused 4 'choose one thing at a time' "$program" choose --lock --message 4k
refused 4 '--rate "5x" is not a number of messages a second; write it like 50k/s' "$program" choose --message 4k --rate 5x
refused 4 '--cpu-budget "50" is not a share of a PU; write it like 50%' "$program" choose --message 4k --rate 5 --cpu-budget 50
refused 4 '--cpu-budget needs --rate' "$program" choose --message 4k --cpu-budget 50%
refused 4 'go with --message' "$program" choose --lock --may-spin
refused 4 'go with --lock' "$program" choose --memory 4k --processes 3
refused 4 '--access "sideways" is not known' "$program" choose --memory 4k --access sideways
refused 4 '--critical-section "5q" is not a time' "$program" choose --lock --critical-section 5q
refused 4 '--message is out of range: transport_latency can measure 8 B to 64 MiB' "$program" choose --message 4
refused 4 '--memory is out of range: page_size_random can measure 64 KiB to 1 TiB' "$program" choose --memory 32k
refused 4 '--memory needs a size' "$program" choose --memory 0
refused 4 '--same-core goes with --message or --lock' "$program" choose --memory 4m --same-core
refused 4 '--smt needs two processes at least' "$program" choose --lock --processes 1 --smt
refused 4 '--access goes with --memory' "$program" choose --lock --access random
refused 4 '--out, --seed and --plugin are about a measurement' "$program" choose --lock --from pages --seed 3
refused 4 'takes no "results"' "$program" choose --lock results
refused 4 'is not a run folder' "$program" choose --lock --from nowhere
[ "$failed" = 0 ] && echo 'choose answers, and says what it rests on'
exit "$failed"
