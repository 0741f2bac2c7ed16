/* Events for transfers of cache lines: their names and their meaning differ between CPU families. */
#include <stdio.h>
#include <string.h>

#include "counters_private.h"

/* The meanings are from the vendors' event lists.  AMD cannot distinguish a transfer within a core complex from a
 * hit in its L3, Arm cannot distinguish another cluster from memory.  An event that counts both has another name in
 * the results. */
#define HITM      "loads that another core of the socket answered, which had modified the line"
#define FAR_HITM  "loads that a core of another socket answered, which had modified the line"
#define TILE_HITM "loads that the other core of the tile answered, which had modified the line"
#define RFO_HITM                                                                                                       \
	"stores and atomic operations (requests for ownership) that another core of the socket "                       \
	"answered, which had modified the line"
#define OWN_COMPLEX                                                                                                    \
	"lines that loads and stores got from this core complex: from another core's cache or, "                       \
	"indistinguishably, from the L3"
#define OTHER_COMPLEX "lines that came from the caches of another core complex"
#define OTHER_SOCKET  "accesses to another socket: to its caches or, indistinguishably, to its memory"

#define CANDIDATES_MAX 16

/* For each PMU of the machine, the name stands for the first event of its list that libpfm4 can encode. */
static const struct {
	const char *name, *what;
	struct line_candidate candidate[CANDIDATES_MAX]; /* ends with event NULL */
} lists[] = {
	{ "loads-from-other-core",
	  "loads that another core's cache answered (HITM)",
	  { /* Sapphire Rapids on, Golden Cove */
	    { "MEM_LOAD_L3_HIT_RETIRED:XSNP_FWD", NULL,
	      "loads that another core of the socket answered, which had modified the line or had it alone" },
	    /* Skylake to Ice Lake */
	    { "MEM_LOAD_L3_HIT_RETIRED:XSNP_HITM", NULL, HITM },
	    /* Haswell, Broadwell */
	    { "MEM_LOAD_UOPS_L3_HIT_RETIRED:XSNP_HITM", NULL, HITM },
	    /* Sandy Bridge, Ivy Bridge */
	    { "MEM_LOAD_UOPS_LLC_HIT_RETIRED:XSNP_HITM", NULL, HITM },
	    /* Nehalem, Westmere; Westmere with two sockets */
	    { "MEM_UNCORE_RETIRED:OTHER_CORE_L2_HITM", NULL, HITM },
	    { "MEM_UNCORE_RETIRED:LOCAL_HITM", NULL, HITM },
	    /* Gracemont; Goldmont; Silvermont; Knights Landing */
	    { "OCR0:DEMAND_DATA_RD_L3_HIT_SNOOP_HITM", NULL, HITM },
	    { "MEM_LOAD_UOPS_RETIRED:HITM", NULL, HITM },
	    { "MEM_UOP_RETIRED:HITM", NULL, HITM },
	    { "MEM_UOPS_RETIRED:HITM", NULL, TILE_HITM },
	    /* Zen 4, Zen 5; Zen 3 */
	    { "DEMAND_DATA_CACHE_FILLS_FROM_SYSTEM:LOCAL_CCX", "fills-from-own-complex", OWN_COMPLEX },
	    { "DEMAND_DATA_CACHE_FILLS_FROM_SYSTEM:INT_CACHE", "fills-from-own-complex", OWN_COMPLEX },
	    /* Zen 2 */
	    { "DATA_CACHE_REFILLS_FROM_SYSTEM:LS_MABRESP_LCL_CACHE", "fills-from-own-die",
	      "lines that came from this core complex (from another core's cache or, indistinguishably, from "
	      "the L3), or from another complex if their memory is this die's" },
	    /* Arm: Neoverse, Cortex-A55, Cortex-A76, Kunpeng */
	    { "LL_CACHE_MISS_RD", "reads-beyond-last-cache",
	      "reads that the last-level cache did not answer: from another cluster's cache, another socket "
	      "or, indistinguishably, memory" } } },
	{ "stores-from-other-core",
	  "stores that another core's cache answered (RFO, HITM)",
	  { /* Ice Lake on, which libpfm4 returns under the second name; Golden Cove, Gracemont */
	    { "OCR:DEMAND_RFO_L3_HIT_SNOOP_HITM", NULL, RFO_HITM },
	    { "OFFCORE_RESPONSE_0:DEMAND_RFO_L3_HIT_SNOOP_HITM", NULL, RFO_HITM },
	    { "OCR0:DEMAND_RFO_L3_HIT_SNOOP_HITM", NULL, RFO_HITM },
	    /* Haswell to Cascade Lake */
	    { "OFFCORE_RESPONSE_0:DMND_RFO:L3_HITM:L3_HITE:L3_HITS:SNP_HITM", NULL, RFO_HITM },
	    /* Sandy Bridge, Ivy Bridge */
	    { "OFFCORE_RESPONSE_0:DMND_RFO:LLC_HITM:LLC_HITE:LLC_HITS:HITM", NULL, RFO_HITM },
	    /* Nehalem, Westmere */
	    { "OFFCORE_RESPONSE_0:DMND_RFO:OTHER_CORE_HITM", NULL, RFO_HITM },
	    /* Goldmont */
	    { "OFFCORE_RESPONSE_0:DMND_RFO:L2_MISS_HITM_OTHER_CORE", NULL, RFO_HITM } } },
	{ "fills-from-other-cache",
	  "lines that came from a cache further away (another core complex or socket)",
	  { /* Skylake servers on */
	    { "MEM_LOAD_L3_MISS_RETIRED:REMOTE_HITM", NULL, FAR_HITM },
	    /* Haswell, Broadwell servers */
	    { "MEM_LOAD_UOPS_L3_MISS_RETIRED:REMOTE_HITM", NULL, FAR_HITM },
	    /* Ivy Bridge servers */
	    { "MEM_LOAD_UOPS_LLC_MISS_RETIRED:REMOTE_HITM", NULL, FAR_HITM },
	    /* Westmere with two sockets */
	    { "MEM_UNCORE_RETIRED:REMOTE_HITM", NULL, FAR_HITM },
	    /* Zen 5; Zen 4; Zen 3 */
	    { "ANY_DATA_CACHE_FILLS_FROM_SYSTEM:NEAR_FAR_CACHE_NEAR:NEAR_FAR_CACHE_FAR", NULL, OTHER_COMPLEX },
	    { "ANY_DATA_CACHE_FILLS_FROM_SYSTEM:NEAR_CACHE_NEAR_FAR:FAR_CACHE_NEAR_FAR", NULL, OTHER_COMPLEX },
	    { "ANY_DATA_CACHE_FILLS_FROM_SYSTEM:EXT_CACHE_LCL:EXT_CACHE_RMT", NULL, OTHER_COMPLEX },
	    /* Zen 2 */
	    { "DATA_CACHE_REFILLS_FROM_SYSTEM:LS_MABRESP_RMT_CACHE", NULL,
	      "lines that came from another core complex and whose memory is another die's" },
	    /* Arm: Neoverse, Cortex-A76, Kunpeng; Cortex-A55 */
	    { "REMOTE_ACCESS", "accesses-to-other-socket", OTHER_SOCKET },
	    { "REMOTE_ACCESS_RD", "accesses-to-other-socket", OTHER_SOCKET } } },
};
#define LISTS (sizeof(lists) / sizeof(lists[0]))

const struct line_candidate *line_candidate(const char *name, unsigned number)
{
	for (size_t i = 0; i < LISTS; i++) {
		bool asked = strcmp(lists[i].name, name) == 0;

		for (const struct line_candidate *c = lists[i].candidate; c->event; c++)
			if ((asked || (c->name && strcmp(c->name, name) == 0)) && number-- == 0)
				return c;
	}
	return NULL;
}

const char *line_what(const char *name)
{
	for (size_t i = 0; i < LISTS; i++)
		if (strcmp(lists[i].name, name) == 0)
			return lists[i].what;
	return name; /* the name is one from the results */
}

/* Whether libpfm4's full string is of the event: "skl::NAME:UNIT:e=0..." has the parts of "NAME:UNIT". */
static bool is_event(const char *fstr, const char *event)
{
	char copy[SM_EVENT_TEXT_MAX], *rest = copy, *part;

	snprintf(copy, sizeof(copy), "%s", event);
	while ((part = strsep(&rest, ":"))) {
		const char *at = strstr(fstr, part);
		size_t length = strlen(part);

		while (at && (at == fstr || at[-1] != ':' || (at[length] && at[length] != ':')))
			at = strstr(at + 1, part);
		if (!at)
			return false;
	}
	return true;
}

const char *sm_event_meaning(const char *fstr)
{
	for (size_t i = 0; i < LISTS; i++)
		for (const struct line_candidate *c = lists[i].candidate; c->event; c++)
			if (is_event(fstr, c->event))
				return c->meaning;
	return NULL;
}
