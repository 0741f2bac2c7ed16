/* The look in words. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "look_show.h"
#include "program.h"
#include "shmeter/encode.h"
#include "shmeter/memory.h"
#include "shmeter/text.h"

/* Rows that are shown without -v. */
#define OBJECTS_SHOWN   20
#define PROCESSES_SHOWN 8
#define NAMED           6

/* "postgres 1234, postgres 1236 and 3 more": names in a sentence. */
struct list {
	char text[1024];
	size_t used, count;
};

static void name(struct list *list, const char *what, int pid)
{
	if (list->count++ < NAMED)
		list->used += (size_t)snprintf(list->text + list->used, sizeof(list->text) - list->used, "%s%.*s %d",
					       list->used ? ", " : "", SM_LOOK_NAME, what, pid);
}

static const char *end(struct list *list)
{
	if (list->count > NAMED)
		snprintf(list->text + list->used, sizeof(list->text) - list->used, " and %zu more",
			 list->count - NAMED);
	return list->text;
}

static void print_who(const struct sm_look *look, const struct sm_look_object *object)
{
	struct list list = { .used = 0 };

	for (size_t i = 0; i < object->others; i++)
		name(&list, look->other[object->other + i].name, look->other[object->other + i].pid);
	if (object->owner)
		return; /* nobody else has what is a process's own */
	say(4, "  ", "%zu of these processes map%s it; %s%s.", object->uses, object->uses == 1 ? "s" : "",
	    object->others ? "so do " : "no other that can be seen does", end(&list));
}

/* Sums over the processes. */
struct sums {
	uint64_t resident, proportional, thp, hugetlb, low, high, swapped, node[SM_LOOK_NODES];
	const struct sm_look_use *most; /* resident; NULL: none is known */
	bool placed;
};

static struct sums add_up(const struct sm_look *look, const struct sm_look_object *object)
{
	struct sums sums = { .resident = 0 };

	for (size_t i = 0; i < object->uses; i++) {
		const struct sm_look_use *use = &look->use[object->use + i];
		const struct sm_mapped *m = &use->mapped;

		if (!use->detailed)
			continue;
		if (!sums.most || m->resident > sums.most->mapped.resident)
			sums.most = use;
		sums.proportional += m->proportional;
		sums.swapped += m->swapped;
		sums.low = m->page_low && (!sums.low || m->page_low < sums.low) ? m->page_low : sums.low;
		sums.high = m->page_high > sums.high ? m->page_high : sums.high;
	}
	if (!sums.most)
		return sums;
	sums.resident = sums.most->mapped.resident;
	sums.thp = sums.most->mapped.thp;
	sums.hugetlb = sums.most->mapped.hugetlb;
	sums.placed = sums.most->placed;
	memcpy(sums.node, sums.most->node, sizeof(sums.node));
	return sums;
}

/* "pages of 4 KiB, 25 % of the resident ones in transparent huge pages" */
static const char *pages_words(uint64_t low, uint64_t high, uint64_t thp, uint64_t hugetlb, uint64_t resident,
			       char out[160])
{
	char small[SM_TEXT_MAX], large[SM_TEXT_MAX];
	int used;

	sm_format_bytes(small, (double)low);
	sm_format_bytes(large, (double)high);
	if (low == 0)
		snprintf(out, 160, "page size not known");
	else if (hugetlb && low == high)
		snprintf(out, 160, "hugetlb pages of %s", small);
	else {
		used = snprintf(out, 160, "%s%s%s pages", small, low < high ? " and " : "", low < high ? large : "");
		if (resident && thp)
			snprintf(out + used, 160 - (size_t)used, ", %.3g %% in transparent huge pages",
				 100.0 * (double)thp / (double)resident);
		else if (resident && hugetlb)
			snprintf(out + used, 160 - (size_t)used, ", %.3g %% in hugetlb pages",
				 100.0 * (double)hugetlb / (double)resident);
	}
	return out;
}

static void print_sums(const struct sums *sums)
{
	char resident[SM_TEXT_MAX], pss[96] = "", size[SM_TEXT_MAX], pages[160], nodes[512] = "";
	size_t used = 0;

	if (!sums->most) {
		say(4, "  ", "What is resident and with which pages is not known.");
		return;
	}
	if (!sums->hugetlb)
		snprintf(pss, sizeof(pss), "; their proportional shares (Pss) add up to %s",
			 sm_format_bytes(size, (double)sums->proportional));
	say(4, "  ", "Resident: at most %s in one process%s.", sm_format_bytes(resident, (double)sums->resident), pss);
	say(4, "  ", "Mapped by %s.",
	    pages_words(sums->low, sums->high, sums->thp, sums->hugetlb, sums->resident, pages));
	if (sums->swapped)
		say(4, "  ", "In swap: %s.", sm_format_bytes(size, (double)sums->swapped));
	for (unsigned n = 0; n < SM_LOOK_NODES && used < sizeof(nodes) - 64; n++)
		if (sums->node[n])
			used += (size_t)snprintf(nodes + used, sizeof(nodes) - used, "%s%s on node %u",
						 used ? ", " : "", sm_format_bytes(size, (double)sums->node[n]), n);
	if (used)
		say(4, "  ", "Nodes: %s.", nodes);
}

/* Threads that wait for the same futex wait for the same lock, or semaphore, or condition. */
static void print_waits(const struct sm_look *look, const struct sm_look_object *object, bool all)
{
	const struct sm_look_wait *wait = &look->wait[object->wait];
	size_t places = 0;

	for (size_t i = 0, next; i < object->waits; i = next) {
		struct list list = { .used = 0 };

		for (next = i; next < object->waits && wait[next].offset == wait[i].offset; next++)
			name(&list, look->process[wait[next].process].name, (int)wait[next].thread);
		if (all || places++ < PROCESSES_SHOWN)
			say(4, "  ", "Futex at offset 0x%" PRIx64 ": %zu thread%s (%s).", wait[i].offset, next - i,
			    next - i == 1 ? " waits" : "s wait", end(&list));
	}
	if (!all && places > PROCESSES_SHOWN)
		printf("  and %zu more futexes (-v shows all)\n", places - PROCESSES_SHOWN);
}

/* Cache lines that cores take from each other. */
static void print_lines(const struct sm_look *look, const struct sm_look_object *object, bool all)
{
	for (size_t i = 0; i < object->lines && (all || i < PROCESSES_SHOWN); i++)
		say(4, "  ", "Line at offset 0x%" PRIx64 ": %" PRIu64 " of %" PRIu64 " samples of %s.",
		    look->line[object->line + i].offset, look->line[object->line + i].samples, look->samples,
		    look->event ? look->event : "lines");
}

static int by_resident(const void *a, const void *b)
{
	const struct sm_look_use *const *x = a, *const *y = b;
	uint64_t one = (*x)->mapped.resident, other = (*y)->mapped.resident;

	return one != other ? (one < other ? 1 : -1) : (*x > *y) - (*x < *y);
}

static void print_uses(const struct sm_look *look, const struct sm_look_object *object, bool all)
{
	const struct sm_look_use **order = sm_zeroed_memory(object->uses, sizeof(struct sm_look_use *));

	for (size_t i = 0; i < object->uses; i++)
		order[i] = &look->use[object->use + i];
	qsort((void *)order, object->uses, sizeof(struct sm_look_use *), by_resident);
	printf("    %-24s %10s %10s %10s  pages\n", "process", "mapped", "resident", "Pss");
	for (size_t i = 0; i < object->uses && (all || i < PROCESSES_SHOWN); i++) {
		const struct sm_look_use *use = order[i];
		const struct sm_look_process *p = &look->process[use->process];
		const struct sm_mapped *m = &use->mapped;
		char who[96], mapped[SM_TEXT_MAX], resident[SM_TEXT_MAX] = "-", pss[SM_TEXT_MAX] = "-",
						   low[SM_TEXT_MAX] = "-";

		snprintf(who, sizeof(who), "%.15s %d", p->name, (int)p->pid);
		if (use->detailed)
			sm_format_bytes(resident, (double)m->resident);
		if (use->detailed && !m->hugetlb)
			sm_format_bytes(pss, (double)m->proportional);
		if (m->page_low)
			sm_format_bytes(low, (double)m->page_low);
		sm_print_line(stdout, "    %-24s %10s %10s %10s  %s%s%s", who,
			      sm_format_bytes(mapped, (double)m->bytes), resident, pss, low,
			      m->thp       ? ", THP"
			      : m->hugetlb ? " (hugetlb)"
					   : "",
			      use->writes ? "" : ", read only");
	}
	if (!all && object->uses > PROCESSES_SHOWN)
		printf("    and %zu more (-v shows all)\n", object->uses - PROCESSES_SHOWN);
	free((void *)order);
}

static void print_object(const struct sm_look *look, size_t at, const struct look_run *run,
			 const struct look_options *options)
{
	const struct sm_look_object *object = &look->object[at];
	struct sm_look_figure figure[SM_LOOK_FIGURES_MAX];
	unsigned count = look_figures(look, at, run, figure);
	struct sums sums = add_up(look, object);
	bool color = use_color(&options->common, stdout);
	char words[8192], size[SM_TEXT_MAX];

	printf("\n%s", color ? "\033[1m" : "");
	say(4, "", "%s, %s%s", sm_shared_words(object->kind, object->name, object->inode, words, sizeof(words)),
	    sm_format_bytes(size, (double)object->bytes),
	    object->deleted && object->kind == SM_SHARED_POSIX ? ", whose name was removed" : "");
	printf("%s", color ? "\033[0m" : "");
	print_who(look, object);
	print_sums(&sums);
	print_waits(look, object, options->common.verbose);
	print_lines(look, object, options->common.verbose);
	for (unsigned i = 0; i < count; i++)
		say(5, "  -> ", "%s", figure[i].sentence);
	if (!options->common.quiet)
		print_uses(look, object, options->common.verbose);
}

/* Those with most faults first. */
static int by_faults(const void *a, const void *b)
{
	const struct sm_look_process *const *x = a, *const *y = b;
	double one = (*x)->gone ? -1 : (*x)->minor_per_s, other = (*y)->gone ? -1 : (*y)->minor_per_s;

	return one != other ? (one < other ? 1 : -1) : (*x > *y) - (*x < *y);
}

static void print_processes(const struct sm_look *look, bool all)
{
	const struct sm_look_process **order = sm_zeroed_memory(look->process_count, sizeof(struct sm_look_process *));

	for (size_t i = 0; i < look->process_count; i++)
		order[i] = &look->process[i];
	qsort((void *)order, look->process_count, sizeof(struct sm_look_process *), by_faults);
	printf("\nFaults a second, over %.3g s\n", (double)look->took_ns / 1e9);
	printf("    %-24s %10s %10s %10s\n", "process", "minor", "major", "threads");
	for (size_t i = 0; i < look->process_count && (all || i < PROCESSES_SHOWN); i++) {
		const struct sm_look_process *p = order[i];
		char who[96], minor[SM_TEXT_MAX] = "-", major[SM_TEXT_MAX] = "-";

		snprintf(who, sizeof(who), "%.15s %d", p->name, (int)p->pid);
		if (isfinite(p->minor_per_s))
			snprintf(minor, sizeof(minor), "%.0f", p->minor_per_s);
		if (isfinite(p->major_per_s))
			snprintf(major, sizeof(major), "%.0f", p->major_per_s);
		sm_print_line(stdout, "    %-24s %10s %10s %10" PRIu64, who, minor, major, p->threads);
	}
	if (!all && look->process_count > PROCESSES_SHOWN)
		printf("    and %zu more (-v shows all)\n", look->process_count - PROCESSES_SHOWN);
	free((void *)order);
}

static void print_elsewhere(const struct sm_look *look)
{
	struct list list = { .used = 0 };

	for (size_t i = 0; i < look->wait_count; i++)
		if (look->wait[i].object == SM_LOOK_NONE)
			name(&list, look->process[look->wait[i].process].name, (int)look->wait[i].thread);
	if (list.count)
		say(2, "", "%zu thread%s for a futex outside shared mappings, or for one of several: %s.", list.count,
		    list.count == 1 ? " waits" : "s wait", end(&list));
}

void look_print(const struct sm_look *look, const struct look_run *run, const struct look_options *options)
{
	size_t *order = look_by_size(look), shown = look->object_count;
	bool all = options->common.verbose;
	struct list list = { .used = 0 };
	char words[1024];

	if (!all && shown > OBJECTS_SHOWN)
		shown = OBJECTS_SHOWN;
	for (size_t i = 0; i < look->process_count; i++)
		name(&list, look->process[i].name, (int)look->process[i].pid);
	say(2, "", "%zu shared object%s in %zu process%s: %s.", look->object_count, look->object_count == 1 ? "" : "s",
	    look->process_count, look->process_count == 1 ? "" : "es", end(&list));
	for (size_t i = 0; i < shown; i++)
		print_object(look, order[i], run, options);
	if (shown < look->object_count)
		printf("\nand %zu smaller objects (-v shows all)\n", look->object_count - shown);
	if (!options->common.quiet)
		print_processes(look, all);
	print_elsewhere(look);
	if (run->note[0]) {
		putchar('\n');
		say(2, "", "%s", run->note);
	}
	if (look->gap_count)
		printf("\nNot known:\n");
	for (size_t i = 0; i < look->gap_count; i++)
		say(4, "  ", "%s", sm_look_gap_words(&look->gap[i], words, sizeof(words)));
	free(order);
}
