#!/usr/bin/env bash
# A plug-in of examples/: the compile line of its README.md works, and it is measured.
# usage: test_example.sh SOURCE_ROOT PROGRAM NAME
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
name=$3
. "$root/tests/e2e/lib.sh"

"$root/examples/build" "$name" . >out 2>err
case $? in
0) ;;
5)
	cat err
	exit 77
	;;
*)
	cat out err
	exit 1
	;;
esac
grep -q "^# $name: " "$root/examples/$name/README.md" || fail "the title of examples/$name/README.md is another"

names=$name
[ "$name" != sealed_ring ] || names='sealed_ring unsealed_ring'
scenarios=(transport_latency transport_throughput)
[[ $name != lock_* ]] || scenarios=(lock_uncontended lock_throughput lock_handoff owner_death)
cases=()
for variant in $names; do
	expect 0 "$variant" "$program" list "${scenarios[0]}" --plugin "$name.so"
	cases+=("${scenarios[@]/%//$variant}")
done
if [ "$(nproc)" -lt 2 ]; then
	echo "skipped: messages between two processes need two PUs"
	[ $failed = 0 ] && exit 77
	exit 1
fi
# it works between processes, as far as its traits say
expect 0 "$name works between processes" "$program" plugin check "$name.so" --messages 4000 --seconds 1
# two sizes of messages each
sizes=2
[[ $name != lock_* ]] || sizes=1
expect 0 'Files: run' "$program" run "${cases[@]}" --plugin "$name.so" --profile quick --repeat-blocks 1 --slices 6 --slice 500us \
	--no-counters --no-plots -q --out run
[ -e run/samples.csv ] || exit 1
for case in "${cases[@]}"; do
	measured=$(grep "${case/\//,}," run/samples.csv | grep -cE ',(ok|disturbed)$')
	[ "$measured" = $sizes ] || fail "$case was measured $measured times: $(cat run/samples.csv)"
done
left=$(find /dev/shm "${TMPDIR:-/tmp}" -maxdepth 1 -name 'shmeter-*-[01]*' -newer "$name.so")
[ -z "$left" ] || fail "it left behind: $left"

[ $failed = 0 ] && echo "$name is measured"
exit $failed
