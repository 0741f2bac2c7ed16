/* Makes, populates and removes shared regions. */
#include "shmeter/region.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/shm.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "region_private.h"
#include "shmeter/cache.h"
#include "shmeter/errand.h"
#include "shmeter/guard.h"
#include "shmeter/refusal.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14, include/uapi/asm-generic/mman-common.h */
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1, the same header */
#endif
/* Tries, a millisecond apart: by then another worker has collapsed the whole region. */
#define COLLAPSE_TRIES 200
/* The position of log2 of a huge page size: the same for mmap, memfd_create and shmget. */
#define SIZE_SHIFT 26

/* log2 of a page size at the position that mmap(), memfd_create() and shmget() expect. */
static unsigned size_bits(uint64_t page_bytes)
{
	return (unsigned)__builtin_ctzll(page_bytes) << SIZE_SHIFT;
}

/* Far more than touching memory takes anywhere: 100 MB/s, plus the start-up time. */
static uint64_t touch_timeout_ns(uint64_t bytes)
{
	return 10000000000u + 10 * bytes;
}

/* Writes every page without changing what another process may have written there. */
static void touch_every(void *address, size_t bytes, size_t page)
{
	for (size_t i = 0; i < bytes; i += page)
		atomic_fetch_or_explicit((_Atomic unsigned char *)address + i, 0, memory_order_relaxed);
}

/* One atomic read-modify-write per base page: maps each page without changing what others wrote there. */
static void touch_pages(void *address, size_t bytes)
{
	touch_every(address, bytes, (size_t)sysconf(_SC_PAGESIZE));
}

static bool is_huge(const struct sm_region *region)
{
	return region->asked.pages.kind == SM_PAGES_HUGETLB;
}

static int random_name(char *out, size_t size, const char *before, struct sm_error *err)
{
	uint64_t random[2];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return sm_fail(err, errno, "no random name for shared memory: %s", strerror(errno));
	snprintf(out, size, "%s/shmeter-%016" PRIx64 "%016" PRIx64, before, random[0], random[1]);
	return 0;
}

/* Opens a named object and removes its name again; the name is announced to the guard meanwhile. */
static int open_named(struct sm_region *region, char kind, const char *folder, struct sm_error *err)
{
	char name[4096];
	int rc = random_name(name, sizeof(name), kind == 'p' ? "" : folder, err);

	if (rc == 0)
		rc = sm_guard_name(kind, name, err);
	if (rc < 0)
		return rc;
	region->fd = kind == 'p' ? shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600)
				 : open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (region->fd < 0)
		rc = sm_fail(err, errno, "cannot create %s%s: %s", kind == 'p' ? "/dev/shm" : "", name,
			     strerror(errno));
	else if (kind == 'p')
		shm_unlink(name);
	else
		unlink(name);
	sm_guard_forget(kind, name);
	return rc;
}

static int open_object(struct sm_region *region, const struct sm_os *os, const char *file_folder, struct sm_error *err)
{
	struct sm_memory asked = region->asked;
	char folder[512];
	unsigned flags = MFD_CLOEXEC;
	int rc = 0;

	snprintf(folder, sizeof(folder), "%s", file_folder ? file_folder : ".");
	switch (asked.backing) {
	case SM_MEMFD:
		if (is_huge(region))
			flags |= MFD_HUGETLB | size_bits(asked.pages.bytes);
		region->fd = memfd_create("shmeter", flags);
		if (region->fd < 0)
			return sm_fail(err, errno, "memfd_create failed: %s%s", strerror(errno),
				       sm_refusal("memfd_create", errno));
		break;
	case SM_POSIX: rc = open_named(region, 'p', NULL, err); break;
	case SM_FILE:
		if (is_huge(region))
			(void)!region_hugetlbfs(os, asked.pages.bytes, folder, sizeof(folder));
		rc = open_named(region, 'f', folder, err);
		break;
	default: return 0;
	}
	if (rc == 0 && ftruncate(region->fd, (off_t)region->mapped_bytes) < 0)
		rc = sm_fail(err, errno, "cannot size the %s object to %zu bytes: %s", sm_backing_name(asked.backing),
			     region->mapped_bytes, strerror(errno));
	return rc;
}

/* Reserves address space aligned to the page size, to be mapped over.  Multi-size pages lie at an odd multiple of
 * their size: no larger page fits there, so the kernel makes none. */
static void *aligned_space(size_t bytes, struct sm_pages pages, size_t page)
{
	bool odd = pages.kind == SM_PAGES_MULTI;
	size_t align = odd ? 2 * page : page;
	char *space = mmap(NULL, bytes + align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t before;

	if (space == MAP_FAILED)
		return NULL;
	before = (align + (odd ? page : 0) - (uintptr_t)space % align) % align;
	if (before)
		munmap(space, before);
	if (align - before)
		munmap(space + before + bytes, align - before);
	return space + before;
}

static int attach_sysv(struct sm_region *region, void *space, struct sm_error *err)
{
	int flags = 0600 | IPC_CREAT | IPC_EXCL, rc = 0;

	if (is_huge(region))
		flags |= SHM_HUGETLB | (int)size_bits(region->asked.pages.bytes);
	region->shmid = shmget(IPC_PRIVATE, region->mapped_bytes, flags);
	if (region->shmid < 0)
		return sm_fail(err, errno, "shmget of %zu bytes failed: %s%s", region->mapped_bytes, strerror(errno),
			       sm_refusal("shmget", errno));
	region->address = shmat(region->shmid, space, SHM_REMAP);
	if (region->address == (void *)-1) {
		rc = sm_fail(err, errno, "shmat failed: %s%s", strerror(errno), sm_refusal("shmat", errno));
		region->address = NULL;
	}
	/* the segment exists as long as it is attached */
	if (shmctl(region->shmid, IPC_RMID, NULL) < 0 && rc == 0)
		rc = sm_fail(err, errno, "shmctl cannot mark segment %d for removal: %s; `ipcrm -m %d` removes it",
			     region->shmid, strerror(errno), region->shmid);
	return rc;
}

static int map_object(struct sm_region *region, void *space, int more, struct sm_error *err)
{
	int flags = MAP_SHARED | MAP_FIXED | more;

	if (region->fd < 0)
		flags |= MAP_ANONYMOUS;
	if (region->fd < 0 && is_huge(region))
		flags |= MAP_HUGETLB | (int)size_bits(region->asked.pages.bytes);
	region->address = mmap(space, region->mapped_bytes, PROT_READ | PROT_WRITE, flags, region->fd, 0);
	if (region->address != MAP_FAILED)
		return 0;
	region->address = NULL;
	return sm_fail(err, errno, "cannot map %zu bytes of %s memory: %s%s", region->mapped_bytes,
		       sm_backing_name(region->asked.backing), strerror(errno),
		       sm_refusal(is_huge(region) ? "mmap of huge pages" : "mmap", errno));
}

/* Asks for page size and node before the first touch. */
static int advise(struct sm_region *region, struct sm_error *err)
{
	const struct sm_memory *asked = &region->asked;

	/* sm_region_inspect() checks the result later, so a refusal is not an error here. */
	if (asked->pages.kind == SM_PAGES_THP || asked->pages.kind == SM_PAGES_MULTI)
		(void)madvise(region->address, region->mapped_bytes, MADV_HUGEPAGE);
	else if (asked->pages.kind == SM_PAGES_BASE)
		(void)madvise(region->address, region->mapped_bytes, MADV_NOHUGEPAGE);
	if (asked->numa == SM_BIND)
		return sm_topology_bind_memory(region->topology, region->address, region->mapped_bytes, asked->node,
					       err);
	if (region_is_interleaved(*asked))
		return sm_topology_interleave_memory(region->topology, region->address, region->mapped_bytes,
						     asked->numa == SM_WEIGHTED, err);
	return 0;
}

/* If the file system can be full, its blocks are reserved before the first touch: that gives an error here instead
 * of a SIGBUS later.  memfd uses the kernel's own mount, which has no size limit. */
static bool is_reserved(const struct sm_region *region)
{
	return !is_huge(region) && (region->asked.backing == SM_POSIX || region->asked.backing == SM_FILE);
}

static int reserve(void *argument, struct sm_error *err)
{
	const struct sm_region *region = argument;
	int error = posix_fallocate(region->fd, 0, (off_t)region->mapped_bytes);

	if (error == 0)
		return 0;
	return sm_fail(err, error, "cannot reserve %zu bytes in %s: %s%s", region->mapped_bytes,
		       region->asked.backing == SM_POSIX ? "/dev/shm" : "the file system of --file-folder",
		       strerror(error), sm_refusal("fallocate", error));
}

/* In a child, because the blocks of a tmpfs are memory, and the kernel may kill a process that takes too much. */
static int reserve_apart(struct sm_region *region, const struct sm_os *os, struct sm_error *err)
{
	struct sm_errand errand = { .title = "reserve",
				    .fn = reserve,
				    .argument = region,
				    .timeout_ns = touch_timeout_ns(region->mapped_bytes) };

	return is_reserved(region) ? sm_errand_run(os, &errand, err) : 0;
}

/* The blocks of a tmpfs are its pages, so reserving them is the first touch.  If there are several nodes, the
 * process that populates must do it. */
static bool reserved_by_toucher(const struct sm_region *region)
{
	const struct sm_memory *asked = &region->asked;
	struct statfs fs;

	return asked->prefault != SM_LAZY && asked->numa != SM_BIND && !region_is_interleaved(*asked) &&
	       sm_topology_memory_node_count(region->topology) > 1 &&
	       (asked->backing == SM_POSIX ||
		(asked->backing == SM_FILE && fstatfs(region->fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC));
}

int sm_region_create(struct sm_region *region, const struct sm_os *os, const struct sm_topology *topology,
		     struct sm_memory asked, size_t bytes, const char *file_folder, struct sm_error *err)
{
	size_t page = asked.pages.kind == SM_PAGES_THP ? region_thp_bytes(os) : asked.pages.bytes;
	void *space = NULL;
	int rc;

	memset(region, 0, sizeof(*region));
	region->fd = region->shmid = -1;
	region->asked = asked;
	region->bytes = bytes;
	region->topology = topology;
	rc = sm_region_supported(os, topology, asked, bytes, file_folder, err);
	if (rc < 0)
		return rc;
	region->page_bytes = page;
	region->mapped_bytes = (bytes + page - 1) / page * page;
	rc = open_object(region, os, file_folder, err);
	if (rc == 0 && !(space = aligned_space(region->mapped_bytes, asked.pages, page)))
		rc = sm_fail(err, ENOMEM, "no address space for %zu bytes: %s%s", region->mapped_bytes, strerror(errno),
			     sm_refusal("mmap", errno));
	if (rc == 0)
		rc = asked.backing == SM_SYSV ? attach_sysv(region, space, err) : map_object(region, space, 0, err);
	if (rc < 0 && space)
		munmap(space, region->mapped_bytes);
	if (rc == 0)
		rc = advise(region, err);
	/* After the policy, which decides where reserved pages lie. */
	if (rc == 0 && !reserved_by_toucher(region))
		rc = reserve_apart(region, os, err);
	if (rc < 0)
		sm_region_destroy(region);
	return rc;
}

/* Asks for huge pages until the kernel has made them all.  The kernel returns EAGAIN or EBUSY while another process
 * holds one of the pages, for example a worker that collapses the same region. */
static int collapse_all(void *address, size_t bytes)
{
	const struct timespec nap = { .tv_nsec = 1000000 };

	for (int left = COLLAPSE_TRIES; madvise(address, bytes, MADV_COLLAPSE) < 0; left--) {
		if ((errno != EAGAIN && errno != EBUSY) || left == 0)
			return -errno;
		nanosleep(&nap, NULL);
	}
	return 0;
}

/* Makes every page of the region a transparent huge page: one touch each, then a collapse if the fault made a small
 * page.  That copies one base page for each; a collapse after populating would copy all of them. */
static int make_huge(struct sm_region *region, struct sm_error *err)
{
	struct sm_region_got got;
	int rc;

	touch_every(region->address, region->mapped_bytes, region->page_bytes);
	rc = sm_region_inspect(region, false, &got, err);
	if (rc < 0 || got.huge_bytes >= region->mapped_bytes)
		return rc;
	rc = collapse_all(region->address, region->mapped_bytes);
	if (rc < 0)
		return sm_fail(err, rc == -EINVAL ? ENOTSUP : -rc,
			       "the kernel cannot collapse the region into huge pages (MADV_COLLAPSE): %s%s",
			       strerror(-rc), sm_refusal("MADV_COLLAPSE", -rc));
	return 0;
}

/* Maps the object again over its old mapping, populated.  The advice comes only after the pages are mapped.  So if
 * base pages were requested, transparent huge pages are disabled for this process meanwhile. */
static int map_again(struct sm_region *region, struct sm_error *err)
{
	bool base = region->asked.pages.kind == SM_PAGES_BASE;
	int before = base ? prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) : 1, rc;

	if (before == 0)
		(void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	rc = map_object(region, region->address, MAP_POPULATE, err);
	if (before == 0)
		(void)prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
	return rc < 0 ? rc : advise(region, err);
}

int sm_region_populate(struct sm_region *region, struct sm_error *err)
{
	int rc = reserved_by_toucher(region) ? reserve(region, err) : 0;

	if (rc == 0 && region->asked.prefault != SM_LAZY && region->asked.pages.kind == SM_PAGES_THP)
		rc = make_huge(region, err);
	if (rc < 0)
		return rc;
	switch (region->asked.prefault) {
	case SM_TOUCH: touch_pages(region->address, region->mapped_bytes); break;
	case SM_POPULATE: rc = map_again(region, err); break;
	case SM_MADVISE:
		/* A touch would raise SIGBUS instead of EFAULT: because of a hugetlb cgroup, for example. */
		if (madvise(region->address, region->mapped_bytes, MADV_POPULATE_WRITE) < 0)
			rc = sm_fail(err, errno == EINVAL ? ENOTSUP : errno,
				     "MADV_POPULATE_WRITE of %zu bytes failed: %s%s", region->mapped_bytes,
				     strerror(errno), sm_refusal("MADV_POPULATE_WRITE", errno));
		break;
	case SM_MLOCK:
		if (mlock(region->address, region->mapped_bytes) < 0)
			rc = sm_fail(err, errno == ENOMEM ? EPERM : errno, "mlock of %zu bytes failed: %s%s",
				     region->mapped_bytes, strerror(errno), sm_refusal("mlock", errno));
		break;
	default: break;
	}
	return rc;
}

/* Memory that is made, touched and freed again. */
struct warming {
	const struct sm_os *os;
	const struct sm_topology *topology;
	struct sm_memory asked;
	size_t bytes;
	const char *file_folder;
};

static int warm(void *argument, struct sm_error *err)
{
	const struct warming *w = argument;
	struct sm_region region;
	int rc = sm_region_create(&region, w->os, w->topology, w->asked, w->bytes, w->file_folder, err);

	if (rc < 0)
		return rc;
	rc = sm_region_populate(&region, err);
	if (rc == 0)
		rc = sm_cache_flush(region.address, region.mapped_bytes, err);
	sm_region_destroy(&region);
	return rc;
}

int sm_region_warm_physical(const struct sm_os *os, const struct sm_topology *topology, struct sm_memory asked,
			    size_t bytes, const char *file_folder, const volatile int *stop, struct sm_error *err)
{
	struct warming warming = { os, topology, asked, bytes, file_folder };
	struct sm_errand errand = { .title = "warm memory",
				    .fn = warm,
				    .argument = &warming,
				    .timeout_ns = touch_timeout_ns(bytes),
				    .stop = stop };

	/* The same kind of pages as in the region: anonymous memory if that has no size limit of its own, else the
	 * backing itself. */
	if (asked.backing != SM_FILE && asked.backing != SM_POSIX)
		warming.asked.backing = SM_ANON;
	if (asked.pages.kind == SM_PAGES_MULTI ||
	    (asked.pages.kind == SM_PAGES_THP && !region_thp_at_fault(os, warming.asked.backing)))
		warming.asked.pages = (struct sm_pages){ SM_PAGES_BASE, (uint64_t)sysconf(_SC_PAGESIZE) };
	if (asked.pages.kind == SM_PAGES_HUGETLB)
		errand.huge_page_bytes = asked.pages.bytes;
	warming.asked.prefault = SM_TOUCH;
	return sm_errand_run(os, &errand, err);
}

/* Maps the object's pages at a second address.  Anonymous memory has no name, but mremap() of size 0 makes a second
 * mapping of a shared one.  It does not for explicit huge pages, of which there are too few to matter. */
static void *map_twice(const struct sm_region *region)
{
	if (region->shmid >= 0)
		return shmat(region->shmid, NULL, 0);
	if (region->fd >= 0)
		return mmap(NULL, region->mapped_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, region->fd, 0);
	return is_huge(region) ? region->address : mremap(region->address, 0, region->mapped_bytes, MREMAP_MAYMOVE);
}

int sm_region_cool(const struct sm_region *region, struct sm_error *err)
{
	void *other = map_twice(region);
	int rc;

	if (other == MAP_FAILED) /* shmat() fails with the same value */
		return sm_fail(err, errno, "cannot map %zu bytes a second time: %s", region->mapped_bytes,
			       strerror(errno));
	rc = sm_cache_flush(other, region->mapped_bytes, err);
	if (region->shmid >= 0)
		shmdt(other);
	else if (other != region->address)
		munmap(other, region->mapped_bytes);
	return rc;
}

void sm_region_empty(const struct sm_region *region)
{
	if (region->address) /* the backing may not support it; then the pages stay until the region is unmapped */
		(void)madvise(region->address, region->mapped_bytes, MADV_REMOVE);
}

void sm_region_destroy(struct sm_region *region)
{
	if (region->address && region->asked.backing == SM_SYSV)
		shmdt(region->address);
	else if (region->address)
		munmap(region->address, region->mapped_bytes);
	if (region->fd >= 0 && region->asked.backing != SM_BACKING_UNSET)
		close(region->fd);
	region->address = NULL;
	region->fd = region->shmid = -1;
}
