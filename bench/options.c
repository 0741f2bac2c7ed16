/* Parses the command line: every word goes to the row of the option table that takes it. */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "options.h"

/* getopt_long() returns this plus the number of the row for an option without a letter. */
#define ROW_BASE 256

bool option_is_taken(const struct option_spec *spec, enum command command)
{
	return spec->in_common || spec->in[command];
}

bool option_varies(const char *name)
{
	for (size_t i = 0; i < option_count; i++)
		if (option_specs[i].varies && strcmp(option_specs[i].name, name) == 0)
			return true;
	return false;
}

static int answer_of(const struct option_spec *spec)
{
	return spec->letter ? spec->letter : ROW_BASE + (int)(spec - option_specs);
}

static const struct option_spec *find_answer(enum command command, int answer)
{
	for (size_t i = 0; i < option_count; i++)
		if (option_is_taken(&option_specs[i], command) && answer_of(&option_specs[i]) == answer)
			return &option_specs[i];
	return NULL;
}

static int find_command(const char *name, enum command *command, struct sm_error *err)
{
	for (int i = 0; i < CMD_COUNT; i++)
		if (strcmp(command_specs[i].name, name) == 0) {
			*command = (enum command)i;
			return 0;
		}
	return sm_fail(err, EINVAL, "\"%s\" is not a command; `shmeter help` lists the commands", name);
}

/* Records an option that `ab` also passes to the runs of both sides. */
static int pass_on(struct ab_options *ab, const char *option, const char *text, struct sm_error *err)
{
	struct setting *setting = &ab->passed[ab->passed_count];

	if (ab->passed_count == PASSED_MAX)
		return sm_fail(err, EINVAL, "too many options: at most %d", PASSED_MAX);
	snprintf(setting->option, sizeof(setting->option), "--%s", option);
	setting->value = text;
	ab->passed_count++;
	return 0;
}

static int take(union options *options, enum command command, const struct option_spec *spec, char *text,
		struct sm_error *err)
{
	size_t member = spec->in_common ? spec->in_common : spec->in[command];
	int rc = spec->take(spec, (char *)options + member, text, err);

	if (rc == 0 && command == CMD_AB && spec->varies)
		rc = pass_on(&options->ab, spec->name, text, err);
	return rc;
}

/* Whether the name is not an option of the command, but begins one, as "message" begins "messages": getopt_long() would
 * take it as an abbreviation, and it is another command's option. */
static bool is_misleading(const char *name, enum command command)
{
	bool begins = false;

	for (size_t i = 0; i < option_count; i++) {
		if (!option_is_taken(&option_specs[i], command))
			continue;
		if (strcmp(option_specs[i].name, name) == 0)
			return false;
		begins |= strncmp(option_specs[i].name, name, strlen(name)) == 0;
	}
	return begins;
}

static void list_for_getopt(enum command command, struct option *table)
{
	for (size_t i = 0; i < option_count; i++)
		if (option_is_taken(&option_specs[i], command))
			*table++ = (struct option){ option_specs[i].name,
						    option_specs[i].argument ? required_argument : no_argument, NULL,
						    answer_of(&option_specs[i]) };
		else if (is_misleading(option_specs[i].name, command))
			*table++ =
				(struct option){ option_specs[i].name, no_argument, NULL, answer_of(&option_specs[i]) };
	*table = (struct option){ 0 };
}

static int parse(union options *options, enum command command, int argc, char **argv, struct sm_error *err)
{
	const char *name = command_specs[command].name;
	struct common_options *common = &options->common;
	struct option table[OPTIONS_MAX + 1];
	int answer;

	list_for_getopt(command, table);
	opterr = 0;
	optind = 1;
	while ((answer = getopt_long(argc, argv, ":qvh", table, NULL)) != -1) {
		const struct option_spec *spec = find_answer(command, answer);
		int rc;

		if (answer == ':')
			return sm_fail(err, EINVAL, "%s needs a value; see `shmeter %s --help`", argv[optind - 1],
				       name);
		if (!spec)
			return sm_fail(err, EINVAL, "`shmeter %s` has no option %s; see `shmeter %s --help`", name,
				       argv[optind - 1], name);
		if (spec->argument && !*optarg)
			return sm_fail(err, EINVAL, "--%s has an empty value: write one, or leave the option out",
				       spec->name);
		rc = take(options, command, spec, optarg, err);
		if (rc < 0 || common->help || common->version)
			return rc;
	}
	for (; optind < argc; optind++) {
		if (common->operands == OPERANDS_MAX)
			return sm_fail(err, EINVAL, "too many arguments: at most %d", OPERANDS_MAX);
		if (!*argv[optind])
			return sm_fail(err, EINVAL, "an argument of `shmeter %s` is empty: was a variable not set?",
				       name);
		common->operand[common->operands++] = argv[optind];
	}
	return 0;
}

int options_parse(union options *options, enum command *command, int argc, char **argv, struct sm_error *err)
{
	struct common_options *common = &options->common;

	memset(options, 0, sizeof(*options));
	common->command_line = (const char *const *)argv;
	common->command_line_count = (size_t)argc;
	*command = CMD_COUNT;
	if (argc < 2)
		return sm_fail(err, EINVAL, "a command is missing; `shmeter help` lists the commands");
	common->help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;
	common->version = strcmp(argv[1], "--version") == 0;
	if (common->help || common->version)
		return 0;
	int rc = find_command(argv[1], command, err);

	return rc < 0 ? rc : parse(options, *command, argc - 1, argv + 1, err);
}
