/* Text of unknown origin on its way out: every string that was read from a file, a command line or the kernel goes
 * through the encoder of its target.
 *
 * Whatever the target, what is no text becomes '?': bytes that are no UTF-8, control characters (C0, DEL, C1, so no
 * escape sequence and no line end), characters that turn the direction of writing or end a line, and U+FFFE and
 * U+FFFF.  Line ends and tabs stay in CSV, and are escaped in markup and in a workflow command's message.  What has a
 * meaning in the target is escaped as the target's grammar says. */
#ifndef SHMETER_ENCODE_H
#define SHMETER_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum sm_target {
	SM_TO_TERMINAL,        /* a line of a terminal, a log or a message */
	SM_TO_MARKUP,          /* HTML, SVG or XML: text, or an attribute in quotes */
	SM_TO_MARKDOWN,        /* a cell of a table of GitHub's Markdown */
	SM_TO_GITHUB_MESSAGE,  /* a workflow command, behind "::" */
	SM_TO_GITHUB_PROPERTY, /* the value of one of its properties */
	SM_TO_GNUPLOT,         /* a gnuplot script, between single quotes */
	SM_TO_GNUPLOT_DATA,    /* a gnuplot data file, between double quotes */
	SM_TO_SHELL,           /* a POSIX shell, between single quotes */
	SM_TO_CSV,             /* RFC 4180, between double quotes */
};

/* Bytes of the UTF-8 character at `text` (not its end), 1 to 4, and its code point; 0 where there is none. */
unsigned sm_decode_utf8(const char *text, unsigned *code_point);

/* Whether a code point is a control character in the sense above. */
bool sm_is_control(unsigned code_point);

/* Whether all of a text is text, as above, but for line ends and tabs. */
bool sm_is_text(const char *text);

/* Whether a text is one that a build writes as the name of a scenario, a variant, a claim: letters, digits and _-.+, and
 * not two dots, which would lead out of a folder: names become paths. */
bool sm_is_name(const char *text);

/* Whether a text is one that a build writes as a list of names or a metric's: also spaces and ,:/=?@#%()'. */
bool sm_is_wording(const char *text);

/* Writes `text`, or `length` bytes of it, as the target takes it. */
void sm_put_encoded(FILE *out, enum sm_target target, const char *text);
void sm_put_encoded_part(FILE *out, enum sm_target target, const char *text, size_t length);

/* The same into `out`, of `size` bytes (at least 1); cut between two characters where it does not fit.  Returns `out`. */
const char *sm_encode(enum sm_target target, const char *text, char *out, size_t size);

/* Formats and then encodes the whole: for formats that hold nothing to be escaped, no line end among them. */
void sm_print_encoded(FILE *out, enum sm_target target, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* One line for a terminal, its end added. */
void sm_print_line(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* For a terminal, in place: it never grows. */
void sm_clean(char *text);

/* An argument as a POSIX shell takes it, in quotes. */
void sm_put_quoted(FILE *out, const char *text);

#endif
