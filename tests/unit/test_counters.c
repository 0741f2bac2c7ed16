/* Counters at the seam: permission denied, no PMU, multiplexed, never scheduled. */
#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "every_model.h"
#include "fake_root.h"

/* A kernel that a test tells what to do.  It knows groups. */
static struct {
	int software_error, hardware_error, kernel_scope_error;
	uint64_t value, enabled, running;
	int opened, enabled_groups, group_flags;
	uint64_t members_off; /* how much shorter a group's members ran than its leader */
	bool undirected;      /* the kernel cannot direct generic events */
	unsigned lacking;     /* the PMU that lacks all hardware events; 0: none */
	uint64_t directed;    /* the PMU of the last generic event; 0: it was not directed */
	int leader_of[64];    /* by descriptor */
} fake;

static int fake_open(struct perf_event_attr *attr, pid_t pid, int pu, int group, unsigned long flags)
{
	int fd;

	(void)pid;
	(void)pu;
	cr_expect_eq(flags, PERF_FLAG_FD_CLOEXEC);
	errno = attr->type == PERF_TYPE_SOFTWARE ? fake.software_error : fake.hardware_error;
	if (!errno && !attr->exclude_kernel)
		errno = fake.kernel_scope_error;
	if (attr->type == PERF_TYPE_HARDWARE) {
		fake.directed = attr->config >> 32;
		if (fake.directed && (fake.undirected || fake.directed == fake.lacking))
			errno = ENOENT;
	}
	if (errno)
		return -1;
	fake.opened++;
	fd = dup(0);
	fake.leader_of[fd % 64] = group < 0 ? fd : group;
	return fd;
}

static int fake_ioctl(int fd, unsigned long request, unsigned long argument)
{
	(void)fd;
	fake.group_flags += argument != 0;
	fake.enabled_groups += request == PERF_EVENT_IOC_ENABLE;
	return 0;
}

static ssize_t fake_read(int fd, void *buffer, size_t size)
{
	/* A member's own time enabled is a little more than its leader's, as the kernel has it.  Of a group the first
	 * event's count is `value`, the next one's is one more. */
	uint64_t member = 0, leader = (uint64_t)fake.leader_of[fd % 64];
	uint64_t values[3] = { fake.value, fake.enabled, fake.running };

	for (int earlier = (int)leader; earlier < fd; earlier++)
		member += fake.leader_of[earlier % 64] == (int)leader;
	values[0] += member;
	values[1] += member;
	if (member)
		values[2] -= fake.members_off;
	memcpy(buffer, values, sizeof(values));
	return size >= sizeof(values) ? (ssize_t)sizeof(values) : -1;
}

static struct sm_os fake_os = { .root = "", .perf_open = fake_open, .perf_ioctl = fake_ioctl, .perf_read = fake_read };
static struct sm_event_set set;

static void setup(void)
{
	root_make();
	fake_os.root = root;
}
TestSuite(counters, .init = setup, .fini = root_remove);

static const struct sm_event *prepare(const char *events)
{
	struct sm_error err = { 0 };

	fake.value = 1000;
	if (!fake.enabled)
		fake.enabled = fake.running = 100;
	cr_assert_eq(sm_events_prepare(&set, &fake_os, events, &err), 0, "%s", err.text);
	return &set.event[0];
}

static struct sm_count counts[SM_EVENTS_MAX];

static struct sm_count count_once(void)
{
	struct sm_counters counters;

	memset(counts, 0, sizeof(counts));
	memset(fake.leader_of, 0, sizeof(fake.leader_of));
	sm_counters_open(&counters, &set, &fake_os);
	sm_counters_enable(&counters);
	sm_counters_disable(&counters);
	sm_counters_read(&counters, counts);
	sm_counters_close(&counters);
	return counts[0];
}

Test(counters, names_are_libpfm4s)
{
	prepare(sm_events_default);
	cr_expect_eq(set.count, 11);
	for (unsigned i = 0; i < set.count; i++)
		cr_expect(strstr(set.event[i].fstr, "PERF_COUNT_"), "%s is %s", set.event[i].name, set.event[i].fstr);
	cr_expect(set.event[0].software && !set.event[4].software);
}

#if defined(__x86_64__) /* libpfm4 knows the models of one architecture */
/* What a line's travel is counted by differs between CPUs; libpfm4 is told, once a process, which one it
 * sees. */
#define LINE_EVENT(test, cpu, name_asked, name_got, want, meaning)                                                     \
	Test(counters, test)                                                                                           \
	{                                                                                                              \
		setenv("LIBPFM_FORCE_PMU", cpu, 1);                                                                    \
		prepare(name_asked);                                                                                   \
		cr_expect(strstr(set.event[0].fstr, want), "%s", set.event[0].fstr);                                   \
		cr_expect_eq(set.event[0].state, SM_COUNTED, "%s", set.event[0].reason);                               \
		cr_expect_str_eq(set.event[0].name, name_got);                                                         \
		cr_assert_not_null(sm_event_meaning(set.event[0].fstr));                                               \
		cr_expect(strstr(sm_event_meaning(set.event[0].fstr), meaning), "%s",                                  \
			  sm_event_meaning(set.event[0].fstr));                                                        \
	}

LINE_EVENT(loads_from_other_cores_on_skylake, "skl", "loads-from-other-core", "loads-from-other-core",
	   "skl::MEM_LOAD_L3_HIT_RETIRED:XSNP_HITM", "had modified the line")
LINE_EVENT(loads_from_other_cores_on_sapphire_rapids, "spr", "loads-from-other-core", "loads-from-other-core",
	   "spr::MEM_LOAD_L3_HIT_RETIRED:XSNP_FWD", "or had it alone")
/* AMD counts hits in the L3 as well: that is not what was asked for, and says so. */
LINE_EVENT(loads_from_other_cores_on_zen_2, "amd64_fam17h_zen2", "loads-from-other-core", "fills-from-own-die",
	   ":LS_MABRESP_LCL_CACHE", "or from another complex")
LINE_EVENT(loads_from_other_cores_on_zen_3, "amd64_fam19h_zen3", "loads-from-other-core", "fills-from-own-complex",
	   ":INT_CACHE", "or, indistinguishably, from the L3")
LINE_EVENT(loads_from_other_cores_on_zen_4, "amd64_fam19h_zen4", "loads-from-other-core", "fills-from-own-complex",
	   ":LOCAL_CCX", "or, indistinguishably, from the L3")
/* What a resumed run asks for: the names that it got. */
LINE_EVENT(a_name_that_was_got_can_be_asked_for, "amd64_fam19h_zen4", "fills-from-own-complex",
	   "fills-from-own-complex", ":LOCAL_CCX", "or, indistinguishably, from the L3")
LINE_EVENT(fills_from_other_caches_on_ice_lake, "icx", "fills-from-other-cache", "fills-from-other-cache",
	   ":REMOTE_HITM", "another socket")
LINE_EVENT(fills_from_other_caches_on_zen_3, "amd64_fam19h_zen3", "fills-from-other-cache", "fills-from-other-cache",
	   ":EXT_CACHE_RMT", "another core complex")
#endif

/* PMUs on which a name has to be more than a reason, where libpfm4 knows them. */
static const struct {
	const char *name, *pmus;
} resolved[] = {
	{ "loads-from-other-core",
	  " nhm nhm_ex wsm wsm_dp snb snb_ep ivb ivb_ep hsw hsw_ep bdw bdw_ep skl skx clx icl icx spr emr gnr adl_glc "
	  "adl_grt slm glm knl knm amd64_fam17h_zen2 amd64_fam19h_zen3 amd64_fam19h_zen4 amd64_fam1ah_zen5 arm_n1 arm_n2 "
	  "arm_n3 arm_v1 arm_v2 arm_v3 arm_kunpeng arm_ac55 arm_ac76 " },
	{ "stores-from-other-core",
	  " nhm nhm_ex wsm wsm_dp snb snb_ep ivb ivb_ep hsw hsw_ep bdw bdw_ep skl skx clx icl icx spr emr gnr adl_glc "
	  "adl_grt glm " },
	{ "fills-from-other-cache",
	  " wsm_dp ivb_ep hsw_ep bdw_ep skx clx icx spr emr gnr amd64_fam17h_zen2 amd64_fam19h_zen3 amd64_fam19h_zen4 "
	  "amd64_fam1ah_zen5 arm_n1 arm_n2 arm_n3 arm_v1 arm_v2 arm_v3 arm_kunpeng arm_ac55 arm_ac76 " },
};

/* Every CPU model that libpfm4 knows, forced once: what it has, or a reason that is true. */
Test(counters, every_cpu_model_has_line_events_or_a_reason, .timeout = 120)
{
	struct models *models = models_of_libpfm4();

	cr_assert_not_null(models);
	cr_assert_gt(models->count, 5, "libpfm4 knows %u models", models->count);
	for (unsigned m = 0; m < models->count; m++)
		for (unsigned i = 0; i < LINE_NAMES; i++) {
			const struct model *model = &models->model[m];
			const struct sm_event *event = &model->event[i];
			char word[80];

			cr_expect(model_has_or_says(model, event), "%s on %s: %s, \"%s\"", resolved[i].name, model->pmu,
				  event->fstr, event->reason);
			snprintf(word, sizeof(word), " %s ", model->pmu);
			cr_expect(event->state == SM_COUNTED || !strstr(resolved[i].pmus, word), "%s on %s: \"%s\"",
				  resolved[i].name, model->pmu, event->reason);
		}
}

Test(counters, only_whole_names_have_a_meaning)
{
	cr_expect_null(sm_event_meaning("perf::PERF_COUNT_HW_CPU_CYCLES:u=1:k=1"));
	cr_expect_null(sm_event_meaning("skl::MEM_LOAD_L3_HIT_RETIRED:XSNP_HIT:e=0"));
	cr_expect_null(sm_event_meaning("skl::MEM_LOAD_L3_HIT_RETIRED:XSNP_HITM2:e=0"));
	cr_expect_not_null(sm_event_meaning("skl::MEM_LOAD_L3_HIT_RETIRED:XSNP_HITM"));
}

Test(counters, line_events_of_a_cpu_that_libpfm4_does_not_know)
{
	setenv("LIBPFM_FORCE_PMU", "perf", 1);
	put("/sys/bus/event_source/devices/cpu/type", "4");
	prepare("loads-from-other-core");
	cr_expect_eq(set.event[0].state, SM_NOT_SUPPORTED);
	cr_expect(strstr(set.event[0].reason, "a newer libpfm4 may"), "%s", set.event[0].reason);
	cr_expect_str_eq(set.event[0].fstr, "loads-from-other-core");
}

#if defined(__x86_64__)
/* What libpfm4 lacks would not be counted on bare metal either. */
Test(counters, line_events_that_libpfm4_lacks_are_called_so)
{
	setenv("LIBPFM_FORCE_PMU", "amd64_fam17h_zen1", 1);
	put("/proc/cpuinfo", "flags\t: hypervisor\n");
	prepare("loads-from-other-core");
	cr_expect_eq(set.event[0].state, SM_NOT_SUPPORTED);
	cr_expect_str_eq(set.event[0].reason, "libpfm4 has no event for loads that another core's cache answered "
					      "(HITM) on AMD64 Fam17h Zen1");
}

/* Both kinds of cores have it; the second one's bears the PMU's name, which can be asked for again. */
Test(counters, line_events_by_pmu)
{
	setenv("LIBPFM_FORCE_PMU", "skl", 1);
	prepare("stores-from-other-core@skl");
	cr_expect_str_eq(set.event[0].name, "stores-from-other-core@skl");
	cr_expect_eq(set.event[0].state, SM_COUNTED, "%s", set.event[0].reason);
	prepare("stores-from-other-core@icl");
	cr_expect_eq(set.event[0].state, SM_NOT_SUPPORTED);
	cr_expect_str_eq(set.event[0].reason, "libpfm4 sees no PMU \"icl\" here");
}

/* A scenario may name the event of one CPU, and is run on others, too. */
Test(counters, an_event_of_another_pmu_is_not_supported_here)
{
	prepare("no_such_cpu::UOPS");
	cr_expect_eq(set.event[0].state, SM_NOT_SUPPORTED);
	cr_expect_str_eq(set.event[0].name, "no_such_cpu::UOPS");
	cr_expect_str_eq(set.event[0].fstr, "no_such_cpu::UOPS");
	cr_expect_str_eq(set.event[0].reason, "libpfm4 sees no PMU \"no_such_cpu\" here");
	cr_expect_eq(sm_events_prepare(&set, &fake_os, "perf::NO_SUCH_EVENT", NULL), -EINVAL);
}

Test(counters, a_name_of_another_cpu_is_not_supported)
{
	setenv("LIBPFM_FORCE_PMU", "skl", 1);
	prepare("fills-from-own-complex");
	cr_expect_eq(set.event[0].state, SM_NOT_SUPPORTED);
	cr_expect_str_eq(set.event[0].fstr, "fills-from-own-complex");
}
#endif

Test(counters, unknown_names_are_refused)
{
	struct sm_error err = { 0 };

	cr_expect_eq(sm_events_prepare(&set, &fake_os, "minor-faults,no_such_event", &err), -EINVAL);
	cr_expect(strstr(err.text, "no_such_event"), "%s", err.text);
	cr_expect_eq(sm_events_prepare(&set, &fake_os, "minor-faults,,cycles", &err), -EINVAL);
}

/* Every reason is of this machine: the same errno has other causes elsewhere, and other remedies. */
static void expect_reason(const char *event, int error, enum sm_count_state state, const char *says)
{
	fake.software_error = fake.hardware_error = error;
	prepare(event);
	cr_expect_eq(set.event[0].state, state, "%s: %s", event, strerror(error));
	cr_expect(strstr(set.event[0].reason, says), "%s: \"%s\" is not about \"%s\"", strerror(error),
		  set.event[0].reason, says);
	cr_expect(!strstr(set.event[0].reason, "bare metal") || strstr(says, "bare metal"), "%s", set.event[0].reason);
}

Test(counters, denied_is_not_permitted_and_says_what_to_do)
{
	expect_reason("minor-faults", EACCES, SM_NOT_PERMITTED, "see kernel.perf_event_paranoid");
	put("/proc/sys/kernel/perf_event_paranoid", "2\n");
	expect_reason("minor-faults", EACCES, SM_NOT_PERMITTED, "set it to 1 or lower");
	put("/proc/sys/kernel/perf_event_paranoid", "-1\n");
	expect_reason("minor-faults", EACCES, SM_NOT_PERMITTED, "a security module");
	expect_reason("cycles", EPERM, SM_NOT_PERMITTED, "a seccomp filter, a security module or");
	put("/proc/self/status", "Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n");
	expect_reason("cycles", EPERM, SM_NOT_PERMITTED, "--cap-add PERFMON");
	put("/proc/self/status", "Name:\tx\nSeccomp:\t0\nSeccomp_filters:\t0\n");
	expect_reason("cycles", EPERM, SM_NOT_PERMITTED, "no seccomp filter is set");
}

Test(counters, bare_metal_is_for_virtual_machines)
{
	/* sysfs cannot be seen: nothing is said of PMUs */
	expect_reason("cycles", ENOENT, SM_NOT_SUPPORTED, "choose another");
	put("/sys/bus/event_source/devices/software/type", "1\n");
	expect_reason("cycles", ENOENT, SM_NOT_SUPPORTED, "no driver for this CPU's PMU");
	put("/proc/cpuinfo", "flags\t: fpu hypervisor sse\n");
	expect_reason("cycles", ENOENT, SM_NOT_SUPPORTED, "run on bare metal, or have the host");
	expect_reason("cycles", EOPNOTSUPP, SM_NOT_SUPPORTED, "run on bare metal");
	expect_reason("minor-faults", ENOENT, SM_NOT_SUPPORTED, "no such software event");
	/* a virtual machine with a PMU that lacks this event */
	put("/sys/bus/event_source/devices/armv8_pmuv3_0/type", "8\n");
	expect_reason("cycles", ENOENT, SM_NOT_SUPPORTED, "choose another");
}

Test(counters, what_never_ran_says_who_may_have_it)
{
	fake.enabled = 400;
	expect_reason("cycles", 0, SM_NOT_COUNTED, "or the firmware");
	put("/proc/cpuinfo", "flags\t: fpu hypervisor sse\n");
	expect_reason("cycles", 0, SM_NOT_COUNTED, "by the host of this virtual machine");
	put("/proc/sys/kernel/nmi_watchdog", "1\n");
	expect_reason("cycles", 0, SM_NOT_COUNTED, "nmi_watchdog=0");
	expect_reason("cycles", EBUSY, SM_NOT_COUNTED, "for itself alone");
}

#if defined(__x86_64__)
/* An event of the other kind of cores cannot run here, and may on its own. */
Test(counters, an_event_of_other_cores_is_not_taken_for_a_taken_pmu)
{
	fake.enabled = 400;
	put("/sys/bus/event_source/devices/cpu_atom/type", "4\n"); /* PERF_TYPE_RAW */
	put("/sys/bus/event_source/devices/cpu_atom/cpus", "1000-1003\n");
	setenv("LIBPFM_FORCE_PMU", "skl", 1);
	cr_expect_eq(prepare("loads-from-other-core")->state, SM_COUNTED);
	put("/sys/bus/event_source/devices/cpu_atom/cpus", "0-1023\n");
	cr_expect_eq(prepare("loads-from-other-core")->state, SM_NOT_COUNTED);
}
#endif

/* A machine with two kinds of cores: this process runs on one of `core` or `atom`, and stays. */
static void put_kinds(bool on_core)
{
	char here[16];
	int pu = sched_getcpu();
	cpu_set_t set_of_one;

	CPU_ZERO(&set_of_one);
	CPU_SET((size_t)pu, &set_of_one);
	cr_assert_eq(sched_setaffinity(0, sizeof(set_of_one), &set_of_one), 0);
	snprintf(here, sizeof(here), "%d\n", pu);
	put("/sys/bus/event_source/devices/cpu_core/type", "4\n");
	put("/sys/bus/event_source/devices/cpu_core/cpus", on_core ? here : "4000-4003\n");
	put("/sys/bus/event_source/devices/cpu_atom/type", "10\n");
	put("/sys/bus/event_source/devices/cpu_atom/cpus", on_core ? "4000-4003\n" : here);
	put("/sys/bus/event_source/devices/uncore_imc/type", "12\n");
	put("/sys/bus/event_source/devices/uncore_imc/cpumask", "0\n");
}

static const char *identity_of(const struct sm_count *count)
{
	static char text[2 * SM_EVENT_TEXT_MAX];

	sm_event_identity(&set, 0, count->pmus, text, sizeof(text));
	return sm_event_pmus(text);
}

/* The worker's kind decides, not that of the process that prepared the events. */
Test(counters, an_event_is_opened_on_the_pmu_of_the_workers_kind)
{
	struct sm_count count;
	struct sm_pmu core;

	put_kinds(true);
	prepare("cycles");
	cr_assert_eq(set.pmu_count, 2);
	cr_expect_str_eq(set.pmu[0].name, "cpu_atom");
	cr_expect_eq(set.event[0].pmus, 3);
	count = count_once();
	cr_expect_eq(count.state, SM_COUNTED);
	cr_expect_eq(fake.directed, 4);
	cr_expect_str_eq(identity_of(&count), "cpu_core");
	/* a worker on the other kind */
	core = set.pmu[1];
	memcpy(set.pmu[1].pu, set.pmu[0].pu, sizeof(core.pu));
	memcpy(set.pmu[0].pu, core.pu, sizeof(core.pu));
	count = count_once();
	cr_expect_eq(count.state, SM_COUNTED);
	cr_expect_eq(fake.directed, 10);
	cr_expect_str_eq(identity_of(&count), "cpu_atom");
	count.pmus = 3; /* a team on both */
	cr_expect_str_eq(identity_of(&count), "cpu_atom+cpu_core");
}

/* What one kind cannot count is not supported on it, and counted on the other. */
Test(counters, an_event_that_one_kind_lacks)
{
	put_kinds(true);
	fake.lacking = 10;
	cr_expect_eq(prepare("cycles")->state, SM_COUNTED);
	cr_expect_eq(count_once().state, SM_COUNTED);
	put_kinds(false);
	cr_expect_eq(prepare("cycles")->state, SM_COUNTED, "the other kind has it");
	cr_expect_eq(count_once().state, SM_NOT_SUPPORTED);
}

/* Software events and old kernels know no kinds; a machine with one PMU has none to tell. */
Test(counters, events_are_directed_only_where_there_are_kinds)
{
	struct sm_count count;

	put_kinds(true);
	fake.undirected = true;
	cr_expect_eq(prepare("cycles")->state, SM_COUNTED);
	count = count_once();
	cr_expect(count.state == SM_COUNTED && fake.directed == 0 && !*identity_of(&count), "%s", identity_of(&count));
	fake.undirected = false;
	prepare("minor-faults");
	count = count_once();
	cr_expect(count.state == SM_COUNTED && !*identity_of(&count), "%s", identity_of(&count));
	root_remove();
	root_make();
	fake_os.root = root;
	put("/sys/bus/event_source/devices/armv8_pmuv3_0/type", "8\n");
	put("/sys/bus/event_source/devices/armv8_pmuv3_0/cpus", "0-4000\n");
	prepare("cycles");
	count = count_once();
	cr_expect(count.state == SM_COUNTED && fake.directed == 0 && !*identity_of(&count), "%s", identity_of(&count));
}

Test(counters, no_pmu_is_not_supported_never_0)
{
	struct sm_count count;

	fake.hardware_error = ENOENT;
	cr_expect_eq(prepare("cycles")->state, SM_NOT_SUPPORTED);
	count = count_once();
	cr_expect_eq(count.state, SM_NOT_SUPPORTED);
}

/* Each reason stands beside the events that it is of. */
Test(counters, the_note_tells_each_reason_once)
{
	char note[SM_ERROR_TEXT_MAX];

	fake.hardware_error = ENOENT;
	prepare("minor-faults,cycles,loads-from-other-core@none,instructions");
	sm_events_note(&set, note);
	cr_expect_str_eq(note,
			 "Not counted: cycles, instructions (the kernel does not count this event on this CPU: choose "
			 "another with --events); loads-from-other-core@none (libpfm4 sees no PMU \"none\" here).");
	fake.hardware_error = 0;
	prepare("minor-faults");
	sm_events_note(&set, note);
	cr_expect_str_eq(note, "");
}

Test(counters, every_errno_has_its_state)
{
	static const struct {
		int error;
		enum sm_count_state state;
	} map[] = { { ENODEV, SM_NOT_SUPPORTED }, { EOPNOTSUPP, SM_NOT_SUPPORTED }, { EINVAL, SM_NOT_SUPPORTED },
		    { ENXIO, SM_NOT_SUPPORTED },  { EMFILE, SM_NOT_COUNTED },       { ENFILE, SM_NOT_COUNTED },
		    { EBUSY, SM_NOT_COUNTED },    { E2BIG, SM_NOT_SUPPORTED },      { ENOSYS, SM_NOT_SUPPORTED },
		    { EDOM, SM_NOT_SUPPORTED } };

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
		fake.hardware_error = map[i].error;
		cr_expect_eq(prepare("cycles")->state, map[i].state, "errno %d", map[i].error);
		cr_expect_gt(strlen(set.event[0].reason), 20);
	}
}

Test(counters, multiplexed_is_scaled_and_marked)
{
	struct sm_count count;

	fake.enabled = 400;
	fake.running = 100;
	prepare("cycles");
	count = count_once();
	cr_expect_eq(count.state, SM_SCALED);
	cr_expect_eq(count.raw, 1000);
	cr_expect_float_eq(count.value, 4000, 1e-9);
}

Test(counters, never_scheduled_is_not_counted)
{
	fake.enabled = 400;
	fake.running = 0;
	cr_expect_eq(prepare("cycles")->state, SM_NOT_COUNTED);
	cr_expect_eq(count_once().state, SM_NOT_COUNTED);
}

Test(counters, the_scope_falls_back_to_user)
{
	fake.kernel_scope_error = EACCES;
	cr_expect_eq(prepare("minor-faults")->state, SM_COUNTED);
	cr_expect_eq(set.event[0].scope, SM_SCOPE_USER);
	/* switches happen in the kernel: with user scope they would read 0 */
	cr_expect_eq(prepare("context-switches")->state, SM_NOT_PERMITTED);
}

Test(counters, software_events_are_one_group)
{
	prepare("cycles,minor-faults,instructions,major-faults,cpu-migrations");
	fake.enabled_groups = 0;
	count_once();
	cr_expect_eq(fake.enabled_groups, 3, "one for software, one for each hardware event, not %d",
		     fake.enabled_groups);
	/* leaders alone are switched: with the flag the kernel would visit every member */
	cr_expect_eq(fake.group_flags, 0);
	/* each gets its own count */
	cr_expect_eq(counts[0].raw, 1000);
	cr_expect_eq(counts[1].raw, 1000);
	cr_expect_eq(counts[2].raw, 1000);
	cr_expect_eq(counts[3].raw, 1001);
	cr_expect_eq(counts[4].raw, 1002);
	cr_expect_eq(counts[4].state, SM_COUNTED);
}

/* A member that was off while its leader was on is scaled, whatever the leader says. */
Test(counters, a_member_that_was_off_is_scaled)
{
	fake.members_off = 60;
	prepare("minor-faults,major-faults");
	count_once();
	cr_expect_eq(counts[0].state, SM_COUNTED);
	cr_expect_eq(counts[1].state, SM_SCALED);
	cr_expect_float_eq(counts[1].value, 1001 * 100 / 40.0, 1e-9);
}

/* In a group of the other software events a clock stays off for most of the time. */
Test(counters, clocks_are_alone)
{
	prepare("minor-faults,task-clock,major-faults,perf::PERF_COUNT_SW_CPU_CLOCK");
	fake.enabled_groups = 0;
	count_once();
	cr_expect_eq(fake.enabled_groups, 3, "%d", fake.enabled_groups);
	cr_expect_eq(counts[2].raw, 1001);
	cr_expect_eq(counts[1].raw, 1000);
}

/* For real: no software event is off while it is to count, however often it is switched. */
Test(counters, software_events_are_never_scaled, .timeout = 30)
{
	struct sm_counters counters;
	struct sm_error err = { 0 };

	cr_assert_eq(sm_events_prepare(&set, &sm_os_linux,
				       "minor-faults,major-faults,context-switches,cpu-migrations,"
				       "task-clock,perf::PERF_COUNT_SW_CPU_CLOCK",
				       &err),
		     0);
	if (!sm_event_available(&set.event[0]))
		cr_skip("%s", set.event[0].reason);
	sm_counters_open(&counters, &set, &sm_os_linux);
	for (unsigned i = 0; i < 100; i++) {
		uint64_t until = sm_clock_ns() + 1000000;

		sm_counters_enable(&counters);
		while (sm_clock_ns() < until)
			;
		sm_counters_disable(&counters);
		if (i % 10 == 0)
			usleep(500); /* what a context switch took off the PMU has to come back */
	}
	sm_counters_read(&counters, counts);
	sm_counters_close(&counters);
	for (unsigned i = 0; i < set.count; i++)
		cr_expect(counts[i].state == SM_COUNTED || !sm_event_available(&set.event[i]),
			  "%s is %s: on for %lu of %lu ns", set.event[i].name, sm_count_state_name(counts[i].state),
			  counts[i].running_ns, counts[i].enabled_ns);
}

/* For real: writing N fresh pages takes N minor faults, neither more nor less. */
Test(counters, faults_are_exact)
{
	enum { PAGES = 777 };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct sm_counters counters;
	struct sm_error err = { 0 };
	volatile char *memory = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(memory, MAP_FAILED);
#ifdef __SANITIZE_ADDRESS__
	cr_skip("AddressSanitizer's shadow memory takes faults of its own");
#endif
	madvise((void *)(uintptr_t)memory, PAGES * page, MADV_NOHUGEPAGE);
	cr_assert_eq(sm_events_prepare(&set, &sm_os_linux, "major-faults,minor-faults,cycles", &err), 0);
	if (set.event[0].state != SM_COUNTED)
		cr_skip("%s", set.event[0].reason);
	sm_counters_open(&counters, &set, &sm_os_linux);
	sm_counters_disable(&counters);
	sm_counters_enable(&counters);
	for (size_t i = 0; i < PAGES; i++)
		memory[i * page] = 1;
	sm_counters_disable(&counters);
	sm_counters_read(&counters, counts);
	sm_counters_close(&counters);
	cr_expect_eq(counts[1].raw, PAGES, "%lu", counts[1].raw);
	cr_expect(set.event[2].state == SM_COUNTED || strlen(set.event[2].reason) > 20);
}
