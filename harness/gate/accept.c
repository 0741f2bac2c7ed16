/* Writes an exception into a file of gates, and leaves all other bytes as they are. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reading.h"
#include "shmeter/error.h"
#include "shmeter/memory.h"
#include "shmeter/store.h"

/* Longest line, with its end, that inih surely takes: INI_MAX_LINE is 200. */
#define LINE_MOST 198

/* A part of the file's text. */
struct part {
	const char *at;
	size_t length;
};

/* Where the exception goes. */
struct place {
	struct part value[2]; /* of accept and of accept_until; `at` NULL: the gate has none */
	const char *after;    /* end of the gate's last line with a key */
	const char *line_end; /* of the gate's header */
};

struct rewriting {
	struct stat before;
	struct sm_written text;
};

static const char *const keys[2] = { "accept", "accept_until" };

/* The line at `text`, with its end. */
static struct part line_at(const char *text)
{
	size_t length = strcspn(text, "\n");

	return (struct part){ text, length + (text[length] == '\n') };
}

static bool is_header_of(struct part line, const char *name)
{
	size_t length = strlen(name);

	return line.length >= length + 2 && line.at[0] == '[' && line.at[length + 1] == ']' &&
	       memcmp(line.at + 1, name, length) == 0;
}

/* Which key a line gives a value, and that value without the comment and the blanks around it; -1: neither of the two. */
static int value_in(struct part line, struct part *value)
{
	size_t name = strcspn(line.at, "=:\n"), first = name + 1, end;
	unsigned k = 0;

	if (name >= line.length || line.at[name] == '\n')
		return -1;
	while (name > 0 && strchr(" \t", line.at[name - 1]))
		name--;
	while (k < 2 && (strlen(keys[k]) != name || memcmp(line.at, keys[k], name) != 0))
		k++;
	if (k == 2)
		return -1;
	first += strspn(line.at + first, " \t");
	for (end = first; end < line.length && line.at[end] != '\n'; end++)
		if (line.at[end] == ';' && strchr(" \t", line.at[end - 1]))
			break;
	while (end > first && strchr(" \t\r", line.at[end - 1]))
		end--;
	*value = (struct part){ line.at + first, end - first };
	return (int)k;
}

/* False where the text has no such gate: it was changed since it was loaded. */
static bool find_place(const char *text, const char *name, struct place *place)
{
	struct part line;
	bool inside = false;

	*place = (struct place){ .after = NULL };
	if (strncmp(text, "\xef\xbb\xbf", 3) == 0) /* a byte order mark */
		text += 3;
	for (; *text; text += line.length) {
		struct part value;
		int k;

		line = line_at(text);
		if (*text == '[') {
			if (inside)
				break;
			inside = is_header_of(line, name);
			place->line_end = line.length > 1 && line.at[line.length - 2] == '\r' ? "\r\n" : "\n";
		}
		if (!inside || strchr("[;# \t\r\n", *text))
			continue;
		place->after = line.at + line.length;
		k = value_in(line, &value);
		if (k >= 0)
			place->value[k] = value;
	}
	return inside && place->after;
}

/* Writes what is before a part of the text, then another text in its place; `*from` is what comes next. */
static void put_changed(FILE *out, const char **from, struct part part, const char *instead)
{
	fwrite(*from, 1, (size_t)(part.at - *from), out);
	fputs(instead, out);
	*from = part.at + part.length;
}

static void put_exception(FILE *out, const char *text, const struct place *place, const char *const value[2])
{
	const char *from = text;

	if (place->value[0].at) { /* both are there, in either order */
		unsigned first = place->value[0].at < place->value[1].at ? 0 : 1;

		put_changed(out, &from, place->value[first], value[first]);
		put_changed(out, &from, place->value[!first], value[!first]);
	} else {
		bool ended = place->after[-1] == '\n';

		put_changed(out, &from, (struct part){ place->after, 0 }, ended ? "" : place->line_end);
		fprintf(out, "%s = %s%s%s = %s%s", keys[0], value[0], place->line_end, keys[1], value[1],
			ended ? place->line_end : "");
	}
	fputs(from, out);
}

/* Whether the line around a value, which may end in a comment, would be too long with a value of this length. */
static bool too_long(struct part old, size_t length)
{
	const char *begin = old.at;

	while (begin[-1] != '\n')
		begin--;
	return line_at(begin).length - old.length + length > LINE_MOST;
}

static int write_text(FILE *out, void *context)
{
	struct rewriting *rewriting = context;

	/* where the owner cannot be kept, the file becomes that of this user, who may write it */
	(void)!fchown(fileno(out), rewriting->before.st_uid, rewriting->before.st_gid);
	if (fchmod(fileno(out), rewriting->before.st_mode & 07777) < 0)
		return -errno;
	if (fwrite(rewriting->text.text, 1, rewriting->text.size, out) != rewriting->text.size || fflush(out) != 0 ||
	    fsync(fileno(out)) < 0)
		return errno ? -errno : -EIO;
	return 0;
}

static int rewrite(const char *path, const char *text, const struct stat *before, const struct place *place,
		   const char *const value[2], struct sm_error *err)
{
	struct rewriting rewriting = { .before = *before };
	int rc;

	put_exception(sm_written_open(&rewriting.text), text, place, value);
	sm_written_close(&rewriting.text);
	rc = sm_store_write_file(path, write_text, &rewriting, err);
	free(rewriting.text.text);
	return rc;
}

/* Opens a file that no other exception is written to meanwhile.  The lock is on the file that a rename replaces, so whoever
 * waited for it looks again; where the file system has no locks, there is none.  NULL: it cannot be opened. */
static FILE *open_alone(const char *target)
{
	struct stat opened, there;
	FILE *file;

	while ((file = fopen(target, "re"))) {
		while (flock(fileno(file), LOCK_EX) < 0 && errno == EINTR)
			;
		if (fstat(fileno(file), &opened) == 0 && stat(target, &there) == 0 && opened.st_ino == there.st_ino &&
		    opened.st_dev == there.st_dev)
			break;
		fclose(file);
	}
	return file;
}

/* Reads the file that `path` leads to, and checks that it may be written: a rename would replace one that may not.  `*locked`
 * is to be closed after the rename. */
static int read_target(const char *path, char target[PATH_MAX], struct sm_written *text, struct stat *before,
		       FILE **locked, struct sm_error *err)
{
	char part[4096];
	size_t length;
	FILE *file;

	if (!realpath(path, target) || stat(target, before) < 0 || access(target, W_OK) < 0)
		return sm_fail(err, errno, "cannot write %s: %s", path, strerror(errno));
	if (!S_ISREG(before->st_mode))
		return sm_fail(err, EINVAL, "%s is not a regular file: an exception can only be kept in one", path);
	*locked = file = open_alone(target);
	if (!file)
		return sm_fail(err, errno, "cannot read %s: %s", path, strerror(errno));
	FILE *out = sm_written_open(text);

	while ((length = fread(part, 1, sizeof(part), file)) > 0)
		fwrite(part, 1, length, out);
	sm_written_close(text);
	return 0;
}

static int no_such_gate(const struct sm_gates *gates, const char *name, struct sm_error *err)
{
	char names[300] = "";
	size_t used = 0, i = 0;

	while (i < gates->count && used + strlen(gates->gate[i].name) + 8 < sizeof(names)) {
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s\"%s\"", i ? ", " : "",
					 gates->gate[i].name);
		i++;
	}
	return sm_fail(err, EINVAL, "%s has no gate \"%.80s\": there are %s%s", gates->path, name, names,
		       i < gates->count ? ", ..." : "");
}

static int check(const struct sm_gates *gates, const char *name, const char *reason, const char *until,
		 struct sm_error *err)
{
	sm_name gate = sm_name_of(name);
	const char *why = gate_why_no_reason(reason);
	int64_t day = 0;
	char now[16];
	size_t i = 0;

	while (i < gates->count && gates->gate[i].name != gate)
		i++;
	if (i == gates->count)
		return no_such_gate(gates, name, err);
	if (why)
		return sm_fail(err, EINVAL, "the reason %s: write one short line of plain text", why);
	why = gate_why_no_day(until, gates->today, &day);
	if (why)
		return sm_fail(err, EINVAL, "the last day %s: %s", until, why);
	gate_say_day(gates->today, now);
	if (day < gates->today)
		return sm_fail(err, EINVAL, "the last day %s is over: today is %s (UTC)", until, now);
	return 0;
}

int sm_gates_accept(const struct sm_gates *gates, const char *name, const char *reason, const char *until,
		    struct sm_error *err)
{
	const char *const value[2] = { reason, until };
	struct sm_written text = { .text = NULL };
	char target[PATH_MAX];
	struct place place;
	struct stat before;
	FILE *locked = NULL;
	int rc = check(gates, name, reason, until, err);

	if (rc == 0)
		rc = read_target(gates->path, target, &text, &before, &locked, err);
	if (rc < 0)
		return rc;
	if (!find_place(text.text, name, &place) || !place.value[0].at != !place.value[1].at)
		rc = sm_fail(err, EBUSY, "%s was changed in the meantime: try again", gates->path);
	else if (place.value[0].at &&
		 (too_long(place.value[0], strlen(reason)) || too_long(place.value[1], strlen(until))))
		rc = sm_fail(err, EINVAL, "%s: [%s] with this reason a line would be too long: shorten its comment",
			     gates->path, name);
	else
		rc = rewrite(target, text.text, &before, &place, value, err);
	fclose(locked);
	free(text.text);
	return rc;
}
