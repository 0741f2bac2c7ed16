/* Shared regions: how they are made, what page size they use, how they are prefaulted, which node their pages are on,
 * and what the kernel really did. */
#ifndef SHMETER_REGION_H
#define SHMETER_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shmeter/error.h"
#include "shmeter/os.h"
#include "shmeter/topology.h"

enum sm_backing { SM_BACKING_UNSET, SM_ANON, SM_MEMFD, SM_POSIX, SM_SYSV, SM_FILE, SM_BACKING_COUNT };

enum sm_page_kind {
	SM_PAGES_UNSET,
	SM_PAGES_BASE,    /* the kernel's base pages: "4k" on x86-64, "16k" or "64k" on some arm64 kernels */
	SM_PAGES_THP,     /* transparent huge pages of PMD size: "thp" */
	SM_PAGES_MULTI,   /* multi-size transparent huge pages of `bytes`: "thp-64k" (Linux 6.11) */
	SM_PAGES_HUGETLB, /* explicit huge pages of `bytes`: "2m", "1g" */
};

struct sm_pages {
	enum sm_page_kind kind;
	uint64_t bytes; /* of one page; 0 with UNSET */
};

enum sm_prefault {
	SM_PREFAULT_UNSET,
	SM_LAZY,     /* nothing: the first access faults */
	SM_TOUCH,    /* one write a page */
	SM_POPULATE, /* MAP_POPULATE, in a mapping of the worker's own */
	SM_MADVISE,  /* MADV_POPULATE_WRITE (Linux 5.14) */
	SM_MLOCK,    /* mlock() */
	SM_PREFAULT_COUNT
};

enum sm_numa {
	SM_NUMA_UNSET,
	SM_FIRST_TOUCH,
	SM_BIND,
	SM_INTERLEAVE,
	SM_WEIGHTED, /* interleaved by the weights in /sys/kernel/mm/mempolicy/weighted_interleave (Linux 6.9) */
	/* only in the variants of scenarios with node_params; the plan makes them SM_BIND to that node */
	SM_BIND_FIRST,
	SM_BIND_SECOND,
	SM_NUMA_COUNT
};

/* The memory that a case asks for.  A field that is UNSET takes its value from the next source: variant, command line,
 * scenario, then the default (memfd, base pages, madvise, first touch). */
struct sm_memory {
	enum sm_backing backing;
	struct sm_pages pages;
	enum sm_prefault prefault;
	enum sm_numa numa;
	unsigned node; /* of SM_BIND, by the kernel's number */
};

/* Names as typed and printed: "memfd", "2m", "populate", "bind:0".  Parsers return -EINVAL with the
 * list of what is known; sm_pages_parse() takes "base", "thp", "2m", "1g" and whatever sm_pages_list() has. */
const char *sm_backing_name(enum sm_backing backing);
const char *sm_prefault_name(enum sm_prefault prefault);
const char *sm_pages_name(struct sm_pages pages, char out[16]);
const char *sm_numa_name(struct sm_memory memory, char out[24]);
SM_MUST_USE int sm_backing_parse(const char *name, enum sm_backing *out, struct sm_error *err);
SM_MUST_USE int sm_prefault_parse(const char *name, enum sm_prefault *out, struct sm_error *err);
SM_MUST_USE int sm_pages_parse(const struct sm_os *os, const char *name, struct sm_pages *out, struct sm_error *err);
SM_MUST_USE int sm_numa_parse(const char *name, struct sm_memory *out, struct sm_error *err);

/* The name of the base pages in commands that are to work on every machine: `--pages base`, `first_touch/base`.  Files
 * and reports have the size instead. */
#define SM_PAGES_BASE_ALIAS "base"

#define SM_PAGES_LIST_MAX 24
/* Lists the page sizes that this machine's kernel offers: base pages, transparent, multi-size transparent and explicit
 * huge pages, each kind from small to large.  Returns how many. */
unsigned sm_pages_list(const struct sm_os *os, struct sm_pages out[SM_PAGES_LIST_MAX]);

/* What the kernel really did, read back in a process that has the region mapped and touched. */
struct sm_region_got {
	struct sm_pages pages;   /* smallest page that maps the region; UNSET where none is mapped yet */
	bool unknown;            /* /proc/self/smaps cannot be read: the other fields are not known */
	uint64_t resident_bytes; /* mapped in the calling process */
	uint64_t huge_bytes;     /* of these, mapped by PMD or larger entries */
	uint64_t locked_bytes;
	uint64_t swapped_bytes;
	int node; /* the node of every page, by the kernel's number; -1 mixed, -2 unknown */
};

struct sm_region {
	struct sm_memory asked;
	void *address;
	size_t bytes;        /* usable, as asked */
	size_t mapped_bytes; /* rounded up to the page size */
	size_t page_bytes;   /* size of the pages asked for */
	int fd;              /* memfd, POSIX, file: the object, whose name is gone; -1 otherwise */
	int shmid;           /* System V: already marked for removal; -1 otherwise */
	const struct sm_topology *topology;
};

/* Whether a region of `bytes` can be made as asked; does not make it.  0, or a negative errno with the reason and the
 * remedy (no pool, no permission, /dev/shm too small, memlock limit...). */
SM_MUST_USE int sm_region_supported(const struct sm_os *os, const struct sm_topology *topology, struct sm_memory asked,
				    size_t bytes, const char *file_folder, struct sm_error *err);

/* Whether the machine and the cgroups of this process have `bytes` of memory available: 0, or -ENOMEM with the amount
 * that is.  A limit that cannot be read is ignored. */
SM_MUST_USE int sm_memory_supported(const struct sm_os *os, uint64_t bytes, struct sm_error *err);

/* Makes and maps the region in the calling process (the parent), untouched.  Space is reserved first, so a later touch
 * never raises SIGBUS: a full /dev/shm, file system or huge-page pool is an error here.  Where the backing has a name,
 * it is random, created with mode 0600 and O_EXCL, and removed before this returns.  `file_folder` is where SM_FILE
 * makes its file (NULL: the current folder). */
SM_MUST_USE int sm_region_create(struct sm_region *region, const struct sm_os *os, const struct sm_topology *topology,
				 struct sm_memory asked, size_t bytes, const char *file_folder, struct sm_error *err);

/* Populates the region for the calling process as `asked.prefault` says (page tables are a process's own: each worker
 * calls this for itself).  SM_POPULATE maps the object again over the old mapping. Requests transparent huge pages, and
 * collapses them where the kernel did not make them at the fault. */
SM_MUST_USE int sm_region_populate(struct sm_region *region, struct sm_error *err);

/* Reads back what the calling process got.  With `strict` set also compares it with what was asked: -EXDEV names the
 * difference, so that a trial on other memory does not count for the case.  Without /proc the result is `unknown`; that
 * is an error where the kernel may have given something else (transparent huge pages, a node). */
SM_MUST_USE int sm_region_inspect(const struct sm_region *region, bool strict, struct sm_region_got *got,
				  struct sm_error *err);

/* Makes physical memory warm on the host but cold in the caches, right before a cold measurement: touches `bytes` in
 * pages of the kind asked, flushes them from the caches and frees them.  The flush matters because a page frame that is
 * still cached is zeroed up to three times as fast as one that was free for a while.  It takes 1 or 2 ns a line.
 * Walking over a buffer larger than the last-level cache would take 15 ms for a cache of 32 MiB, and longer for a
 * larger cache.  A child does the work, because the kernel may kill it for lack of memory: -ENOMEM with the limit.
 * -EINTR where `*stop` (may be NULL) was raised. */
SM_MUST_USE int sm_region_warm_physical(const struct sm_os *os, const struct sm_topology *topology,
					struct sm_memory asked, size_t bytes, const char *file_folder,
					const volatile int *stop, struct sm_error *err);

/* Flushes a populated region from the caches.  It uses a temporary mapping, so the caller's page tables and accessed
 * bits stay as populating left them, and its TLB holds no entry of the region.  Explicit huge pages of anonymous memory
 * cannot be mapped twice: they are flushed through the caller's mapping. */
SM_MUST_USE int sm_region_cool(const struct sm_region *region, struct sm_error *err);

/* Frees the region's pages and leaves it mapped; it then reads as zero.  Does nothing on backings that cannot.
 * Allocates no memory. */
void sm_region_empty(const struct sm_region *region);

/* Unmaps and closes.  Safe on a zeroed or failed region (address NULL). */
void sm_region_destroy(struct sm_region *region);

#endif
