/* Help and man page, both from the option table. */
#include <string.h>

#include "help.h"
#include "program.h"
#include "shmeter/export.h"
#include "shmeter/text.h"

#define MAN_WIDTH  80
#define GAP        2  /* spaces between the two columns */
#define COLUMN_MAX 29 /* the second column begins here at the latest */

static const struct {
	const char *code, *meaning;
} exit_codes[] = {
	{ "0", "success" },
	{ "1", "a regression, a gate that failed, or a check of a plug-in that failed" },
	{ "3", "inconclusive or not testable (--strict); ab: too few blocks or layouts to detect a failure" },
	{ "4", "wrong usage, or input that cannot be read" },
	{ "5", "this machine cannot run it" },
	{ "6", "wrong data, or an internal error" },
	{ "128+N", "ended by signal N; partial results are saved" },
};
#define EXIT_CODES (sizeof(exit_codes) / sizeof(exit_codes[0]))

/* A table of two columns, for formats, options and commands. */
struct table {
	FILE *out;
	unsigned column, width; /* where the second column begins, where it ends */
};

static struct table begin_table(FILE *out)
{
	return (struct table){ .out = out, .width = terminal_width() };
}

static void make_room(struct table *table, const char *typed)
{
	unsigned column = GAP + (unsigned)strlen(typed) + GAP;

	if (column > table->column && column <= COLUMN_MAX)
		table->column = column;
}

static void print_row(const struct table *table, const char *typed, const char *does)
{
	char first[128];

	if (GAP + strlen(typed) + GAP > table->column) {
		fprintf(table->out, "%*s%s\n", GAP, "", typed);
		typed = "";
	}
	snprintf(first, sizeof(first), "%*s%-*s", GAP, "", (int)table->column - GAP, typed);
	sm_wrap(table->out, first, table->column, table->width, does);
}

/* "-q, --quiet", "    --out DIR" */
static const char *typed_option(const struct option_spec *spec, char out[64])
{
	char letter[8] = "    ";

	if (spec->letter)
		snprintf(letter, sizeof(letter), "-%c, ", spec->letter);
	snprintf(out, 64, "%s--%s%s%s", letter, spec->name, spec->argument ? " " : "",
		 spec->argument ? spec->argument : "");
	return out;
}

/* The summary; where it ends in a colon, the choices follow. */
static const char *option_does(const struct option_spec *spec, char out[256])
{
	int used = snprintf(out, 256, "%s", spec->summary);

	if (out[used - 1] != ':')
		return out;
	for (const char *word = spec->choices; *word; word += strcspn(word, " "), word += strspn(word, " "))
		used += snprintf(out + used, 256 - (size_t)used, "%s %.*s", word == spec->choices ? "" : ",",
				 (int)strcspn(word, " "), word);
	return out;
}

static const char *typed_command(enum command command, char out[64])
{
	snprintf(out, 64, "%s %s", command_specs[command].name, command_specs[command].operands);
	return out;
}

static void print_commands(FILE *out)
{
	struct table table = begin_table(out);
	char typed[64];

	for (unsigned c = 0; c < CMD_COUNT; c++)
		make_room(&table, typed_command(c, typed));
	sm_wrap(out, "shmeter: ", GAP, table.width,
		"measure what sharing memory between processes costs on this machine");
	fprintf(out, "\nUsage: shmeter COMMAND [OPTION...]\n\n");
	for (unsigned c = 0; c < CMD_COUNT; c++)
		print_row(&table, typed_command(c, typed), command_specs[c].summary);
	fprintf(out, "\n`shmeter COMMAND --help` lists the options of a command.\n\nExit codes:\n");
	table.column = 0;
	for (size_t i = 0; i < EXIT_CODES; i++)
		make_room(&table, exit_codes[i].code);
	for (size_t i = 0; i < EXIT_CODES; i++)
		print_row(&table, exit_codes[i].code, exit_codes[i].meaning);
}

static void print_formats(FILE *out)
{
	struct table table = begin_table(out);
	const struct sm_export_format *formats;
	size_t count;

	formats = sm_export_formats(&count);
	for (size_t i = 0; i < count; i++)
		make_room(&table, formats[i].name);
	fprintf(out, "\nFormats:\n");
	for (size_t i = 0; i < count; i++)
		print_row(&table, formats[i].name, formats[i].summary);
}

void help_print(FILE *out, enum command command)
{
	struct table table = begin_table(out);
	const struct command_spec *spec;
	char typed[64], does[256];

	if (command == CMD_COUNT) {
		print_commands(out);
		return;
	}
	spec = &command_specs[command];
	snprintf(typed, sizeof(typed), "shmeter %s: ", spec->name);
	sm_wrap(out, typed, GAP, table.width, spec->summary);
	fprintf(out, "\nUsage: shmeter %s [OPTION...]%s%s\n\nOptions:\n", spec->name, spec->operands[0] ? " " : "",
		spec->operands);
	for (size_t i = 0; i < option_count; i++)
		if (option_is_taken(&option_specs[i], command))
			make_room(&table, typed_option(&option_specs[i], typed));
	for (size_t i = 0; i < option_count; i++)
		if (option_is_taken(&option_specs[i], command))
			print_row(&table, typed_option(&option_specs[i], typed), option_does(&option_specs[i], does));
	if (command == CMD_EXPORT)
		print_formats(out);
}

/* A paragraph with a tag before it. */
static void print_man_entry(FILE *out, const char *tag, const char *text)
{
	fprintf(out, ".TP\n.B %s\n", tag);
	sm_wrap(out, "", 0, MAN_WIDTH, text);
}

static void print_man_option(FILE *out, const struct option_spec *spec)
{
	char does[256], text[512], tag[64];
	int used = snprintf(text, sizeof(text), "%s (", option_does(spec, does));

	if (spec->in_common)
		used += snprintf(text + used, sizeof(text) - (size_t)used, "all commands");
	for (unsigned c = 0, listed = 0; !spec->in_common && c < CMD_COUNT; c++)
		if (option_is_taken(spec, c))
			used += snprintf(text + used, sizeof(text) - (size_t)used, "%s%s", listed++ ? ", " : "",
					 command_specs[c].name);
	snprintf(text + used, sizeof(text) - (size_t)used, ")");
	snprintf(tag, sizeof(tag), "\\-\\-%s %s", spec->name, spec->argument ? spec->argument : "");
	print_man_entry(out, tag, text);
}

void help_print_man(FILE *out)
{
	const struct sm_export_format *formats;
	size_t count;

	fprintf(out,
		".TH SHMETER 1 \"\" \"shmeter %s\"\n.SH NAME\n"
		"shmeter \\- measure what sharing memory between processes costs\n.SH SYNOPSIS\n",
		SHMETER_VERSION);
	for (unsigned c = 0; c < CMD_COUNT; c++)
		fprintf(out, ".B shmeter %s\n[\\fIOPTION\\fR...] %s\n.br\n", command_specs[c].name,
			command_specs[c].operands);
	fprintf(out, ".SH DESCRIPTION\nForks processes, pins them, runs scenarios over shared memory,\n"
		     "and prints each finding with its confidence interval and its cause.\n.SH COMMANDS\n");
	for (unsigned c = 0; c < CMD_COUNT; c++)
		print_man_entry(out, command_specs[c].name, command_specs[c].summary);
	fprintf(out, ".SH OPTIONS\n");
	for (size_t i = 0; i < option_count; i++)
		print_man_option(out, &option_specs[i]);
	fprintf(out, ".SH EXPORT FORMATS\n");
	formats = sm_export_formats(&count);
	for (size_t i = 0; i < count; i++)
		print_man_entry(out, formats[i].name, formats[i].summary);
	fprintf(out, ".SH EXIT STATUS\n");
	for (size_t i = 0; i < EXIT_CODES; i++)
		print_man_entry(out, exit_codes[i].code, exit_codes[i].meaning);
	fprintf(out, ".SH FILES\nA run folder holds manifest.json, samples.csv, slices.csv, counters.csv,\n"
		     "summary.csv, pairs.csv, claims.csv, histograms/, plots/ and report.html.\n");
}
