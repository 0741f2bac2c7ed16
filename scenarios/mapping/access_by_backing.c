/* Question: does the backing of memory matter once it is mapped?
 * Method:   one worker passes over a populated region again and again, reading, writing, or copying one half to the
 *           other; only the backing differs between the variants.  An operation is 4096 bytes.
 * Not shown: the first touch (first_touch), other page sizes (page_size_stream), writing back a file.
 * Cost of the loop: 256 vectors of 16 bytes; a comparison and a branch per block. */
#include "../subject/stream.h"

enum { PARAM_OP, PARAM_BYTES };

static size_t region_bytes(const struct sm_case *c)
{
	return c->param[PARAM_BYTES];
}

static uint64_t bytes_per_op(const struct sm_case *c)
{
	(void)c;
	return STREAM_BLOCK;
}

static int warm_up(struct sm_worker *worker)
{
	stream_fill(worker->region, worker->region_bytes);
	return 0;
}

static uint64_t run(struct sm_worker *worker)
{
	switch ((enum stream_op)worker->c->param[PARAM_OP]) {
	case STREAM_READ: return stream_run(worker, STREAM_READ);
	case STREAM_WRITE: return stream_run(worker, STREAM_WRITE);
	default: return stream_run(worker, STREAM_COPY);
	}
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	return stream_verify(trial, (enum stream_op)trial->c->param[PARAM_OP], err);
}

static const struct sm_variant variants[] = {
	{ .name = "anon", .summary = "anonymous memory", .memory = { .backing = SM_ANON } },
	{ .name = "memfd", .summary = "a memfd", .memory = { .backing = SM_MEMFD } },
	{ .name = "posix", .summary = "POSIX shared memory", .memory = { .backing = SM_POSIX } },
	{ .name = "sysv", .summary = "a System V segment", .memory = { .backing = SM_SYSV } },
	{ .name = "file", .summary = "a mapped file", .memory = { .backing = SM_FILE } },
	{ 0 },
};

#define SAME(id_, backing, words)                                                                                      \
	{                                                                                                              \
		.id = id_,                                                                                             \
		.text = "Once mapped, " words " is read, written and copied as fast as anonymous "                     \
			"memory, within 3 %",                                                                          \
		.source = "textbooks: a page is a page", SM_RATIO(backing, "anon", .min = 1 / 1.03, .max = 1.03)       \
	}
static const struct sm_claim claims[] = {
	SAME("M3", "posix", "POSIX shared memory"),
	SAME("M3.memfd", "memfd", "a memfd"),
	SAME("M3.sysv", "sysv", "a System V segment"),
	SAME("M3.file", "file", "a mapped file"),
	{ 0 },
};

const struct sm_scenario sm_scenario_access_by_backing = {
	.name = "access_by_backing",
	.family = "mapping",
	.question = "Does it matter, once memory is mapped, what backs it?",
	.summary = "Reading, writing and copying over every backing.",
	.why = "Once a page is in the page table, a load does not know what stands behind "
	       "it: the processor sees frames. A difference here would be one of page size, "
	       "or of where the frames happen to lie.",
	.claims = claims,
	.variants = variants,
	.params = { STREAM_OP_PARAM,
		    { .name = "bytes",
		      .unit = "B",
		      .summary = "size of the region",
		      .quick = SM_VALUES(16 << 20),
		      .standard = SM_VALUES(64 << 20),
		      .full = SM_VALUES(64 << 10, 16 << 20, 64 << 20, 1 << 30),
		      .min = 3 * STREAM_BLOCK,
		      .max = 1ull << 40 } },
	.workers = 1,
	/* everything was populated before the slices: a fault in one is an error */
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.metric = { "time per 4096 bytes", "ns/op" },
	.memory = { .pages = { SM_PAGES_BASE, 0 } },
	.state_bytes = sizeof(struct stream_state),
	.region_bytes = region_bytes,
	.bytes_per_op = bytes_per_op,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
};
