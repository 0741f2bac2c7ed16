/* What follows from the verdicts of gates: confirmation by fresh trials, reasons, the verdict of all. */
#include <stdio.h>

#include "shmeter/gate.h"

static const struct sm_gate_row *row_named(const struct sm_gate_row *rows, size_t count, sm_name name)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].gate->name == name)
			return &rows[i];
	return NULL;
}

bool sm_gate_accepted(const struct sm_gate_row *row)
{
	return row->verdict == SM_REFUTED && !row->wrong_work && row->gate && row->gate->accept_holds;
}

bool sm_gate_fails(const struct sm_gate_row *row)
{
	return row->verdict == SM_REFUTED && !sm_gate_accepted(row);
}

/* Only fresh trials that pass say that the failure is not there; the others say nothing. */
static const char *not_confirmed(const struct sm_gate_row *row)
{
	static const char *const reasons[][2] = {
		{ "fresh trials have no such gate, so it is not confirmed",
		  "wrong data is proof, though fresh trials have no such gate" },
		{ "fresh trials could not tell", "wrong data is proof, though fresh trials could not tell" },
		{ "fresh trials did not repeat it", "wrong data is proof, though fresh trials did not repeat it" },
	};
	unsigned seen = !row->fresh ? 0 : row->fresh->verdict != SM_SUPPORTED ? 1 : 2;

	return reasons[seen][row->wrong_data];
}

void sm_gates_confirm(struct sm_gate_row *rows, size_t count, const struct sm_gate_row *fresh, size_t fresh_count)
{
	for (size_t i = 0; i < count; i++) {
		struct sm_gate_row *row = &rows[i];

		if (!sm_gate_fails(row))
			continue;
		row->fresh = row_named(fresh, fresh_count, row->gate->name);
		row->confirmed = row->fresh && row->fresh->verdict == SM_REFUTED;
		if (row->confirmed)
			continue;
		row->reason = not_confirmed(row);
		if (!row->wrong_data) /* wrong data in one trial is enough: noise does not lose an update */
			row->verdict = SM_INCONCLUSIVE;
	}
}

const char *sm_gate_reason(const struct sm_gate_row *row, char *out, size_t size)
{
	const struct sm_gate_row *fresh = row->confirmed ? NULL : row->fresh;
	size_t used = (size_t)snprintf(out, size, "%s", row->reason);

	if (fresh && used < size)
		used += (size_t)snprintf(out + used, size - used, ": %s, %s", sm_gate_word(fresh->verdict),
					 fresh->evidence);
	if (fresh && used < size && fresh->reason != sm_none)
		snprintf(out + used, size - used, "; %s", fresh->reason);
	return out;
}

/* A FAIL that is accepted counts like a PASS. */
static size_t count_of(const struct sm_gate_row *rows, size_t count, enum sm_verdict verdict)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += (sm_gate_accepted(&rows[i]) ? SM_SUPPORTED : rows[i].verdict) == verdict;
	return n;
}

enum sm_verdict sm_gates_overall(const struct sm_gate_row *rows, size_t count)
{
	static const enum sm_verdict order[] = { SM_REFUTED, SM_INCONCLUSIVE, SM_SUPPORTED };

	for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (count_of(rows, count, order[i]) > 0)
			return order[i];
	return SM_NOT_TESTABLE;
}

enum sm_verdict sm_gates_strictly(const struct sm_gate_row *rows, size_t count)
{
	enum sm_verdict overall = sm_gates_overall(rows, count);

	return overall == SM_SUPPORTED && count_of(rows, count, SM_SUPPORTED) < count ? SM_NOT_TESTABLE : overall;
}

const char *sm_gate_word(enum sm_verdict verdict)
{
	return verdict == SM_SUPPORTED      ? "PASS"
	       : verdict == SM_REFUTED      ? "FAIL"
	       : verdict == SM_NOT_TESTABLE ? "NOT TESTABLE"
					    : "INCONCLUSIVE";
}
