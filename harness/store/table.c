/* Writes and reads CSV files that are described by a table. */
#include "table.h"

#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shmeter/encode.h"
#include "shmeter/store.h"
#include "shmeter/text.h"

/* Longest record.  A row usually has a few hundred bytes, but reasons may be long. */
#define RECORD_MAX  (1 << 20)
#define COLUMNS_MAX 64

static void write_text(const char *text, FILE *out)
{
	if (!text || !*text)
		text = sm_none;
	if (!strpbrk(text, ",\"\n")) {
		sm_put_encoded(out, SM_TO_CSV, text);
		return;
	}
	fputc('"', out);
	sm_put_encoded(out, SM_TO_CSV, text);
	fputc('"', out);
}

void table_write_header(const struct table *table, FILE *out)
{
	for (size_t i = 0; i < table->columns; i++)
		fprintf(out, "%s%c", table->column[i].name, i + 1 < table->columns ? ',' : '\n');
}

static void write_real(double value, FILE *out)
{
	if (isfinite(value))
		fprintf(out, "%.*g", REAL_DIGITS, value);
}

static void write_probes(const struct sm_probes *probes, FILE *out)
{
	for (unsigned i = 0; i < probes->count; i++)
		fprintf(out, "%s%.*g", i ? " " : "", PROBE_DIGITS, probes->ns[i]);
}

void table_write_row(const struct table *table, const void *view, FILE *out)
{
	for (size_t i = 0; i < table->columns; i++) {
		const struct column *column = &table->column[i];
		const void *at = (const char *)view + column->offset;

		switch (column->type) {
		case COLUMN_TEXT:
		case COLUMN_NAME:
		case COLUMN_NAMES: write_text(*(const char *const *)at, out); break;
		case COLUMN_UINT: fprintf(out, "%u", *(const unsigned *)at); break;
		case COLUMN_U64: fprintf(out, "%" PRIu64, *(const uint64_t *)at); break;
		case COLUMN_SIZE: fprintf(out, "%zu", *(const size_t *)at); break;
		case COLUMN_FLAG: fputs(*(const bool *)at ? "yes" : "no", out); break;
		case COLUMN_WORD: fputs(column->words->name(*(const int *)at), out); break;
		case COLUMN_PROBES: write_probes(at, out); break;
		case COLUMN_FLOAT: write_real((double)*(const float *)at, out); break;
		case COLUMN_REAL:
		case COLUMN_MAYBE:
		case COLUMN_VALUE: write_real(*(const double *)at, out); break;
		}
		fputc(i + 1 < table->columns ? ',' : '\n', out);
	}
}

/* The value of a column in the previous row. */
struct value {
	const char *text; /* NULL: there was none */
	size_t length;
	bool quoted; /* it may contain commas and line ends */
};

/* A field of a row, unquoted in place. */
struct field {
	char *text; /* NULL where the quoting is broken */
	struct value value;
	char end;  /* the character after it: ',' or '\n' or '\0' */
	bool same; /* same text as in the previous row */
};

static bool ends_field(char c)
{
	return c == ',' || c == '\n' || c == '\0';
}

/* Reads the field at `*at` and moves to the next one. */
static struct field next_field(char **at, const struct value *before)
{
	char *from = *at, *to = *at;
	struct field field = { .text = *at };

	if (*from != '"') {
		/* most fields repeat the previous row's: comparing is faster than searching for the end */
		field.same = before->text && !before->quoted && strncmp(from, before->text, before->length) == 0 &&
			     ends_field(from[before->length]);
		from += field.same ? before->length : strcspn(from, ",\n");
		field.value = (struct value){ field.text, (size_t)(from - *at), false };
		field.end = *from;
		*at = *from ? from + 1 : from;
		*from = '\0';
		return field;
	}
	for (from++;; from++) {
		if (*from == '\0')
			return (struct field){ .text = NULL };
		if (*from == '"' && *++from != '"')
			break;
		*to++ = *from;
	}
	if (*from != ',' && *from != '\n' && *from != '\0')
		return (struct field){ .text = NULL };
	field.end = *from;
	*at = *from ? from + 1 : from;
	*to = '\0';
	field.value = (struct value){ field.text, (size_t)(to - field.text), true };
	field.same = before->text && strcmp(field.text, before->text) == 0;
	return field;
}

static bool read_unsigned(const char *text, uint64_t max, uint64_t *value)
{
	const char *at = text;

	/* only digits: strtoull() accepts signs and spaces and is slower, and a file has tens of millions of numbers */
	for (*value = 0; *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, (uint64_t)(*at - '0'), value))
			return false;
	return at != text && *at == '\0' && *value <= max;
}

static bool read_real(const char *text, double least, double *value)
{
	const char *rest;

	return sm_parse_number(text, value, &rest) && *rest == '\0' && *value >= least;
}

static bool read_real_or_none(const char *text, double least, double *value)
{
	*value = NAN;
	return *text == '\0' || read_real(text, least, value);
}

/* Reads the probes; times must be above 0. */
static bool read_probes(const char *text, struct sm_probes *probes)
{
	probes->count = 0;
	while (*text) {
		double *ns = &probes->ns[probes->count];

		if (probes->count == SM_PROBE_PAIRS_MAX || !sm_parse_number(text, ns, &text) || !(*ns > 0))
			return false;
		probes->count++;
		if (*text == ' ' && text[1])
			text++;
		else if (*text)
			return false;
	}
	return true;
}

static bool read_word(const struct words *words, const char *text, int *value)
{
	for (*value = words->first; *value < words->end; ++*value)
		if (strcmp(words->name(*value), text) == 0)
			return true;
	return false;
}

/* Whether a text is valid for its column. */
static bool could_be_written(enum column_type type, const char *text)
{
	return type == COLUMN_NAME ? sm_is_name(text) : type == COLUMN_NAMES ? sm_is_wording(text) : sm_is_text(text);
}

static bool read_field(const struct column *column, const char *text, struct sm_results *results, void *view)
{
	void *at = (char *)view + column->offset;
	uint64_t number = 0;

	switch (column->type) {
	case COLUMN_TEXT:
	case COLUMN_NAME:
	case COLUMN_NAMES:
		*(const char **)at = column->type == COLUMN_TEXT ? sm_results_copy(results, text) : sm_name_of(text);
		return could_be_written(column->type, text);
	case COLUMN_UINT:
		if (!read_unsigned(text, UINT32_MAX, &number))
			return false;
		*(unsigned *)at = (unsigned)number;
		return true;
	case COLUMN_U64: return read_unsigned(text, UINT64_MAX, at);
	case COLUMN_SIZE:
		if (!read_unsigned(text, SIZE_MAX, &number))
			return false;
		*(size_t *)at = (size_t)number;
		return true;
	case COLUMN_REAL: return read_real(text, 0, at);
	case COLUMN_MAYBE: return read_real_or_none(text, 0, at);
	case COLUMN_VALUE: return read_real_or_none(text, -DBL_MAX, at);
	case COLUMN_FLAG: *(bool *)at = strcmp(text, "yes") == 0; return *(bool *)at || strcmp(text, "no") == 0;
	case COLUMN_FLOAT: {
		double real;

		if (!read_real(text, 0, &real) || real > (double)FLT_MAX)
			return false;
		*(float *)at = (float)real;
		return true;
	}
	case COLUMN_WORD: return read_word(column->words, text, at);
	case COLUMN_PROBES: return read_probes(text, at);
	}
	return false;
}

FILE *sm_store_open_file(const char *path, struct sm_error *err)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a FIFO would wait for a writer */
	FILE *file = NULL;

	if (fd < 0 || fstat(fd, &status) < 0)
		sm_fail(err, errno, "%s cannot be read: %s", path, strerror(errno));
	else if (!S_ISREG(status.st_mode))
		sm_fail(err, EBADMSG, "%s is no regular file", path);
	else if (!(file = fdopen(fd, "r")))
		sm_fail(err, ENOMEM, "no memory to read %s", path);
	if (!file && fd >= 0)
		close(fd);
	return file;
}

/* Reads the records of a file one at a time; a quoted field may contain line ends.  Keeps the previous record. */
struct records {
	FILE *file;
	char *text, *before; /* RECORD_MAX + 1 bytes each */
	off_t bytes;         /* bytes of the lines so far */
	unsigned line;       /* line at the end of the record */
	enum table_end end;
	bool cut; /* the last line was incomplete and is ignored */
};

static unsigned count_quotes(const char *text)
{
	unsigned count = 0;

	while ((text = strchr(text, '"'))) {
		count++;
		text++;
	}
	return count;
}

/* Appends a line after the first `used` bytes.  Returns its length, 0 at the end of the file, or a negative errno. */
static ssize_t add_line(struct records *records, size_t used, const char *path, struct sm_error *err)
{
	char *at = records->text + used;

	if (!fgets(at, (int)(RECORD_MAX + 1 - used), records->file))
		return ferror(records->file) ? sm_fail(err, EIO, "%s cannot be read", path) : 0;
	size_t length = strlen(at);

	records->line++;
	records->bytes += (off_t)length;
	if (length > 0 && at[length - 1] == '\n')
		return (ssize_t)length;
	if (length + used == RECORD_MAX)
		return sm_fail(err, EBADMSG, "%s:%u: a line of over %d bytes is no row of a run", path, records->line,
			       RECORD_MAX - 1);
	if (ftello(records->file) != records->bytes)
		return sm_fail(err, EBADMSG, "%s holds a NUL byte: it is no CSV", path);
	if (records->end == TABLE_ENDED)
		return sm_fail(err, EBADMSG, "%s:%u: the last line was cut short", path, records->line);
	records->cut = true;
	return 0;
}

/* Reads a record.  Returns 1, 0 at the end of the file, or a negative errno. */
static int next_record(struct records *records, const char *path, struct sm_error *err)
{
	char *text = records->before;

	records->before = records->text;
	records->text = text;
	ssize_t used = add_line(records, 0, path, err), more;

	if (used <= 0)
		return (int)used;
	while (count_quotes(records->text) % 2) {
		more = add_line(records, (size_t)used, path, err);
		if (more == 0 && records->end == TABLE_OPEN) {
			records->cut = true;
			return 0;
		}
		if (more == 0)
			return sm_fail(err, EBADMSG, "%s:%u: a quoted field does not end", path, records->line);
		if (more < 0)
			return (int)more;
		used += more;
	}
	return 1;
}

static int check_header(const struct table *table, char *text, const char *path, struct sm_error *err)
{
	for (size_t i = 0; i < table->columns; i++) {
		const char *name = table->column[i].name;
		struct field field = next_field(&text, &(struct value){ name, strlen(name), false });

		if (!field.text || !field.same || (field.end == ',') != (i + 1 < table->columns))
			return sm_fail(err, EBADMSG,
				       "%s: column %zu should be \"%s\": it was written by another version", path,
				       i + 1, table->column[i].name);
	}
	return 0;
}

/* `before` has the fields of the previous row, whose values `view` still holds: most rows repeat most of them. */
static int read_row(const struct table *table, const struct records *records, const char *path,
		    struct sm_results *results, struct value *before, void *view, struct sm_error *err)
{
	char *text = records->text;

	for (size_t i = 0; i < table->columns; i++) {
		const struct column *column = &table->column[i];
		struct field field = next_field(&text, &before[i]);

		if (!field.text || (field.end == ',') != (i + 1 < table->columns))
			return sm_fail(err, EBADMSG, "%s:%u: %zu columns are expected", path, records->line,
				       table->columns);
		if (column->derived)
			continue;
		if (!field.same && !read_field(column, field.text, results, view))
			return !field.value.quoted && strchr(field.text, '"')
				       ? sm_fail(err, EBADMSG, "%s:%u: a quotation mark inside a field", path,
						 records->line)
				       : sm_fail(err, EBADMSG, "%s:%u: \"%.40s\" is not a value of %s", path,
						 records->line, field.text, column->name);
		before[i] = field.value;
	}
	if (*text) /* two lines that stray quotation marks join into one record */
		return sm_fail(err, EBADMSG, "%s:%u: a quotation mark inside a field", path, records->line);
	return 0;
}

/* Passes the row of the current record to the taker; `*left` counts the rows that are ignored. */
static int hand_over(const struct records *records, const char *path, struct table_taker *taker, unsigned *left,
		     struct sm_error *err)
{
	struct sm_error why = { 0 };
	int taken = taker->take(taker, taker->row, records->line, &why);

	if (taken < 0)
		return sm_fail(err, why.code, "%s:%u: %s", path, records->line, why.text);
	if (taken > 0 && *left > 0)
		return sm_fail(err, EBADMSG, "%s:%u: a trial that ended stands behind one that did not", path,
			       records->line);
	*left += taken == 0;
	if (taken > 0)
		taker->kept = records->bytes;
	return 0;
}

static int read_rows(const struct table *table, struct records *records, const char *path, struct table_taker *taker,
		     struct sm_error *err)
{
	struct value before[COLUMNS_MAX] = { { .text = NULL } };
	unsigned left = 0;
	int rc = next_record(records, path, err);

	if (rc == 0)
		rc = sm_fail(err, ENODATA, "%s is empty: not even the names of its columns are there", path);
	if (rc > 0)
		rc = check_header(table, records->text, path, err);
	if (rc == 0)
		taker->kept = records->bytes;
	memset(taker->row, 0, taker->row_size);
	while (rc == 0 && (rc = next_record(records, path, err)) > 0) {
		rc = read_row(table, records, path, taker->results, before, taker->row, err);
		if (rc == 0)
			rc = hand_over(records, path, taker, &left, err);
	}
	taker->results->left_out += left + records->cut;
	return rc;
}

int table_read(const struct table *table, const char *folder, enum table_end end, struct table_taker *taker,
	       struct sm_error *err)
{
	char *memory = malloc(2 * (RECORD_MAX + 1));
	struct records records = { .text = memory, .end = end };
	struct sm_error why = { 0 };
	char path[4200];
	int rc;

	taker->kept = 0;
	if (!memory)
		return sm_fail(err, ENOMEM, "no memory to read %s", table->file);
	records.before = memory + RECORD_MAX + 1;
	snprintf(path, sizeof(path), "%s/%s", folder, table->file);
	records.file = sm_store_open_file(path, &why);
	if (!records.file) {
		free(memory);
		return sm_fail(err, why.code, "%s", why.text);
	}
	rc = read_rows(table, &records, path, taker, err);
	free(memory);
	fclose(records.file);
	return rc;
}
