#!/usr/bin/env bash
# Limits of containers: memory, CPU time, /proc, /sys, system calls.  The run continues without the resource, or one
# correct sentence says what is missing; the kernel never kills the parent.
# usage: test_limits.sh PROGRAM DENY         as root, where name spaces and control groups may be made
set -u -o pipefail

program=$(realpath "$1")
deny=$(realpath "$2")
if [ "$(id -u)" != 0 ] || ! unshare --mount true 2>/dev/null; then
	echo 'SKIP: it takes root to mount'
	exit 77
fi
scratch=$(mktemp -d)
group=
leave() {
	[ -z "$group" ] || rmdir "$group" 2>/dev/null
	rm -rf "$scratch"
}
trap leave EXIT
passed=0
failed=0
short=(--no-plots --repeat-blocks 1)

report() { # WHAT COMMAND...: the test passes if the command succeeds
	local what=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'FAIL %s (exit %s)\n' "$what" "$code"
		tail -n 5 "$scratch/err" "$scratch/out"
	fi
}

code=0
try() { # COMMAND...
	rm -rf "$scratch/run"
	timeout 100 "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
	code=$?
}
ended() { [ "$code" = "$1" ]; }
all() { find "$scratch/out" "$scratch/err" "$scratch/run/samples.csv" -exec cat {} + 2>/dev/null | tr -s '\n ' ' '; }
says() { grep -qF -- "$1" <<<"$(all)"; }
silent() { ! says "$1"; }
begins() { grep -qF -- "$1" <<<"$(head -1 "$scratch/out")"; }

# hide PATH COMMAND...: with an empty PATH.
# shellcheck disable=SC2016
hide=(unshare --mount sh -c 'mount -t tmpfs hidden "$1"; shift; exec "$@"' sh)

# make_group CONTROLLER: makes a group below this one, of either version, in $group; false if it cannot.
make_group() {
	local path
	path=$(sed -n "s,^[0-9]*:\([^:]*\,\)*$1\(\,[^:]*\)*:,,p" /proc/self/cgroup)
	if [ -n "$path" ]; then
		group=/sys/fs/cgroup/$1$path/shmeter-test-$$
	else
		group=/sys/fs/cgroup$(sed -n 's,^0::,,p' /proc/self/cgroup)/shmeter-test-$$
	fi
	mkdir "$group" 2>/dev/null && return
	group=
	return 1
}
limit() { # V2-FILE V1-FILE VALUE
	if [ -e "$group/$1" ]; then echo "$3" >"$group/$1"; else echo "$3" >"$group/$2"; fi
}
within() { # COMMAND...: in the group
	# shellcheck disable=SC2016
	try sh -c 'echo $$ >"$1/cgroup.procs" || exit 9; shift; exec "$@"' sh "$group" "$@"
}
remove_group() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		rmdir "$group" 2>/dev/null && break
		sleep 0.1
	done
	group=
}

try "${hide[@]}" /proc "$program" run contended_counter/fetch_add "${short[@]}" --out "$scratch/run"
report 'no /proc: it runs' ended 0
report 'no /proc: no binding is lost' silent 'cannot bind'
report 'no /proc: what was got is unknown' says ',unknown,'
report 'no /proc: events say why' says 'is not there: /proc is not mounted'
try "${hide[@]}" /proc "$program" report "$scratch/run"
try "${hide[@]}" /proc "$program" doctor
report 'no /proc: doctor says so' says '/proc cannot be read'
report 'no /proc: doctor binds' says 'a process can be bound to a PU'
try "${hide[@]}" /proc "$program" check /nowhere
report 'no /proc: the program knows where it lies' silent '/./'

try "${hide[@]}" /sys "$program" doctor
report 'no /sys: unknown' says 'whether there are 2 MiB pages is unknown: /sys cannot be read'
report 'no /sys: nothing is denied' silent 'has no 2 MiB pages'

try "$deny" sched_setaffinity "$program" run contended_counter/fetch_add "${short[@]}" --out "$scratch/run"
report 'no binding: exit 5' ended 5
report 'no binding: the first line says so' begins 'Most trials of this run could not be made'
report 'no binding: with the reason' says 'a system call filter forbids it'
try "$deny" sched_setaffinity "$program" doctor
report 'no binding: doctor tries one' says 'no worker can be bound to its PU'
try "$deny" mbind "$program" run first_touch/4k --numa interleave --set bytes=1m "${short[@]}" --out "$scratch/run"
report 'mbind: exit 5' ended 5
report 'mbind: the option that allows it' says '--cap-add SYS_NICE'
try "$deny" pidfd_open "$program" run null_loop "${short[@]}" --out "$scratch/run"
report 'pidfd_open: exit 5' ended 5
report 'pidfd_open: the option that allows it' says '--security-opt seccomp=FILE'
try "$deny" process_vm_readv "$program" run transport_throughput/process_vm "${short[@]}" --out "$scratch/run"
report 'process_vm_readv: the option that allows it' says '--cap-add SYS_PTRACE'
refused='look at sysctl kernel.io_uring_disabled; a container'
! "$program" list --format json | grep -q 'built without liburing' || refused='built without liburing'
try "$deny" io_uring_setup "$program" run wakeup/uring_futex "${short[@]}" --out "$scratch/run"
report 'io_uring, waking: the setting and the filter, or not built' says "$refused"
try "$deny" futex_waitv "$program" run wakeup/futex_waitv "${short[@]}" --out "$scratch/run"
report 'futex_waitv: what has it' says "no futex_waitv(): Linux 5.16 has, and a container's filter must allow it"
try "$deny" io_uring_setup "$program" run file_io/uring --set cache=cached --set pattern=read "${short[@]}" --out "$scratch/run"
report 'io_uring: the setting and the filter, or not built' says "$refused"
report 'a file of its own: the file system is named' grep -qE ',file_io,.*,none,[a-z0-9]+,none,0,' "$scratch/run/samples.csv"
# shellcheck disable=SC2016
try unshare --mount sh -c 'mount -t tmpfs -o size=8m small "$1"; folder=$1; shift; exec "$@" --file-folder "$folder"' sh "$scratch" \
	"$program" run file_io/pread --set pattern=read --set bytes=4m,16m "${short[@]}" --out "$scratch/run"
report 'a file system in memory: nothing can be dropped' says 'stay in the page cache after POSIX_FADV_DONTNEED'
report 'a small file system: its room' says 'has room for'

mkdir "$scratch/tmp"
try "$deny" rmdir env TMPDIR="$scratch/tmp" "$program" demo one-frame --yes
report 'a folder that cannot be removed: exit 5' ended 5
report 'a folder that cannot be removed: which' says "cannot remove all of $scratch/tmp/shmeter-demo-"

for kib in 32 64 200; do
	try sh -c "ulimit -s $kib; exec \"\$@\"" sh "$program" list
	report "a stack of $kib KiB: a sentence" ended 5
	report "a stack of $kib KiB: which" says 'raise it (ulimit -s)'
done
try sh -c 'ulimit -v 60000; exec "$@"' sh "$program" run first_touch/4k --set bytes=64m "${short[@]}" --out "$scratch/run"
report 'address space: exit 5' ended 5
report 'address space: which limit' says 'ulimit -v'

if make_group memory && { [ -e "$group/memory.max" ] || [ -e "$group/memory.limit_in_bytes" ]; }; then
	limit memory.max memory.limit_in_bytes 64M
	[ ! -e "$group/memory.swap.max" ] || echo 0 >"$group/memory.swap.max"
	within "$program" run first_touch/4k --set bytes=128m "${short[@]}" --out "$scratch/run"
	report 'memory: what does not fit is skipped' ended 5
	report 'memory: with the limit' says 'of its limit of 64 MiB'
	# if the program cannot see the limit, the kernel kills a child, and the run reports it
	within "${hide[@]}" /sys/fs/cgroup "$program" run first_touch/4k \
		--set bytes=128m "${short[@]}" --out "$scratch/run"
	report 'memory: the parent lives' ended 5
	report 'memory: the kill is told' says 'was killed by the kernel for memory'
	within "$program" run prefault/lazy prefault/madvise contended_counter/fetch_add --set bytes=16m "${short[@]}" \
		--out "$scratch/run"
	report 'memory: what fits runs' says ',ok'
	remove_group
else
	[ -z "$group" ] || remove_group
	echo 'no memory limit can be set here'
fi
if make_group cpu && { [ -e "$group/cpu.max" ] || [ -e "$group/cpu.cfs_quota_us" ]; }; then
	if [ -e "$group/cpu.max" ]; then echo '50000 100000' >"$group/cpu.max"; else echo 50000 >"$group/cpu.cfs_quota_us"; fi
	within "$program" doctor
	report 'quota: doctor names it' says 'its CPU limit is 0.5 PUs'
	report 'quota: nothing else is blamed' silent 'stop other work'
	within "$program" run contended_counter/fetch_add "${short[@]}" --out "$scratch/run"
	report 'quota: trust tells it' says 'Throttled: a CPU limit of 0.5 PUs'
	remove_group
else
	[ -z "$group" ] || remove_group
	echo 'no CPU limit can be set here'
fi
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
