/* The axis of a figure's values: logarithmic or from 0, and its numbers as people write them. */
#include <stdio.h>
#include <string.h>

#include "figures.h"
#include "shmeter/results.h"

/* Values that differ by less than this factor are compared on an axis from 0; times are not, which differ by more from
 * scenario to scenario. */
#define SPREAD_LOGARITHMIC 10
/* From here on a number without unit gets a prefix. */
#define PREFIX_FROM 1e5

/* The power of 1000 at or below `largest`: its factor, and its prefix. */
static const char *prefix_of(double largest, double *factor)
{
	static const char *const prefix[] = { "", "k", "M", "G", "T", "P", "E" };
	unsigned i = 0;

	for (*factor = 1; largest >= 1000 && i < 6; largest /= 1000) {
		*factor *= 1000;
		i++;
	}
	return prefix[i];
}

/* "us" for 3500 ns. */
static const char *time_unit(double largest_ns, double *factor)
{
	static const char *const unit[] = { "ns", "us", "ms", "s" };
	unsigned i = 0;

	for (*factor = 1; largest_ns >= 1000 && i < 3; largest_ns /= 1000) {
		*factor *= 1000;
		i++;
	}
	return unit[i];
}

void figures_axis(struct figure *f, const struct sm_case_row *c, double smallest, double largest)
{
	bool time = c->unit_kind == SM_UNIT_NS, bytes = c->unit_kind == SM_UNIT_BYTES || c->unit == sm_name_of("B/s");
	bool logarithmic = smallest > 0 && (time || largest >= SPREAD_LOGARITHMIC * smallest);
	bool plain = !time && !bytes && (largest < PREFIX_FROM || (logarithmic && smallest < 1));
	double factor = 1;
	char format[64], unit[64] = "", encoded[128];
	size_t used = strlen(f->variables);

	if (plain)
		snprintf(format, sizeof(format), "%%.4g");
	else if (logarithmic && time) /* an axis of powers of ten: gnuplot finds the prefix of each */
		snprintf(format, sizeof(format), "%%.0s %%cs");
	else if (logarithmic)
		snprintf(format, sizeof(format), "%%.0s %%c%s", bytes ? c->unit : "");
	else if (time)
		snprintf(format, sizeof(format), "%%.4g %s", time_unit(largest, &factor));
	else
		snprintf(format, sizeof(format), "%%.4g %s%s", prefix_of(largest, &factor), bytes ? c->unit : "");
	if (time && logarithmic)
		factor = 1e9;
	if (!time && !bytes && c->unit_kind != SM_UNIT_NONE)
		snprintf(unit, sizeof(unit), "%.60s", c->unit);
	snprintf(f->variables + used, sizeof(f->variables) - used,
		 "value_log = %d\nvalue_zero = %d\nscale = 1 / %.0f.\nvalue_format = '%s'\nvalue_unit = '%s'\n",
		 logarithmic, !(largest > 0), factor, format, sm_encode(SM_TO_GNUPLOT, unit, encoded, sizeof(encoded)));
}
