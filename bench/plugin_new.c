/* shmeter plugin new: writes a plug-in that works. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin_actions.h"
#include "program.h"
#include "registry.h"
#include "shmeter/encode.h"

#define PLACE           "my_plugin" /* stands for the name in the templates */
#define NAME_MAX_LENGTH 31          /* plugin.h promises this */

static const char *find_text(const char *file)
{
	for (const struct plugin_text *one = plugin_texts; one->file; one++)
		if (strcmp(one->file, file) == 0)
			return one->text;
	return NULL;
}

void plugin_put_path(FILE *out, const char *path)
{
	if (strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./") == strlen(path))
		fputs(path, out);
	else
		sm_put_quoted(out, path);
}

int plugin_write(const char *folder, const char *file, const char *text, const char *name, struct sm_error *err)
{
	char path[4400];
	FILE *out;
	int fd, failed;

	snprintf(path, sizeof(path), "%.4000s/%s", folder, file);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!out) {
		failed = errno;
		if (fd >= 0)
			close(fd);
		return sm_fail(err, failed, "cannot create %s: %s", path, strerror(failed));
	}
	errno = 0;
	for (const char *at = text, *next; *at; at = next) {
		const char *place = strstr(at, PLACE);

		next = place ? place + strlen(PLACE) : at + strlen(at);
		fwrite(at, 1, (size_t)((place ? place : next) - at), out);
		if (place)
			fputs(name, out);
	}
	failed = ferror(out);
	if (fclose(out) != 0 || failed)
		return sm_fail(err, errno ? errno : EIO, "cannot write %s: %s", path, strerror(errno ? errno : EIO));
	return 0;
}

static int check_name(const char *name, const char *kind, struct sm_error *err)
{
	size_t length = strlen(name);

	if (length > NAME_MAX_LENGTH || name[0] < 'a' || name[0] > 'z' ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != length)
		return sm_fail(err, EINVAL, "invalid name \"%s\": use at most %d of a-z, 0-9 and _, a letter first",
			       name, NAME_MAX_LENGTH);
	for (size_t s = 0; kind && strcmp(kind, "scenario") == 0 && s < sm_scenario_count; s++)
		if (strcmp(sm_scenarios[s]->name, name) == 0)
			return sm_fail(err, EEXIST, "%s is a scenario of shmeter's own; choose another name", name);
	for (size_t s = 0; s < sm_scenario_count; s++)
		for (const struct sm_variant *v = sm_scenarios[s]->variants; sm_scenarios[s]->plugs && v->name; v++)
			if (strcmp(v->name, name) == 0)
				return sm_fail(err, EEXIST, "%s is a name of shmeter's own; choose another", name);
	return 0;
}

/* Writes one file of the new plug-in. */
static int write_text(const char *folder, const char *file, const char *text_of, const char *name, struct sm_error *err)
{
	return plugin_write(folder, file, find_text(text_of), name, err);
}

/* Removes what a failed attempt has made, so that the same command can be repeated. */
static void clear(const char *folder, const char *const *file, size_t count)
{
	char path[4400];

	for (size_t i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%.4000s/%s", folder, file[i]);
		unlink(path);
	}
	rmdir(folder);
}

static int write_folder(const char *folder, const char *name, const char *kind, const char *ending,
			struct sm_error *err)
{
	bool rust = strcmp(ending, "rs") == 0;
	char source[64], from[64], page[64];
	const char *const file[] = { source, "README.md", "shmeter_plugin.rs" };
	const size_t count = rust ? 3 : 2;
	int rc;

	snprintf(source, sizeof(source), "%s.%s", name, ending);
	snprintf(from, sizeof(from), "%s.%s", kind, ending);
	snprintf(page, sizeof(page), "%s.md", kind);
	if (!find_text(from))
		return sm_fail(err, EINVAL, "a %s is written in C: take --lang c", kind);
	if (mkdir(folder, 0777) < 0)
		return errno == EEXIST
			       ? sm_fail(err, EEXIST, "%s is there already; choose another name, or --out DIR", folder)
			       : sm_fail(err, errno, "cannot create the folder %s: %s", folder, strerror(errno));
	rc = write_text(folder, source, from, name, err);
	if (rc == 0)
		rc = write_text(folder, file[1], page, name, err);
	if (rc == 0 && rust)
		rc = write_text(folder, file[2], file[2], name, err);
	if (rc < 0)
		clear(folder, file, count);
	return rc;
}

int plugin_new(const struct plugin_options *options)
{
	const char *name = options->common.operand[1], *folder = options->out ? options->out : name;
	const char *lang = options->lang;
	const char *ending = !lang ? "" : strcmp(lang, "c++") == 0 ? "cpp" : strcmp(lang, "rust") == 0 ? "rs" : "c";
	struct sm_error err = { 0 };
	int rc = check_name(name, options->kind, &err);

	if (rc == 0 && !options->kind)
		rc = sm_fail(&err, EINVAL, "say what to make: --kind transport, lock or scenario");
	if (rc == 0 && !lang)
		rc = sm_fail(&err, EINVAL, "say in which language: --lang c, c++ or rust");
	if (rc == 0)
		rc = write_folder(folder, name, options->kind, ending, &err);
	if (rc < 0)
		return complain(&err);
	if (options->common.quiet)
		return EXIT_OK;
	sm_print_line(stdout, "%s/%s.%s: a %s that works; put your own in its place. Next:", folder, name, ending,
		      options->kind);
	fputs("  shmeter plugin build ", stdout);
	plugin_put_path(stdout, folder);
	putchar('\n');
	return EXIT_OK;
}
