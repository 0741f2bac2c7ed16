/* The checks of a transport, in order. */
#include "shmeter/proof.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "leaks.h"
#include "shmeter/encode.h"
#include "shmeter/stats.h"
#include "shmeter/text.h"
#include "trial.h"

#define CAPACITY    65536u /* as scenarios ask for */
#define SMALL       4096u  /* the least */
#define MESSAGE     64u
#define LINE        64u
#define TURNS       2000u
#define KILLS       12u         /* of each end */
#define KILL_LEAST  100000u     /* ns, within loading the plug-in on the slowest machine or with the first messages */
#define KILL_FACTOR 64u         /* the latest is this many times as late */
#define SETTLE_NS   300000000u  /* what others make for a moment is gone then */
#define SHORT_NS    1000000000u /* of a trial that is not the long one */

struct check {
	const struct sm_proof *proof;
	const struct sm_plugged *plugged;
	struct rig_findings findings;
	char *before; /* what had a name when the checks began: a name may be the same in each life */
	bool failed;
	struct sm_error *err;
};

static void tell(struct check *check, const char *name, enum sm_proof_result result, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static void tell(struct check *check, const char *name, enum sm_proof_result result, const char *format, ...)
{
	struct sm_proof_verdict verdict = { .check = name, .result = result };
	va_list list;

	va_start(list, format);
	vsnprintf(verdict.evidence, sizeof(verdict.evidence), format, list);
	va_end(list);
	sm_clean(verdict.evidence); /* names of files are a stranger's */
	check->failed |= result == SM_PROOF_FAIL;
	check->proof->tell(check->proof->context, &verdict);
}

/* Runs trials until one fails, which is told.  Returns 1 where all work, 0, or a negative errno. */
static int run_all(struct check *check, const char *name, const struct trial *trials, size_t count,
		   struct outcome *outcome)
{
	for (size_t i = 0; i < count; i++) {
		const struct trial *trial = &trials[i];
		int rc = trial_run(check->proof, check->plugged, &check->findings, trial, outcome, check->err);

		if (rc < 0)
			return rc;
		if (outcome->works)
			continue;
		tell(check, name, SM_PROOF_FAIL, "messages of %zu bytes, capacity %zu: %s", trial->message,
		     trial->capacity, outcome->words);
		return 0;
	}
	return 1;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Whether the plug-in lists the transport again, and bytes() answers the same, in another process. */
static int check_description(struct check *check)
{
	const struct sm_plugged *again;
	struct sm_error err = { 0 };
	size_t bytes[2] = { 0, 0 };
	int rc = sm_plugin_describe(check->proof->os, check->plugged->file, check->proof->stop, &again, &err);

	if (rc >= 0 && (unsigned)rc <= check->plugged->index)
		rc = sm_fail(&err, EBADMSG, "it lists fewer transports than when it was described before");
	if (rc >= 0)
		rc = sm_plugin_bytes(check->plugged, CAPACITY, MESSAGE, &bytes[0], &err);
	if (rc >= 0)
		rc = sm_plugin_bytes(&again[check->plugged->index], CAPACITY, MESSAGE, &bytes[1], &err);
	if (rc == -EINTR)
		return sm_fail(check->err, EINTR, "%s", err.text);
	if (rc < 0)
		tell(check, "description", SM_PROOF_FAIL, "%s", err.text);
	else if (bytes[0] != bytes[1])
		tell(check, "description", SM_PROOF_FAIL, "bytes() answers %zu, then %zu to the same question",
		     bytes[0], bytes[1]);
	else
		tell(check, "description", SM_PROOF_PASS, "%s; %zu bytes for each direction", check->plugged->summary,
		     bytes[0]);
	return rc >= 0 && bytes[0] == bytes[1];
}

static int check_two_processes(struct check *check)
{
	const struct trial trial = { TRIAL_TURNS, CAPACITY, MESSAGE, .count = least(check->proof->messages, TURNS),
				     .budget_ns = SHORT_NS };
	struct outcome outcome;
	int rc = run_all(check, "two_processes", &trial, 1, &outcome);

	if (rc == 1)
		tell(check, "two_processes", SM_PROOF_PASS,
		     "%" PRIu64 " round trips, each process with the memory at another address", outcome.passed);
	return rc;
}

static int check_sizes(struct check *check)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const size_t sizes[] = { 8,        16,   LINE - 8, LINE,         LINE + 8,         1000,
				 page - 8, page, page + 8, CAPACITY / 8, CAPACITY / 4 - 8, CAPACITY / 4 };
	struct trial trials[sizeof(sizes) / sizeof(sizes[0])];
	const size_t count = sizeof(sizes) / sizeof(sizes[0]);
	struct outcome outcome;
	int rc;

	for (size_t i = 0; i < count; i++)
		trials[i] = (struct trial){ .way = TRIAL_STREAM,
					    .capacity = sizes[i] <= LINE ? SMALL : CAPACITY,
					    .message = sizes[i],
					    .flush = i % 2,
					    .sleeps = i % 4 > 1,
					    .count = least(check->proof->messages, 1000),
					    .budget_ns = SHORT_NS };
	rc = run_all(check, "sizes", trials, count, &outcome);
	if (rc == 1)
		tell(check, "sizes", SM_PROOF_PASS, "%zu sizes from 8 to %u bytes", count, CAPACITY / 4);
	return rc;
}

static int check_wrap(struct check *check)
{
	const uint64_t budget_ns = least(check->proof->budget_ns, SHORT_NS);
	const struct trial trials[] = {
		{ TRIAL_STREAM, SMALL, 8, .count = least(check->proof->messages, 1000000), .budget_ns = budget_ns },
		{ TRIAL_STREAM, SMALL, 1000, true, .count = least(check->proof->messages, 100000),
		  .budget_ns = budget_ns },
		{ TRIAL_STREAM, SMALL, 1024, .count = least(check->proof->messages, 100000), .budget_ns = budget_ns },
	};
	struct outcome outcome;
	int rc = run_all(check, "wrap_around", trials, 3, &outcome);

	if (rc == 1)
		tell(check, "wrap_around", SM_PROOF_PASS,
		     "messages of 8, 1000 and 1024 bytes; %" PRIu64 " laps of 4 messages", outcome.passed / 4);
	return rc;
}

static int check_content(struct check *check)
{
	const struct trial trial = { TRIAL_STREAM, CAPACITY, MESSAGE, .count = check->proof->messages,
				     .budget_ns = check->proof->budget_ns };
	struct outcome outcome;
	int rc = run_all(check, "content", &trial, 1, &outcome);

	if (rc == 1)
		tell(check, "content", SM_PROOF_PASS,
		     "%" PRIu64 " messages of %u bytes: each came once, whole and in order", outcome.passed, MESSAGE);
	return rc;
}

static int check_many(struct check *check)
{
	const struct trial trial = { TRIAL_MANY, SMALL, MESSAGE, .count = least(check->proof->messages, 200000),
				     .budget_ns = least(check->proof->budget_ns, SHORT_NS) };
	struct outcome outcome;
	int rc;

	if (!(check->plugged->traits & SHMETER_MANY)) {
		tell(check, "many_senders", SM_PROOF_SKIPPED, "it does not say SHMETER_MANY");
		return 1;
	}
	rc = run_all(check, "many_senders", &trial, 1, &outcome);
	if (rc == 1)
		tell(check, "many_senders", SM_PROOF_PASS, "%" PRIu64 " messages of %u senders, each in its order",
		     outcome.passed, RIG_SENDERS);
	return rc;
}

/* A transport that keeps its messages in the memory holds what it was asked to; one of the kernel or of a library is to
 * come as near as it can. */
static int check_capacity(struct check *check)
{
	static const struct {
		size_t capacity, message;
	} shapes[] = { { SMALL, 1024 }, { SMALL, 8 }, { CAPACITY, 1000 } };
	struct outcome outcome = { 0 };
	size_t bytes = 0;

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const size_t room = shapes[i].capacity / shapes[i].message;
		const struct trial trial = { TRIAL_FILL, shapes[i].capacity, shapes[i].message, .count = 64 * room,
					     .budget_ns = 10 * (uint64_t)SHORT_NS };
		int rc = run_all(check, "capacity", &trial, 1, &outcome);

		if (rc != 1)
			return rc;
		if (outcome.held >= trial.count ||
		    (sm_plugin_bytes(check->plugged, trial.capacity, trial.message, &bytes, NULL) == 0 && bytes &&
		     outcome.held < room)) {
			tell(check, "capacity", SM_PROOF_FAIL,
			     "it took %" PRIu64 " messages of %zu bytes with nobody reading%s; capacity is %zu bytes, "
			     "%zu messages",
			     outcome.held, trial.message, outcome.held >= trial.count ? " and would take more" : "",
			     trial.capacity, room);
			return 0;
		}
	}
	tell(check, "capacity", SM_PROOF_PASS,
	     "with nobody reading, it took %" PRIu64 " messages of %zu bytes (capacity %u)", outcome.held,
	     shapes[2].message, CAPACITY);
	return 1;
}

/* Kills one end at random moments.  `lives`: after each, runs another life on the same memory. */
static int kill_all(struct check *check, const char *name, bool kills_sender, bool lives, struct rig *rig,
		    struct killing *worst)
{
	struct sm_random random;
	struct outcome outcome;
	unsigned kills = lives ? 2 : KILLS;

	sm_random_seed(&random, check->proof->seed + kills_sender);
	*worst = (struct killing){ .kills_sender = kills_sender };
	for (unsigned i = 0; i < kills; i++) {
		const struct trial again = { TRIAL_TURNS, SMALL, MESSAGE, .count = 100, .budget_ns = SHORT_NS };
		struct killing killing = { .kills_sender = kills_sender,
					   .delay_ns = KILL_LEAST * (1 + sm_random_below(&random, KILL_FACTOR)) };
		struct sm_error err = { 0 };
		int rc = trial_kill(check->proof, rig, &killing, &outcome, &err);

		if (rc == 0 && outcome.works && lives)
			rc = trial_live(check->proof, rig, &again, &outcome, &err);
		if (rc == -EINTR)
			return sm_fail(check->err, EINTR, "%s", err.text);
		if (rc < 0 || !outcome.works) {
			tell(check, name, SM_PROOF_FAIL, "%s killed %.1f ms after it began: %s",
			     kills_sender ? "sender" : "receiver", (double)killing.delay_ns / 1e6,
			     rc < 0 ? err.text : outcome.words);
			return 0;
		}
		if (killing.returned_ns > worst->returned_ns)
			worst->returned_ns = killing.returned_ns;
		worst->undelivered += killing.undelivered;
	}
	return 1;
}

/* Makes the rig of a check that has several lives.  Returns 1; 0 where it cannot be made, which is told; or -EINTR.  Free
 * it in any case. */
static int make_rig(struct check *check, const char *name, const struct trial *trial, struct rig *rig)
{
	struct sm_error err = { 0 };
	int rc = trial_rig(check->plugged, &check->findings, trial, rig, &err);

	if (rc == -EINTR)
		return sm_fail(check->err, EINTR, "%s", err.text);
	if (rc < 0)
		tell(check, name, SM_PROOF_FAIL, "%s", err.text);
	return rc == 0;
}

static int check_killed(struct check *check, bool kills_sender)
{
	const char *name = kills_sender ? "killed_sender" : "killed_receiver";
	const struct trial trial = { TRIAL_STREAM, SMALL, MESSAGE, .budget_ns = 0 };
	struct killing worst = { 0 };
	char time[SM_TEXT_MAX];
	struct rig rig;
	int rc = make_rig(check, name, &trial, &rig);

	if (rc == 1)
		rc = kill_all(check, name, kills_sender, false, &rig, &worst);
	rig_free(&rig);
	if (rc == 1 && kills_sender)
		tell(check, name, SM_PROOF_PASS,
		     "%u kills: the receiver returned within %s; no message was wrong, %" PRIu64
		     " sent were not received",
		     KILLS, sm_format_ns(time, (double)worst.returned_ns), worst.undelivered);
	else if (rc == 1)
		tell(check, name, SM_PROOF_PASS, "%u kills: the sender returned within %s", KILLS,
		     sm_format_ns(time, (double)worst.returned_ns));
	return rc;
}

static int check_second_life(struct check *check)
{
	const struct trial trial = { TRIAL_TURNS, SMALL, MESSAGE, .count = 100, .budget_ns = SHORT_NS };
	struct killing worst = { 0 };
	struct outcome outcome = { 0 };
	struct rig rig;
	int rc = make_rig(check, "second_life", &trial, &rig);

	for (unsigned i = 0; rc == 1 && i < 3; i++) {
		int lived = trial_live(check->proof, &rig, &trial, &outcome, check->err);

		rc = lived < 0 ? lived : outcome.works;
		if (rc == 0)
			tell(check, "second_life", SM_PROOF_FAIL, "on the same memory after close(): %s",
			     outcome.words);
	}
	if (rc == 1)
		rc = kill_all(check, "second_life", true, true, &rig, &worst);
	if (rc == 1)
		rc = kill_all(check, "second_life", false, true, &rig, &worst);
	rig_free(&rig);
	if (rc == 1)
		tell(check, "second_life", SM_PROOF_PASS,
		     "the memory served again 2 times after close() and 4 times after a killed process");
	return rc;
}

static int check_leaks(struct check *check)
{
	const struct trial trial = { TRIAL_TURNS, SMALL, MESSAGE, .count = 20, .budget_ns = SHORT_NS };
	char *after;
	char left[SM_ERROR_TEXT_MAX - 80];
	struct outcome outcome;
	unsigned count;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < 2; i++)
		rc = trial_run(check->proof, check->plugged, &check->findings, &trial, &outcome, check->err);
	after = leaks_list(check->proof->scratch);
	count = leaks_compare(check->before, after, left, sizeof(left));
	if (count) { /* perhaps of another program */
		nanosleep(&(struct timespec){ .tv_nsec = SETTLE_NS }, NULL);
		free(after);
		after = leaks_list(check->proof->scratch);
		count = leaks_compare(check->before, after, left, sizeof(left));
	}
	free(after);
	if (rc < 0)
		return rc;
	if (count)
		tell(check, "leaks", SM_PROOF_FAIL, "left after close(): %s", left);
	else
		tell(check, "leaks", SM_PROOF_PASS, "nothing with a name is left after close()");
	return count == 0;
}

/* What all trials saw in the memory. */
static void tell_memory(struct check *check)
{
	const struct rig_findings *findings = &check->findings;

	if (findings->rigs == 0) {
		tell(check, "pointers", SM_PROOF_SKIPPED, "there was no memory to look at");
		tell(check, "stays_inside", SM_PROOF_SKIPPED, "there was no memory to look at");
		return;
	}
	if (findings->pointer[0])
		tell(check, "pointers", SM_PROOF_FAIL, "%s", findings->pointer);
	else
		tell(check, "pointers", SM_PROOF_PASS, "the memory never held an address of itself");
	if (findings->outside[0])
		tell(check, "stays_inside", SM_PROOF_FAIL, "%s", findings->outside);
	else
		tell(check, "stays_inside", SM_PROOF_PASS, "no byte before or behind the memory was written");
}

int sm_prove_transport(const struct sm_proof *proof, const struct sm_plugged *plugged, struct sm_error *err)
{
	static int (*const content[])(struct check *) = { check_sizes, check_wrap, check_content, check_many,
							  check_capacity };
	struct check check = { .proof = proof, .plugged = plugged, .before = leaks_list(proof->scratch), .err = err };
	int rc = check_description(&check);

	if (rc == 1)
		rc = check_two_processes(&check);
	if (rc == 1) {
		for (size_t i = 0; rc >= 0 && i < sizeof(content) / sizeof(content[0]); i++)
			rc = content[i](&check);
		if (rc >= 0)
			rc = check_killed(&check, true);
		if (rc >= 0)
			rc = check_killed(&check, false);
		if (rc >= 0)
			rc = check_second_life(&check);
	}
	if (rc >= 0)
		rc = check_leaks(&check);
	if (rc >= 0)
		tell_memory(&check);
	free(check.before);
	return rc < 0 ? rc : !check.failed;
}
