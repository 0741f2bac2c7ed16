/* Holds every kind of software event open until it is killed.
 * The kernel patches its own code when the first event of a kind is opened and when the last one is closed.  QEMU's
 * emulation of several CPUs may go on executing the half-patched instruction for ever (seen with 7.2: soft lockups
 * at the jump label of perf_sw_event() in handle_mm_fault()).  While one event of each kind stays open, nothing is
 * patched.
 * usage: hold_events &    prints "held" when it has them */
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	struct perf_event_attr attr;

	for (unsigned id = 0; id < PERF_COUNT_SW_MAX; id++) {
		memset(&attr, 0, sizeof(attr));
		attr.type = PERF_TYPE_SOFTWARE;
		attr.size = sizeof(attr);
		attr.config = id;
		attr.disabled = 1;
		/* what this kernel does not know needs no holding */
		(void)!syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	}
	puts("held");
	fflush(stdout);
	for (;;)
		pause();
}
