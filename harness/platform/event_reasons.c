/* Explains why an event is not available.  Each sentence names what was observed on this machine, so that the remedy
 * fits. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counters_private.h"
#include "shmeter/environment.h"

enum sm_count_state counters_state_of(int error)
{
	if (error == EACCES || error == EPERM)
		return SM_NOT_PERMITTED;
	if (error == EMFILE || error == ENFILE || error == ENOMEM || error == EBUSY)
		return SM_NOT_COUNTED;
	return SM_NOT_SUPPORTED;
}

/* Whether the kernel has a driver for a PMU of the cores: 1 yes, 0 no, -1 unknown.  The PMU is called cpu on x86, or
 * cpu_core and cpu_atom if there are two kinds of cores; armv8_... on Arm, and apple_... on Apple's CPUs. */
static int kernel_has_pmu(const struct sm_os *os)
{
	char path[512];
	struct dirent *entry;
	int found = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/sys/bus/event_source/devices", os->root);
	folder = opendir(path);
	if (!folder)
		return -1;
	while (!found && (entry = readdir(folder)))
		found = strcmp(entry->d_name, "cpu") == 0 || strncmp(entry->d_name, "cpu_", 4) == 0 ||
			strncmp(entry->d_name, "armv", 4) == 0 || strncmp(entry->d_name, "apple_", 6) == 0;
	closedir(folder);
	return found;
}

/* Whether this process runs under a seccomp filter; -1: unknown. */
static int under_filter(const struct sm_os *os)
{
	char text[4096];
	const char *line;

	if (sm_os_read(os, text, sizeof(text), "/proc/self/status") < 0)
		return -1;
	line = strstr(text, "\nSeccomp:");
	return line ? atoi(line + strlen("\nSeccomp:")) > 0 : -1;
}

static void say_no_pmu(const struct sm_os *os, char *reason)
{
	snprintf(reason, SM_ERROR_TEXT_MAX, "%s",
		 sm_hypervisor_seen(os) == 1
			 ? "this virtual machine has no PMU: run on bare metal, or have the host give it a vPMU"
			 : "the kernel has no driver for this CPU's PMU: look for \"PMU\" in its log (dmesg)");
}

static void say_absent(const struct sm_os *os, const struct sm_event *event, char *reason)
{
	if (event->software)
		snprintf(reason, SM_ERROR_TEXT_MAX, "this kernel has no such software event");
	else if (kernel_has_pmu(os) == 0)
		say_no_pmu(os, reason);
	else
		snprintf(reason, SM_ERROR_TEXT_MAX,
			 "the kernel does not count this event on this CPU: choose another with --events");
}

static void say_access_denied(const struct sm_os *os, char *reason)
{
	char text[32];

	if (sm_os_read(os, text, sizeof(text), "/proc/sys/kernel/perf_event_paranoid") < 0)
		snprintf(reason, SM_ERROR_TEXT_MAX,
			 "the kernel does not let this user count it: see kernel.perf_event_paranoid (sysctl), or "
			 "run with CAP_PERFMON");
	else if (atoi(text) > 1)
		snprintf(reason, SM_ERROR_TEXT_MAX,
			 "kernel.perf_event_paranoid is %d: set it to 1 or lower (sysctl), or run with CAP_PERFMON",
			 atoi(text));
	else
		snprintf(reason, SM_ERROR_TEXT_MAX,
			 "a security module of the kernel forbids it (kernel.perf_event_paranoid is %d, which "
			 "allows it): see its log",
			 atoi(text));
}

static void say_forbidden(const struct sm_os *os, char *reason)
{
	int filter = under_filter(os);

	snprintf(reason, SM_ERROR_TEXT_MAX, "%s",
		 filter > 0    ? "a seccomp filter forbids perf_event_open here, as containers have one: run the "
				 "container with --cap-add PERFMON, or with a profile that allows the call"
		 : filter == 0 ? "the kernel forbids perf_event_open, and no seccomp filter is set: a security module "
				 "or the lockdown mode does it (/sys/kernel/security/lockdown)"
			       : "perf_event_open is forbidden here: by a seccomp filter, a security module or the "
				 "kernel's lockdown mode");
}

void counters_why_refused(const struct sm_os *os, const struct sm_event *event, int error,
			  char reason[SM_ERROR_TEXT_MAX])
{
	const char *text = NULL;

	switch (error) {
	case EACCES: say_access_denied(os, reason); return;
	case EPERM: say_forbidden(os, reason); return;
	case ENOENT:
	case ENODEV:
	case ENXIO:
	case EOPNOTSUPP: say_absent(os, event, reason); return;
	case EMFILE: text = "this process has too many open files: raise the limit (ulimit -n)"; break;
	case ENFILE: text = "the system has too many open files: raise fs.file-max (sysctl)"; break;
	case ENOMEM: text = "the kernel has no memory for it"; break;
	case EBUSY: text = "another user of the PMU holds it for itself alone: end that one"; break;
	case E2BIG: text = "the kernel is older than this build's perf interface: build it there"; break;
	case EINVAL: text = "the kernel refuses this event on this CPU: choose another with --events"; break;
	case ENOSYS:
		text = under_filter(os) > 0
			       ? "a system call filter forbids perf_event_open: run the container with --cap-add PERFMON, or "
				 "with a profile that allows the call"
			       : "this kernel is built without perf events (CONFIG_PERF_EVENTS)";
		break;
	}
	if (text)
		snprintf(reason, SM_ERROR_TEXT_MAX, "%s", text);
	else
		snprintf(reason, SM_ERROR_TEXT_MAX, "perf_event_open fails: %s", strerror(error));
}

void counters_why_idle(const struct sm_os *os, char reason[SM_ERROR_TEXT_MAX])
{
	char text[32];
	bool watchdog = sm_os_read(os, text, sizeof(text), "/proc/sys/kernel/nmi_watchdog") >= 0 && atoi(text) > 0;

	snprintf(reason, SM_ERROR_TEXT_MAX, "it opened but never ran: %s",
		 watchdog ? "the NMI watchdog holds a counter of the PMU (sysctl kernel.nmi_watchdog=0 frees it), and "
			    "another profiler may hold the rest"
		 : sm_hypervisor_seen(os) == 1
			 ? "the PMU's counters are taken, by another profiler or by the host of this virtual machine"
			 : "the PMU's counters are taken, by another profiler or the firmware");
}

void counters_why_unknown(const struct sm_os *os, const char *what, const char *pmus, char reason[SM_ERROR_TEXT_MAX])
{
	if (*pmus)
		snprintf(reason, SM_ERROR_TEXT_MAX, "libpfm4 has no event for %s on %s", what, pmus);
	else if (kernel_has_pmu(os) == 0)
		say_no_pmu(os, reason);
	else
		snprintf(reason, SM_ERROR_TEXT_MAX,
			 "libpfm4 does not know this CPU, so not its event for %s: a newer libpfm4 may", what);
}
