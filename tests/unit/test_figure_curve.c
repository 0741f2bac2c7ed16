/* The figure of a time over the bandwidth that others used: which points it has, and in which order; and the axis of the
 * values of any figure. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../harness/report/figures.h"
#include "shmeter/scenario.h"

static void add(struct sm_results *r, const char *variant, unsigned load, unsigned processes, const char *metric,
		double value)
{
	struct sm_case_row *c = sm_results_add_case(r);
	struct sm_summary_row *s = sm_results_add_summary(r);

	c->scenario = sm_name_of("loaded");
	c->variant = sm_name_of(variant);
	c->params = sm_name_format("processes=%u load=%u", processes, load);
	c->metric = sm_name_of(metric ? metric : "time");
	c->id = sm_name_format("%s?%u,%u%s%s", variant, processes, load, metric ? "#" : "", metric ? metric : "");
	c->placement = SM_PLACE_NEAR;
	s->case_index = (unsigned)r->case_count - 1;
	s->value = (struct sm_interval){ .estimate = value, .low = value - 1, .high = value + 1 };
}

static char *drawn(struct sm_results *r, size_t *points)
{
	struct figure f = { .scenario = sm_name_of("loaded"), .metric = sm_name_of("time") };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	*points = figures_curve(r, &f, out);
	fclose(out);
	return text;
}

Test(figure_curve, a_line_goes_from_the_lowest_load_to_the_highest)
{
	struct sm_results r;
	size_t points;
	char *text;

	sm_results_init(&r);
	add(&r, "read", 100, 2, NULL, 300);
	add(&r, "read", 10, 2, NULL, 100);
	add(&r, "read", 50, 2, NULL, 110); /* its bandwidth is not known */
	add(&r, "read", 100, 2, SM_BANDWIDTH, 8e9);
	add(&r, "read", 10, 2, SM_BANDWIDTH, 9e9);
	cr_expect(figures_has_curve(&r, &r.cases[0]));
	cr_expect_not(figures_has_curve(&r, &r.cases[2]));
	text = drawn(&r, &points);
	cr_expect_eq(points, 2);
	cr_expect_str_eq(text, "\"read\" \n9 100 99 101 10\n8 300 299 301 100\n\n\n");
	free(text);
	sm_results_free(&r);
}

Test(figure_curve, each_variant_is_a_line_and_one_without_points_is_none)
{
	struct sm_results r;
	size_t points;
	char *text;

	sm_results_init(&r);
	add(&r, "alone", 10, 2, NULL, 90);
	add(&r, "read", 10, 3, NULL, 100);
	add(&r, "write", 10, 2, NULL, NAN);
	add(&r, "alone", 10, 2, SM_BANDWIDTH, 0);
	add(&r, "read", 10, 3, SM_BANDWIDTH, 1e9);
	add(&r, "write", 10, 2, SM_BANDWIDTH, 1e9);
	text = drawn(&r, &points);
	cr_expect_eq(points, 2);
	cr_expect_str_eq(text,
			 "\"alone, processes=2\" \n0 90 89 91 10\n\n\n\"read, processes=3\" \n1 100 99 101 10\n\n\n");
	free(text);
	sm_results_free(&r);
}

/* What a figure of values from `smallest` to `largest` in `unit` has as its axis. */
static void expect_axis(const char *unit, double smallest, double largest, const char *expected)
{
	struct sm_case_row c = { .unit = sm_name_of(unit), .unit_kind = sm_unit_kind_of(unit) };
	struct figure f = { .variables = "" };

	figures_axis(&f, &c, smallest, largest);
	cr_expect_str_eq(f.variables, expected, "%s from %g to %g: %s", unit, smallest, largest, f.variables);
}

#define AXIS(log, zero, factor, format, unit)                                                                          \
	"value_log = " #log "\nvalue_zero = " #zero "\nscale = 1 / " #factor ".\nvalue_format = '" format              \
	"'\nvalue_unit = '" unit "'\n"

Test(figure_axis, a_logarithm_needs_values_above_0_that_differ)
{
	expect_axis("messages", 0, 0, AXIS(0, 1, 1, "%.4g", "messages"));
	expect_axis("1", 0, 1, AXIS(0, 0, 1, "%.4g", ""));
	expect_axis("1", 1, 1, AXIS(0, 0, 1, "%.4g", ""));
	expect_axis("1", 5e-6, 1, AXIS(1, 0, 1, "%.4g", ""));
	expect_axis("ns/op", 160, 260, AXIS(1, 0, 1000000000, "%.0s %cs", ""));
	expect_axis("ns/op", 0, 2.6e4, AXIS(0, 0, 1000, "%.4g us", ""));
}

Test(figure_axis, numbers_are_written_as_people_do)
{
	expect_axis("messages", 0, 7.9e6, AXIS(0, 0, 1000000, "%.4g M", "messages"));
	expect_axis("messages", 0, 99000, AXIS(0, 0, 1, "%.4g", "messages"));
	expect_axis("1", 100, 7.9e6, AXIS(1, 0, 1, "%.0s %c", ""));
	expect_axis("B/s", 0, 5e10, AXIS(0, 0, 1000000000, "%.4g GB/s", ""));
	expect_axis("B", 1e9, 5e10, AXIS(1, 0, 1, "%.0s %cB", ""));
}

Test(figure_names, a_label_has_what_differs)
{
	struct figure_common common;
	struct sm_results r;
	char text[64];

	sm_results_init(&r);
	add(&r, "read", 10, 2, NULL, 100);
	add(&r, "write", 50, 2, NULL, 100);
	add(&r, "read", 10, 4, SM_BANDWIDTH, 1e9); /* another metric */
	figures_common(&r, &r.cases[0], &common);
	cr_expect_str_eq(figures_common_text(&r.cases[0], &common, text, sizeof(text)), ", processes=2, near");
	figures_label(&r.cases[1], &common, text, sizeof(text));
	cr_expect_str_eq(text, "write  (load=50)");
	r.cases[1].placement = SM_PLACE_SAME_CORE;
	figures_common(&r, &r.cases[0], &common);
	cr_expect_str_eq(figures_common_text(&r.cases[0], &common, text, sizeof(text)), ", processes=2");
	figures_label(&r.cases[1], &common, text, sizeof(text));
	cr_expect_str_eq(text, "write  (load=50, same-core)");
	figures_common(&r, &r.cases[2], &common); /* alone */
	figures_label(&r.cases[2], &common, text, sizeof(text));
	cr_expect_str_eq(text, "read");
	sm_results_free(&r);
}

/* In an SVG the heading, the axis and its name take about 160 pixels, and a label 17. */
Test(figure_dots, few_rows_have_room_for_their_labels)
{
	struct figure *figures = calloc(FIGURES_MAX, sizeof(*figures)), *f = figures;
	struct sm_results r;
	FILE *out = fopen("/dev/null", "we");

	sm_results_init(&r);
	add(&r, "smaps", 10, 2, NULL, 1);
	add(&r, "pagemap", 10, 2, NULL, 1);
	r.cases[0].unit = r.cases[1].unit = sm_name_of("1");
	cr_assert(figures && out && figures_plan(&r, figures) > 0);
	while (f < figures + FIGURES_MAX - 1 && f->kind != FIGURE_DOTS)
		f++;
	cr_assert_eq(f->data(&r, f, out), 2);
	cr_expect_geq(f->height, 160 + 2 * 2 * 17, "%u pixels", f->height);
	fclose(out);
	free(figures);
	sm_results_free(&r);
}
