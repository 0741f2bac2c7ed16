#!/usr/bin/env bash
# `plugin check` passes locks that work between processes and finds each planted defect; prints which check found which.
# usage: test_plugin_check_locks.sh SOURCE_ROOT PROGRAM C_COMPILER
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
cc=$3
. "$root/tests/e2e/lib.sh"
lock() { # MISTAKE [OPTION...]: makes MISTAKE.so
	"$cc" -O2 -Wall -Wextra -Wno-unused -shared -fPIC -I"$root/harness/include" -DMISTAKE_"$1" -DLEAK_KEY="$leak_key" "${@:2}" \
		"$root/tests/e2e/plugin_lock.c" -o "$1.so" || fail "$1: it does not compile"
}
check=("$program" plugin check)
leak_key=$((0x736d0000 + ($$ + 1) % 65536)) # of the segment that one defect leaves
trap 'ipcrm -M $leak_key 2>/dev/null; rm -f "${left[@]}"; rm -rf "$scratch"' EXIT
left=()
brief=(--messages 4000 --seconds 2)

# what works
"$cc" -O2 -shared -fPIC -I"$root/harness/include" "$root/examples/lock_c/lock.c" -o example_c.so || fail 'lock_c does not compile'
for good in right named no_recover; do
	lock $good
done
for good in example_c right named no_recover; do
	"${check[@]}" "$good.so" "${brief[@]}" >out 2>err || fail "$good: exit $?: $(cat out err)"
	grep -q FAIL out && fail "$good: $(cat out)"
	[ "$(awk 'length($0) > 80' out err | wc -l)" = 0 ] || fail "$good: a line is over 80 columns"
	[ $good = no_recover ] || grep -qE 'ok +killed_owner' out || fail "$good: no owner was killed: $(cat out)"
done
grep -q 'works between processes while none of them is killed' out || fail "no_recover: $(cat out)"

# one defect each, the check that has to find it, and words of the evidence
plant() { # DEFECT
	lock "$1"
}
finds unlocked two_processes 'two processes had it at once'
finds sometimes '(two_processes|exclusion)' 'two processes had it at once'
finds kept given_back 'blocks for ever: taken 5000 times'
finds unwoken '(two_processes|exclusion)' 'blocks for ever'
finds stays killed_owner 'kill 1: not released at death'
finds frees_all killed_owner 'two processes had it at once'
finds recover_fails killed_owner 'recover\(\) returned'
finds owner_dead two_processes 'lock\(\) returned [0-9]+ \(Owner died\)'
finds lock_crash two_processes 'killed by signal 6'
finds lock_fails two_processes 'lock\(\) returned 22'
finds attach_fails two_processes 'attach\(\) failed: No space left'
finds pointer pointers 'hold an address in the memory of the process that ran init'
grep -q '^two_processes: .*killed by signal 11' found || fail "a pointer inside does no harm: $(cat found)"
finds outside stays_inside "the owners' nodes: a byte behind its memory was written, 1 bytes behind its end"
finds leak leaks 'System V segment'
finds unremoved leaks 'POSIX shared memory shmeter-[0-9a-f]+'
mapfile -t left < <(find /dev/shm -name 'shmeter-*' -newer unremoved.so)

# with the source: owners as threads, under sanitizers
with_source() { # CODE MISTAKE WORDS
	mkdir -p "$2"
	{
		echo "#define MISTAKE_$2"
		echo "#define LEAK_KEY $leak_key"
		cat "$root/tests/e2e/plugin_lock.c"
	} >"$2/lock.c"
	lock "$2"
	expect "$1" "$3" "$program" plugin check "$2.so" --source "$2" --messages 200 --seconds 1
}
with_source 0 right 'ok memory_errors [0-9]+ turns, owners as threads: .* found nothing ok data_races [0-9]+ turns, owners as threads: ThreadSanitizer found nothing'
with_source 1 relaxed 'FAIL data_races owners as threads: ThreadSanitizer: data race .*run_owner'
[ "$(grep -c FAIL out)" = 1 ] || fail "relaxed: $(cat out)" # no other check can find it here
# the race itself is seen, unless two were inside at the moment that is looked at
with_source 1 unlocked 'data_races (owners as threads: ThreadSanitizer: data race|not testable: with three owners as threads of one program, two had the lock at once)'

[ $failed = 0 ] && echo 'locks that work pass, and each defect is found'
exit $failed
