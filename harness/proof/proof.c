/* The checks of a transport, in order. */
#include "shmeter/proof.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "lives.h"

#define LINE    64u
#define TURNS   2000u
#define SIZE_NS 300000000u /* for the messages of one size */

/* What several trials of a check came to. */
struct sum {
	struct outcome last;
	size_t ran, declined; /* trials; those that open() declines */
	size_t capacity;      /* of the last one that ran */
};

/* Runs trials until one fails, which is told.  A capacity below CAPACITY that open() declines is raised to that.  Returns 1
 * where all work, 0, or a negative errno. */
static int run_all(struct check *check, const char *name, const struct trial *trials, size_t count, struct sum *sum)
{
	*sum = (struct sum){ 0 };
	for (size_t i = 0; i < count; i++) {
		struct trial trial = trials[i];
		struct outcome outcome;
		int rc = trial_run(check->proof, check->plugged, &check->findings, &trial, &outcome, check->err);

		if (rc == 0 && outcome.declined && trial.capacity < CAPACITY) {
			trial.capacity = CAPACITY;
			rc = trial_run(check->proof, check->plugged, &check->findings, &trial, &outcome, check->err);
		}
		if (rc < 0)
			return rc;
		sum->declined += outcome.declined;
		if (outcome.declined)
			continue;
		if (!outcome.works) {
			check_tell(check, name, SM_PROOF_FAIL, "messages of %zu bytes, capacity %zu: %s", trial.message,
				   trial.capacity, outcome.words);
			return 0;
		}
		sum->ran++;
		sum->last = outcome;
		sum->capacity = trial.capacity;
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
	if (rc == -EINTR || trial_is_machine(rc))
		return sm_fail(check->err, -rc, "%s", err.text);
	if (rc < 0)
		check_tell(check, "description", SM_PROOF_FAIL, "%s", err.text);
	else if (bytes[0] != bytes[1])
		check_tell(check, "description", SM_PROOF_FAIL, "bytes() answers %zu, then %zu to the same question",
			   bytes[0], bytes[1]);
	else
		check_tell(check, "description", SM_PROOF_PASS, "%s; %zu bytes for each direction",
			   check->plugged->summary, bytes[0]);
	return rc >= 0 && bytes[0] == bytes[1];
}

static int check_two_processes(struct check *check)
{
	const struct trial trial = { TRIAL_TURNS, CAPACITY, MESSAGE, .count = least(check->proof->messages, TURNS),
				     .budget_ns = SHORT_NS };
	struct sum sum;
	int rc = run_all(check, "two_processes", &trial, 1, &sum);

	if (rc == 1 && sum.declined) {
		check_tell(
			check, "two_processes", SM_PROOF_FAIL,
			"open() declines messages of %u bytes and a capacity of %u, which each transport has to offer",
			MESSAGE, CAPACITY);
		return 0;
	}
	if (rc == 1)
		check_tell(check, "two_processes", SM_PROOF_PASS,
			   "%" PRIu64 " round trips, each process with the memory at another address", sum.last.passed);
	return rc;
}

static int check_sizes(struct check *check)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const size_t sizes[] = { 8,        16,   LINE - 8, LINE,         LINE + 8,         1000,
				 page - 8, page, page + 8, CAPACITY / 8, CAPACITY / 4 - 8, CAPACITY / 4 };
	struct trial trials[sizeof(sizes) / sizeof(sizes[0])];
	const size_t count = sizeof(sizes) / sizeof(sizes[0]);
	struct sum sum;
	int rc;

	for (size_t i = 0; i < count; i++)
		trials[i] = (struct trial){ .way = TRIAL_STREAM,
					    .capacity = sizes[i] <= LINE ? SMALL : CAPACITY,
					    .message = sizes[i],
					    .flush = i % 2,
					    .sleeps = i % 4 > 1,
					    .count = least(check->proof->messages, 1000),
					    .budget_ns = SIZE_NS };
	rc = run_all(check, "sizes", trials, count, &sum);
	if (rc == 1 && sum.declined)
		check_tell(check, "sizes", SM_PROOF_PASS,
			   "%zu of %zu sizes from 8 to %u bytes; open() declines the others", sum.ran, count,
			   CAPACITY / 4);
	else if (rc == 1)
		check_tell(check, "sizes", SM_PROOF_PASS, "%zu sizes from 8 to %u bytes", count, CAPACITY / 4);
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
	struct sum sum;
	int rc = run_all(check, "wrap_around", trials, 3, &sum);

	if (rc == 1 && sum.ran == 0)
		check_tell(check, "wrap_around", SM_PROOF_SKIPPED,
			   "open() declines messages of 8, 1000 and 1024 bytes");
	else if (rc == 1)
		check_tell(check, "wrap_around", SM_PROOF_PASS,
			   "messages of 8, 1000 and 1024 bytes%s; %" PRIu64 " laps of %zu messages",
			   sum.declined ? " (or those that open() takes)" : "", sum.last.passed / (sum.capacity / 1000),
			   sum.capacity / 1000);
	return rc;
}

static int check_content(struct check *check)
{
	const struct trial trial = { TRIAL_STREAM, CAPACITY, MESSAGE, .count = check->proof->messages,
				     .budget_ns = check->proof->budget_ns };
	struct sum sum;
	int rc = run_all(check, "content", &trial, 1, &sum);

	if (rc == 1)
		check_tell(check, "content", SM_PROOF_PASS,
			   "%" PRIu64 " messages of %u bytes: each came once, whole and in order", sum.last.passed,
			   MESSAGE);
	return rc;
}

static int check_many(struct check *check)
{
	const struct trial trial = { TRIAL_MANY, check->small, MESSAGE, .count = least(check->proof->messages, 200000),
				     .budget_ns = least(check->proof->budget_ns, SHORT_NS) };
	struct sum sum;
	int rc;

	if (!(check->plugged->traits & SHMETER_MANY)) {
		check_tell(check, "many_senders", SM_PROOF_SKIPPED, "it does not say SHMETER_MANY");
		return 1;
	}
	rc = run_all(check, "many_senders", &trial, 1, &sum);
	if (rc == 1)
		check_tell(check, "many_senders", SM_PROOF_PASS,
			   "%" PRIu64 " messages of %u senders, each in its order", sum.last.passed, RIG_SENDERS);
	return rc;
}

/* Whether the memory that it asks for depends on the capacity: then the messages are in it. */
static bool is_in_memory(const struct check *check, size_t message)
{
	size_t small = 0, large = 0;

	return sm_plugin_bytes(check->plugged, CAPACITY, message, &small, NULL) == 0 &&
	       sm_plugin_bytes(check->plugged, 4 * CAPACITY, message, &large, NULL) == 0 && large > small;
}

/* A transport that keeps its messages in the memory holds what it was asked to; one of the kernel or of a library is to
 * have a bound alone. */
static int check_capacity(struct check *check)
{
	static const struct {
		size_t capacity, message;
	} shapes[] = { { SMALL, 1024 }, { SMALL, 8 }, { CAPACITY, 1000 } };
	struct sum sum;
	uint64_t held = 0;
	size_t message = 0, capacity = 0;

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const size_t room = shapes[i].capacity / shapes[i].message;
		const struct trial trial = { TRIAL_FILL, shapes[i].capacity, shapes[i].message, .count = 64 * room,
					     .budget_ns = 10 * (uint64_t)SHORT_NS };
		int rc = run_all(check, "capacity", &trial, 1, &sum);

		if (rc != 1)
			return rc;
		if (sum.ran == 0)
			continue;
		held = sum.last.held;
		message = trial.message;
		capacity = sum.capacity;
		if (held < trial.count && (held >= capacity / message || !is_in_memory(check, message)))
			continue;
		check_tell(check, "capacity", SM_PROOF_FAIL,
			   "it took %" PRIu64 " messages of %zu bytes with nobody reading%s; capacity is %zu bytes, "
			   "%zu messages",
			   held, message, held >= trial.count ? " and would take more" : "", capacity,
			   capacity / message);
		return 0;
	}
	if (message)
		check_tell(check, "capacity", SM_PROOF_PASS,
			   "with nobody reading, it took %" PRIu64 " messages of %zu bytes (capacity %zu)", held,
			   message, capacity);
	else
		check_tell(check, "capacity", SM_PROOF_SKIPPED, "open() declines messages of 8, 1000 and 1024 bytes");
	return 1;
}

static int check_leaks(struct check *check)
{
	const struct trial trial = { TRIAL_TURNS,    check->small,          MESSAGE,
				     .counts = true, .count = 2 * COUNT_AT, .budget_ns = SHORT_NS };
	struct outcome outcome = { 0 };
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < 2; i++)
		rc = trial_run(check->proof, check->plugged, &check->findings, &trial, &outcome, check->err);
	if (rc < 0)
		return rc;
	if (outcome.descriptors < COUNT_AT / 10)
		return check_tell_leaks(check);
	check_tell(check, "leaks", SM_PROOF_FAIL, "an end has %u descriptors more after %u messages than after %u",
		   outcome.descriptors, 2 * COUNT_AT, COUNT_AT);
	return 0;
}

/* Whether open() takes the least capacity. */
static int find_small(struct check *check)
{
	const struct trial trial = { TRIAL_TURNS, SMALL, MESSAGE, .count = 1, .budget_ns = SHORT_NS };
	struct outcome outcome;
	int rc = trial_run(check->proof, check->plugged, &check->findings, &trial, &outcome, check->err);

	check->small = rc == 0 && outcome.declined ? CAPACITY : SMALL;
	return rc < 0 ? rc : 1;
}

int sm_prove_transport(const struct sm_proof *proof, const struct sm_plugged *plugged, struct sm_error *err)
{
	static int (*const content[])(struct check *) = { check_sizes, check_wrap, check_content, check_many,
							  check_capacity };
	struct check check = { .proof = proof, .plugged = plugged, .small = CAPACITY, .err = err };
	bool works = false; /* messages pass between two processes */
	int rc;

	check_begin(&check);
	rc = check_description(&check);
	if (rc == 1)
		rc = check_two_processes(&check);
	if (rc == 1)
		rc = find_small(&check);
	if (rc == 1) {
		for (size_t i = 0; rc >= 0 && i < sizeof(content) / sizeof(content[0]); i++)
			rc = content[i](&check);
		if (rc >= 0)
			rc = check_killed(&check, true);
		if (rc >= 0)
			rc = check_killed(&check, false);
		if (rc >= 0)
			rc = check_second_life(&check);
		works = true;
	}
	if (rc >= 0 && works)
		rc = check_false_sharing(&check);
	if (rc >= 0)
		rc = check_leaks(&check);
	if (rc >= 0)
		check_tell_memory(&check);
	free(check.before);
	return rc < 0 ? rc : !check.failed;
}
