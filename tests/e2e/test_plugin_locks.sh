#!/usr/bin/env bash
# Locks of plug-ins are measured like shmeter's own, and after a death; a bad one costs one sentence and its own cases.
# usage: test_plugin_locks.sh SOURCE_ROOT PROGRAM C_COMPILER
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
cc=$3
. "$root/tests/e2e/lib.sh"
mistaken() { # MISTAKE [OPTION...]: makes MISTAKE.so
	"$cc" -O2 -Wall -Wextra -Wno-unused -shared -fPIC -I"$root/harness/include" -DMISTAKE_"$1" "${@:2}" \
		"$root/tests/e2e/plugin_lock.c" -o "$1.so" || fail "$1: it does not compile"
}
brief=(--repeat-blocks 1 --slices 20 --slice 200us --no-counters --no-plots -q)
measured=',(ok|disturbed)$' # a busy machine disturbs what works

# the example, in every scenario about locks
"$cc" -O2 -Wall -Wextra -Werror -shared -fPIC -I"$root/harness/include" "$root/examples/lock_c/lock.c" -o lock_c.so ||
	fail 'lock_c does not compile'
scenarios=(lock_uncontended lock_throughput lock_handoff owner_death)
mistaken right
expect 0 '' "$program" run "${scenarios[@]/%//lock_c}" "${scenarios[@]/%//my_lock}" lock_handoff/mutex \
	--plugin lock_c.so --plugin right.so "${brief[@]}" --out good
for scenario in "${scenarios[@]}"; do
	for name in lock_c my_lock; do
		grep "$scenario,$name," good/samples.csv | grep -qE "$measured" || fail "$scenario/$name was not measured: $(cat good/samples.csv)"
	done
done
expect 0 '' "$program" report good # without the plug-ins
grep -q lock_c good/report.html || fail 'the page lacks lock_c'
expect 0 'transport_latency: .*pipe' "$program" list transport_latency --plugin lock_c.so
grep -q lock_c out && fail 'a lock became a variant of a scenario about messages'
# one file with both kinds
cat >both.c <<'C'
#define shmeter_plugin locks_of_it
#include "plugin_lock.c"
#undef shmeter_plugin
#undef NAME
#undef TRAITS
#define shmeter_plugin rings_of_it
#include "plugin.c"
#undef shmeter_plugin
const struct shmeter_export *shmeter_plugin(void)
{
	static const struct shmeter_export export = SHMETER_PLUGIN_OF(1, transport, 1, lock);

	return &export;
}
C
"$cc" -O2 -w -shared -fPIC -I"$root/harness/include" -I"$root/tests/e2e" both.c -o both.so || fail 'both.c does not compile'
expect 0 'mine' "$program" list transport_latency --plugin both.so
expect 0 'my_lock' "$program" list lock_handoff --plugin both.so
mistaken no_recover
expect 0 'my_lock' "$program" list lock_handoff --plugin no_recover.so
expect 0 'sysv_undo' "$program" list owner_death --plugin no_recover.so
grep -q my_lock out && fail 'a lock that cannot be recovered is asked to be'

# what is no lock: a sentence on standard error, and the run goes on
tells() { # MISTAKE WORDS [OPTION...]
	mistaken "$1" "${@:3}"
	expect 0 "warning: plug-in [^ ]*$1[^ ]*: $2.*it is left out" tried "run-$1" null_loop --plugin "$1.so" "${brief[@]}"
	[ "$(grep -c warning err)" = 1 ] || fail "$1: $(cat err)"
}
tells size '.*struct_size of lock 0 is 8'
tells reserved '.*lock 0 has traits or reserved members'
tells trait '.*lock 0 has traits' -DTRAITS=2
tells no_name '.*lock 0 has no name'
tells no_function '.*lock 0 lacks a function'
tells null '.*its list of locks is NULL'
tells many '.*it lists 0 transports and 17 locks'
tells large '.*lock my_lock asks for 1048577 bytes' -DBYTES=1048577
tells own 'there is a lock mutex already' '-DNAME="mutex"'

# what fails in a trial costs its own cases
costs() { # MISTAKE CODE STATUS WORDS [SCENARIO]
	mistaken "$1"
	expect "$2" '' tried "cost-$1" "${5:-lock_uncontended}/my_lock" null_loop --plugin "$1.so" "${brief[@]}"
	grep ',my_lock,' "cost-$1/samples.csv" | grep -qE "$4.*,$3\$" || fail "$1: $(grep ',my_lock,' "cost-$1/samples.csv")"
	grep 'null_loop,loop' "cost-$1/samples.csv" | grep -qE "$measured" || fail "$1: null_loop was not measured"
}
costs init_fails 0 skipped 'init\(\): Disk quota exceeded'
costs init_crash 0 skipped 'init\(\): .*killed by signal 6'
costs attach_fails 0 worker_died 'attach\(\) of my_lock failed: No space left'
costs lock_crash 0 worker_died 'killed by signal 6'
costs lock_fails 0 worker_died 'lock\(\) of my_lock failed: Invalid argument'
costs owner_dead 0 worker_died 'lock\(\) of my_lock failed: Owner died' lock_throughput
costs recover_fails 0 worker_died 'recover\(\) of my_lock failed' owner_death
[ "$(nproc)" -lt 2 ] || costs unlocked 6 verify_failed 'the counter is' lock_throughput
costs named 0 '(ok|disturbed)' ''
[ -z "$(find /dev/shm -name 'shmeter-*' -newer named.so)" ] || fail 'a named object is left'
# a recover() that does nothing
mistaken stays
expect 0 '' "$program" run owner_death/my_lock --plugin stays.so "${brief[@]}" --out stays
grep -q 'never came back,1,' stays/metrics.csv || fail "a lock that stays taken: $(cat stays/metrics.csv)"
grep 'never came back' good/metrics.csv | grep -v 'back,0,' && fail 'a lock that is freed did not come back'

[ $failed = 0 ] && echo 'locks of plug-ins are measured, and bad ones cost their own cases'
exit $failed
