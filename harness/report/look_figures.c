/* Figures of a run about the shared memory of running processes. */
#include "shmeter/look_figures.h"

#include <math.h>
#include <stdio.h>

#include "choosing.h"
#include "shmeter/region.h"
#include "shmeter/text.h"
#include "words.h"

#define ATTACHED_BYTES (64.0 * (1 << 20)) /* of attach_existing's *_64m */

struct asking {
	const struct sm_look *look;
	const struct sm_look_object *object;
	const struct sm_results *run;
	const char *folder;
	struct sm_look_figure *out;
	unsigned count;
};

bool sm_look_run_serves(const struct sm_results *run, char out[256])
{
	if (!words_true(run, "analysis/aa/moved"))
		return true;
	snprintf(out, 256, "the A/A control of the run moved, so it cannot tell a cause from a drift; run it again");
	return false;
}

/* The use with the most resident bytes; NULL: none is known, or nothing is resident. */
static const struct sm_look_use *fullest(const struct asking *a)
{
	const struct sm_look_use *found = NULL;

	for (size_t i = 0; i < a->object->uses; i++) {
		const struct sm_look_use *use = &a->look->use[a->object->use + i];

		if (use->detailed && use->mapped.page_low && use->mapped.resident &&
		    (!found || use->mapped.resident > found->mapped.resident))
			found = use;
	}
	return found;
}

/* What that process maps of the object, which may have holes, and which it may map twice. */
static double bytes_of(const struct asking *a, const struct sm_look_use *use)
{
	return (double)(use->mapped.bytes < a->object->bytes ? use->mapped.bytes : a->object->bytes);
}

/* Whether a measured size stands for another one. */
static bool is_near(double measured, double bytes)
{
	return measured <= bytes * SM_LOOK_NEAR && bytes <= measured * SM_LOOK_NEAR;
}

/* Whether it could have other pages: files of disks, devices and rings of the kernel could not. */
static bool has_choice(const struct sm_look_object *object)
{
	return object->kind != SM_SHARED_FILE && object->kind != SM_SHARED_DEVICE && object->kind != SM_SHARED_KERNEL;
}

/* The pages of a case in words: "2 MiB pages". */
static const char *pages_words(const struct sm_case_row *c, char out[64])
{
	char size[SM_TEXT_MAX];

	if (c->pages == sm_name_of("thp"))
		snprintf(out, 64, "transparent huge pages");
	else
		snprintf(out, 64, "%s pages", sm_format_bytes(size, (double)c->page_bytes));
	return out;
}

static struct sm_look_figure *next(struct asking *a)
{
	return a->count < SM_LOOK_FIGURES_MAX ? &a->out[a->count++] : NULL;
}

/* The ratio of a pair as base pages over others; false: the run does not support it. */
static bool base_over(const struct asking *a, const struct sm_pair_row *pair, sm_name base, struct sm_interval *ratio,
		      const struct sm_case_row **other)
{
	const struct sm_case_row *left = &a->run->cases[pair->left_case], *right = &a->run->cases[pair->right_case];

	if (!pair->leading || pair->set_aside || pair->distrusted || !isfinite(pair->ratio.low) ||
	    (left->pages == base) == (right->pages == base))
		return false;
	*ratio = pair->ratio;
	*other = right;
	if (left->pages == base)
		return true;
	ratio->estimate = 1 / pair->ratio.estimate;
	ratio->low = 1 / pair->ratio.high;
	ratio->high = 1 / pair->ratio.low;
	*other = left;
	return true;
}

static void say_ratio(struct asking *a, const struct sm_case_row *point, const struct sm_interval *ratio,
		      const struct sm_case_row *other, const struct sm_case_row *base, bool has_base)
{
	struct sm_look_figure *figure = next(a);
	char size[SM_TEXT_MAX], over[SM_TEXT_MAX], theirs[64], ours[64], from[256];

	if (!figure)
		return;
	*figure = (struct sm_look_figure){ .scenario = point->scenario,
					   .variant = base->variant,
					   .against = other->variant,
					   .value = *ratio,
					   .measured_bytes = sm_param_value(point->params, "bytes") };
	sm_format_bytes(size, bytes_of(a, fullest(a)));
	sm_format_bytes(over, figure->measured_bytes);
	snprintf(from, sizeof(from), "95 %% CI %.2f to %.2f, n = %zu; run %.160s", ratio->low, ratio->high,
		 ratio->count, a->folder);
	pages_words(base, ours);
	pages_words(other, theirs);
	if (ratio->low <= 1 && ratio->high >= 1)
		snprintf(
			figure->sentence, sizeof(figure->sentence),
			"Its %s are mapped by %s: for random loads over %s, the run cannot tell whether %s or %s are faster (ratio %.2f, %s).",
			size, has_base ? ours : theirs, over, ours, theirs, ratio->estimate, from);
	else if (has_base)
		snprintf(figure->sentence, sizeof(figure->sentence),
			 "Its %s are mapped by %s: random loads over %s take %.2f times as long as with %s here (%s).",
			 size, ours, over, ratio->estimate, theirs, from);
	else
		snprintf(
			figure->sentence, sizeof(figure->sentence),
			"Its %s are mapped by %s: with %s, random loads over %s would take %.2f times as long here (%s).",
			size, theirs, ours, over, ratio->estimate, from);
}

/* The pages that map the object, as a run names them; sm_none: mixed, or not known. */
static sm_name pages_of(const struct sm_look_use *use, uint64_t base)
{
	const struct sm_mapped *m = &use->mapped;
	char name[16];

	if (m->page_low != m->page_high)
		return sm_none;
	if (m->page_low > base)
		return sm_name_of(sm_pages_name((struct sm_pages){ SM_PAGES_HUGETLB, m->page_low }, name));
	if (m->thp == 0)
		return sm_name_of(sm_pages_name((struct sm_pages){ SM_PAGES_BASE, base }, name));
	return m->thp >= m->resident ? sm_name_of("thp") : sm_none;
}

static void say_pages(struct asking *a, const struct choosing *c, uint64_t base_bytes)
{
	const struct sm_look_use *use = has_choice(a->object) ? fullest(a) : NULL;
	double bytes = use ? bytes_of(a, use) : 0, measured;
	const struct sm_case_row *point;
	char name[16];
	sm_name base = sm_name_of(sm_pages_name((struct sm_pages){ SM_PAGES_BASE, base_bytes }, name)), has;

	if (!use || bytes < (2u << 20)) /* the smallest huge pages of most machines: nothing to gain below */
		return;
	has = pages_of(use, base_bytes);
	point = has == sm_none ? NULL : choosing_point(c, "page_size_random", SM_PLACE_UNSET, "", "bytes", bytes);
	measured = point ? sm_param_value(point->params, "bytes") : (double)NAN;
	if (!is_near(measured, bytes))
		return;
	for (size_t i = 0; i < a->run->pair_count; i++) {
		const struct sm_pair_row *pair = &a->run->pairs[i];
		const struct sm_case_row *other, *ours;
		struct sm_interval ratio;

		if (pair->group != point->group || !base_over(a, pair, base, &ratio, &other))
			continue;
		ours = other == &a->run->cases[pair->left_case] ? &a->run->cases[pair->right_case]
								: &a->run->cases[pair->left_case];
		if (has == base ? (double)other->page_bytes <= bytes : other->pages == has)
			say_ratio(a, point, &ratio, other, ours, has == base);
	}
}

/* The variant of attach_existing that is like the object.  Anonymous shared memory is of the same tmpfs as a memfd. */
static sm_name attached_as(enum sm_shared_kind kind)
{
	switch (kind) {
	case SM_SHARED_ANON:
	case SM_SHARED_MEMFD: return sm_name_of("memfd_64m");
	case SM_SHARED_POSIX: return sm_name_of("posix_64m");
	case SM_SHARED_SYSV: return sm_name_of("sysv_64m");
	default: return sm_none;
	}
}

/* What attach_existing measured of a variant, in the pair class with the most blocks; NULL: nothing with an interval. */
static const struct sm_summary_row *pass_of(const struct sm_results *run, sm_name variant)
{
	sm_name scenario = sm_name_of("attach_existing"), metric = sm_name_of("first pass per page");
	const struct sm_summary_row *found = NULL;

	for (size_t i = 0; i < run->summary_count; i++) {
		const struct sm_summary_row *row = &run->summaries[i];
		const struct sm_case_row *c = &run->cases[row->case_index];

		if (c->scenario == scenario && c->metric == metric && c->variant == variant &&
		    isfinite(row->value.low) && (!found || row->value.count > found->value.count))
			found = row;
	}
	return found;
}

/* What a process that maps it anew takes for the first touch of every page.  Nobody can map anonymous memory anew: a
 * forked child inherits the mapping without its page tables. */
static void say_first_pass(struct asking *a, uint64_t base_bytes)
{
	const struct sm_look_use *use = fullest(a);
	sm_name variant = attached_as(a->object->kind);
	const struct sm_summary_row *row = variant == sm_none ? NULL : pass_of(a->run, variant);
	double bytes = use ? bytes_of(a, use) : 0, pages = bytes / (double)base_bytes;
	char size[SM_TEXT_MAX], each[160], whole[160], total[176] = "", who[96];
	struct sm_look_figure *figure;
	struct sm_interval all;

	if (!row || !use || use->mapped.page_high > base_bytes || use->mapped.thp || bytes < (2u << 20))
		return;
	figure = next(a);
	if (!figure)
		return;
	*figure = (struct sm_look_figure){ .scenario = sm_name_of("attach_existing"),
					   .variant = variant,
					   .against = sm_none,
					   .value = row->value,
					   .per = "page",
					   .measured_bytes = ATTACHED_BYTES };
	words_interval(&row->value, "ns", each, sizeof(each));
	sm_format_bytes(size, bytes);
	if (is_near(ATTACHED_BYTES, bytes)) {
		all = row->value;
		all.estimate *= pages;
		all.low *= pages;
		all.high *= pages;
		words_interval(&all, "ns", whole, sizeof(whole));
		snprintf(total, sizeof(total), "%s in all, ", whole);
	}
	if (a->object->kind == SM_SHARED_ANON)
		snprintf(who, sizeof(who), "A forked child that reads a word of every page of its %s once", size);
	else
		snprintf(who, sizeof(who), "A process that maps its %s anew and reads a word of every page once", size);
	snprintf(figure->sentence, sizeof(figure->sentence),
		 "%s takes %s%s a page, as measured over 64 MiB (95 %% CI, n = %zu; %s/%s, run %.160s).", who, total,
		 each, row->value.count, figure->scenario, variant, a->folder);
}

static void say_locks(struct asking *a, const struct choosing *c)
{
	const struct sm_case_row *point = choosing_point(c, "lock_handoff", SM_PLACE_UNSET, "", NULL, 0);
	size_t waiting = a->object->waits;

	if (waiting == 0 || !point)
		return;
	struct ranking ranking = ranking_open(a->run, point->group);
	const struct ranked *row = choosing_row(&ranking, sm_name_of("mutex"));
	struct sm_look_figure *figure = row && isfinite(row->figure.low) ? next(a) : NULL;
	char text[256];

	if (figure) {
		*figure = (struct sm_look_figure){ .scenario = row->c->scenario,
						   .variant = row->c->variant,
						   .against = sm_none,
						   .value = row->figure,
						   .per = "round trip",
						   .measured_bytes = (double)NAN };
		snprintf(
			figure->sentence, sizeof(figure->sentence),
			"%zu thread%s at a futex in it: if it is a mutex, to hand it to another process and back takes %s (run "
			"%.160s).",
			waiting, waiting == 1 ? " waits" : "s wait", choosing_figure(row, text), a->folder);
	}
	ranking_close(&ranking);
}

/* A run that measured other sizes or pages says nothing about the object. */
static void say_none(struct asking *a, uint64_t base)
{
	const struct sm_look_use *use = has_choice(a->object) ? fullest(a) : NULL;
	struct sm_look_figure *figure = use && bytes_of(a, use) >= (2u << 20) ? next(a) : NULL;
	char size[SM_TEXT_MAX], *out = figure ? figure->sentence : NULL;

	if (!figure)
		return;
	*figure = (struct sm_look_figure){ .scenario = sm_none, .variant = sm_none, .against = sm_none };
	figure->value.estimate = figure->value.low = figure->value.high = figure->measured_bytes = (double)NAN;
	if (pages_of(use, base) == sm_none)
		snprintf(out, sizeof(figure->sentence), "No figure: pages of several sizes map it.");
	else
		snprintf(out, sizeof(figure->sentence),
			 "No figure: run %.160s does not compare these pages with others near %s (page_size_random).",
			 a->folder, sm_format_bytes(size, bytes_of(a, use)));
}

unsigned sm_look_figures(const struct sm_look *look, size_t object, uint64_t base, const struct sm_results *run,
			 const char *folder, struct sm_look_figure out[SM_LOOK_FIGURES_MAX])
{
	struct asking a = { look, &look->object[object], run, folder, out, 0 };
	struct choosing c = { .runs = &run, .count = 1 };

	say_pages(&a, &c, base);
	if (a.count == 0)
		say_none(&a, base);
	say_first_pass(&a, base);
	say_locks(&a, &c);
	return a.count;
}
