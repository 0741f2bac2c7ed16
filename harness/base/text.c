/* Reads and writes quantities as users type and read them. */
#include "shmeter/text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "shmeter/encode.h"

/* A decimal number without sign at the start of `text`; `*rest` is the text after it. */
static int number(const char *text, uint64_t *value, const char **rest)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	*value = strtoull(text, &end, 10);
	*rest = end;
	return errno ? -ERANGE : 0;
}

int sm_parse_size(const char *text, uint64_t *value, struct sm_error *err)
{
	static const char *const suffix[][4] = {
		{ "", "b", NULL },
		{ "k", "kb", "kib", NULL },
		{ "m", "mb", "mib", NULL },
		{ "g", "gb", "gib", NULL },
	};
	const char *rest;

	if (number(text, value, &rest) == 0)
		for (unsigned power = 0; power < 4; power++)
			for (unsigned i = 0; i < 4 && suffix[power][i]; i++) {
				if (strcasecmp(rest, suffix[power][i]) != 0)
					continue;
				if (*value > UINT64_MAX >> (10 * power))
					return sm_fail(err, EINVAL, "\"%s\" is too large", text);
				*value <<= 10 * power;
				return 0;
			}
	return sm_fail(err, EINVAL, "\"%s\" is not a size: write a whole number, or one with k, M or G", text);
}

int sm_parse_duration(const char *text, uint64_t *value_ns, struct sm_error *err)
{
	static const struct {
		const char *suffix;
		double ns;
	} unit[] = { { "", 1e9 }, { "s", 1e9 },  { "ms", 1e6 },   { "us", 1e3 },
		     { "ns", 1 }, { "m", 60e9 }, { "min", 60e9 }, { "h", 3600e9 } };
	char *rest;
	double value = isdigit((unsigned char)text[0]) ? strtod(text, &rest) : -1;

	for (size_t i = 0; value >= 0 && i < sizeof(unit) / sizeof(unit[0]); i++)
		if (strcmp(rest, unit[i].suffix) == 0 && value * unit[i].ns < 1e18) {
			*value_ns = (uint64_t)(value * unit[i].ns);
			return 0;
		}
	return sm_fail(err, EINVAL, "\"%s\" is not a time: write it like 90s, 2m or 500ms", text);
}

int sm_parse_whole(const char *text, uint64_t most, uint64_t *value)
{
	const char *rest;

	return number(text, value, &rest) == 0 && !*rest && *value <= most ? 0 : -EINVAL;
}

static const char *after_digits(const char *text)
{
	while (isdigit((unsigned char)*text))
		text++;
	return text;
}

bool sm_parse_number(const char *text, double *value, const char **rest)
{
	const char *digits = text + (*text == '-'), *at = after_digits(digits);
	char *end;

	if (at == digits)
		return false;
	if (*at == '.' && isdigit((unsigned char)at[1]))
		at = after_digits(at + 1);
	if (*at == 'e') {
		const char *exponent = at + 1 + (at[1] == '-' || at[1] == '+');

		if (isdigit((unsigned char)*exponent))
			at = after_digits(exponent);
	}
	*value = strtod(text, &end); /* strtod() accepts 0x, too */
	*rest = at;
	return end == at && isfinite(*value);
}

int sm_parse_list(const char *text, unsigned *values, unsigned max, struct sm_error *err)
{
	const char *at = text;
	unsigned count = 0;

	for (;;) {
		uint64_t first, last;

		if (number(at, &first, &at) < 0)
			goto out_bad;
		last = first;
		if (*at == '-' && number(at + 1, &last, &at) < 0)
			goto out_bad;
		if (last < first || last > 1u << 20)
			goto out_bad;
		for (; first <= last; first++) {
			if (count == max)
				return sm_fail(err, E2BIG, "\"%s\" names more than %u CPUs", text, max);
			values[count++] = (unsigned)first;
		}
		if (*at == '\0')
			return (int)count;
		if (*at++ != ',')
			goto out_bad;
	}
out_bad:
	return sm_fail(err, EINVAL, "\"%s\" is not a list of CPUs: write it like 0,2-5", text);
}

/* Three significant digits, no exponent. */
static void three_digits(char *out, size_t size, double value, const char *unit)
{
	double size_of = fabs(value);

	snprintf(out, size, "%.*f %s", size_of >= 99.95 ? 0 : size_of >= 9.995 ? 1 : 2, value, unit);
}

const char *sm_format_bytes(char out[SM_TEXT_MAX], double bytes)
{
	static const char *const unit[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	unsigned i = 0;

	while (i < 6 && fabs(bytes) >= 1024) {
		bytes /= 1024;
		i++;
	}
	if (bytes == floor(bytes))
		snprintf(out, SM_TEXT_MAX, "%.0f %s", bytes, unit[i]);
	else
		snprintf(out, SM_TEXT_MAX, "%.1f %s", bytes, unit[i]);
	return out;
}

const char *sm_format_ns(char out[SM_TEXT_MAX], double ns)
{
	double size_of = fabs(ns);

	if (size_of < 999.5)
		three_digits(out, SM_TEXT_MAX, ns, "ns");
	else if (size_of < 999.5e3)
		three_digits(out, SM_TEXT_MAX, ns / 1e3, "us");
	else if (size_of < 999.5e6)
		three_digits(out, SM_TEXT_MAX, ns / 1e6, "ms");
	else
		three_digits(out, SM_TEXT_MAX, ns / 1e9, "s");
	return out;
}

const char *sm_format_duration(char out[SM_TEXT_MAX], double ns)
{
	double minutes = round(ns / 60e9);

	if (ns < 120e9)
		return sm_format_ns(out, ns);
	if (minutes < 120)
		snprintf(out, SM_TEXT_MAX, "%.0f min", minutes);
	else
		snprintf(out, SM_TEXT_MAX, "%.0f h %.0f min", floor(minutes / 60), fmod(minutes, 60));
	return out;
}

static const char *in_thousands(char out[SM_TEXT_MAX], double value, const char *const unit[5])
{
	unsigned i = 0;

	while (i < 4 && fabs(value) >= 999.5) {
		value /= 1000;
		i++;
	}
	three_digits(out, SM_TEXT_MAX, value, unit[i]);
	return out;
}

const char *sm_format_rate(char out[SM_TEXT_MAX], double per_second)
{
	static const char *const unit[] = { "/s", "k/s", "M/s", "G/s", "T/s" };

	return in_thousands(out, per_second, unit);
}

const char *sm_format_count(char out[SM_TEXT_MAX], double count)
{
	static const char *const unit[] = { "", "k", "M", "G", "T" };
	double size_of = fabs(count);

	if (size_of >= 99999.5 && size_of < 999.5e12)
		return in_thousands(out, count, unit);
	snprintf(out, SM_TEXT_MAX, size_of >= 999.95 && size_of < 99999.5 ? "%.0f" : "%.4g", count);
	return out;
}

void sm_wrap(FILE *out, const char *first, unsigned indent, unsigned width, const char *text)
{
	size_t column = strlen(first);
	bool gap = column > 0 && first[column - 1] != ' '; /* a space before the next word */

	fputs(first, out);
	while (*text) {
		size_t word = strcspn(text, " ");

		if (column > indent && column + gap + word > width) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (gap) {
			fputc(' ', out);
			column++;
		}
		sm_put_encoded_part(out, SM_TO_TERMINAL, text, word);
		column += word;
		gap = true;
		text += word;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

int sm_read_file(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	size_t used = 0;

	if (size == 0)
		return -EFBIG;
	out[0] = '\0';
	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t got = read(fd, out + used, size - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			rc = got < 0 ? -errno : 0;
			break;
		}
		used += (size_t)got;
		if (used == size) {
			rc = -EFBIG;
			break;
		}
	}
	close(fd);
	out[used < size ? used : size - 1] = '\0';
	while (used > 0 && used < size && out[used - 1] == '\n')
		out[--used] = '\0';
	return rc;
}

bool sm_has_word(const char *list, const char *word, size_t length)
{
	for (; *list; list += strcspn(list, " "), list += strspn(list, " "))
		if (strcspn(list, " ") == length && strncmp(list, word, length) == 0)
			return true;
	return false;
}

const char *sm_find_field(const char *text, const char *key, char *out, size_t size)
{
	size_t length = strlen(key);

	for (const char *at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
		const char *value;

		if (strncmp(at, key, length) != 0)
			continue;
		value = at + length + strspn(at + length, " \t");
		if (*value != ':')
			continue;
		value += 1 + strspn(value + 1, " \t");
		snprintf(out, size, "%.*s", (int)strcspn(value, "\n"), value);
		return value + strcspn(value, "\n");
	}
	return NULL;
}

double sm_param_value(const char *params, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = params; at; at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL)
		if (strncmp(at, name, length) == 0 && at[length] == '=') {
			const char *rest;
			double value;

			return sm_parse_number(at + length + 1, &value, &rest) && (*rest == '\0' || *rest == ' ')
				       ? value
				       : (double)NAN;
		}
	return (double)NAN;
}
