/* Encoding of untrusted text.  Every string read from a file, a command line or the kernel goes through the encoder of
 * its target before it is written.
 *
 * For all targets '?' replaces what is not text: bytes that are not UTF-8, control characters (C0, DEL, C1, so no
 * escape sequence and no line end), characters that change the writing direction or end a line, and U+FFFE and U+FFFF.
 * Line ends and tabs stay in CSV, and are escaped in markup and in the message of a workflow command.  Characters that
 * are special in the target are escaped as its grammar says. */
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
	SM_TO_GITHUB_PROPERTY, /* the value of a property of such a command */
	SM_TO_GNUPLOT,         /* a gnuplot script, between single quotes */
	SM_TO_GNUPLOT_DATA,    /* a gnuplot data file, between double quotes */
	SM_TO_SHELL,           /* a POSIX shell, between single quotes */
	SM_TO_CSV,             /* RFC 4180, between double quotes */
};

/* Returns the length in bytes (1 to 4) of the UTF-8 character at `text`, which is not at its end, and its code point.
 * 0: not UTF-8. */
unsigned sm_decode_utf8(const char *text, unsigned *code_point);

/* Whether a code point is a control character in the sense above. */
bool sm_is_control(unsigned code_point);

/* Whether all of `text` is text in the sense above; line ends and tabs are allowed. */
bool sm_is_text(const char *text);

/* Whether `text` is a valid name of a scenario, a variant or a claim: letters, digits and _-.+. Names become paths, so
 * ".." is not allowed: it would lead out of a folder. */
bool sm_is_name(const char *text);

/* Whether `text` is a valid list of names or name of a metric: as a name, plus spaces and ,:/=?@#%()'. */
bool sm_is_wording(const char *text);

/* Writes `text`, or `length` bytes of it, encoded for the target. */
void sm_put_encoded(FILE *out, enum sm_target target, const char *text);
void sm_put_encoded_part(FILE *out, enum sm_target target, const char *text, size_t length);

/* Encodes into `out`, of `size` bytes (at least 1); cut between two characters where it does not fit.  Returns
 * `out`. */
const char *sm_encode(enum sm_target target, const char *text, char *out, size_t size);

/* Formats, then encodes the whole result.  The format itself must hold nothing that would be escaped, such as a line
 * end. */
void sm_print_encoded(FILE *out, enum sm_target target, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Prints one line encoded for a terminal and adds the line end. */
void sm_print_line(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Encodes for a terminal in place: the text never grows. */
void sm_clean(char *text);

/* Writes an argument in quotes, for a POSIX shell. */
void sm_put_quoted(FILE *out, const char *text);

#endif
