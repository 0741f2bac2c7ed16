/* Pair classes: the peaks of a Gaussian kernel density of ln(probe).
 *
 * On a logarithmic scale a class has the same width whether it sits at 50 ns or at 500 ns: probes
 * of one pair of PUs scatter by some per cent of themselves.  The density lives on a grid of cells;
 * a class is a peak that survives four rules, applied in this order:
 *   1. a valley on either side, at most half as high as the lower of the two peaks;
 *   2. enough members near the peak itself: probes of a preempted pair lie far right, spread over
 *      decades; all together they may be many, but they gather nowhere;
 *   3. a center at least CENTER_RATIO away from the next one;
 *   4. at most SM_CLASSES_MAX peaks, the most populous.
 * A peak that fails is removed and its probes fall to the neighbours.
 * docs/adr/0003-pair-classes.md. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/memory.h"
#include "shmeter/stats.h"

#define CELL              0.01 /* width of a grid cell in ln(ns): one per cent */
#define BANDWIDTH         0.06 /* width of the kernel in ln(ns): six per cent, the scatter of one class */
#define BANDWIDTH_MAX     0.12 /* with few probes: less than half the distance of two classes, ln(1.3) */
#define FEW_PROBES        64   /* with fewer, the kernel widens as n^(-1/5) (Silverman 1986) */
#define KERNEL_REACH      4.0  /* bandwidths at which the kernel is cut off (0.03 % of its height) */
#define VALLEY_MAX        0.5  /* height of a valley relative to the lower peak beside it */
#define CENTER_RATIO      1.3  /* smallest ratio of the centers of two classes */
#define MEMBERS_MIN       8    /* fewest probes near a peak */
#define MEMBERS_SHARE_MIN 0.01 /* smallest share of all probes */
#define PACES_SHARE_MIN   0.05 /* smallest share of all paces: fewer come from a neighbour that is changing its load */
#define NS_MIN            0.1  /* ends of the grid: no line moves faster, no probe takes longer */
#define NS_MAX            1e11
#define CELLS             2764 /* ceil(ln(NS_MAX / NS_MIN) / CELL) */
#define PEAKS_MAX         (CELLS / 2 + 1)

struct peak {
	size_t cell;
	double height;
	double upper;      /* ln(ns) of the valley above it; INFINITY for the last */
	size_t first, end; /* its probes, in the sorted array */
};

struct landscape {
	double density[CELLS];
	struct peak peak[PEAKS_MAX];
	size_t peak_count;
};

static double cell_middle(size_t cell)
{
	return log(NS_MIN) + ((double)cell + 0.5) * CELL;
}

static size_t cell_of(double ns)
{
	double at = (log(ns) - log(NS_MIN)) / CELL;

	if (at < 0)
		return 0;
	return at >= CELLS - 1 ? CELLS - 1 : (size_t)at;
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Keeps the values that are times, and sorts them; returns how many. */
static size_t keep_times(double *probes_ns, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (isfinite(probes_ns[i]) && probes_ns[i] > 0)
			probes_ns[kept++] = probes_ns[i];
	if (kept > 1)
		qsort(probes_ns, kept, sizeof(*probes_ns), compare_double);
	return kept;
}

static void estimate_density(struct landscape *land, const double *sorted_ns, size_t count)
{
	double bandwidth = BANDWIDTH;

	if (count < FEW_PROBES)
		bandwidth = fmin(BANDWIDTH_MAX, BANDWIDTH * pow(FEW_PROBES / (double)count, 0.2));
	size_t reach = (size_t)(KERNEL_REACH * bandwidth / CELL);

	memset(land->density, 0, sizeof(land->density));
	for (size_t i = 0; i < count;) {
		size_t cell = cell_of(sorted_ns[i]), in_cell = 0;

		while (i < count && cell_of(sorted_ns[i]) == cell) {
			in_cell++;
			i++;
		}
		size_t from = cell > reach ? cell - reach : 0;
		size_t to = cell + reach < CELLS ? cell + reach : CELLS - 1;

		for (size_t j = from; j <= to; j++) {
			double z = ((double)j - (double)cell) * CELL / bandwidth;

			land->density[j] += (double)in_cell * exp(-z * z / 2);
		}
	}
}

/* Local maxima; a flat top counts once, at its middle. */
static void find_peaks(struct landscape *land)
{
	const double *density = land->density;

	land->peak_count = 0;
	for (size_t i = 0; i < CELLS;) {
		size_t end = i + 1;

		while (end < CELLS && density[end] == density[i])
			end++;
		bool rises = i == 0 || density[i - 1] < density[i];
		bool falls = end == CELLS || density[end] < density[i];

		if (density[i] > 0 && rises && falls)
			land->peak[land->peak_count++] =
				(struct peak){ .cell = (i + end - 1) / 2, .height = density[i] };
		i = end;
	}
}

/* The lowest cell between two peaks; the middle of them where several are equally low. */
static size_t valley_between(const struct landscape *land, const struct peak *a, const struct peak *b)
{
	size_t first = a->cell, last = a->cell;

	for (size_t i = a->cell; i <= b->cell; i++) {
		if (land->density[i] < land->density[first])
			first = last = i;
		else if (land->density[i] == land->density[first])
			last = i;
	}
	return (first + last) / 2;
}

static void remove_peak(struct landscape *land, size_t index)
{
	assert(index < land->peak_count && land->peak_count > 1);
	memmove(&land->peak[index], &land->peak[index + 1], (land->peak_count - index - 1) * sizeof(land->peak[0]));
	land->peak_count--;
}

/* Rule 1: the shallowest valley goes first, with the lower of its peaks. */
static void remove_ripples(struct landscape *land)
{
	while (land->peak_count > 1) {
		size_t worst = 0;
		double worst_depth = -1;

		for (size_t i = 0; i + 1 < land->peak_count; i++) {
			const struct peak *a = &land->peak[i], *b = a + 1;
			double depth = land->density[valley_between(land, a, b)] / fmin(a->height, b->height);

			if (depth > worst_depth) {
				worst_depth = depth;
				worst = i;
			}
		}
		if (worst_depth < VALLEY_MAX)
			return;
		remove_peak(land, land->peak[worst].height < land->peak[worst + 1].height ? worst : worst + 1);
	}
}

static size_t first_at_least(const double *sorted_ns, size_t count, double ns)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (sorted_ns[middle] < ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Assigns every probe to its peak. */
static void share_out(struct landscape *land, const double *sorted_ns, size_t count)
{
	size_t first = 0;

	for (size_t i = 0; i < land->peak_count; i++) {
		struct peak *peak = &land->peak[i];
		bool is_last = i + 1 == land->peak_count;

		peak->upper = is_last ? INFINITY : cell_middle(valley_between(land, peak, peak + 1));
		peak->first = first;
		peak->end = is_last ? count : first_at_least(sorted_ns, count, exp(peak->upper));
		first = peak->end;
	}
}

/* Members within CENTER_RATIO of the peak: a class gathers there, stray probes do not. */
static size_t core_members(const struct peak *peak, const double *sorted_ns)
{
	double ns = exp(cell_middle(peak->cell));
	size_t room = peak->end - peak->first;
	const double *own = sorted_ns + peak->first;

	return first_at_least(own, room, ns * CENTER_RATIO) - first_at_least(own, room, ns / CENTER_RATIO);
}

static double center_ns(const struct peak *peak, const double *sorted_ns)
{
	const double *own = sorted_ns + peak->first;

	return sm_quantile_sorted(own, peak->end - peak->first, 0.5);
}

/* The peak that rules 2 to 4 remove next; peak_count where all may stay. */
static size_t next_to_remove(const struct landscape *land, const double *sorted_ns, size_t count)
{
	double least = fmax(MEMBERS_MIN, MEMBERS_SHARE_MIN * (double)count);
	size_t smallest = 0, smallest_core = SIZE_MAX, smallest_size = SIZE_MAX, small = 0;

	for (size_t i = 0; i < land->peak_count; i++) {
		size_t core = core_members(&land->peak[i], sorted_ns);
		size_t size = land->peak[i].end - land->peak[i].first;

		if (core < smallest_core) {
			smallest_core = core;
			smallest = i;
		}
		if (size < smallest_size) {
			smallest_size = size;
			small = i;
		}
	}
	if ((double)smallest_core < least)
		return smallest;
	for (size_t i = 0; i + 1 < land->peak_count; i++) {
		const struct peak *a = &land->peak[i], *b = a + 1;

		if (center_ns(b, sorted_ns) < center_ns(a, sorted_ns) * CENTER_RATIO)
			return a->height < b->height ? i : i + 1;
	}
	return land->peak_count > SM_CLASSES_MAX ? small : land->peak_count;
}

void sm_classes_find(struct sm_classes *classes, double *probes_ns, size_t count)
{
	memset(classes, 0, sizeof(*classes));
	count = keep_times(probes_ns, count);
	if (count == 0)
		return;
	struct landscape *land = sm_memory(sizeof(*land));

	estimate_density(land, probes_ns, count);
	find_peaks(land);
	remove_ripples(land);
	share_out(land, probes_ns, count);
	while (land->peak_count > 1) {
		size_t gone = next_to_remove(land, probes_ns, count);

		if (gone == land->peak_count)
			break;
		remove_peak(land, gone);
		share_out(land, probes_ns, count);
	}
	classes->count = (unsigned)land->peak_count;
	for (size_t i = 0; i < land->peak_count; i++)
		classes->at[i] = (struct sm_class){
			.center_ns = center_ns(&land->peak[i], probes_ns),
			.lower_ns = i > 0 ? classes->at[i - 1].upper_ns : 0,
			.upper_ns = exp(land->peak[i].upper),
			.members = land->peak[i].end - land->peak[i].first,
		};
	free(land);
}

/* Finds the band of SM_PACE_WIDTH with the most of the sorted paces that are in no class yet: its first pace, and how
 * many. */
static size_t densest_band(const struct sm_classes *classes, const double *paces, size_t count, size_t *members)
{
	size_t best = 0, end = 0;

	*members = 0;
	for (size_t first = 0; first < count; first++) {
		size_t inside = 0;

		end = end < first ? first : end;
		while (end < count && paces[end] <= paces[first] * SM_PACE_WIDTH)
			end++;
		/* bands do not overlap: one that reaches into another is not a separate band */
		if (sm_classes_of(classes, paces[first]) < 0 && sm_classes_of(classes, paces[end - 1]) < 0)
			inside = end - first;
		if (inside > *members) {
			*members = inside;
			best = first;
		}
	}
	return best;
}

static int compare_centers(const void *a, const void *b)
{
	const struct sm_class *x = a, *y = b;

	return (x->center_ns > y->center_ns) - (x->center_ns < y->center_ns);
}

void sm_paces_find(struct sm_classes *classes, double *paces, size_t count)
{
	double least;

	memset(classes, 0, sizeof(*classes));
	count = keep_times(paces, count);
	least = fmax(fmin(MEMBERS_MIN, (double)count), PACES_SHARE_MIN * (double)count);
	while (count > 0 && classes->count < SM_CLASSES_MAX) {
		size_t members, first = densest_band(classes, paces, count, &members);
		double center = sm_quantile_sorted(paces + first, members, 0.5);

		if ((double)members < least)
			break;
		/* centred on its middle with the same width: the band of another run has other ends */
		classes->at[classes->count++] =
			(struct sm_class){ center, center / SM_PACE_WIDTH, center * SM_PACE_WIDTH, members };
	}
	qsort(classes->at, classes->count, sizeof(classes->at[0]), compare_centers);
}

int sm_classes_of(const struct sm_classes *classes, double probe_ns)
{
	if (!isfinite(probe_ns) || probe_ns <= 0)
		return -1;
	for (unsigned i = 0; i < classes->count; i++)
		if (probe_ns >= classes->at[i].lower_ns && probe_ns < classes->at[i].upper_ns)
			return (int)i;
	return -1;
}
