/* Prints the plan of a run without running it.  Only the rounds of tours are measured, where the machine is here. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"
#include "shmeter/clock.h"
#include "shmeter/memory.h"
#include "shmeter/team.h"
#include "shmeter/text.h"

/* Assumed times of a case that is not calibrated. */
#define GUESS_WARM_NS 40000000u
#define GUESS_COLD_NS 80000000u
/* Workers whose start these times cover. */
#define GUESS_WORKERS 2
/* Assumed duration of a round where none can be measured, and what each further pair of a round adds: its wake-up. */
#define GUESS_ROUND_NS 1000000u
#define GUESS_PAIR_NS  10000u
#define ATTEMPTS       3
/* Processes of the team that shows what a process costs. */
#define TEAM_SIZE 32u
#define TEAM_NS   10000000000u

/* Column of wrapped lines: after "tour  " and "skip  ". */
#define BESIDE 6

/* What this machine showed about tours. */
struct round_time {
	bool measured;
	uint64_t alone_ns;   /* a round with one pair */
	uint64_t process_ns; /* start and end of a process */
};

static int do_nothing(void *argument, unsigned index)
{
	(void)argument;
	(void)index;
	return 0;
}

static uint64_t time_process(void)
{
	uint64_t start_ns = sm_clock_ns();
	struct sm_team team;
	unsigned first;

	if (sm_team_start(&team, TEAM_SIZE, "nothing", do_nothing, NULL, NULL, NULL) < 0)
		return 0;
	(void)sm_team_wait(&team, start_ns + TEAM_NS, NULL, &first);
	sm_team_free(&team);
	return (sm_clock_ns() - start_ns) / TEAM_SIZE;
}

/* The topology of this machine, even where the environment names another one. */
static int open_here(struct sm_topology **out)
{
	static const char *const names[] = { "HWLOC_XMLFILE", "HWLOC_SYNTHETIC", "HWLOC_FSROOT", "HWLOC_CPUID_PATH" };
	char *kept[sizeof(names) / sizeof(names[0])];
	int rc;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		kept[i] = value ? strdup(value) : NULL;
		unsetenv(names[i]);
	}
	rc = sm_topology_open(out, NULL, NULL);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (kept[i])
			(void)setenv(names[i], kept[i], true);
		free(kept[i]);
	}
	return rc;
}

/* Measures a round of a case on the first two PUs of this machine, whatever topology the plan is for.  The shortest of
 * some attempts counts: the machine of the plan need not be as busy as this one. */
static void time_round_on(struct session *here, const struct sm_planned_case *planned, struct round_time *out)
{
	struct sm_planned_case one = *planned;
	unsigned count;
	const struct sm_pu *pu = sm_topology_pus(here->topology, &count);

	if (count < 2)
		return;
	unsigned from = pu[0].os_index, to = pu[1].os_index;
	struct sm_pair_sets sets = { .from = &from, .to = &to, .from_count = 1, .to_count = 1 };

	one.c.pairs = &sets;
	one.c.placement = sm_topology_relation(here->topology, from, to);
	for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
		if (session_calibrate_case(here, &one, NULL) < 0 || one.tour.trips == 0)
			return;
		if (!out->measured || one.tour.round_ns < out->alone_ns)
			out->alone_ns = one.tour.round_ns;
		out->measured = true;
	}
}

static void time_round(const struct session *session, const struct sm_planned_case *planned, struct round_time *time)
{
	struct session here = { .options = session->options,
				.plan_options = { .profile = SM_QUICK, .seed = session->plan.seed },
				.plan = { .profile = SM_QUICK, .seed = session->plan.seed },
				.context = session->context };

	here.context.events = NULL;
	here.context.seatings = NULL; /* they are of another topology */
	if (open_here(&here.topology) < 0)
		return;
	here.context.topology = here.topology;
	time_round_on(&here, planned, time);
	sm_topology_close(here.topology);
}

/* The tour of a case of a machine that is not here, or that could not be measured: as if company were harmless. */
static void guess_tour(struct session *session, struct sm_planned_case *planned, const struct round_time *time)
{
	struct sm_planned_tour *plan = &planned->tour;
	struct sm_tour tour;

	*plan = (struct sm_planned_tour){ .together = true, .trips = 1 };
	if (session_make_tour(session, planned, &tour, NULL) < 0) {
		plan->trips = 0;
		return;
	}
	plan->round_count = tour.round_count;
	plan->pair_count = tour.pair_count;
	plan->pu_count = tour.pu_count;
	plan->widest = tour.widest;
	plan->round_ns = time->alone_ns + GUESS_PAIR_NS * (tour.widest - 1);
	plan->team_ns = time->process_ns * tour.pu_count;
	planned->trial_ns = GUESS_WARM_NS + plan->team_ns;
	sm_tour_free(&tour);
}

static void guess_tours(struct session *session, struct round_time *time)
{
	bool here = sm_topology_is_here(session->topology), first = true;

	for (size_t i = 0; i < session->plan.case_count; i++) {
		struct sm_planned_case *planned = &session->plan.cases[i];
		struct sm_error why = { 0 };

		if (!planned->c.pairs || planned->skipped)
			continue;
		if (first && !here)
			time_round(session, planned, time);
		first = false;
		if (!here)
			guess_tour(session, planned, time);
		else if (session_calibrate_case(session, planned, &why) < 0 || planned->tour.trips == 0)
			guess_tour(session, planned, time);
		else
			time->measured = true;
	}
	(void)session_plan_tours(session);
	session_spread_tours(session);
}

static void describe_tour(const struct session *session, const struct sm_planned_case *planned, FILE *out,
			  unsigned width)
{
	const struct sm_planned_tour *tour = &planned->tour;
	unsigned blocks = session->plan.groups[planned->group].blocks;
	char text[512], took[SM_TEXT_MAX];

	snprintf(
		text, sizeof(text),
		"%s/%s@%s: %zu pair%s of %u PUs in %zu rounds of %s%u, of %.3g ms each; %zu rounds a trial: each pair is "
		"visited %.3g times, in %s",
		planned->c.scenario->name, sm_case_variant(&planned->c)->name, sm_placement_name(planned->c.placement),
		tour->pair_count, tour->pair_count == 1 ? "" : "s", tour->pu_count, tour->round_count,
		tour->widest > 1 ? "up to " : "", tour->widest, (double)tour->round_ns / 1e6, tour->rounds,
		tour->visits, sm_format_duration(took, (double)(blocks * tour->rounds * tour->round_ns)));
	sm_wrap(out, "tour  ", BESIDE, width, text);
}

/* Where the durations come from, and what they become if pairs have to be visited one at a time. */
static void describe_source(const struct session *session, const struct round_time *time, FILE *out, unsigned width)
{
	double pass_ns = 0, teams_ns = 0;
	char text[512], took[SM_TEXT_MAX];
	unsigned widest = 1;

	for (size_t i = 0; i < session->plan.case_count; i++) {
		const struct sm_planned_case *planned = &session->plan.cases[i];

		if (planned->skipped || planned->tour.trips == 0)
			continue;
		pass_ns += (double)planned->tour.pair_count * (double)time->alone_ns;
		teams_ns += (double)planned->trial_ns * session->plan.groups[planned->group].blocks;
		widest = planned->tour.widest > widest ? planned->tour.widest : widest;
	}
	if (teams_ns <= 0)
		return;
	fprintf(out, "tour  all trials with tours take %s\n", sm_format_duration(took, teams_ns));
	if (sm_topology_is_here(session->topology) && time->measured) {
		fputs("tour  the rounds were measured here, now\n", out);
		return;
	}
	snprintf(
		text, sizeof(text),
		"the topology is another machine's, so these times are estimates: a round of one pair takes %.3g ms "
		"(%s), each further pair adds %.2g ms (assumed), and a process takes %.2g ms to start and end (measured "
		"here now)",
		(double)time->alone_ns / 1e6, time->measured ? "measured here now" : "assumed", GUESS_PAIR_NS / 1e6,
		(double)time->process_ns / 1e6);
	sm_wrap(out, "tour  ", BESIDE, width, text);
	if (widest > 1) {
		snprintf(text, sizeof(text),
			 "if company disturbs the pairs, a pass over all of them one at a time takes %s",
			 sm_format_duration(took, pass_ns));
		sm_wrap(out, "tour  ", BESIDE, width, text);
	}
}

/* By scenario and reason, in the order of the plan. */
static int by_reason(const void *a, const void *b)
{
	const struct sm_planned_case *const *x = a, *const *y = b;
	int order = strcmp((*x)->c.scenario->name, (*y)->c.scenario->name);

	if (order == 0 && (*x)->reason != (*y)->reason)
		order = strcmp((*x)->reason, (*y)->reason);
	return order ? order : (*x > *y) - (*x < *y);
}

/* Prints each reason of a scenario once, with its first case and how many more there are. */
static void describe_skipped(const struct session *session, FILE *out, unsigned width)
{
	const struct sm_planned_case **skipped =
		sm_zeroed_memory(session->plan.case_count + 1, sizeof(struct sm_planned_case *));
	size_t count = 0, next;
	char text[SM_ERROR_TEXT_MAX + 512], more[32];

	for (size_t i = 0; i < session->plan.case_count; i++)
		if (session->plan.cases[i].skipped)
			skipped[count++] = &session->plan.cases[i];
	qsort((void *)skipped, count, sizeof(*skipped), by_reason);
	for (size_t first = 0; first < count; first = next) {
		const struct sm_planned_case *one = skipped[first];

		for (next = first + 1; next < count && one->c.scenario == skipped[next]->c.scenario &&
				       one->reason == skipped[next]->reason;)
			next++;
		snprintf(more, sizeof(more), " and %zu more", next - first - 1);
		snprintf(text, sizeof(text), "%s%s: %s", one->id, next - first > 1 ? more : "", one->reason);
		sm_wrap(out, "skip  ", BESIDE, width, text);
	}
	free((void *)skipped);
}

/* "  nodes 0 and 2, distance 21" where the workers run on several NUMA nodes, and "  kind 1" on a hybrid machine. */
static const char *name_places(const struct session *session, const char *pus, char *out, size_t size)
{
	const struct sm_topology *t = session->topology;
	const struct sm_pu *first = NULL, *other = NULL, *pu;
	unsigned number, kinds;
	size_t used = 0;
	int length;

	out[0] = '\0';
	for (bool mixed = false; sscanf(pus, "%u%n", &number, &length) == 1 && (pu = sm_topology_pu(t, number));
	     pus += length) {
		first = first ? first : pu;
		other = !other && pu->node != first->node ? pu : other;
		mixed |= pu->kind != first->kind;
		(void)sm_topology_kinds(t, &kinds);
		used = kinds == 0 ? 0
		       : mixed    ? (size_t)snprintf(out, size, "  several kinds")
				  : (size_t)snprintf(out, size, "  kind %d", first->kind);
	}
	if (!other || used >= size)
		return out;
	number = sm_topology_distance(t, first->node, other->node);
	if (number > 0)
		snprintf(out + used, size - used, "  nodes %u and %u, distance %u", first->node, other->node, number);
	else
		snprintf(out + used, size - used, "  nodes %u and %u", first->node, other->node);
	return out;
}

/* Finds the cases that cannot run, and guesses how long the trials of the others take. */
static void guess_trials(struct session *session, const struct round_time *time)
{
	struct sm_os_files files = { .count = 0 }; /* thousands of cases ask for the same limits */
	struct sm_trial_context context = session->context;
	struct sm_os os = *context.os;

	os.files = &files;
	context.os = &os;
	for (size_t i = 0; i < session->plan.case_count; i++) {
		struct sm_planned_case *planned = &session->plan.cases[i];
		struct sm_error why = { 0 };

		planned->trial_ns = planned->c.scenario->subject == SM_COLD ? GUESS_COLD_NS : GUESS_WARM_NS;
		if (planned->c.workers > GUESS_WORKERS)
			planned->trial_ns += (planned->c.workers - GUESS_WORKERS) * time->process_ns;
		if (sm_trial_supported(&context, &planned->c, &why) == 0)
			continue;
		planned->skipped = true;
		planned->reason = sm_name_of(why.text);
	}
	sm_os_forget(&files);
}

/* Whether a case runs that was asked for: the control is no answer, unless only it was asked for. */
static bool runs_something(const struct sm_plan *plan)
{
	bool others = false, runs = false;

	for (size_t i = 0; i < plan->case_count; i++)
		others |= !sm_plan_is_control(plan->cases[i].c.scenario);
	for (size_t i = 0; i < plan->case_count && !runs; i++)
		runs = !plan->cases[i].skipped && !(others && sm_plan_is_control(plan->cases[i].c.scenario));
	return runs;
}

static void describe_sum(const struct session *session, FILE *out, unsigned width)
{
	const struct sm_plan *plan = &session->plan;
	char text[256], took[SM_TEXT_MAX], most[SM_TEXT_MAX];
	uint64_t budget_ns = session->plan_options.budget_ns;

	snprintf(text, sizeof(text),
		 "%zu cases in %zu groups, %zu trials, seed %" PRIu64 ", profile %s: about %s before calibration%s%s%s",
		 plan->case_count, plan->group_count, plan->step_count, plan->seed, sm_profile_name(plan->profile),
		 sm_format_duration(took, (double)plan->estimate_ns), budget_ns ? ", " : "",
		 budget_ns ? sm_format_duration(most, (double)budget_ns) : "", budget_ns ? " at most" : "");
	sm_wrap(out, "", 0, width, text);
}

int session_describe(struct session *session, FILE *out, unsigned width, struct sm_error *err)
{
	struct round_time time = { .alone_ns = GUESS_ROUND_NS, .process_ns = time_process() };
	char pus[64], places[96];

	guess_trials(session, &time);
	guess_tours(session, &time);
	sm_plan_schedule(&session->plan, &session->plan_options);
	for (size_t i = 0; i < session->plan.case_count; i++) {
		const struct sm_planned_case *planned = &session->plan.cases[i];

		if (planned->skipped)
			continue;
		sm_trial_name_pus(&session->context, &planned->c, pus, sizeof(pus));
		fprintf(out, "%4u  PUs %-8s %s%s\n", session->plan.groups[planned->group].blocks, pus, planned->id,
			name_places(session, pus, places, sizeof(places)));
	}
	describe_skipped(session, out, width);
	if (!runs_something(&session->plan))
		return sm_fail(err, ENODEV, "none of the requested cases can run here; see the reasons above");
	for (size_t i = 0; i < session->plan.case_count; i++)
		if (!session->plan.cases[i].skipped && session->plan.cases[i].tour.trips > 0)
			describe_tour(session, &session->plan.cases[i], out, width);
	describe_source(session, &time, out, width);
	describe_sum(session, out, width);
	return 0;
}
