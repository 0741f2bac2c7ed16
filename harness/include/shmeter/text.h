/* Parsing and printing quantities in the form that users type and read. */
#ifndef SHMETER_TEXT_H
#define SHMETER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "shmeter/error.h"

/* A quantity such as "4096", "4k", "2M", "1GiB" (powers of 1024).  -EINVAL names the bad text. */
SM_MUST_USE int sm_parse_size(const char *text, uint64_t *value, struct sm_error *err);

/* A duration such as "90s", "2m", "500ms", "30" (seconds), in nanoseconds. */
SM_MUST_USE int sm_parse_duration(const char *text, uint64_t *value_ns, struct sm_error *err);

/* A whole number from 0 to `most`: digits and nothing else.  -EINVAL for anything else. */
SM_MUST_USE int sm_parse_whole(const char *text, uint64_t most, uint64_t *value);
/* Parses the decimal number at the start of `text`: an optional minus, digits, an optional point with digits, an
 * optional exponent.  No space, plus, hexadecimal or nan.  `*rest` gets the end of the number.  False where there is no
 * number or it is out of range. */
bool sm_parse_number(const char *text, double *value, const char **rest);

/* A list of CPUs such as "0,2-5".  Writes up to `max` numbers, returns how many or -EINVAL/-E2BIG.
 * Order and repetition are kept: "0,0" puts two workers on one PU. */
SM_MUST_USE int sm_parse_list(const char *text, unsigned *values, unsigned max, struct sm_error *err);

#define SM_TEXT_MAX 32

/* "512 B", "64 KiB", "1 GiB", "1.5 MiB".  Returns `out`. */
const char *sm_format_bytes(char out[SM_TEXT_MAX], double bytes);
/* "0.42 ns", "85.3 ns", "4.49 us", "1.2 ms", "3.4 s": three significant digits.  Returns `out`. */
const char *sm_format_ns(char out[SM_TEXT_MAX], double ns);
/* A duration for planning: under two minutes as sm_format_ns(), then "12 min", "8 h 20 min".  Returns `out`. */
const char *sm_format_duration(char out[SM_TEXT_MAX], double ns);
/* "3.2 M/s", "850 k/s".  Returns `out`. */
const char *sm_format_rate(char out[SM_TEXT_MAX], double per_second);

/* A number without unit: "0", "0.625", "9372", and from 100000 on "342 k", "7.93 M".  Returns `out`. */
const char *sm_format_count(char out[SM_TEXT_MAX], double count);

/* Whether a list of words separated by spaces contains `word`, of `length` characters. */
bool sm_has_word(const char *list, const char *word, size_t length);
/* Finds the first line "key : value" of a text such as /proc/cpuinfo and writes its value.  Returns the end of that line,
 * from which the next one can be found; NULL: there is none. */
const char *sm_find_field(const char *text, const char *key, char *out, size_t size);
/* The value of `name` in "message=64 capacity=65536"; NaN where it is missing or not a number. */
double sm_param_value(const char *params, const char *name);

/* Prints text wrapped to `width` columns, the first line after `first`, the others after `indent` spaces.  The
 * text, but not `first`, is encoded for a terminal. */
void sm_wrap(FILE *out, const char *first, unsigned indent, unsigned width, const char *text);

/* Reads a whole small file (a sysfs or procfs one) into `out`, NUL-terminated, the trailing newline
 * removed.  -errno where it cannot be read, -EFBIG where it does not fit. */
SM_MUST_USE int sm_read_file(const char *path, char *out, size_t size);

#endif
