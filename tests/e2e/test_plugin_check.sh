#!/usr/bin/env bash
# `plugin check` passes rings that work between processes and finds each planted defect; prints which check found which.
# usage: test_plugin_check.sh SOURCE_ROOT PROGRAM C_COMPILER C++_COMPILER FAIL_CALL [all]
#   all: all ways in which a ring is right, not a sample
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
cc=$3 cxx=$4 fail_call=$5
. "$root/tests/e2e/lib.sh"
ring() { # NAME MACRO
	"$cc" -O2 -Wall -Wextra -shared -fPIC -I"$root/harness/include" -D"$2" -DLEAK_KEY="$leak_key" "$root/tests/e2e/check_ring.c" -o "$1.so" || fail "$1 does not compile"
}
check=("$program" plugin check)
leak_key=$((0x736d0000 + $$ % 65536)) # of the segment that one defect leaves
trap 'ipcrm -M $leak_key 2>/dev/null; rm -rf "$scratch"' EXIT
brief=(--messages 6000 --seconds 5)

# what works
"$cc" -O2 -shared -fPIC -I"$root/harness/include" "$root/examples/ring_c/ring.c" -o example_c.so || fail 'ring_c does not compile'
"$cxx" -O2 -shared -fPIC -I"$root/harness/include" "$root/examples/ring_cpp/ring.cpp" -o example_cpp.so || fail 'ring_cpp does not compile'
"$cc" -O2 -shared -fPIC -I"$root/harness/include" "$root/tests/e2e/plugin.c" -o plugin.so || fail 'plugin.c does not compile'
ways=(spare many named card declines fragile)
[ "${6:-}" = all ] && ways+=(plain yield packed seq_cst sleeps)
for way in "${ways[@]}"; do
	ring "way_$way" "WAY_$way"
done
for good in example_cpp plugin "${ways[@]/#/way_}"; do
	"${check[@]}" "$good.so" "${brief[@]}" >out 2>err || fail "$good: exit $?: $(cat out err)"
	grep -q FAIL out && fail "$good: $(cat out)"
	[ "$(awk 'length($0) > 80' out err | wc -l)" = 0 ] || fail "$good: a line is over 80 columns"
	cp out "$good.out"
done

says() { # NAME WORDS
	tr -s ' \n' ' ' <"way_$1.out" | grep -qE -- "$2" || fail "way_$1 is not told as \"$2\": $(cat "way_$1.out")"
}
says spare 'not testable: no source beside the plug-in.* not testable: no source'
says declines '1 of 12 sizes from 8 to 16384 bytes; open\(\) declines the others - wrap_around open\(\) declines'
says fragile 'note killed_(sender|receiver) it says SHMETER_FRAGILE; after kill [0-9]+ the (sender|receiver) waited for ever'
says spare 'note false_sharing no cache line'
says declines 'note false_sharing both ends change 1 cache line, at different bytes: 0 \(sender byte 0, receiver byte 8\)'
says fragile 'works between processes while none of them is killed\.'

# one defect each, the check that has to find it, and words of the evidence
plant() { # DEFECT
	ring "$1" "DEFECT_$1"
}
finds lost content 'is lost'
finds doubled content 'is doubled'
finds torn content 'is torn'
finds reordered content 'is reordered'
finds mask sizes 'is (lost|torn|doubled|reordered)'
finds pointer pointers 'hold an address'
grep -q '^two_processes: .*killed by signal 11' found || fail "a pointer inside does no harm: $(cat found)"
finds death 'killed_(sender|receiver)' 'still waits'
finds capacity capacity 'message'
finds capacity_less capacity 'it took 3 messages of 1024 bytes'
finds blocks content 'blocks for ever'
finds outside stays_inside 'behind its end'
finds leak leaks 'System V segment'
finds leak_killed leaks 'POSIX shared memory shmeter-'
find /dev/shm -maxdepth 1 -name 'shmeter-*-[01]' -newer leak_killed.so -delete
finds process leaks 'a process \(plug-in\) with 1 sockets'
finds descriptors leaks 'an end has 100 descriptors more after 200 messages'

# what another program makes meanwhile is no leak of this one, and no compiler is no failure
(sleep 0.3 && exec 9>"/dev/shm/foreign-$$" && : >foreign && exec sleep 30) &
foreign=$!
CC=/nowhere/cc expect 0 'not testable: there is no compiler /nowhere/cc' "${check[@]}" way_spare.so "${brief[@]}" --source "$root/examples/ring_c"
kill $foreign
[ -e foreign ] || fail 'the other program came too late'
rm -f "/dev/shm/foreign-$$"

# with the source beside it, or in the folder that is named: both ends as threads, under sanitizers
source_of() { # NAME MACRO
	mkdir "$1"
	{ echo "#define $2"; cat "$root/tests/e2e/check_ring.c"; } >"$1/$1.c"
	"$cc" -shared -fPIC -I"$root/harness/include" "$1/$1.c" -o "$1/$1.so" || fail "$1 does not compile"
}
threads() { # EXIT WORDS PLUG-IN ARGUMENT...
	expect "$1" "$2" "${check[@]}" "${@:3}" --messages 100 --seconds 1
}
unset CC CFLAGS LDFLAGS LDLIBS
source_of relaxed DEFECT_relaxed
sed -i '1s/^/#define DEFECT_outside\n/' relaxed/relaxed.c # in the source alone
threads 1 'FAIL memory_errors both ends as threads: AddressSanitizer: heap-buffer-overflow .*relaxed\.c' relaxed/relaxed.so
grep -A1 'FAIL data_races' out | tr -s ' \n' ' ' | grep -q 'ThreadSanitizer: data race .*relaxed\.c:[0-9]' || fail "no data race is found: $(cat out)"
[ "$(grep -c FAIL out)" = 2 ] || fail "this CPU shows what relaxed.so lacks: $(cat out)"
source_of fences WAY_fences
threads 0 'ok memory_errors [0-9]+ messages.* found nothing - data_races not testable: it orders by fences' way_spare.so --source fences
# no group is killed after its number is free again: that kill finds nobody, or somebody else
cat >watch.c <<'END'
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
__attribute__((constructor)) static void alone(void) { unsetenv("LD_PRELOAD"); }
int kill(pid_t pid, int number)
{
	int rc = (int)syscall(SYS_kill, pid, number);
	if (rc < 0 && errno == ESRCH && pid < -1)
		fclose(fopen("late_kill", "w"));
	return rc;
}
END
"$cc" -shared -fPIC watch.c -o watch.so || fail 'watch.c does not compile'
LD_PRELOAD=$PWD/watch.so ASAN_OPTIONS=verify_asan_link_order=0 \
	threads 0 'ok data_races [0-9]+ messages, both ends as threads: ThreadSanitizer found nothing' example_c.so --source "$root/examples/ring_c"
[ -e late_kill ] && fail 'a group was killed after its number was free'
refused 4 'cannot read the folder nowhere' "${check[@]}" way_spare.so --source nowhere

# a compiler that never ends is ended, with what it has started
printf '#!/bin/sh\nsleep 1000 &\necho $! >>%s/started\nwait\n' "$PWD" >never
chmod +x never
CC=$PWD/never expect 0 'memory_errors not testable: the compiler [^ ]*never did not end within 600 ms' \
	"${check[@]}" way_spare.so --messages 100 --seconds 10ms --source fences
[ -s started ] || fail 'the compiler started nothing'
while read -r child; do # one that nobody has waited for is dead, too
	[[ $(ps -o stat= -p "$child") =~ ^Z?[^A-Z]*$ ]] || fail 'what the compiler has started lives on'
done <started

# what cannot be checked
refused 4 'nowhere.so: No such file' "${check[@]}" nowhere.so
echo 'no object' >text.so
refused 1 'it cannot be loaded' "${check[@]}" text.so
"${check[@]}" text.so --json >found.json 2>err
[ $? = 1 ] && [ "$(jq -c '[.works, .transports, .checks[].verdict]' found.json)" = '[false,[],"fail"]' ] ||
	fail "the JSON of what cannot be loaded: $(cat found.json err)"

# a process that the machine does not start is no fault of the plug-in: the 1st describes it, the 9th is a trial's
for fork in 1 9; do
	"$fail_call" made "$(awk '$2 == "__NR_clone" { print $3 }' <(echo '#include <sys/syscall.h>' | "$cc" -E -dM -))" 0 $fork error=11 \
		"${check[@]}" way_spare.so "${brief[@]}" >out 2>err
	[ $? = 5 ] && grep -q '^shmeter: .*Resource temporarily unavailable' err && ! grep -q FAIL out ||
		fail "fork $fork failed, and the check said: $(cat out err)"
done

[ $failed = 0 ] && echo 'rings that work pass, and each defect is found'
exit $failed
