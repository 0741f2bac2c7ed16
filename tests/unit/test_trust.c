/* Limits of a container in what people read: throttling spoils trust as steal does, and a run that could not be made says so
 * first. */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "fake_root.h"
#include "made_up_run.h"
#include "shmeter/cgroup.h"
#include "shmeter/environment.h"
#include "shmeter/refusal.h"
#include "shmeter/report.h"

static char *printed(void)
{
	const struct sm_report_options options = { .width = 400 };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	sm_report_head(&run, &options, out);
	sm_report_findings(&run, &options, out);
	fclose(out);
	return text;
}

static void throttle(double share)
{
	for (size_t s = 0; s < run.sample_count; s++)
		run.samples[s].throttled_ns = (double)run.samples[s].wall_ns * 2 * share;
}

Test(analysis, throttling_takes_the_verdict_away)
{
	char *text;

	add_pack_point("op=add processes=2", 16, 2, 2, 8);
	throttle(0.04);
	analyse();
	cr_expect_eq(claim_of("C1")->verdict, SM_SUPPORTED, "%s", claim_of("C1")->reason);
	throttle(0.24);
	json_object_set_new(json_object_get(run.manifest, "environment"), "limits", json_pack("{s:f}", "cpu_pus", 0.5));
	json_object_set_new(run.manifest, "noise", json_pack("{s:f}", "throttled_times", 120.0));
	analyse();
	cr_expect_eq(claim_of("C1")->verdict, SM_INCONCLUSIVE);
	expect_text(claim_of("C1")->reason, "a CPU limit kept these trials off the PUs for 24.0 % of the PU time");
	text = printed();
	expect_text(text,
		    "Throttled: a CPU limit of 0.5 PUs kept the processes off the PUs for 24.00 % of the machine's "
		    "time, in 120 periods.");
	free(text);
}

/* Without a limit nothing is said of it. */
Test(analysis, where_nobody_throttles_nothing_is_said)
{
	char *text;

	add_pack_point("op=add processes=2", 16, 2, 2, 8);
	analyse();
	text = printed();
	cr_expect_null(strstr(text, "hrottl"));
	cr_expect_null(strstr(text, "could not be made"));
	free(text);
	throttle(0);
	json_object_set_new(json_object_get(run.manifest, "environment"), "limits", json_pack("{s:f}", "cpu_pus", 1.5));
	analyse();
	text = printed();
	expect_text(text, "a CPU limit of 1.5 PUs kept the processes off the PUs for 0.00 %");
	free(text);
}

/* What the numbers of a run say by chance, and what its control could miss. */
Test(analysis, chance_is_told)
{
	char *text;

	add_control_of(1.0, 16, 8);
	for (unsigned i = 0; i < 24; i++)
		add_pack_point(sm_results_string(&run, "op=store size=%u", i + 1), i % 3 ? 2 : 3, 2, 2, 16);
	analyse();
	text = printed();
	/* 48 intervals of 16 blocks: each misses in 2.1 % */
	expect_text(text, "Chance: of 48 intervals at 95 %, about 1 would exclude 1 by chance if nothing differed; ");
	expect_text(text, ": it did not move. A drift of under 0.");
	expect_text(text, " % could go unnoticed.");
	free(text);
}

/* The plan's entry of a case with a tour; a ratio of 0 is one that could not be checked. */
static json_t *tour(const char *id, bool together, double ratio, double low, double high, double visits)
{
	json_t *one = json_pack("{s:b, s:i, s:f}", "together", together, "widest", 12, "visits", visits);

	if (ratio > 0)
		json_object_set_new(
			one, "company",
			json_pack("{s:f, s:f, s:f, s:f}", "ratio", ratio, "low", low, "high", high, "share", 0.05));
	return json_pack("{s:s, s:o}", "id", id, "tour", one);
}

/* How pairs of PUs were visited is said in words, with what the check of company found. */
Test(analysis, what_company_changes_is_told)
{
	json_t *cases = json_array();
	char *text;

	add_pack_point("op=add processes=2", 16, 2, 2, 8);
	json_array_append_new(cases, tour("c/v?-@smt+memfd", false, 1.32, 1.2, 1.4, 8));
	json_array_append_new(cases, tour("c/v?-@shared-l3+memfd", true, 1.01, 0.99, 1.02, 3));
	json_array_append_new(cases, tour("c/v?-@cross-node+memfd", false, 0, 0, 0, 0.25));
	json_object_set_new(run.manifest, "plan", json_pack("{s:o}", "cases", cases));
	analyse();
	text = printed();
	for (char *end = text; (end = strstr(end, "\n    ")); end++) /* as one line */
		memmove(end + 1, end + 5, strlen(end + 4));
	for (char *end = text; (end = strchr(end, '\n')); end++)
		*end = ' ';
	expect_text(text, "Pairs of PUs were visited in 1 of 3 cases up to 12 pairs at a time, which changes their "
			  "times by 2.0 % at most; in 1 of 3 cases one pair at a time, because company may change "
			  "their times by 5 % or more (c/v?-@smt: 1.32 times, 95 % interval 1.2 to 1.4); in 1 of 3 "
			  "cases one pair at a time, because no two have caches of their own; there was time for 25 % "
			  "of the pairs.");
	free(text);
}

static void lose(size_t first, enum sm_status status, const char *pus)
{
	for (size_t s = first; s < run.sample_count; s++) {
		run.samples[s].ended = status;
		run.samples[s].pus = pus;
		run.samples[s].reason = "cannot bind to PU 1: Operation not permitted";
	}
	sm_results_name(&run);
}

Test(analysis, a_run_that_could_not_be_made_says_so_first)
{
	char lost[SM_LOST_TEXT_MAX], *text;
	static const char first[] = "Most trials of this run could not be made: ";

	add_pack_point("op=add processes=2", 16, 2, 2, 8);
	lose(run.sample_count / 2, SM_DISTURBED, "0 1");
	analyse();
	cr_expect_not(sm_report_lost(&run, lost), "%s", lost);
	lose(run.sample_count / 2 - 1, SM_DISTURBED, "0 1");
	analyse();
	cr_expect(sm_report_lost(&run, lost));
	expect_text(lost, "The reason: cannot bind to PU 1: Operation not permitted");
	text = printed();
	cr_expect_eq(strncmp(text, first, strlen(first)), 0, "%.80s", text);
	free(text);
	/* cases that were left out before they began are told elsewhere */
	lose(run.sample_count / 2 - 1, SM_SKIPPED, "-");
	cr_expect_not(sm_report_lost(&run, lost), "%s", lost);
	lose(run.sample_count / 2 - 1, SM_SKIPPED, "0 1");
	cr_expect(sm_report_lost(&run, lost));
}

/* A slice of a second among others of a millisecond: a frozen container shows in no probe, and it is left out and told. */
Test(analysis, a_slice_in_which_nobody_ran_is_never_pure)
{
	char *text;

	add_pack_point("op=add processes=2", 16, 2, 2, 8);
	run.slices[3].ns = 1000 * run.slices[4].ns;
	if (run.slices[3].ns < 1000000000)
		run.slices[3].ns = 1000000000;
	run.slices[3].cpu_tenths = 19;
	analyse();
	cr_expect_eq(run.slices[3].purity, SM_PURE, "the work was slow: both workers had their PUs");
	run.slices[3].cpu_tenths = 10;
	analyse();
	cr_expect_eq(run.slices[3].purity, SM_STOOD, "%s", sm_purity_name(run.slices[3].purity));
	cr_expect_eq(run.slices[4].purity, SM_PURE);
	cr_expect_eq(claim_of("C1")->verdict, SM_SUPPORTED, "%s", claim_of("C1")->reason);
	text = printed();
	expect_text(text, "Time passed and nobody ran: 1 slice; left out.");
	free(text);
	lose(run.sample_count - 2, SM_DISTURBED, "0 1");
	for (size_t s = run.sample_count - 2; s < run.sample_count; s++)
		run.samples[s].reason = SM_STOOD_STILL "the machine was suspended for 3 s";
	analyse();
	text = printed();
	expect_text(text, "nobody ran: 2 trials (the machine was suspended for 3 s) and 1 slice; left out.");
	free(text);
}

/* Two marks a second apart by both clocks, unless said otherwise. */
static bool disagree(double raw_s, double steady_s, double boot_s, const char *words)
{
	struct sm_noise_mark before = { .taken_ns = 5000000000, .monotonic_ns = 5000000000, .boot_ns = 9000000000 };
	struct sm_noise_mark after = before;
	char how[256] = "";
	bool found;

	after.taken_ns += (uint64_t)(int64_t)(raw_s * 1e9);
	after.monotonic_ns += (uint64_t)(steady_s * 1e9);
	after.boot_ns += (uint64_t)(boot_s * 1e9);
	found = sm_clocks_disagree(&before, &after, how, sizeof(how));
	expect_text(how, words);
	return found;
}

Test(analysis, clocks_that_disagree_are_told)
{
	cr_expect_not(disagree(1, 1, 1, ""));
	cr_expect_not(disagree(1.1, 1, 1.005, ""), "slewed by a tenth, and read one after the other");
	cr_expect(disagree(1, 1, 4, "the machine was suspended for 3.00 s"));
	cr_expect(disagree(1.5, 1, 1, "the clock jumped"));
	cr_expect(disagree(0.5, 1, 1, "the clock jumped"));
	cr_expect(disagree(-1, 1, 1, "the clock jumped"));
}

/* Every error of a call has its own remedy, or none. */
Test(refusals, a_remedy_fits_its_error)
{
	static const struct {
		const char *call;
		int error;
		const char *words;
	} due[] = {
		{ "sched_setaffinity", EINVAL, "cpuset" },    { "sched_setaffinity", EPERM, "filter" },
		{ "mbind", EPERM, "--cap-add SYS_NICE" },     { "mbind", ENOSYS, "--cap-add SYS_NICE" },
		{ "mbind", EINVAL, "cpuset.mems" },           { "process_vm_readv", EPERM, "--cap-add SYS_PTRACE" },
		{ "pidfd_open", EPERM, "seccomp" },           { "pidfd_open", EMFILE, "ulimit -n" },
		{ "fork", EAGAIN, "--pids-limit" },           { "fork", ENOMEM, "memory.max" },
		{ "MADV_COLLAPSE", ENOMEM, "fragmented" },    { "MADV_COLLAPSE", EINVAL, "disabled for this process" },
		{ "MADV_POPULATE_WRITE", EFAULT, "hugetlb" }, { "mlock", EAGAIN, "memory.max" }
	};

	for (size_t i = 0; i < sizeof(due) / sizeof(due[0]); i++)
		cr_expect(strstr(sm_refusal(due[i].call, due[i].error), due[i].words), "%s: %s", due[i].call,
			  sm_refusal(due[i].call, due[i].error));
	cr_expect_null(strstr(sm_refusal("MADV_COLLAPSE", EBUSY), "fragmented"));
	cr_expect_str_eq(sm_refusal("mbind", EXDEV), "", "a cause that is not known is not told");
}

static struct sm_os os;
static struct sm_topology *topology;

static void fake_setup(void)
{
	root_make();
	os = sm_os_linux;
	os.root = root;
	cr_assert_eq(sm_topology_open(&topology, NULL, NULL), 0);
}

static void fake_teardown(void)
{
	sm_topology_close(topology);
	root_remove();
}

TestSuite(doctor, .init = fake_setup, .fini = fake_teardown, .timeout = 60);

/* All that doctor says, a line each: "topic: finding -> remedy". */
static char *checkup(void)
{
	static struct sm_event_set events;
	struct sm_checkup checkups[64];
	char *text = NULL;
	size_t size;
	unsigned count = sm_environment_checkup(&os, topology, &events, checkups, 64);
	FILE *out = open_memstream(&text, &size);

	for (unsigned i = 0; i < count; i++)
		fprintf(out, "%s: %s -> %s\n", checkups[i].topic, checkups[i].finding, checkups[i].remedy);
	fclose(out);
	return text;
}

Test(doctor, limits_of_the_group_are_named_with_their_remedies)
{
	char *text;

	put("/sys/kernel/mm/x", "");
	put("/proc/self/cgroup", "0::/box\n");
	put("/sys/fs/cgroup/box/cpu.max", "50000 100000\n");
	put("/sys/fs/cgroup/box/memory.max", "536870912\n");
	put("/sys/fs/cgroup/box/memory.current", "268435456\n");
	put("/sys/fs/cgroup/box/pids.max", "40\n");
	put("/sys/fs/cgroup/box/pids.current", "10\n");
	put("/sys/fs/cgroup/box/hugetlb.2MB.max", "8388608\n");
	text = checkup();
	expect_text(text, "its CPU limit is 0.5 PUs of ");
	expect_text(text, "--cpus");
	expect_text(text, "its memory limit is 512 MiB, of which 256 MiB are left");
	expect_text(text, "it may have 40 processes, 30 more than now -> raise its pids.max");
	expect_text(text, "its limit on 2 MiB pages is 8 MiB");
	free(text);
}

/* "None" is said where the kernel was asked, "unknown" where it could not be. */
Test(doctor, what_cannot_be_read_is_unknown)
{
	struct sm_memory memory = { SM_MEMFD, { SM_PAGES_HUGETLB, 2u << 20 }, SM_MADVISE, SM_FIRST_TOUCH, 0 };
	struct sm_error err = { 0 };
	char *text = checkup();

	expect_text(text, "whether there are 2 MiB pages is unknown: /sys cannot be read");
	cr_expect_null(strstr(text, "has no 2 MiB pages"));
	cr_expect_null(strstr(text, "kernel has no transparent"));
	expect_text(text, "binding: a process can be bound to a PU");
	free(text);
	cr_expect_eq(sm_region_supported(&os, topology, memory, 4096, "/tmp", &err), -ENODEV);
	expect_text(err.text, "is not known: /sys/kernel/mm cannot be read");
	put("/sys/kernel/mm/x", "");
	text = checkup();
	expect_text(text, "has no 2 MiB pages");
	free(text);
	cr_expect_eq(sm_region_supported(&os, topology, memory, 4096, "/tmp", &err), -ENODEV);
	expect_text(err.text, "this machine has no 2m pages");
}

/* A group's own limit and each above it; both versions. */
Test(doctor, throttling_is_added_up_over_the_groups)
{
	cr_expect(isnan(sm_cgroup_throttled_ns(&os)));
	put("/proc/self/cgroup", "0::/a/b\n");
	put("/sys/fs/cgroup/a/b/cpu.stat", "usage_usec 9\nnr_throttled 3\nthrottled_usec 40\n");
	put("/sys/fs/cgroup/a/cpu.stat", "usage_usec 9\nnr_throttled 2\nthrottled_usec 2\n");
	cr_expect_eq(sm_cgroup_throttled_ns(&os), 42000, "%g", sm_cgroup_throttled_ns(&os));
	cr_expect_eq(sm_cgroup_throttled_times(&os), 5);
	put("/proc/self/cgroup", "4:cpu,cpuacct:/a\n0::/\n");
	put("/sys/fs/cgroup/cpu/a/cpu.stat", "nr_periods 9\nnr_throttled 7\nthrottled_time 1234\n");
	cr_expect_eq(sm_cgroup_throttled_ns(&os), 1234);
	cr_expect_eq(sm_cgroup_throttled_times(&os), 7);
}

Test(doctor, kills_for_memory_are_of_the_group_or_of_the_machine)
{
	cr_expect(isnan(sm_memory_kills(&os)));
	put("/proc/vmstat", "nr_free_pages 5\noom_kill 2\n");
	cr_expect_eq(sm_memory_kills(&os), 2);
	put("/proc/self/cgroup", "0::/a\n");
	cr_expect_eq(sm_memory_kills(&os), 2);
	put("/sys/fs/cgroup/a/memory.events", "low 0\noom 4\noom_kill 5\noom_group_kill 1\n");
	cr_expect_eq(sm_memory_kills(&os), 5);
	put("/proc/self/cgroup", "4:memory:/m\n0::/a\n");
	put("/sys/fs/cgroup/memory/m/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 6\n");
	cr_expect_eq(sm_memory_kills(&os), 6);
}
