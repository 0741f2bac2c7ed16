/* Quantities as people type and read them; histograms. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/histogram.h"
#include "shmeter/intern.h"
#include "shmeter/text.h"

Test(text, sizes)
{
	static const struct {
		const char *text;
		uint64_t value;
	} good[] = { { "0", 0 },         { "4096", 4096 },     { "4k", 4096 },
		     { "2M", 2u << 20 }, { "1GiB", 1u << 30 }, { "3kb", 3072 } };
	static const char *const bad[] = { "", "k", "-1", "4q", "1.5k", "99999999999999999999", "99999999999g", " 4" };
	struct sm_error err;
	uint64_t value;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		cr_expect_eq(sm_parse_size(good[i].text, &value, &err), 0, "%s", good[i].text);
		cr_expect_eq(value, good[i].value, "%s", good[i].text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_eq(sm_parse_size(bad[i], &value, &err), -EINVAL, "%s", bad[i]);
		cr_expect(strstr(err.text, bad[i]), "\"%s\" is not named in %s", bad[i], err.text);
	}
}

Test(text, durations)
{
	uint64_t ns;

	cr_expect(sm_parse_duration("90s", &ns, NULL) == 0 && ns == 90000000000u);
	cr_expect(sm_parse_duration("2m", &ns, NULL) == 0 && ns == 120000000000u);
	cr_expect(sm_parse_duration("1.5", &ns, NULL) == 0 && ns == 1500000000u);
	cr_expect(sm_parse_duration("500ms", &ns, NULL) == 0 && ns == 500000000u);
	cr_expect_eq(sm_parse_duration("soon", &ns, NULL), -EINVAL);
	cr_expect_eq(sm_parse_duration("-1s", &ns, NULL), -EINVAL);
	cr_expect_eq(sm_parse_duration("3 weeks", &ns, NULL), -EINVAL);
}

Test(text, lists)
{
	unsigned v[8];

	cr_assert_eq(sm_parse_list("0,2-5", v, 8, NULL), 5);
	cr_expect(v[0] == 0 && v[1] == 2 && v[4] == 5);
	cr_assert_eq(sm_parse_list("3,3", v, 8, NULL), 2);
	cr_expect(v[0] == 3 && v[1] == 3);
	cr_expect_eq(sm_parse_list("0-8", v, 8, NULL), -E2BIG);
	cr_expect_eq(sm_parse_list("5-2", v, 8, NULL), -EINVAL);
	cr_expect_eq(sm_parse_list("1,", v, 8, NULL), -EINVAL);
	cr_expect_eq(sm_parse_list("a", v, 8, NULL), -EINVAL);
	cr_expect_eq(sm_parse_list("", v, 8, NULL), -EINVAL);
}

Test(text, formats)
{
	char out[SM_TEXT_MAX];

	cr_expect_str_eq(sm_format_ns(out, 0.42), "0.42 ns");
	cr_expect_str_eq(sm_format_ns(out, 85.34), "85.3 ns");
	cr_expect_str_eq(sm_format_ns(out, 4490), "4.49 us");
	cr_expect_str_eq(sm_format_ns(out, 999.6), "1.00 us");
	cr_expect_str_eq(sm_format_ns(out, 3.4e9), "3.40 s");
	cr_expect_str_eq(sm_format_duration(out, 119e9), "119 s");
	cr_expect_str_eq(sm_format_duration(out, 720e9), "12 min");
	cr_expect_str_eq(sm_format_duration(out, 3600e9 * 8 + 1190e9), "8 h 20 min");
	cr_expect_str_eq(sm_format_bytes(out, 512), "512 B");
	cr_expect_str_eq(sm_format_bytes(out, 65536), "64 KiB");
	cr_expect_str_eq(sm_format_bytes(out, 0x1p64), "16 EiB"); /* SHMMAX */
	cr_expect_str_eq(sm_format_bytes(out, 1.5 * (1 << 20)), "1.5 MiB");
	cr_expect_str_eq(sm_format_rate(out, 3.2e6), "3.20 M/s");
	cr_expect_str_eq(sm_format_count(out, 0), "0");
	cr_expect_str_eq(sm_format_count(out, 0.625), "0.625");
	cr_expect_str_eq(sm_format_count(out, 48), "48");
	cr_expect_str_eq(sm_format_count(out, 9372), "9372");
	cr_expect_str_eq(sm_format_count(out, 64295), "64295");
	cr_expect_str_eq(sm_format_count(out, 341569), "342 k");
	cr_expect_str_eq(sm_format_count(out, 7.931e6), "7.93 M");
	cr_expect_str_eq(sm_format_count(out, -99999.6), "-100 k");
	cr_expect_str_eq(sm_format_count(out, 5.674e-6), "5.674e-06");
}

#define WRAPPED_MAX 4096

static void wrap(char got[WRAPPED_MAX], const char *first, unsigned indent, unsigned width, const char *text)
{
	FILE *out = fmemopen(got, WRAPPED_MAX, "w");

	sm_wrap(out, first, indent, width, text);
	fclose(out);
}

static void expect_wrapped(const char *first, unsigned indent, unsigned width, const char *text, const char *wanted)
{
	char got[WRAPPED_MAX];

	wrap(got, first, indent, width, text);
	cr_expect_str_eq(got, wanted);
}

/* Whatever the first line begins with, words stay words and lines within the width. */
Test(text, words_are_wrapped_and_stay_apart)
{
	expect_wrapped("Why: ", 2, 20, "a wide one and so three processes",
		       "Why: a wide one and\n  so three processes\n");
	expect_wrapped("  Why:              ", 2, 24, "because three processes",
		       "  Why:              \n  because three\n  processes\n");
	expect_wrapped("Why:      ", 2, 18, "because 3 processes or --set a=1",
		       "Why:      because\n  3 processes or\n  --set a=1\n");
	expect_wrapped("", 2, 10, "exactly 10 and 11", "exactly 10\n  and 11\n");
	expect_wrapped("x", 0, 80, "a  b", "x a b\n");
	expect_wrapped("", 0, 3, "longer than", "longer\nthan\n");
}

/* Cuts the next word off `*rest`; "" at its end. */
static const char *next_word(char **rest)
{
	char *word;

	do
		word = strsep(rest, " \n");
	while (word && !*word);
	return word ? word : "";
}

static void expect_words_apart(const char *first, unsigned indent, unsigned width)
{
	static const char text[] = "a wide  one and so three processes or --set message=4k, then x";
	char got[WRAPPED_MAX], all[256], *wanted = all, *rest = got;
	const char *word, *there;

	wrap(got, first, indent, width, text);
	for (char *line = strchr(got, '\n') + 1; *line; line = strchr(line, '\n') + 1)
		cr_assert(strcspn(line, "\n") <= width || strcspn(line + indent, " \n") == strcspn(line + indent, "\n"),
			  "over %u columns: %s", width, line);
	snprintf(all, sizeof(all), "%s %s", first, text);
	do {
		word = next_word(&wanted);
		there = next_word(&rest);
		cr_assert_str_eq(there, word, "after \"%s\", indent %u, width %u", first, indent, width);
	} while (*word);
}

Test(text, no_width_glues_words)
{
	static const char *const firsts[] = { "", "x", "Why: ", "    ", "  Why:        ", "no-space-at-the-end" };

	for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++)
		for (unsigned indent = 0; indent < 24; indent++)
			for (unsigned width = 1; width < 100; width++)
				expect_words_apart(firsts[i], indent, width);
}

Test(histogram, every_value_is_at_most_its_edge_and_near)
{
	for (uint64_t ns = 1; ns < 1ull << 40; ns += ns / 7 + 1) {
		uint64_t edge = sm_histogram_edge(sm_histogram_index(ns));

		cr_assert(edge >= ns, "%lu above %lu", ns, edge);
		cr_assert(edge - ns <= ns / 31 + 1, "%lu far below %lu", ns, edge);
		cr_assert(sm_histogram_index(edge) == sm_histogram_index(ns));
		cr_assert(sm_histogram_index(edge + 1) == sm_histogram_index(ns) + 1);
	}
	cr_expect_lt(sm_histogram_index(UINT64_MAX), SM_HISTOGRAM_BUCKETS);
}

Test(histogram, quantiles_need_ten_values_above)
{
	static struct sm_histogram h;

	for (uint64_t i = 1; i <= 1000; i++)
		sm_histogram_add(&h, i * 10);
	uint64_t median = sm_histogram_quantile(&h, 0.5), p99 = sm_histogram_quantile(&h, 0.99);

	cr_expect(median >= 5000 && median <= 5170, "%lu", median);
	cr_expect(p99 >= 9900 && p99 <= 10000, "%lu", p99);
	cr_expect_eq(sm_histogram_quantile(&h, 0.999), UINT64_MAX);
	cr_expect(h.min_ns == 10 && h.max_ns == 10000);
}

Test(histogram, merging_is_adding)
{
	static struct sm_histogram a, b, both;

	for (uint64_t i = 1; i < 500; i++) {
		sm_histogram_add(i % 3 ? &a : &b, i * i);
		sm_histogram_add(&both, i * i);
	}
	sm_histogram_merge(&a, &b);
	cr_expect_eq(memcmp(&a, &both, sizeof(a)), 0);
}

Test(histogram, the_text_ends_at_all_values)
{
	static struct sm_histogram h;
	char text[4096];
	FILE *out = fmemopen(text, sizeof(text), "w");

	for (uint64_t i = 0; i < 50; i++)
		sm_histogram_add(&h, 100 + i);
	cr_expect_eq(sm_histogram_write(&h, out), 0);
	fclose(out);
	cr_expect(strstr(text, "Percentile") && strstr(text, "1.000000000000         50"), "%s", text);
	cr_expect(strstr(text, "Total count    =           50]"), "%s", text);
}

Test(text, equal_names_have_one_handle)
{
	char pipe[] = "pipe", none[] = "-", name[16];

	cr_expect(sm_name_of(pipe) == sm_name_of("pipe") && sm_name_of(pipe) != pipe);
	cr_expect(sm_name_format("pi%s", "pe") == sm_name_of("pipe"));
	cr_expect(sm_name_of("pipe") != sm_name_of("Pipe"));
	cr_expect(sm_name_of(none) == sm_none && sm_name_format("-") == sm_none);
	cr_expect_null(sm_name_of(NULL));
	/* they stay where they are while the table grows */
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "name %u", i);
		cr_expect(sm_name_of(name) == sm_name_format("name %u", i), "%s", name);
	}
	cr_expect(sm_name_of("pipe") == sm_name_of(pipe));
}

Test(text, an_event_has_one_key_whichever_way_it_is_written)
{
	cr_expect(sm_event_key("perf::MINOR_FAULTS") == sm_event_key("minor-faults"));
	cr_expect(sm_event_key("PERF::minor_faults") == sm_event_key("Minor-Faults"));
	cr_expect(sm_event_key("minor-faults") != sm_event_key("major-faults"));
	cr_expect(sm_event_key("skx::MINOR_FAULTS") != sm_event_key("minor-faults"));
}

Test(text, parameters_less_one)
{
	cr_expect_str_eq(sm_params_but("op=store message=64 work=0", "message"), "op=store work=0");
	cr_expect_str_eq(sm_params_but("op=store message=64", "op"), "message=64");
	cr_expect_str_eq(sm_params_but("op=store", "o"), "op=store");
	cr_expect(sm_params_but("message=64", "message") == sm_none);
	cr_expect(sm_params_but("-", "message") == sm_none);
}
