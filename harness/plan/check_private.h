/* Declarations that the parts of the check of scenarios share. */
#ifndef SHMETER_CHECK_PRIVATE_H
#define SHMETER_CHECK_PRIVATE_H

#include "shmeter/scenario.h"
#include "shmeter/scenario_check.h"

/* Names of all values of a parameter, or of all variants or claims: the longest list here. */
#define CHECK_NAMES_MAX SM_LIST_MAX

/* Longest name of a scenario, a variant, a parameter or a claim: with these lengths the id of a case fits into
 * sm_planned_case. */
#define CHECK_NAME_MAX 40

/* Longest list of a parameter. */
#define CHECK_VALUES_MAX 64

/* Most workers of a case: more than a Linux kernel has PUs by far. */
#define CHECK_WORKERS_MAX 65536u

/* What is being checked, for error messages. */
struct check_subject {
	const struct sm_scenario *scenario;
	const struct sm_claim *claim; /* NULL: the scenario itself */
	struct sm_error *err;
};

/* Names that exist, of one kind. */
struct check_names {
	const char *one, *many; /* "variant", "variants" */
	unsigned count;
	struct {
		const char *text;
		size_t length;
	} name[CHECK_NAMES_MAX];
};

/* Fails with a sentence that says where the mistake is. */
int check_wrong(const struct check_subject *on, const char *format, ...) __attribute__((format(printf, 2, 3)));

void check_add_name(struct check_names *names, const char *text, size_t length);
/* Adds each name of "producers+consumers". */
void check_add_list(struct check_names *names, const char *list, const char *separator);
struct check_names check_variants_of(const struct sm_scenario *s);
struct check_names check_params_of(const struct sm_scenario *s);
/* The further metrics: `more`. */
struct check_names check_metrics_of(const struct sm_scenario *s);
struct check_names check_claims_of(const struct sm_scenario *s);
struct check_names check_events_of(const struct sm_scenario *s);
struct check_names check_placements_of(const struct sm_scenario *s);
bool check_has(const struct check_names *names, const char *text, size_t length);
int check_expect_length(const struct check_subject *on, const struct check_names *names, const char *text,
			size_t length);
/* Checks that a name exists; NULL is allowed: no name is given. */
int check_expect(const struct check_subject *on, struct check_names names, const char *text);
/* Whether a text can be a name, also in a file, where "-" stands for none. */
bool check_is_name(const char *text);
/* Checks that a name is given and exists; `what`: "event". */
int check_require(const struct check_subject *on, struct check_names names, const char *what, const char *text);
/* Whether a number is finite and not negative. */
bool check_is_amount(double number);
/* Checks that names, for example of variants, are unique and can be read back from a run folder. */
int check_unique(const struct check_subject *on, const struct check_names *names);

enum check_ending {
	CHECK_SENTENCE, /* printed alone: ends with a full stop */
	CHECK_QUESTION,
	CHECK_PART, /* the program appends to it: no full stop */
};

int check_text(const struct check_subject *on, const char *what, const char *text, enum check_ending ending);
int check_text_if_any(const struct check_subject *on, const char *what, const char *text, enum check_ending ending);
/* Checks the name of a metric or a unit: it must fit into a column of a table. */
int check_wording(const struct check_subject *on, const char *what, const char *text);

int check_params(const struct check_subject *on);
/* Whether a name is that of a condition which is about no parameter: "placement". */
bool check_is_reserved(const char *name);
/* Checks the conditions of the claim. */
int check_at(const struct check_subject *on);
int check_claims(const struct check_subject *on);

#endif
