/* shmeter plugin check */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "plugin_actions.h"
#include "plugin_source.h"
#include "plugins.h"
#include "program.h"
#include "shmeter/encode.h"
#include "shmeter/proof.h"

/* What a check does where the options do not say; docs/plugins.md promises it. */
#define MESSAGES 100000000u
#define TIME_NS  10000000000u
#define COLUMN   23 /* where evidence begins */

struct told {
	json_t *checks; /* NULL: print them */
	bool color, quiet;
};

static void tell(void *context, const struct sm_proof_verdict *verdict)
{
	static const char *const name[] = { "pass", "fail", "skipped", "note" };
	static const char *const mark[] = { "ok  ", "FAIL", "-   ", "note" };
	static const char *const tint[] = { "\033[32m", "\033[31m", "", "" };
	struct told *told = context;
	char first[64];

	if (told->checks) {
		json_array_append_new(told->checks, json_pack("{s:s, s:s, s:s}", "check", verdict->check, "verdict",
							      name[verdict->result], "evidence", verdict->evidence));
		return;
	}
	if (told->quiet)
		return;
	snprintf(first, sizeof(first), "  %s%s%s %-16s", told->color ? tint[verdict->result] : "",
		 mark[verdict->result], told->color ? "\033[0m" : "", verdict->check);
	say(COLUMN, first, "%s", verdict->evidence);
	fflush(stdout);
}

/* Where there is no description to check. */
static void print_undescribed(const char *file, const struct sm_error *err)
{
	char name[PATH_MAX];
	json_t *check = json_pack("{s:s, s:s, s:s}", "check", "description", "verdict", "fail", "evidence", err->text),
	       *all;

	snprintf(name, sizeof(name), "%s", file);
	sm_clean(name);
	all = json_pack("{s:s, s:b, s:[], s:[], s:[o]}", "plugin", name, "works", 0, "transports", "locks", "checks",
			check);
	json_dumpf(all, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	putchar('\n');
	json_decref(all);
}

/* Checks one transport or lock.  Returns 1 where it works, 0, or a negative errno. */
static int check_one(struct sm_proof *proof, struct told *told, const struct sm_plugged *plugged,
		     struct plugin_source *source, json_t *list, struct sm_error *err)
{
	bool is_lock = plugged->kind == SM_PLUGGED_LOCK;
	bool fragile = is_lock ? !(plugged->traits & SM_PLUGGED_RECOVERS) : (plugged->traits & SHMETER_FRAGILE) != 0;
	int rc;

	if (list)
		told->checks = json_array();
	else if (!told->quiet)
		say(0, "", "%s: %s", plugged->name, plugged->summary);
	rc = is_lock ? sm_prove_lock(proof, plugged, err) : sm_prove_transport(proof, plugged, err);
	if (rc >= 0) {
		int clean = plugin_source_check(source, proof, plugged, err);

		rc = clean < 0 ? clean : rc && clean;
	}
	if (list)
		json_array_append_new(list, json_pack("{s:s, s:b, s:o}", "name", plugged->name, "works", rc == 1,
						      "checks", told->checks));
	else if (rc >= 0 && !told->quiet)
		say(0, "", "%s %s between processes%s.", plugged->name, rc ? "works" : "does not work",
		    rc && fragile ? " while none of them is killed" : "");
	return rc;
}

/* Checks one scenario, likewise. */
static int check_scenario(struct sm_proof *proof, struct told *told, const struct sm_scenario *scenario,
			  const struct plugin_options *options, json_t *list, struct sm_error *err)
{
	int rc;

	if (list)
		told->checks = json_array();
	else if (!told->quiet)
		say(0, "", "%s: %s", scenario->name, scenario->question);
	rc = plugin_try(scenario, options, proof->scratch, tell, told, err);
	if (list)
		json_array_append_new(list, json_pack("{s:s, s:b, s:o}", "name", scenario->name, "works", rc == 1,
						      "checks", told->checks));
	else if (rc >= 0 && !told->quiet)
		say(0, "", "%s %s.", scenario->name,
		    rc == PLUGIN_NOT_TRIED ? "was not tried: nothing of it can run here"
		    : rc                   ? "works"
					   : "does not work");
	return rc;
}

/* The verdicts in JSON, one list for each kind. */
struct lists {
	json_t *transports, *locks, *scenarios;
};

static void print_json(const char *file, bool works, const struct lists *lists)
{
	json_t *all = json_pack("{s:s, s:b, s:O, s:O, s:O}", "plugin", file, "works", works, "transports",
				lists->transports, "locks", lists->locks, "scenarios", lists->scenarios);

	json_dumpf(all, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	putchar('\n');
	json_decref(all);
}

static int check_all(struct sm_proof *proof, struct plugin_source *source, const struct plugin_options *options,
		     struct sm_error *err)
{
	const char *file = options->common.operand[1];
	struct lists lists = { NULL, NULL, NULL };
	struct told told = { .color = use_color(&options->common, stdout), .quiet = options->common.quiet };
	const struct sm_scenario *scenarios[SHMETER_PLUGIN_MAX];
	const struct sm_plugged *plugged = NULL;
	int count = sm_plugin_describe(proof->os, file, proof->stop, &plugged, err), works = count < 0 ? count : 1;
	int others = works < 0 ? works : plugins_take_scenarios(file, scenarios, err), rc;

	if (options->json)
		lists = (struct lists){ json_array(), json_array(), json_array() };
	proof->context = &told;
	works = others < 0 ? others : works;
	if (count == 0 && others == 0) /* its second description differs from the first */
		works = sm_fail(err, EBADMSG, "plug-in %s: it told nothing", file);
	if (count == 0 && others > 0 && options->source)
		works = sm_fail(err, EINVAL, "--source builds transports and locks; %s holds scenarios alone: omit it",
				file);
	for (int i = 0; i < count && works >= 0; i++) {
		rc = check_one(proof, &told, &plugged[i], source,
			       plugged[i].kind == SM_PLUGGED_LOCK ? lists.locks : lists.transports, err);
		works = rc < 0 ? rc : works && rc;
	}
	for (int i = 0; i < others && works >= 0; i++) {
		rc = check_scenario(proof, &told, scenarios[i], options, lists.scenarios, err);
		works = rc < 0 ? rc : works && rc;
	}
	if (options->json && works >= 0)
		print_json(count ? plugged->file : scenarios[0]->plugged->file, works, &lists);
	json_decref(lists.transports);
	json_decref(lists.locks);
	json_decref(lists.scenarios);
	return works;
}

int plugin_check(const struct plugin_options *options)
{
	struct sm_error err = { 0 }, left = { 0 };
	char scratch[4096];
	struct sm_proof proof = { .os = &sm_os_linux,
				  .stop = stop_flag(),
				  .messages = options->messages ? options->messages : MESSAGES,
				  .budget_ns = options->check_ns ? options->check_ns : TIME_NS,
				  .scratch = scratch,
				  .tell = tell };
	struct plugin_source *source = plugin_source_find(options->common.operand[1], options->source, &err);
	int rc;

	if (!source)
		return complain(&err);
	(void)!getrandom(&proof.seed, sizeof(uint32_t), 0);
	if (make_scratch_folder("check", scratch, sizeof(scratch), &err) < 0)
		return complain(&err);
	setenv("TMPDIR", scratch, 1); /* what the plug-in leaves there is found */
	rc = check_all(&proof, source, options, &err);
	if (remove_scratch_folder(scratch, &left) < 0)
		sm_print_line(stderr, "shmeter: warning: %s", left.text);
	if (rc == -EBADMSG || rc == -ETIMEDOUT || rc == -ECHILD) { /* its description failed: the first check */
		if (options->json)
			print_undescribed(options->common.operand[1], &err);
		sm_print_line(stderr, "shmeter: %s", err.text);
		return EXIT_REFUTED;
	}
	return rc < 0 ? complain(&err) : rc ? EXIT_OK : EXIT_REFUTED;
}
