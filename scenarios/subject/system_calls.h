/* Counts the system calls of a process, without a performance counter and without a tracer: a seccomp filter turns each
 * into a signal, whose handler counts it and makes the call itself.  A filter cannot be taken away again, so this is for
 * a child (child.h).  SECCOMP_RET_TRAP: seccomp(2).
 *
 * Calls that the vDSO answers, such as clock_gettime(), do not enter the kernel and are not counted. */
#ifndef SHMETER_SUBJECT_SYSTEM_CALLS_H
#define SHMETER_SUBJECT_SYSTEM_CALLS_H

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/* Written by the handler, which runs between any two instructions of its own thread alone. */
static volatile uint64_t system_calls_counted;

/* The one place whose calls the filter lets through: the address behind the instruction.  A label of this object file alone,
 * so that several may include this. */
extern const char system_calls_allowed[] __attribute__((visibility("hidden")));

/* The label is in the function that makes the call: there is one copy of it. */
#ifdef __clang__
#define SYSTEM_CALLS_ONCE __attribute__((noinline))
#else
#define SYSTEM_CALLS_ONCE __attribute__((noinline, noclone))
#endif
#if defined(__x86_64__)
#define SYSTEM_CALLS_RETURNED(context) ((context)->uc_mcontext.gregs[REG_RAX])
static SYSTEM_CALLS_ONCE long system_calls_make(const ucontext_t *context, long number)
{
	const greg_t *r = context->uc_mcontext.gregs;
	register long d __asm__("r10") = r[REG_R10], e __asm__("r8") = r[REG_R8], f __asm__("r9") = r[REG_R9];
	long result;

	__asm__ volatile("syscall\nsystem_calls_allowed:"
			 : "=a"(result)
			 : "a"(number), "D"(r[REG_RDI]), "S"(r[REG_RSI]), "d"(r[REG_RDX]), "r"(d), "r"(e), "r"(f)
			 : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
#define SYSTEM_CALLS_RETURNED(context) ((context)->uc_mcontext.regs[0])
static SYSTEM_CALLS_ONCE long system_calls_make(const ucontext_t *context, long number)
{
	register long nr __asm__("x8") = number, a __asm__("x0") = (long)context->uc_mcontext.regs[0];
	register long b __asm__("x1") = (long)context->uc_mcontext.regs[1];
	register long c __asm__("x2") = (long)context->uc_mcontext.regs[2];
	register long d __asm__("x3") = (long)context->uc_mcontext.regs[3];
	register long e __asm__("x4") = (long)context->uc_mcontext.regs[4];
	register long f __asm__("x5") = (long)context->uc_mcontext.regs[5];

	__asm__ volatile("svc #0\nsystem_calls_allowed:"
			 : "+r"(a)
			 : "r"(nr), "r"(b), "r"(c), "r"(d), "r"(e), "r"(f)
			 : "memory");
	return a;
}
#endif

static void system_calls_on_trap(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	system_calls_counted++;
	SYSTEM_CALLS_RETURNED((ucontext_t *)context) = system_calls_make(context, info->si_syscall);
}

/* From here on every system call of this process is counted, except the two that end a handler and the process.
 * -errno where the kernel refuses. */
static inline int system_calls_count(void)
{
	const uint64_t allowed = (uint64_t)(uintptr_t)system_calls_allowed;
	const unsigned low = offsetof(struct seccomp_data, instruction_pointer);
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 6, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 5, 0),
		/* both machines are little-endian */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)allowed, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(allowed >> 32), 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { .len = sizeof(filter) / sizeof(filter[0]), .filter = filter };
	struct sigaction action = { .sa_sigaction = system_calls_on_trap, .sa_flags = SA_SIGINFO };

	system_calls_counted = 0;
	if (sigaction(SIGSYS, &action, NULL) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return -errno;
	return 0;
}

#endif
