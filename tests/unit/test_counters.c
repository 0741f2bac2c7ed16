/* Counters at the seam: permission denied, no PMU, multiplexed, never scheduled. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shmeter/counters.h"

/* A kernel that a test tells what to do. */
static struct {
	int software_error, hardware_error, kernel_scope_error;
	uint64_t value, enabled, running;
	int opened, enabled_groups;
} fake;

static int fake_open(struct perf_event_attr *attr, pid_t pid, int pu, int group,
		     unsigned long flags)
{
	(void)pid;
	(void)pu;
	(void)group;
	(void)flags;
	errno = attr->type == PERF_TYPE_SOFTWARE ? fake.software_error : fake.hardware_error;
	if (!errno && !attr->exclude_kernel)
		errno = fake.kernel_scope_error;
	if (errno)
		return -1;
	fake.opened++;
	return dup(0);
}

static int fake_ioctl(int fd, unsigned long request, unsigned long argument)
{
	(void)fd;
	(void)argument;
	fake.enabled_groups += request == PERF_EVENT_IOC_ENABLE;
	return 0;
}

static ssize_t fake_read(int fd, void *buffer, size_t size)
{
	uint64_t values[3] = { fake.value, fake.enabled, fake.running };

	(void)fd;
	memcpy(buffer, values, sizeof(values));
	return size >= sizeof(values) ? (ssize_t)sizeof(values) : -1;
}

static const struct sm_os fake_os = { "", fake_open, fake_ioctl, fake_read };
static struct sm_event_set set;

static const struct sm_event *prepare(const char *events)
{
	struct sm_error err = { 0 };

	fake.value = 1000;
	if (!fake.enabled)
		fake.enabled = fake.running = 100;
	cr_assert_eq(sm_events_prepare(&set, &fake_os, events, &err), 0, "%s", err.text);
	return &set.event[0];
}

static struct sm_count count_once(void)
{
	struct sm_counters counters;
	struct sm_count counts[SM_EVENTS_MAX] = { { 0 } };

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
	cr_expect_eq(set.count, 12);
	for (unsigned i = 0; i < set.count; i++)
		cr_expect(strstr(set.event[i].fstr, "PERF_COUNT_"), "%s is %s", set.event[i].name,
			  set.event[i].fstr);
	cr_expect(set.event[0].software && !set.event[5].software);
}

/* What a line's travel is counted by differs between CPUs; libpfm4 is told, once a process, which one it
 * sees. */
#define LINE_EVENT(test, cpu, name_asked, name_got, want, meaning)                                 \
	Test(counters, test)                                                                       \
	{                                                                                          \
		setenv("LIBPFM_FORCE_PMU", cpu, 1);                                                \
		prepare(name_asked);                                                               \
		cr_expect(strstr(set.event[0].fstr, want), "%s", set.event[0].fstr);               \
		cr_expect_eq(set.event[0].state, SM_COUNTED, "%s", set.event[0].reason);           \
		cr_expect_str_eq(set.event[0].name, name_got);                                     \
		cr_assert_not_null(sm_event_meaning(set.event[0].fstr));                           \
		cr_expect(strstr(sm_event_meaning(set.event[0].fstr), meaning), "%s",              \
			  sm_event_meaning(set.event[0].fstr));                                    \
	}

LINE_EVENT(loads_from_other_cores_on_skylake, "skl", "loads-from-other-core",
	   "loads-from-other-core", "skl::MEM_LOAD_L3_HIT_RETIRED:XSNP_HITM",
	   "had modified the line")
LINE_EVENT(loads_from_other_cores_on_sapphire_rapids, "spr", "loads-from-other-core",
	   "loads-from-other-core", "spr::MEM_LOAD_L3_HIT_RETIRED:XSNP_FWD", "or had it alone")
/* AMD counts hits in the L3 as well: that is not what was asked for, and says so. */
LINE_EVENT(loads_from_other_cores_on_zen_2, "amd64_fam17h_zen2", "loads-from-other-core",
	   "fills-from-own-die", ":LS_MABRESP_LCL_CACHE", "or from another complex")
LINE_EVENT(loads_from_other_cores_on_zen_3, "amd64_fam19h_zen3", "loads-from-other-core",
	   "fills-from-own-complex", ":INT_CACHE", "or, indistinguishably, from the L3")
LINE_EVENT(loads_from_other_cores_on_zen_4, "amd64_fam19h_zen4", "loads-from-other-core",
	   "fills-from-own-complex", ":LOCAL_CCX", "or, indistinguishably, from the L3")
/* What a resumed run asks for: the names that it got. */
LINE_EVENT(a_name_that_was_got_can_be_asked_for, "amd64_fam19h_zen4", "fills-from-own-complex",
	   "fills-from-own-complex", ":LOCAL_CCX", "or, indistinguishably, from the L3")
LINE_EVENT(fills_from_other_caches_on_ice_lake, "icx", "fills-from-other-cache",
	   "fills-from-other-cache", ":REMOTE_HITM", "another socket")
LINE_EVENT(fills_from_other_caches_on_zen_3, "amd64_fam19h_zen3", "fills-from-other-cache",
	   "fills-from-other-cache", ":EXT_CACHE_RMT", "another core complex")

Test(counters, only_whole_names_have_a_meaning)
{
	cr_expect_null(sm_event_meaning("perf::PERF_COUNT_HW_CPU_CYCLES:u=1:k=1"));
	cr_expect_null(sm_event_meaning("skl::MEM_LOAD_L3_HIT_RETIRED:XSNP_HIT:e=0"));
	cr_expect_null(sm_event_meaning("skl::MEM_LOAD_L3_HIT_RETIRED:XSNP_HITM2:e=0"));
	cr_expect_not_null(sm_event_meaning("skl::MEM_LOAD_L3_HIT_RETIRED:XSNP_HITM"));
}

Test(counters, line_events_that_the_cpu_lacks_are_not_supported)
{
	setenv("LIBPFM_FORCE_PMU", "perf", 1);
	prepare("loads-from-other-core");
	cr_expect_eq(set.event[0].state, SM_NOT_SUPPORTED);
	cr_expect(strstr(set.event[0].reason, "vPMU"), "%s", set.event[0].reason);
	cr_expect_str_eq(set.event[0].fstr, "loads-from-other-core");
}

Test(counters, a_name_of_another_cpu_is_not_supported)
{
	setenv("LIBPFM_FORCE_PMU", "skl", 1);
	prepare("fills-from-own-complex");
	cr_expect_eq(set.event[0].state, SM_NOT_SUPPORTED);
	cr_expect_str_eq(set.event[0].fstr, "fills-from-own-complex");
}

Test(counters, unknown_names_are_refused)
{
	struct sm_error err = { 0 };

	cr_expect_eq(sm_events_prepare(&set, &fake_os, "minor-faults,no_such_event", &err),
		     -EINVAL);
	cr_expect(strstr(err.text, "no_such_event"), "%s", err.text);
	cr_expect_eq(sm_events_prepare(&set, &fake_os, "minor-faults,,cycles", &err), -EINVAL);
}

Test(counters, denied_is_not_permitted_and_says_what_to_do)
{
	fake.software_error = fake.hardware_error = EACCES;
	cr_expect_eq(prepare("minor-faults")->state, SM_NOT_PERMITTED);
	cr_expect(strstr(set.event[0].reason, "perf_event_paranoid"), "%s", set.event[0].reason);
	fake.software_error = fake.hardware_error = EPERM;
	cr_expect_eq(prepare("cycles")->state, SM_NOT_PERMITTED);
	cr_expect(strstr(set.event[0].reason, "seccomp"), "%s", set.event[0].reason);
}

Test(counters, no_pmu_is_not_supported_never_0)
{
	struct sm_count count;
	char note[SM_ERROR_TEXT_MAX];

	fake.hardware_error = ENOENT;
	cr_expect_eq(prepare("cycles")->state, SM_NOT_SUPPORTED);
	cr_expect(strstr(set.event[0].reason, "vPMU"), "%s", set.event[0].reason);
	count = count_once();
	cr_expect_eq(count.state, SM_NOT_SUPPORTED);
	sm_events_note(&set, note);
	cr_expect(strstr(note, "cycles"), "%s", note);
}

Test(counters, every_errno_has_its_state)
{
	static const struct {
		int error;
		enum sm_count_state state;
	} map[] = { { ENODEV, SM_NOT_SUPPORTED }, { EOPNOTSUPP, SM_NOT_SUPPORTED },
		    { EINVAL, SM_NOT_SUPPORTED }, { ENXIO, SM_NOT_SUPPORTED },
		    { EMFILE, SM_NOT_COUNTED },   { E2BIG, SM_NOT_SUPPORTED } };

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
	prepare("minor-faults,major-faults,task-clock,cycles,instructions");
	fake.enabled_groups = 0;
	count_once();
	cr_expect_eq(fake.enabled_groups, 3,
		     "one for software, one for each hardware event, not %d", fake.enabled_groups);
}

/* For real: writing N fresh pages takes N minor faults, neither more nor less. */
Test(counters, faults_are_exact)
{
	enum { PAGES = 777 };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct sm_count counts[SM_EVENTS_MAX] = { { 0 } };
	struct sm_counters counters;
	struct sm_error err = { 0 };
	volatile char *memory =
		mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(memory, MAP_FAILED);
#ifdef __SANITIZE_ADDRESS__
	cr_skip("AddressSanitizer's shadow memory takes faults of its own");
#endif
	madvise((void *)(uintptr_t)memory, PAGES * page, MADV_NOHUGEPAGE);
	cr_assert_eq(sm_events_prepare(&set, &sm_os_linux, "minor-faults,cycles", &err), 0);
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
	cr_expect_eq(counts[0].raw, PAGES, "%lu", counts[0].raw);
	cr_expect(set.event[1].state == SM_COUNTED || strlen(set.event[1].reason) > 20);
}
