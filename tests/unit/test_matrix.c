/* Pairs of PUs: the matrix of a run, its file, its figure, and the claim that it follows the topology. */
#include <stdlib.h>
#include <unistd.h>

#include "made_up_run.h"
#include "shmeter/matrix.h"
#include "shmeter/report.h"
#include "shmeter/store.h"

#define PUS 8u

static const struct sm_claim pair_claims[] = {
	{ .id = "C5", .text = "Closer is faster.", .source = "a popular belief", SM_CLOSER_IS_FASTER("line", 0.9) },
	{ 0 }
};
static const struct sm_variant pair_variants[] = { { .name = "line" }, { 0 } };
static const struct sm_scenario pairs = { .name = "pairs", .claims = pair_claims, .variants = pair_variants };

/* hwloc's order is 0 4 1 5 2 6 3 7: threads of a core beside each other, two cores a package. */
static unsigned os_index(unsigned logical)
{
	return logical / 2 + logical % 2 * (PUS / 2);
}

static void place_pus(void)
{
	json_t *places = json_array();

	for (unsigned i = 0; i < PUS; i++)
		json_array_append_new(places,
				      json_pack("{s:i, s:i, s:i, s:i, s:i}", "pu", (int)os_index(i), "core", (int)i / 2,
						"l3", (int)i / 4, "package", (int)i / 4, "kind", i < PUS / 2));
	json_object_set_new(json_object_get(run.manifest, "environment"), "pu_places", places);
}

/* The relations of the made-up machine. */
static const enum sm_placement relations[] = { SM_PLACE_SMT, SM_PLACE_SHARED_L3, SM_PLACE_CROSS_NODE };

static enum sm_placement relation_of(unsigned from, unsigned to)
{
	return from / 2 == to / 2 ? SM_PLACE_SMT : from / 4 == to / 4 ? SM_PLACE_SHARED_L3 : SM_PLACE_CROSS_NODE;
}

/* The case of a relation; its trials measure one pair by slices. */
static unsigned add_relation(enum sm_placement relation, double ns)
{
	unsigned c = add_case("pairs", "line", sm_results_string(&run, "m=%d", (int)relation), 2);

	run.cases[c].placement = run.cases[c].relation = relation;
	run.cases[c].transfers_per_op = 2;
	for (unsigned b = 0; b < 6; b++)
		add_trial(c, b, 0, 0, ns);
	return c;
}

/* Each trial of a case visits a pair; the PUs are by hwloc's order. */
static void add_pair(unsigned c, unsigned from, unsigned to, double ns)
{
	for (size_t i = 0; i < run.sample_count; i++)
		if (run.samples[i].case_index == c)
			*sm_results_add_visit(&run) = (struct sm_visit_row){ .trial = run.samples[i].trial,
									     .visits = 1,
									     .from = os_index(from),
									     .to = os_index(to),
									     .company = 1,
									     .ns = ns,
									     .low = ns - 1,
									     .high = ns + 1 };
}

/* All pairs but the one from 2 to 5; with `inverted` set closer is slower. */
static void add_machine(bool inverted)
{
	place_pus();
	for (unsigned k = 0; k < 3; k++) {
		double ns = k == 0 ? 16 : k == 1 ? 50 : 400;
		unsigned c = add_relation(relations[k], inverted ? 1000 / ns : ns);

		for (unsigned from = 0; from < PUS; from++)
			for (unsigned to = 0; to < PUS; to++)
				if (from != to && relation_of(from, to) == relations[k] &&
				    !(os_index(from) == 2 && os_index(to) == 5))
					add_pair(c, from, to, inverted ? 1000 / ns : ns);
	}
}

static void analyse_pairs(void)
{
	const struct sm_scenario *const one[] = { &pairs };
	struct sm_error err = { 0 };

	cr_assert_eq(sm_analyse(&run, one, 1, &err), 0, "%s", err.text);
}

Test(analysis, a_matrix_is_in_hwlocs_order_and_halves_round_trips)
{
	struct sm_matrix m;

	add_machine(false);
	analyse_pairs();
	cr_assert_eq(sm_matrix_of(&m, &run, sm_name_of("pairs"), NULL), 0);
	cr_assert_eq(m.count, PUS);
	for (unsigned i = 0; i < PUS; i++) {
		cr_expect_eq((unsigned)atoi(m.end[i].label), os_index(i));
		cr_expect_eq(m.end[i].core, (int)i / 2);
		cr_expect(isnan(m.ns[i * PUS + i]), "the diagonal has a value");
	}
	cr_expect(fabs(m.ns[1] - 8) < 0.2, "threads of a core: %g", m.ns[1]);
	cr_expect(fabs(m.ns[PUS - 1] - 200) < 3, "packages: %g", m.ns[PUS - 1]);
	cr_expect(isnan(m.ns[4 * PUS + 3]), "a pair that could not run reads %g", m.ns[4 * PUS + 3]);
	sm_matrix_free(&m);
}

/* A run of an older build does not say where its PUs are. */
Test(analysis, a_matrix_without_places_is_in_the_order_of_the_indices)
{
	struct sm_matrix m;

	unsigned c = add_relation(SM_PLACE_SMT, 16);

	add_pair(c, 1, 0, 16);
	add_pair(c, 0, 1, 16);
	analyse_pairs();
	cr_assert_eq(sm_matrix_of(&m, &run, sm_name_of("pairs"), NULL), 0);
	cr_assert_eq(m.count, 2);
	cr_expect_str_eq(m.end[0].label, "0");
	cr_expect_str_eq(m.end[1].label, "4");
	cr_expect_eq(m.end[0].core, -1);
	sm_matrix_free(&m);
}

Test(analysis, closer_is_faster_is_supported_and_refuted)
{
	add_machine(false);
	analyse_pairs();
	cr_expect_eq(claim_of("C5")->verdict, SM_SUPPORTED, "%s", claim_of("C5")->evidence);
	cr_expect(strstr(claim_of("C5")->evidence, "smt 8 ns (8 pairs)") &&
			  strstr(claim_of("C5")->evidence, "in 100 %"),
		  "%s", claim_of("C5")->evidence);
}

Test(analysis, closer_is_slower_refutes)
{
	add_machine(true);
	analyse_pairs();
	cr_expect_eq(claim_of("C5")->verdict, SM_REFUTED, "%s", claim_of("C5")->evidence);
}

/* The four PUs of the second package are of a slower kind, on which a transfer to a thread of the core takes longer than
 * one to another core of the fast kind. */
Test(analysis, closer_is_faster_is_judged_on_the_home_kind)
{
	place_pus();
	json_object_set_new(json_object_get(run.manifest, "environment"), "home_kind", json_integer(1));
	for (unsigned k = 0; k < 3; k++) {
		double ns = k == 0 ? 16 : k == 1 ? 50 : 60;
		unsigned c = add_relation(relations[k], ns);

		for (unsigned from = 0; from < PUS; from++)
			for (unsigned to = 0; to < PUS; to++)
				if (from != to && relation_of(from, to) == relations[k])
					add_pair(c, from, to, from < PUS / 2 && to < PUS / 2 ? ns : 1000 / ns);
	}
	analyse_pairs();
	cr_expect_eq(claim_of("C5")->verdict, SM_SUPPORTED, "%s", claim_of("C5")->evidence);
	cr_expect_str_eq(claim_of("C5")->evidence,
			 "smt 8 ns (4 pairs), shared-l3 25 ns (8 pairs); the closer pair is the faster one in 100 % of "
			 "32 couples");
}

Test(analysis, one_relation_does_not_test_the_order)
{
	unsigned c = add_relation(SM_PLACE_SMT, 16);

	add_pair(c, 0, 1, 16);
	add_pair(c, 1, 0, 16);
	analyse_pairs();
	cr_expect_eq(claim_of("C5")->verdict, SM_NOT_TESTABLE);
	cr_expect(strstr(claim_of("C5")->reason, "needs PUs that relate in two ways"), "%s", claim_of("C5")->reason);
}

/* Reads a file of the run folder, and removes it. */
static char *take(const char *name)
{
	char path[4200], *text = NULL;
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", run.folder, name);
	file = fopen(path, "re");
	if (!file || getdelim(&text, &size, '\0', file) < 0)
		cr_expect(false, "%s cannot be read", path);
	if (file)
		fclose(file);
	return text ? text : strdup("");
}

/* The template is told of one pair without a value, and fills it and the key's box with a pattern. */
static void expect_hatched_once(bool drawn)
{
	char *script = take("plots/pairs.gp"), *drawing = drawn ? take("plots/pairs.svg") : NULL;
	unsigned filled = 0;

	cr_expect(strstr(script, "\nmissing = 1\n"), "%s", script);
	for (char *at = drawing; at && (at = strstr(at, "url(#gpPat")); at++)
		filled++;
	cr_expect(!drawing || filled == 2, "%u boxes are hatched", filled);
	cr_expect(!drawing || strstr(drawing, "not measured"));
	free(script);
	free(drawing);
}

Test(analysis, a_missing_pair_is_empty_in_the_file_and_hatched_in_the_figure)
{
	char folder[] = "/tmp/shmeter-matrix-XXXXXX", command[128];
	struct sm_report_options options = { .plots = PLOTS_FOLDER };
	struct sm_error err = { 0 };
	char *text, *data;
	struct sm_drawn drawn;
	int rc;

	cr_assert(mkdtemp(folder));
	run.folder = strdup(folder);
	run.out = strdup(folder);
	add_machine(false);
	analyse_pairs();
	cr_assert_eq(sm_store_write_analysis(&run, &err), 0, "%s", err.text);
	text = take("pu_pairs.csv");
	cr_expect(strstr(text, "\npairs,line,0,4,smt,8,8,8,6,1\n"), "%s", text);
	free(text);
	text = take("pairs.csv");
	cr_expect(strncmp(text, "from,0,4,1,5,2,6,3,7,unit\n", 26) == 0, "%.40s", text);
	cr_expect(strstr(text, "\n0,,8"), "%s", text);
	snprintf(command, sizeof(command), "mkdir -p %s/plots", folder);
	cr_assert_eq(system(command), 0);
	rc = sm_report_figures(&run, &options, &drawn, &err);
	expect_hatched_once(rc == 0 && drawn.count > 0);
	data = take("plots/pairs.dat");
	/* column 3, row 4: from 2 to 5; the block of cells does not have it, that of missing pairs does */
	cr_expect(strstr(data, "\n\n3 4\n"), "%.200s", data);
	cr_expect(!strstr(data, "\n3 4 "), "a missing pair has a colour");
	cr_expect(strstr(data, " 4456788 16777215 \"8"), "dark cells have white text: %.200s", data);
	cr_expect(strstr(data, " 0 \"20"), "light cells have black text: %.200s", data);
	free(text);
	free(data);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_expect_eq(system(command), 0);
}

/* Points that differ in another parameter are not on the same line: two sizes are two points, whatever else was swept. */
Test(analysis, a_line_has_one_point_at_each_size)
{
	char folder[] = "/tmp/shmeter-line-XXXXXX", command[128];
	struct sm_report_options options = { .plots = PLOTS_FOLDER };
	struct sm_error err = { 0 };
	struct sm_drawn drawn;
	unsigned points = 0;
	char *data;

	cr_assert(mkdtemp(folder));
	run.folder = strdup(folder);
	run.out = strdup(folder);
	add_pack_point("op=add processes=2", 200, 50, 50, 6);
	add_pack_point("op=store processes=2", 20, 5, 5, 6);
	add_pack_point("op=add processes=4", 300, 60, 60, 6);
	add_pack_point("op=store processes=4", 30, 6, 6, 6);
	analyse();
	snprintf(command, sizeof(command), "mkdir -p %s/plots", folder);
	cr_assert_eq(system(command), 0);
	(void)!sm_report_figures(&run, &options, &drawn, &err);
	data = take("plots/pack.dat");
	cr_expect(strstr(data, "packed"), "%s", data);
	for (const char *at = data; (at = strchr(at, '\n')); at++)
		points += at[1] == '2' || at[1] == '4';
	cr_expect_eq(points, 6, "%u points of three variants at two sizes:\n%s", points, data);
	free(data);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_expect_eq(system(command), 0);
}

/* Nodes 0 and 2 in a package, 1 in another, 5 of memory only, as the kernel numbers them. */
static void place_nodes(void)
{
	json_object_set_new(json_object_get(run.manifest, "environment"), "node_places",
			    json_pack("[{s:i, s:i, s:b}, {s:i, s:i, s:b}, {s:i, s:i, s:b}, {s:i, s:i, s:b, s:s}]",
				      "node", 0, "package", 0, "has_pus", 1, "node", 1, "package", 1, "has_pus", 1,
				      "node", 2, "package", 0, "has_pus", 1, "node", 5, "package", 1, "has_pus", 0,
				      "tier", "HBM"));
}

/* A group of the scenarios of nodes: the worker's own memory, and the other one; 0: not measured. */
static void add_nodes(const char *op, unsigned worker, unsigned other, double own_ns, double other_ns)
{
	const char *params = sm_results_string(&run, "cpu_node=%u memory_node=%u op=%s bytes=64", worker, other, op);
	const double ns[] = { own_ns, other_ns };

	for (unsigned k = 0; k < 2; k++) {
		unsigned c = add_case("nodes", k ? "other" : "own", params, 1);

		run.cases[c].numa = sm_results_string(&run, "bind:%u", k ? other : worker);
		for (unsigned b = 0; b < 6 && ns[k] > 0; b++)
			add_trial(c, b, 0, 0, ns[k]);
	}
}

/* The matrix of an operation. */
static void open_nodes(struct sm_matrix *m, const char *file)
{
	size_t count;
	unsigned *first = sm_node_matrices_of(&run, NULL, &count);
	bool found = false;
	char name[128];

	for (size_t i = 0; i < count && !found; i++) {
		sm_node_matrix_name(&run.cases[first[i]], name, sizeof(name));
		found = strcmp(name, file) == 0;
		if (found)
			cr_assert_eq(sm_node_matrix_of(m, &run, &run.cases[first[i]], NULL), 0);
	}
	free(first);
	cr_assert(found, "no matrix %s", file);
}

Test(analysis, nodes_have_a_matrix_for_each_point)
{
	static const char *const labels[] = { "0", "2", "1", "5 HBM" };
	struct sm_matrix m;

	place_nodes();
	add_nodes("read", 0, 1, 100, 150);
	add_nodes("read", 0, 5, 104, 90);
	add_nodes("read", 2, 0, 101, 0);
	add_nodes("copy", 0, 1, 7, 9);
	analyse_pairs();
	open_nodes(&m, "nodes_nodes_op_copy_bytes_64");
	cr_expect_eq(m.count, 2);
	sm_matrix_free(&m);
	open_nodes(&m, "nodes_nodes_op_read_bytes_64");
	cr_assert_eq(m.count, 4);
	for (unsigned k = 0; k < 4; k++)
		cr_expect_str_eq(m.end[k].label, labels[k]);
	cr_expect(fabs(m.ns[0] - 102) < 1, "own memory, over two groups: %g", m.ns[0]);
	cr_expect(fabs(m.ns[2] - 150) < 2 && fabs(m.ns[3] - 90) < 2, "%g and %g", m.ns[2], m.ns[3]);
	cr_expect(isnan(m.ns[4]) && isnan(m.ns[8]), "%g and %g were not measured", m.ns[4], m.ns[8]);
	cr_expect(fabs(m.ns[5] - 101) < 1, "%g", m.ns[5]);
	sm_matrix_free(&m);
}

/* Pairs of 20 nodes have more rows than a figure of all cases can be high: the matrix shows them. */
Test(analysis, many_nodes_have_a_matrix_and_no_row_each)
{
	char folder[] = "/tmp/shmeter-many-XXXXXX", command[128], path[160];
	struct sm_report_options options = { .plots = PLOTS_FOLDER };
	struct sm_error err = { 0 };
	struct sm_drawn drawn;

	cr_assert(mkdtemp(folder));
	run.folder = strdup(folder);
	run.out = strdup(folder);
	for (unsigned i = 0; i < 20; i++)
		for (unsigned k = 0; k < 20; k++)
			if (i != k)
				add_nodes("read", i, k, 100, 150);
	analyse_pairs();
	snprintf(command, sizeof(command), "mkdir -p %s/plots", folder);
	cr_assert_eq(system(command), 0);
	(void)!sm_report_figures(&run, &options, &drawn, &err);
	snprintf(path, sizeof(path), "%s/plots/nodes_cases.dat", folder);
	cr_expect_lt(access(path, F_OK), 0, "there is a figure of all cases");
	snprintf(path, sizeof(path), "%s/plots/nodes_nodes_op_read_bytes_64.dat", folder);
	cr_expect_eq(access(path, F_OK), 0, "there is no matrix");
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_expect_eq(system(command), 0);
}

/* The figure's data have a cell for each pair of nodes that was measured, and the others as missing. */
static void expect_node_figure(const char *stem)
{
	char path[160], *script, *data;

	snprintf(path, sizeof(path), "plots/%s.gp", stem);
	script = take(path);
	snprintf(path, sizeof(path), "plots/%s.dat", stem);
	data = take(path);
	cr_expect(strstr(script, "row = 'worker on NUMA node'") && strstr(script, "column = 'memory on NUMA node'") &&
			  strstr(script, "value = 'ns (logarithmic)'"),
		  "%s", script);
	cr_expect(strstr(script, "\nmissing = 11\n") && strstr(script, "\npackages = 2\n"), "%s", script);
	/* column, row: the memory of 5, which comes last, from 0, which comes first */
	cr_expect(strstr(data, "\n3 0 ") && strstr(data, "\"90\""), "%s", data);
	cr_expect(strstr(data, "\n3 \"5 HBM\"\n"), "the last row has no name: %s", data);
	free(script);
	free(data);
}

Test(analysis, the_matrix_of_nodes_is_in_a_file_and_a_figure)
{
	char folder[] = "/tmp/shmeter-nodes-XXXXXX", command[128], *text;
	struct sm_report_options options = { .plots = PLOTS_FOLDER };
	struct sm_error err = { 0 };
	struct sm_drawn drawn;

	cr_assert(mkdtemp(folder));
	run.folder = strdup(folder);
	run.out = strdup(folder);
	place_nodes();
	add_nodes("read", 0, 1, 100, 150);
	add_nodes("read", 0, 5, 100, 90);
	add_nodes("read", 2, 0, 100, 120);
	analyse_pairs();
	cr_assert_eq(sm_store_write_analysis(&run, &err), 0, "%s", err.text);
	text = take("nodes_nodes_op_read_bytes_64.csv");
	cr_expect(strncmp(text, "from,0,2,1,5 HBM,unit\n0,100", 27) == 0, "%s", text);
	cr_expect(strstr(text, "\n1,,,,,ns\n5 HBM,,,,,ns\n"), "%s", text);
	free(text);
	snprintf(command, sizeof(command), "mkdir -p %s/plots", folder);
	cr_assert_eq(system(command), 0);
	(void)!sm_report_figures(&run, &options, &drawn, &err);
	expect_node_figure("nodes_nodes_op_read_bytes_64");
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_expect_eq(system(command), 0);
}
