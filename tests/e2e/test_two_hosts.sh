#!/usr/bin/env bash
# Two hosts of one type, each with what identifies it in a mount namespace of its own: a baseline of one is compared with
# a run of the other only on request, and the history keeps them apart.  Needs root.
# usage: test_two_hosts.sh SOURCE_ROOT PROGRAM
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
. "$root/tests/e2e/lib.sh"
if [ "$(id -u)" != 0 ] || ! unshare --mount --uts true 2>/dev/null; then
	echo 'skipped: needs root and namespaces'
	exit 77
fi

# on HOST COMMAND...: what a machine, or a container on one, is known by: machine-id, the running kernel, the name
on() {
	local host=$1
	shift
	# shellcheck disable=SC2016 # the inner shell expands it
	unshare --mount --uts sh -c '
		mount --make-rprivate / || exit 9
		for file in /etc/machine-id /proc/sys/kernel/random/boot_id; do
			[ ! -e $file ] || mount --bind "$1" $file || exit 9
		done
		hostname "$(cat "$1")"
		shift
		exec "$@"' sh "$scratch/host-$host" "$@"
}
echo 11111111111111111111111111111111 >host-1
echo 22222222222222222222222222222222 >host-2
printf '%s\n' '[mutex]' 'case = lock_uncontended/mutex' 'baseline = yes' 'max = 1.5' >gates.ini
measure() { on "$1" "$program" run lock_uncontended/mutex --repeat-blocks 1 --slices 8 --no-counters --no-plots -q --out "$2" >/dev/null 2>err || fail "run: $(cat err)"; }
measure 1 one
measure 2 two
measure 1 three
id() { jq -r ".identity.$2" "$1/manifest.json"; }
[ "$(id one type)" = "$(id two type)" ] || fail 'they are not of one type'
[ "$(id one host)" != "$(id two host)" ] || fail 'they are one host'
[ "$(id one host)" = "$(id three host)" ] || fail 'a host is not itself'
jq 'del(.environment.host)' one/manifest.json | grep -q 11111111111111 && fail 'the id itself is told'
jq -e '.environment.file_systems.results | length > 1' one/manifest.json >/dev/null || fail 'no file system of the run folder'

check() { "$program" check "$1" --thresholds gates.ini --baseline "$2" --json "${@:3}" >out 2>err; }
expect 0 'pass --same-type' "$program" check two --thresholds gates.ini --baseline one
expect 3 'another host of the same type: only ratios are compared with it' "$program" check two --thresholds gates.ini --baseline one --strict
check two one
[ "$(jq -r '.gates[0].verdict' out)" = 'NOT TESTABLE' ] || fail "compared without being asked: $(cat out)"
check two one --same-type
[ "$(jq -r '.gates[0].verdict' out)" != 'NOT TESTABLE' ] || fail "not compared: $(cat out)"
expect 0 'another host of the same type, which --same-type accepts' "$program" check two --thresholds gates.ini --baseline one --same-type
check three one
[ "$(jq -r '.gates[0].verdict + .baseline_is' out)" != 'NOT TESTABLEof the same host' ] || fail "not compared: $(cat out)"
expect 0 'of the same host' "$program" check three --thresholds gates.ini --baseline one
expect 0 'two hosts of one type' "$program" compare one two
expect 0 'from one host' "$program" compare one three

"$program" history add one two three --db h.sqlite -q || fail 'history'
runs_of() { sqlite3 h.sqlite "SELECT count(*) FROM run WHERE host_id = '$(id "$1" host)'"; }
[ "$(runs_of one) $(runs_of two)" = '2 1' ] || fail "the history has other hosts: $(sqlite3 h.sqlite 'SELECT name, host_id FROM run')"
expect 0 "Machine: host $(id three host) of type .*1 of other hosts" "$program" history show --db h.sqlite
expect 0 'Machine: all hosts of type' "$program" history show --db h.sqlite --same-type
[ $failed = 0 ] && echo 'two hosts of one type are two'
exit $failed
