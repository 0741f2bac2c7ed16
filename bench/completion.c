/* Completion for shells, from the option table. */
#include <string.h>

#include "help.h"

/* Prints the words of every command's options: "--name ". */
static void put_options(FILE *out, enum command command)
{
	for (size_t i = 0; i < option_count; i++)
		if (option_is_taken(&option_specs[i], command))
			fprintf(out, "--%s ", option_specs[i].name);
}

/* The first word of what an argument is called: DIR and FILE are completed as such. */
static bool argument_is(const struct option_spec *spec, const char *word)
{
	return spec->argument && strncmp(spec->argument, word, strlen(word)) == 0;
}

/* A text inside single quotes of a shell. */
static void put_quoted(FILE *out, const char *text)
{
	fputc('\'', out);
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", out);
		else
			fputc(*text, out);
	fputc('\'', out);
}

void help_print_bash_completion(FILE *out)
{
	fprintf(out, "_shmeter() {\n  local cur=${COMP_WORDS[COMP_CWORD]} "
		     "prev=${COMP_WORDS[COMP_CWORD-1]} cmd=${COMP_WORDS[1]}\n  case $prev in\n");
	for (size_t i = 0; i < option_count; i++) {
		const struct option_spec *spec = &option_specs[i];

		if (spec->choices)
			fprintf(out, "  --%s) COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n", spec->name,
				spec->choices);
		else if (argument_is(spec, "FILE") || argument_is(spec, "DIR"))
			fprintf(out, "  --%s) COMPREPLY=($(compgen -%c -- \"$cur\")); return ;;\n", spec->name,
				argument_is(spec, "DIR") ? 'd' : 'f');
	}
	fprintf(out, "  esac\n  if [ \"$COMP_CWORD\" = 1 ]; then\n    COMPREPLY=($(compgen -W '");
	for (unsigned c = 0; c < CMD_COUNT; c++)
		fprintf(out, "%s ", command_specs[c].name);
	fprintf(out, "' -- \"$cur\")); return\n  fi\n  case $cmd in\n");
	for (unsigned c = 0; c < CMD_COUNT; c++) {
		fprintf(out, "  %s) COMPREPLY=($(compgen -W '", command_specs[c].name);
		put_options(out, c);
		fprintf(out, "' -- \"$cur\")) ;;\n");
	}
	fprintf(out,
		"  esac\n  [[ \"$cmd\" = @(report|export|check|compare) ]] && COMPREPLY+=($(compgen -d -- \"$cur\"))\n"
		"}\ncomplete -F _shmeter shmeter\n");
}

/* "--name=[summary]:argument:(choices)"; characters with a meaning in such a text are left out of the summary. */
static void put_zsh_option(FILE *out, const struct option_spec *spec)
{
	char text[512];
	int used = snprintf(text, sizeof(text), "--%s%s[", spec->name, spec->argument ? "=" : "");

	for (const char *c = spec->summary; *c && used < 400; c++)
		if (!strchr("[]:\\", *c))
			text[used++] = *c;
	used += snprintf(text + used, sizeof(text) - (size_t)used, "]");
	if (spec->choices)
		used += snprintf(text + used, sizeof(text) - (size_t)used, ":value:(%s)", spec->choices);
	else if (spec->argument)
		used += snprintf(text + used, sizeof(text) - (size_t)used, ":value:%s",
				 argument_is(spec, "DIR")    ? "_files -/"
				 : argument_is(spec, "FILE") ? "_files"
							     : " ");
	fputs("    ", out);
	put_quoted(out, text);
	fputs(" \\\n", out);
}

void help_print_zsh_completion(FILE *out)
{
	char text[256];

	fprintf(out, "#compdef shmeter\n_shmeter() {\n  local -a commands\n  commands=(\n");
	for (unsigned c = 0; c < CMD_COUNT; c++) {
		snprintf(text, sizeof(text), "%s:%s", command_specs[c].name, command_specs[c].summary);
		fputs("    ", out);
		put_quoted(out, text);
		fputc('\n', out);
	}
	fprintf(out, "  )\n  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n"
		     "  case $words[2] in\n");
	for (unsigned c = 0; c < CMD_COUNT; c++) {
		fprintf(out, "  %s) _arguments \\\n", command_specs[c].name);
		for (size_t i = 0; i < option_count; i++)
			if (option_is_taken(&option_specs[i], c))
				put_zsh_option(out, &option_specs[i]);
		fprintf(out, "    '*:operand:_files' ;;\n");
	}
	fprintf(out, "  esac\n}\n_shmeter \"$@\"\n");
}

void help_print_fish_completion(FILE *out)
{
	for (unsigned c = 0; c < CMD_COUNT; c++) {
		fprintf(out, "complete -c shmeter -n __fish_use_subcommand -f -a %s -d ", command_specs[c].name);
		put_quoted(out, command_specs[c].summary);
		fputc('\n', out);
	}
	for (size_t i = 0; i < option_count; i++) {
		const struct option_spec *spec = &option_specs[i];

		fprintf(out, "complete -c shmeter -n '__fish_seen_subcommand_from");
		for (unsigned c = 0; c < CMD_COUNT; c++)
			if (option_is_taken(spec, c))
				fprintf(out, " %s", command_specs[c].name);
		fprintf(out, "' -l %s", spec->name);
		if (spec->letter)
			fprintf(out, " -s %c", spec->letter);
		if (spec->choices)
			fprintf(out, " -x -a '%s'", spec->choices);
		else if (spec->argument)
			fputs(argument_is(spec, "DIR") || argument_is(spec, "FILE") ? " -r" : " -x", out);
		fputs(" -d ", out);
		put_quoted(out, spec->summary);
		fputc('\n', out);
	}
}
