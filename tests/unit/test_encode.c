/* One encoder for each target: what has a meaning there is escaped, what is no text is shown as '?'. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/encode.h"
#include "shmeter/error.h"
#include "shmeter/text.h"

static const struct {
	enum sm_target target;
	const char *text, *due;
} cases[] = {
	{ SM_TO_TERMINAL,
	  "a\x1b]0;title\x07"
	  "b",
	  "a?]0;title?b" },
	{ SM_TO_TERMINAL,
	  "\x9b"
	  "2J \xc2\x9b"
	  "2J",
	  "?2J ?2J" }, /* CSI as one byte, and as UTF-8 */
	{ SM_TO_TERMINAL, "line\nline\r\ttab\x7f", "line?line??tab?" },
	{ SM_TO_TERMINAL, "caf\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x98\x80" },
	{ SM_TO_TERMINAL, "\xff\xc0\xaf\xed\xa0\x80\xe2\x82", "????????" },
	{ SM_TO_TERMINAL,
	  "a\xe2\x80\xae"
	  "gpj.exe",
	  "a?gpj.exe" }, /* RIGHT-TO-LEFT OVERRIDE */
	{ SM_TO_TERMINAL,
	  "a\xe2\x80\xa8"
	  "b\xef\xbf\xbf",
	  "a?b?" },
	{ SM_TO_MARKUP, "<img src=x onerror=\"a('b')\">&\n",
	  "&lt;img src=x onerror=&quot;a(&#39;b&#39;)&quot;&gt;&amp;&#10;" },
	{ SM_TO_MARKUP, "\x1b[0m\xc2\x85", "?[0m?" },
	{ SM_TO_MARKDOWN, "a|b <x> ![p](u) `c` \\ &lt;\n", "a\\|b &lt;x> !\\[p\\](u) \\`c\\` \\\\ &amp;lt;?" },
	{ SM_TO_GITHUB_MESSAGE, "50 %: a,b\n::error::", "50 %25: a,b%0A::error::" },
	{ SM_TO_GITHUB_PROPERTY, "50 %: a,b\n", "50 %25%3A a%2Cb?" },
	{ SM_TO_GNUPLOT, "aa';system('id');a='x", "aa'';system(''id'');a=''x" },
	{ SM_TO_GNUPLOT, "x\nsystem 'id'\n#", "x?system ''id''?#" },
	{ SM_TO_GNUPLOT_DATA, "a\"b\\nc `id`\n", "a'b\\\\nc `id`?" },
	{ SM_TO_SHELL, "a'; id #$(id)\n", "a'\\''; id #$(id)?" },
	{ SM_TO_CSV, "a \"b\",\nc\x1b", "a \"\"b\"\",\nc?" },
};

Test(encode, each_target_has_its_own)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = NULL, buffer[256], *clean = strdup(cases[i].text);
		size_t size = 0;
		FILE *out = open_memstream(&text, &size);

		sm_put_encoded(out, cases[i].target, cases[i].text);
		fclose(out);
		cr_expect_str_eq(text, cases[i].due, "case %zu: %s", i, text);
		sm_encode(cases[i].target, cases[i].text, buffer, sizeof(buffer));
		cr_expect_str_eq(buffer, cases[i].due);
		sm_clean(clean);
		cr_expect(sm_is_text(clean), "%s", clean);
		free(clean);
		free(text);
	}
}

/* Cut in the middle of what stands for one character, a text would end its quotation. */
Test(encode, is_cut_between_characters)
{
	char out[16];

	for (size_t size = 1; size <= sizeof(out); size++) {
		size_t quotes = 0;

		sm_encode(SM_TO_GNUPLOT, "''''\xc3\xa9\xc3\xa9\xc3\xa9", out, size);
		for (const char *c = out; *c; c++)
			quotes += *c == '\'';
		cr_expect_eq(quotes % 2, 0, "%s", out);
		cr_expect(sm_is_text(out));
	}
}

/* Every byte, alone and behind each first byte of UTF-8: nothing that a terminal acts on comes through. */
Test(encode, no_byte_reaches_a_terminal_as_a_control)
{
	for (unsigned first = 1; first < 256; first++)
		for (unsigned second = 1; second < 256; second++) {
			char text[] = { (char)first, (char)second, 'x', '\0' };
			unsigned point;

			sm_clean(text);
			for (const char *at = text; *at;) {
				unsigned length = sm_decode_utf8(at, &point);

				cr_assert(length > 0 && !sm_is_control(point), "%02x %02x", first, second);
				at += length;
			}
		}
}

Test(encode, errors_and_wrapped_words_are_encoded)
{
	struct sm_error err = { 0 };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	sm_fail(&err, EINVAL, "\"%s\" is bad",
		"\x1b[2J\xc2\x9b"
		"31m\xff");
	cr_expect_str_eq(err.text, "\"?[2J?31m?\" is bad");
	sm_wrap(out, "  ", 4, 40, "a \x1b[2J b\xc2\x9bm\nc");
	fclose(out);
	cr_expect_str_eq(text, "  a ?[2J b?m?c\n");
	free(text);
}
