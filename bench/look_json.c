/* The look as JSON: docs/look.md describes every key. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "look_show.h"
#include "shmeter/encode.h"
#include "shmeter/memory.h"

/* A text of the kernel or a name: what is not text becomes '?', also the rest of a character that was cut. */
static json_t *text(const char *raw)
{
	char *copy = strdup(raw);
	json_t *out;

	if (!copy)
		sm_no_memory();
	sm_clean(copy);
	out = json_string(copy);
	free(copy);
	return out;
}

static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

/* What JSON's whole numbers here have no room for is not known, rather than negative: file systems choose inodes. */
static json_t *bytes(bool known, uint64_t value)
{
	return known && value <= INT64_MAX ? json_integer((json_int_t)value) : json_null();
}

static json_t *share(bool known, uint64_t part, uint64_t all)
{
	return known && all > 0 ? json_real(100.0 * (double)part / (double)all) : json_null();
}

static json_t *nodes(const struct sm_look_use *use)
{
	json_t *all = use->placed ? json_object() : json_null();

	for (unsigned n = 0; use->placed && n < SM_LOOK_NODES; n++) {
		char name[16];

		snprintf(name, sizeof(name), "%u", n);
		if (use->node[n])
			json_object_set_new(all, name, json_integer((json_int_t)use->node[n]));
	}
	return all;
}

static json_t *use_json(const struct sm_look *look, const struct sm_look_use *use)
{
	const struct sm_mapped *m = &use->mapped;
	bool known = use->detailed;
	json_t *out = json_object();

	json_object_set_new(out, "pid", json_integer(look->process[use->process].pid));
	json_object_set_new(out, "mappings", json_integer(use->mappings));
	json_object_set_new(out, "writable", json_boolean(use->writes));
	json_object_set_new(out, "mapped_bytes", json_integer((json_int_t)m->bytes));
	json_object_set_new(out, "resident_bytes", bytes(known, m->resident));
	json_object_set_new(out, "pss_bytes", bytes(known && m->hugetlb == 0, m->proportional));
	json_object_set_new(out, "swap_bytes", bytes(known, m->swapped));
	json_object_set_new(out, "page_bytes", bytes(known && m->page_low, m->page_low));
	json_object_set_new(out, "largest_page_bytes", bytes(known && m->page_high, m->page_high));
	json_object_set_new(out, "thp_bytes", bytes(known, m->thp));
	json_object_set_new(out, "thp_percent", share(known, m->thp, m->resident));
	json_object_set_new(out, "hugetlb_bytes", bytes(known, m->hugetlb));
	json_object_set_new(out, "hugetlb_percent", share(known, m->hugetlb, m->resident));
	json_object_set_new(out, "node_bytes", nodes(use));
	return out;
}

static json_t *wait_json(const struct sm_look *look, const struct sm_look_wait *wait)
{
	json_t *out = json_object();

	json_object_set_new(out, "pid", json_integer(look->process[wait->process].pid));
	json_object_set_new(out, "thread", json_integer(wait->thread));
	json_object_set_new(out, "offset", bytes(wait->object != SM_LOOK_NONE, wait->offset));
	json_object_set_new(out, "process_private", json_boolean(wait->own));
	json_object_set_new(out, "several", json_boolean(wait->several));
	return out;
}

static json_t *waits_json(const struct sm_look *look, size_t first, size_t count)
{
	json_t *out = json_array();

	for (size_t i = first; i < first + count; i++)
		json_array_append_new(out, wait_json(look, &look->wait[i]));
	return out;
}

/* The threads that wait for a futex in no shared mapping: the last ones. */
static json_t *elsewhere_json(const struct sm_look *look)
{
	size_t first = look->wait_count;

	while (first > 0 && look->wait[first - 1].object == SM_LOOK_NONE)
		first--;
	return waits_json(look, first, look->wait_count - first);
}

static json_t *lines_json(const struct sm_look *look, const struct sm_look_object *object)
{
	json_t *out = json_array();

	for (size_t i = object->line; i < object->line + object->lines; i++)
		json_array_append_new(out, json_pack("{s:I, s:I}", "offset", (json_int_t)look->line[i].offset,
						     "samples", (json_int_t)look->line[i].samples));
	return out;
}

static json_t *figures_json(const struct sm_look *look, size_t object, const struct look_run *run)
{
	struct sm_look_figure figure[SM_LOOK_FIGURES_MAX];
	unsigned count = look_figures(look, object, run, figure);
	json_t *out = json_array();

	for (unsigned i = 0; i < count; i++) {
		const struct sm_look_figure *f = &figure[i];
		json_t *one = json_object();

		json_object_set_new(one, "sentence", text(f->sentence));
		json_object_set_new(one, "scenario", f->scenario == sm_none ? json_null() : text(f->scenario));
		json_object_set_new(one, "variant", f->variant == sm_none ? json_null() : text(f->variant));
		json_object_set_new(one, "against", f->against == sm_none ? json_null() : text(f->against));
		json_object_set_new(one, "ratio", f->against == sm_none ? json_null() : number(f->value.estimate));
		json_object_set_new(one, "time_ns", f->against == sm_none ? number(f->value.estimate) : json_null());
		json_object_set_new(one, "time_per", f->per ? text(f->per) : json_null());
		json_object_set_new(one, "low", number(f->value.low));
		json_object_set_new(one, "high", number(f->value.high));
		json_object_set_new(one, "measured_bytes", number(f->measured_bytes));
		json_array_append_new(out, one);
	}
	return out;
}

static json_t *object_json(const struct sm_look *look, size_t at, const struct look_run *run)
{
	const struct sm_look_object *object = &look->object[at];
	json_t *out = json_object(), *uses = json_array(), *others = json_array();
	char words[8192], device[32];

	for (size_t i = 0; i < object->uses; i++)
		json_array_append_new(uses, use_json(look, &look->use[object->use + i]));
	for (size_t i = 0; i < object->others; i++) {
		const struct sm_look_other *other = &look->other[object->other + i];

		json_array_append_new(others,
				      json_pack("{s:i, s:o}", "pid", (int)other->pid, "name", text(other->name)));
	}
	snprintf(device, sizeof(device), "%x:%x", object->major, object->minor);
	json_object_set_new(out, "kind", text(sm_shared_kind_name(object->kind)));
	json_object_set_new(out, "title",
			    text(sm_shared_words(object->kind, object->name, object->inode, words, sizeof(words))));
	json_object_set_new(out, "name", text(object->name));
	json_object_set_new(out, "deleted", json_boolean(object->deleted));
	json_object_set_new(out, "device", text(device));
	json_object_set_new(out, "inode", bytes(true, object->inode));
	json_object_set_new(out, "sysv_id", bytes(object->kind == SM_SHARED_SYSV, object->inode));
	json_object_set_new(out, "bytes", json_integer((json_int_t)object->bytes));
	json_object_set_new(out, "mapped_by", uses);
	json_object_set_new(out, "also_mapped_by", others);
	json_object_set_new(out, "waits", waits_json(look, object->wait, object->waits));
	json_object_set_new(out, "lines", lines_json(look, object));
	json_object_set_new(out, "figures", figures_json(look, at, run));
	return out;
}

static json_t *process_json(const struct sm_look_process *process)
{
	json_t *out = json_object();

	json_object_set_new(out, "pid", json_integer(process->pid));
	json_object_set_new(out, "parent", json_integer(process->parent));
	json_object_set_new(out, "name", text(process->name));
	json_object_set_new(out, "threads", json_integer((json_int_t)process->threads));
	json_object_set_new(out, "minor_faults_per_s", number(process->minor_per_s));
	json_object_set_new(out, "major_faults_per_s", number(process->major_per_s));
	json_object_set_new(out, "gone", json_boolean(process->gone));
	return out;
}

static json_t *gap_json(const struct sm_look_gap *gap)
{
	json_t *out = json_object(), *pids = json_array();
	char words[1024];

	for (size_t i = 0; i < gap->count && i < sizeof(gap->pid) / sizeof(gap->pid[0]); i++)
		json_array_append_new(pids, json_integer(gap->pid[i]));
	json_object_set_new(out, "what", text(gap->what));
	json_object_set_new(out, "errno", json_integer(gap->error));
	json_object_set_new(out, "processes", json_integer((json_int_t)gap->count));
	json_object_set_new(out, "first_pids", pids);
	json_object_set_new(out, "sentence", text(sm_look_gap_words(gap, words, sizeof(words))));
	return out;
}

void look_print_json(const struct sm_look *look, const struct look_run *run, const struct look_options *options)
{
	json_t *all = json_object(), *processes = json_array(), *objects = json_array(), *gaps = json_array();
	size_t *order = look_by_size(look);

	for (size_t i = 0; i < look->process_count; i++)
		json_array_append_new(processes, process_json(&look->process[i]));
	for (size_t i = 0; i < look->object_count; i++)
		json_array_append_new(objects, object_json(look, order[i], run));
	for (size_t i = 0; i < look->gap_count; i++)
		json_array_append_new(gaps, gap_json(&look->gap[i]));
	json_object_set_new(all, "schema_version", json_integer(1));
	json_object_set_new(all, "seconds", json_real((double)look->took_ns / 1e9));
	json_object_set_new(all, "run", run->folder ? text(run->folder) : json_null());
	json_object_set_new(all, "run_note", run->note[0] ? text(run->note) : json_null());
	json_object_set_new(all, "processes", processes);
	json_object_set_new(all, "objects", objects);
	json_object_set_new(all, "waits_elsewhere", elsewhere_json(look));
	json_object_set_new(all, "line_event", look->event ? text(look->event) : json_null());
	json_object_set_new(all, "line_samples", bytes(look->event != NULL, look->samples));
	json_object_set_new(all, "not_read", gaps);
	json_dumpf(all, stdout, JSON_ENSURE_ASCII | (options->every_ns ? JSON_COMPACT : JSON_INDENT(1)));
	putchar('\n');
	json_decref(all);
	free(order);
}
