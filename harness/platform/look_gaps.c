/* What a look at running processes could not read, and why. */
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "look_private.h"
#include "shmeter/text.h"

/* PROC_PID_INIT_INO in the kernel's include/uapi/linux/nsfs.h */
#define FIRST_PID_NAMESPACE "pid:[4026531836]"

void look_gap(struct sm_look *look, const char *what, pid_t pid, int error, const char *reason)
{
	struct sm_look_gap *gap = NULL;

	for (size_t i = 0; i < look->gap_count && !gap; i++)
		if (strcmp(look->gap[i].what, what) == 0 && look->gap[i].error == error &&
		    strncmp(look->gap[i].reason, reason, sizeof(gap->reason) - 1) == 0)
			gap = &look->gap[i];
	if (!gap) {
		gap = LOOK_ADD(look, gap, gap_count);
		gap->what = what;
		gap->error = error;
		snprintf(gap->reason, sizeof(gap->reason), "%s", reason);
	}
	if (pid > 0 && gap->count++ < sizeof(gap->pid) / sizeof(gap->pid[0]))
		gap->pid[gap->count - 1] = pid;
}

/* The user as whom the process runs, which is not always the owner of its folder. */
static unsigned user_of(const struct sm_os *os, const struct sm_look_process *process)
{
	char text[8192], field[64];

	(void)!sm_os_read(os, text, sizeof(text), "/proc/%d/status", (int)process->pid);
	return sm_find_field(text, "Uid", field, sizeof(field)) ? (unsigned)strtoul(field, NULL, 10) : process->uid;
}

/* Whether this process may read others' files as root (CAP_SYS_PTRACE, capabilities(7)). */
static bool may_trace(const struct sm_os *os)
{
	char text[8192], field[64];

	(void)!sm_os_read(os, text, sizeof(text), "/proc/self/status");
	return sm_find_field(text, "CapEff", field, sizeof(field)) && strtoull(field, NULL, 16) >> CAP_SYS_PTRACE & 1;
}

static long ptrace_scope(const struct sm_os *os)
{
	char text[32];

	return sm_os_read(os, text, sizeof(text), "/proc/sys/kernel/yama/ptrace_scope") == 0 ? strtol(text, NULL, 10)
											     : 0;
}

/* Why the kernel refuses a file of a process: ptrace(2), "Ptrace access mode checking". */
static void refused(const struct sm_look *look, const char *what, const struct sm_look_process *process, char *out,
		    size_t size)
{
	unsigned user = user_of(look->os, process);
	long scope = ptrace_scope(look->os);

	if (geteuid() != 0 && strcmp(what, "others") == 0)
		snprintf(out, size, "they are other users', or protected; look as root");
	else if (may_trace(look->os))
		snprintf(out, size,
			 "even root may not: it is in a user namespace above, or a security module forbids it");
	else if (geteuid() == 0)
		snprintf(out, size, "root lacks CAP_SYS_PTRACE, as in a container; run that with --cap-add SYS_PTRACE");
	else if (user != geteuid())
		snprintf(out, size, "another user's (uid %u); look as that user or as root", user);
	else if (strcmp(what, "waits") == 0 && scope > 0)
		snprintf(out, size,
			 "kernel.yama.ptrace_scope is %ld, so that only its parent or root may see it; look as root",
			 scope);
	else
		snprintf(out, size,
			 "the kernel protects it (set-user-ID, capabilities or PR_SET_DUMPABLE); look as root");
}

void look_unread(struct sm_look *look, const char *what, const struct sm_look_process *process, int error)
{
	char reason[sizeof(look->gap->reason)];

	if (error == ESRCH || (error == ENOENT && process->gone))
		snprintf(reason, sizeof(reason), "ended meanwhile");
	else if (error == EACCES || error == EPERM)
		refused(look, what, process, reason, sizeof(reason));
	else if (error == ENOENT)
		snprintf(reason, sizeof(reason), "this kernel does not have the file");
	else
		snprintf(reason, sizeof(reason), "%s", strerror(error));
	look_gap(look, what, process->pid, error, reason);
}

/* Whether /proc is mounted so that it hides other users' processes: "hidepid=2" or "hidepid=invisible" (proc(5)). */
static bool hides(const struct sm_os *os, char out[32])
{
	char *text = sm_zeroed_memory(LOOK_FILE_MAX, 1), *line, *rest = text;
	bool found = false;

	(void)!sm_os_read(os, text, LOOK_FILE_MAX, "/proc/self/mounts");
	while (!found && (line = strsep(&rest, "\n"))) {
		const char *option = strstr(line, " /proc proc ") ? strstr(line, "hidepid=") : NULL;

		if (!option || strncmp(option, "hidepid=0", 9) == 0 || strncmp(option, "hidepid=off", 11) == 0)
			continue;
		snprintf(out, 32, "%.*s", (int)strcspn(option, ", "), option);
		found = true;
	}
	free(text);
	return found;
}

void look_hidden(struct sm_look *look)
{
	char option[32], reason[128], path[4096], target[64];
	ssize_t length;

	if (geteuid() != 0 && hides(look->os, option)) {
		snprintf(reason, sizeof(reason), "/proc is mounted with %s; look as root", option);
		look_gap(look, "processes", 0, 0, reason);
	}
	snprintf(path, sizeof(path), "%s/proc/self/ns/pid", look->os->root);
	length = readlink(path, target, sizeof(target) - 1);
	if (length > 0) {
		target[length] = '\0';
		if (strcmp(target, FIRST_PID_NAMESPACE) != 0)
			look_gap(
				look, "processes", 0, 0,
				"this is another PID namespace than the machine's, as in a container; look from outside");
	}
}

/* strerrorname_np() needs glibc 2.32. */
static const char *error_name(int error)
{
	switch (error) {
	case EACCES: return "EACCES";
	case EPERM: return "EPERM";
	case ENOENT: return "ENOENT";
	case ESRCH: return "ESRCH";
	default: return NULL;
	}
}

const char *sm_look_gap_words(const struct sm_look_gap *gap, char *out, size_t size)
{
	static const struct {
		const char *what, *of, *alone;
	} words[] = {
		{ "mappings", "The mappings of ", "" },
		{ "nodes", "The nodes of the pages of ", "" },
		{ "waits", "What threads wait for is not known of ", "" },
		{ "others", "Who else has these objects is known in part: the mappings of ", "" },
		{ "faults", "Faults a second of ", "" },
		{ "lines", "", "Which lines cores take from each other (HITM) is not known: " },
		{ "some lines", "", "Which lines cores take from each other (HITM) is known in part: " },
		{ "processes", "", "Processes of others may be hidden: " },
	};
	const char *name = error_name(gap->error);
	size_t shown = sizeof(gap->pid) / sizeof(gap->pid[0]), used;
	bool waits = strcmp(gap->what, "waits") == 0;
	unsigned at = 0;

	while (at + 1 < sizeof(words) / sizeof(words[0]) && strcmp(words[at].what, gap->what) != 0)
		at++;
	used = (size_t)snprintf(out, size, "%s", gap->count ? words[at].of : words[at].alone);
	if (gap->count)
		used += (size_t)snprintf(out + used, size - used, "process%s ", gap->count == 1 ? "" : "es");
	for (size_t i = 0; i < gap->count && i < shown && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%d", i ? ", " : "", (int)gap->pid[i]);
	if (gap->count > shown && used < size)
		used += (size_t)snprintf(out + used, size - used, " and %zu more", gap->count - shown);
	if (gap->count && used < size)
		used += (size_t)snprintf(out + used, size - used, "%s%s%s%s: ", waits ? "" : " cannot be read",
					 name ? " (" : "", name ? name : "", name ? ")" : "");
	if (used < size)
		snprintf(out + used, size - used, "%s.", gap->reason);
	return out;
}
