#!/usr/bin/env bash
# Every bad argument and every lack of resources: one clear sentence, the right exit code, nothing left behind.
# usage: test_messages.sh PROGRAM DENY STUCK_LIBRARY
set -u -o pipefail

program=$(realpath "$1")
deny=$(realpath "$2")
stuck=$(realpath "$3")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
passed=0
failed=0

report() { # ok? WHAT DETAIL
	if [ "$1" = yes ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'FAIL %s: %s\n' "$2" "$3"
	fi
}

# The command must print one line on standard error, which starts with "shmeter: " and contains the words.
expect() { # CODE WORDS WHAT COMMAND...
	local code=$1 words=$2 what=$3 got
	shift 3
	"$@" >"$scratch/out" 2>"$scratch/err" </dev/null
	got=$?
	if [ "$got" != "$code" ]; then
		report no "$what" "exit $got, not $code: $(head -3 "$scratch/err")"
	elif [ "$(wc -l <"$scratch/err")" != 1 ] || ! grep -q '^shmeter: ' "$scratch/err"; then
		report no "$what" "not one sentence: $(head -5 "$scratch/err")"
	elif ! grep -qF -- "$words" "$scratch/err"; then
		report no "$what" "\"$words\" is not in: $(cat "$scratch/err")"
	else
		report yes "$what" ""
	fi
}

fresh() { # the name of a new folder for results
	mktemp -u "$scratch/run.XXXXXX"
}

# Runs a command that succeeds; the reason column of samples.csv must contain the words.
expect_reason() { # CODE WORDS WHAT FOLDER COMMAND...
	local code=$1 words=$2 what=$3 folder=$4 got
	shift 4
	"$@" >"$scratch/out" 2>"$scratch/err" </dev/null
	got=$?
	if [ "$got" != "$code" ]; then
		report no "$what" "exit $got, not $code: $(tail -3 "$scratch/err")"
	elif ! grep -qF -- "$words" "$folder"/*.csv "$folder/manifest.json"; then
		report no "$what" "\"$words\" stands nowhere in $(ls "$folder")"
	else
		report yes "$what" ""
	fi
}

expect 4 'a command is missing' 'no command' "$program"
expect 4 'not a command' 'unknown command' "$program" fly

# Without its data files the program says where it searched for them.
mkdir "$scratch/alone"
cp "$program" "$scratch/alone/"
expect 4 'share/shmeter/thresholds.ini): name a file with --thresholds FILE' 'no thresholds' "$scratch/alone/$(basename "$program")" check "$scratch"
expect 4 'no scenario matches "nonsense"' 'unknown scenario' "$program" run nonsense
expect 4 'no scenario matches' 'unknown pattern in list' "$program" list 'nonsense*'
expect 4 'has no option' 'unknown option' "$program" run --nonsense
expect 4 'has no option' "another command's option" "$program" list --tune
expect 4 'needs a value' 'missing value' "$program" run --seed
for option in out backing set kind events file-folder resume; do
	expect 4 "--$option has an empty value" "empty --$option" "$program" run "--$option" '' --dry-run
done
expect 4 'an argument of `shmeter report` is empty' 'empty folder' "$program" report ''
expect 4 'an argument of `shmeter run` is empty' 'empty pattern' "$program" run '' --dry-run
expect 4 'profile' 'bad profile' "$program" run --profile slow
expect 4 'budget' 'bad budget' "$program" run --budget soon
expect 4 'seed' 'bad seed' "$program" run --seed -3
expect 4 'placement' 'bad placement' "$program" run --placement upstairs
expect 4 '4096' 'absent PU' "$program" run aa --placement 0,4096 --out "$(fresh)"
expect 4 'backing' 'bad backing' "$program" run --backing tape
expect 4 'pages' 'bad pages' "$program" run --pages 3q
expect 4 'prefault' 'bad prefault' "$program" run --prefault maybe
expect 4 'numa' 'bad numa' "$program" run --numa everywhere
expect 4 'NAME=VALUE' 'bad set' "$program" run --set message
expect 4 'no chosen scenario has a parameter' 'unknown parameter' "$program" run aa --set speed=3 --out "$(fresh)"
expect 4 'processes' 'bad value' "$program" run false_sharing --set processes=two --out "$(fresh)"
expect 4 'events' 'bad event' "$program" run aa --events 'no_such_event_here' --out "$(fresh)"
expect 4 'repeat-blocks' 'zero blocks' "$program" run --repeat-blocks 0
expect 4 'at least 3 slices' 'two slices' "$program" run --slices 2
expect 4 'format' 'bad format' "$program" list --format xml
expect 4 'color' 'bad color' "$program" list --color pink
expect 4 'run folder' 'report without folder' "$program" report
expect 4 'nowhere' 'report of nothing' "$program" report "$scratch/nowhere"
expect 4 'nowhere' 'resume of nothing' "$program" run --resume "$scratch/nowhere"
expect 4 'choose man, bash, zsh or fish' 'unknown help' "$program" help me
mkdir "$scratch/full" && touch "$scratch/full/precious"
expect 4 "$scratch/full" 'folder in use' "$program" run aa --out "$scratch/full"
[ -e "$scratch/full/precious" ] && report yes 'nothing lost' '' || report no 'nothing lost' 'a file is gone'
expect 4 'Not a directory' 'a file as folder' "$program" run aa --out "$scratch/full/precious/run"

short=(--repeat-blocks 1 --slices 8 --no-plots -q)

if [ "$(id -u)" = 0 ]; then
	as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	mkdir -m 777 "$scratch/open"
	mkdir -m 755 "$scratch/closed"
	expect 5 "$scratch/closed" 'unwritable --out' "${as_nobody[@]}" "$program" run aa "${short[@]}" \
		--out "$scratch/closed/run"
	expect_reason 0 complete 'uid nobody' "$scratch/open/nobody" "${as_nobody[@]}" "$program" run \
		false_sharing/packed "${short[@]}" --out "$scratch/open/nobody"
	expect_reason 0 memlock 'RLIMIT_MEMLOCK 0' "$scratch/open/memlock" \
		prlimit --memlock=0:0 "${as_nobody[@]}" "$program" run prefault "${short[@]}" \
		--out "$scratch/open/memlock"
	mkdir "$scratch/disk"
	full_disk='mount -t tmpfs -o size=48k tmpfs '"$scratch/disk"' && exec "$@"'
	expect 5 'space' 'a full disk' unshare -m bash -c "$full_disk" - "$program" run aa \
		--repeat-blocks 20 --no-plots -q --out "$scratch/disk/run"
	tiny_shm='mount -t tmpfs -o size=1m tmpfs /dev/shm && exec "$@"'
	folder=$(fresh)
	expect_reason 5 /dev/shm '/dev/shm of 1 MiB' "$folder" unshare -m bash -c "$tiny_shm" - \
		"$program" run first_touch/4k --backing posix "${short[@]}" --out "$folder"
else
	echo 'skipped as a user: unwritable --out, uid nobody, memlock 0, a full disk, a small /dev/shm'
fi

folder=$(fresh)
expect_reason 0 'nr_hugepages' '0 huge pages' "$folder" "$program" run first_touch "${short[@]}" --out "$folder"
folder=$(fresh)
expect_reason 0 not_permitted 'perf denied' "$folder" "$deny" perf_event_open "$program" run contended_counter "${short[@]}" \
	--out "$folder"
grep -q ',not_permitted$' "$folder/counters.csv" && ! grep -q ',counted$' "$folder/counters.csv" &&
	report yes 'denied is no number' '' || report no 'denied is no number' "$(tail -1 "$folder/counters.csv")"
folder=$(fresh)
expect_reason 0 complete 'a cpuset of one CPU' "$folder" taskset -c 0 "$program" run false_sharing/packed \
	contended_counter "${short[@]}" --out "$folder"
grep -q same-core "$folder/samples.csv" && report yes 'one CPU is said' '' || report no 'one CPU is said' ''
mkdir "$scratch/bin"
folder=$(fresh)
PATH=$scratch/bin "$program" run aa --repeat-blocks 1 -q --out "$folder" >"$scratch/out" 2>"$scratch/err"
code=$?
[ "$code" = 0 ] && grep -q 'gnuplot-nox' "$scratch/err" && [ -s "$folder/report.html" ] &&
	report yes 'gnuplot missing' '' || report no 'gnuplot missing' "exit $code: $(cat "$scratch/err")"

# The second signal ends the program in any state.
LD_PRELOAD=$stuck "$program" doctor >"$scratch/out" 2>"$scratch/err" &
pid=$!
sleep 0.5
kill -TERM $pid
sleep 0.5
first=$(kill -0 $pid 2>/dev/null && echo waits || echo ended)
kill -TERM $pid
for _ in $(seq 30); do
	kill -0 $pid 2>/dev/null || break
	sleep 0.1
done
kill -KILL $pid 2>/dev/null
wait $pid 2>/dev/null
code=$?
[ "$first $code" = "waits 143" ] && report yes 'second signal' '' || report no 'second signal' "$first, then $code"

# A signal that was ignored at the start stays ignored.
folder=$(fresh)
(
	trap '' HUP INT
	exec "$program" run null_loop --no-plots -q --out "$folder"
) >"$scratch/out" 2>"$scratch/err" &
pid=$!
sleep 0.5
kill -HUP $pid
kill -INT $pid
wait $pid
code=$?
[ "$code" = 0 ] && grep -q '"complete"' "$folder/manifest.json" &&
	report yes 'nohup' '' || report no 'nohup' "exit $code: $(cat "$scratch/err")"

expect 5 'sched_getaffinity' 'affinity denied' timeout -k 2 20 "$deny" sched_getaffinity "$program" run contended_counter --out "$(fresh)"

# A limit on the file size acts like a full disk.
expect 5 'File too large' 'file size limit' prlimit --fsize=4096 "$program" run contended_counter --no-plots -q --out "$(fresh)"

# A reader that closes the pipe ends every command in the same way.
for command in --help list doctor 'list --json' tune demo; do
	(sleep 0.1; $program $command 2>"$scratch/err"; echo $? >"$scratch/code") | true
	for _ in $(seq 50); do [ -s "$scratch/code" ] && break; sleep 0.1; done
	code=$(cat "$scratch/code")
	rm -f "$scratch/code"
	[ "$code" = 5 ] && grep -q 'cannot write standard output' "$scratch/err" &&
		report yes "$command | true" '' || report no "$command | true" "exit $code: $(head -3 "$scratch/err")"
done

# A foreign topology can be used for planning, but not for measuring.
far='pack:2 [numa] l3:1 core:600 pu:1'
expect 5 'it can be planned with (--dry-run), not measured on' 'a topology of elsewhere' \
	env HWLOC_SYNTHETIC="$far" "$program" run false_sharing --no-plots -q --out "$(fresh)"
# planned WORDS ASSIGNMENT... COMMAND...: a dry run on a machine of elsewhere says these words
planned() {
	local words=$1
	shift
	env "$@" >"$scratch/planned" 2>&1
	if grep -qF -- "$words" "$scratch/planned"; then
		report yes "$words" ''
	else
		report no "$words" "$(tail -3 "$scratch/planned")"
	fi
}
nodes='pack:2 [numa(memory=8589934592)] core:2 pu:1'
planned 'cpu_node and memory_node are both 0' HWLOC_SYNTHETIC="$nodes" "$program" run numa_latency --set cpu_node=0 \
	--set memory_node=0 --dry-run
planned 'this process can have memory on one NUMA node' HWLOC_SYNTHETIC='pack:1 [numa(memory=8589934592)] [numa(memory=0)] core:2 pu:1' \
	"$program" run numa_policy --dry-run
planned 'nodes 0 and 1' HWLOC_SYNTHETIC="$nodes" "$program" run numa_transport --dry-run
planned 'there is no NUMA node of that number here' HWLOC_SYNTHETIC="$nodes" "$program" run numa_latency \
	--set cpu_node=4294967296 --dry-run
planned 'bind:4294967296" is not known' "$program" run aa --numa bind:4294967296 --dry-run
planned 'leave --kind out' "$program" run aa --kind 0 --dry-run
expect 4 '--numa bind:7: this machine has no NUMA node 7: choose among 0-1' 'no such node, planned' \
	env HWLOC_SYNTHETIC="$nodes" "$program" run first_touch --numa bind:7 --dry-run
expect 4 '--numa bind:1000: this machine has no NUMA node 1000: choose among' 'no such node' \
	"$program" run first_touch --numa bind:1000 --no-plots -q --out "$(fresh)"
expect 4 'PU 99 does not exist' 'no such PU, planned' env HWLOC_SYNTHETIC="$nodes" "$program" run aa --placement 0,99 --dry-run

# Ranges of PUs and nodes.
eight='pack:1 l3:1 core:8 pu:1'
planned '@shared-l3:0.1.2.6-4+' HWLOC_SYNTHETIC="$eight" "$program" run core_to_core --set from=0-2,6 --set to=4 --dry-run
planned 'cpu_node=1,memory_node=0' HWLOC_SYNTHETIC="$nodes" "$program" run numa_latency --set cpu_node=0-1 \
	--set memory_node=0-1 --dry-run
expect 4 '--set from=3-1: write a range as FIRST-LAST, with the larger number last' 'a range that falls' \
	env HWLOC_SYNTHETIC="$eight" "$program" run core_to_core --set from=3-1 --dry-run
expect 4 '--set from=8: this PU does not exist' 'a range that is too long' \
	env HWLOC_SYNTHETIC="$eight" "$program" run core_to_core --set from=6-9 --dry-run
expect 4 '--set message=64-128: a whole number is expected' 'a range of bytes' \
	"$program" run transport_latency --set message=64-128 --dry-run

# What a plan says of nodes, kinds, tours and cases that cannot run; sentences are wrapped.
data=$(dirname "$(realpath "$0")")/../topology/data
machines=$(dirname "$program")/tests/machines
planned 'nodes 0 and 2, distance 11' HWLOC_XMLFILE="$machines/memory-side-caches.xml" "$program" run numa_transport \
	--set first_node=0 --set second_node=2 --dry-run
planned '  kind 1' HWLOC_XMLFILE="$data/hybrid.xml" "$program" run false_sharing/packed --dry-run
planned '  several kinds' HWLOC_XMLFILE="$data/hybrid.xml" "$program" run false_sharing/packed --set processes=8 --dry-run
planned 'neither hwloc nor the kernel says which kind of core is faster' COLUMNS=999 HWLOC_XMLFILE="$data/unranked.xml" \
	"$program" run core_kinds --dry-run
planned ' and 7 more: the cores that this process may use are all of one kind' COLUMNS=999 HWLOC_SYNTHETIC="$eight" \
	"$program" run core_kinds --dry-run
planned 'second, third, fourth, fifth: the cores that this process may use are all of one kind' COLUMNS=999 \
	HWLOC_SYNTHETIC="$eight" "$program" list core_kinds
planned 'tour  core_to_core/one_line@shared-l3: 56 pairs of 8 PUs in 56 rounds of 1, of ' COLUMNS=999 HWLOC_SYNTHETIC="$eight" \
	"$program" run core_to_core --dry-run
planned "tour  the topology is another machine's, so these times are estimates: a round" COLUMNS=999 \
	HWLOC_SYNTHETIC="$eight" "$program" run core_to_core --dry-run
env -u COLUMNS HWLOC_SYNTHETIC="$eight" "$program" run core_to_core core_kinds --seed 4294967295 --dry-run |
	awk '/^(skip|tour|      )|cases in|calibration/ && length > 80 && $2 !~ /.{72}/' >"$scratch/wide"
[ -s "$scratch/wide" ] && report no 'wrapped plans' "$(cat "$scratch/wide")" || report yes 'wrapped plans' ''

# A plan of 76,000 cases for 64 nodes fits into 150 MB; a sanitizer alone takes more.
if ! grep -qE '__(asan|tsan)_' "$program"; then
	env HWLOC_SYNTHETIC='package:8 numa:8 l3:4 core:4 pu:1' prlimit --data=150000000 "$program" run 'numa/*' --profile full \
		--dry-run >"$scratch/out" 2>"$scratch/err" && tail -2 "$scratch/out" | grep -q '^7.... cases' &&
		report yes 'a large plan' '' || report no 'a large plan' "$(tail -3 "$scratch/err")"
fi

# A plan in which nothing that was asked for can run.
expect 5 'none of the requested cases can run here; see the reasons above' 'an empty plan' \
	env HWLOC_SYNTHETIC="$eight" "$program" run false_sharing --placement smt --dry-run
grep -q '0.00 ns' "$scratch/out" && report no 'an empty plan' 'it has a duration' || report yes 'an empty plan' ''
expect 5 'none of the requested cases can run on this machine' 'a control that cannot be placed' \
	taskset -c 0 "$program" run aa --placement smt --no-plots -q --out "$(fresh)"
HWLOC_SYNTHETIC="$far" "$program" run false_sharing --placement cross-node --dry-run >"$scratch/out" 2>&1 &&
	grep -q 'false_sharing/packed.*@cross-node' "$scratch/out" &&
	report yes 'a plan for elsewhere' '' || report no 'a plan for elsewhere' "$(tail -3 "$scratch/out")"

# A signal ends a run cleanly, and the run can be resumed.
folder=$(fresh)
"$program" run false_sharing --repeat-blocks 3 --no-plots -q --out "$folder" >"$scratch/out" 2>"$scratch/err" &
pid=$!
for _ in $(seq 100); do
	[ -s "$folder/samples.csv" ] && [ "$(wc -l <"$folder/samples.csv")" -gt 5 ] && break
	sleep 0.05
done
kill -TERM $pid
wait $pid
code=$?
before=$(wc -l <"$folder/samples.csv")
[ "$code" = 143 ] && grep -q '"interrupted"' "$folder/manifest.json" && [ -s "$folder/claims.csv" ] &&
	report yes 'SIGTERM' '' || report no 'SIGTERM' "exit $code: $(cat "$scratch/err")"
"$program" run --resume "$folder" --no-plots -q >"$scratch/out" 2>"$scratch/err"
code=$?
after=$(wc -l <"$folder/samples.csv")
twice=$(tail -n +2 "$folder/samples.csv" | cut -d, -f2 | sort | uniq -d | wc -l)
[ "$code" = 0 ] && [ "$after" -gt "$before" ] && [ "$twice" = 0 ] && grep -q '"complete"' "$folder/manifest.json" &&
	report yes 'resume' '' || report no 'resume' "exit $code, $before then $after rows, $twice twice: $(cat "$scratch/err")"

left=$(ls /dev/shm | grep -c shmeter)
[ "$left" = 0 ] && report yes 'nothing in /dev/shm' '' || report no 'nothing in /dev/shm' "$left"

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
