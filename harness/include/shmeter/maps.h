/* What /proc says about the mappings of a process: the lines of maps, smaps, numa_maps and syscall, parsed (proc(5);
 * Documentation/filesystems/proc.rst of the kernel).  Names in these files come from anybody: encode them before they are
 * printed.  Only functions over text; nothing here opens a file. */
#ifndef SHMETER_MAPS_H
#define SHMETER_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A line of maps, which is also the head of a mapping in smaps. */
struct sm_map_line {
	uint64_t low, high;    /* addresses; the last one is not part of it */
	uint64_t offset;       /* in the object, bytes */
	uint64_t inode;        /* 0: no object */
	unsigned major, minor; /* of the object's device */
	char access[5];        /* "rw-s": the last letter says whether it is shared */
	const char *name;      /* points into the line; "": none.  The kernel writes a line end in a name as \012 */
};
/* Parses such a line, without its line end.  False: it is another line, such as a field of smaps. */
bool sm_map_parse(const char *line, struct sm_map_line *out);
/* Whether stores to it reach other processes. */
bool sm_map_is_shared(const struct sm_map_line *line);

/* What a shared mapping maps. */
enum sm_shared_kind {
	SM_SHARED_FILE,
	SM_SHARED_POSIX,  /* a file in /dev/shm: shm_open(3) */
	SM_SHARED_MEMFD,  /* memfd_create(2) */
	SM_SHARED_SYSV,   /* shmget(2); the inode is the segment's id */
	SM_SHARED_ANON,   /* mmap(2) of MAP_SHARED | MAP_ANONYMOUS, or of /dev/zero */
	SM_SHARED_DEVICE, /* a file in /dev */
	SM_SHARED_KERNEL, /* a ring or buffer of the kernel: "anon_inode:[io_uring]" */
	SM_SHARED_KIND_COUNT
};
const char *sm_shared_kind_name(enum sm_shared_kind kind); /* "file", "posix", "memfd"..., as in JSON */

/* The device of the kernel's own tmpfs, which holds memory without a name.  Names alone could lie: a file may be called
 * "/memfd:x (deleted)". */
struct sm_shm_device {
	bool known;
	unsigned major, minor;
};
/* What the line maps.  `huge`: it is mapped by explicit huge pages, whose internal file system has another device. */
enum sm_shared_kind sm_map_kind(const struct sm_map_line *line, const struct sm_shm_device *shm, bool huge);
/* Whether the kernel wrote "(deleted)" behind the name.  A file may also be called so. */
bool sm_map_is_deleted(const char *name);
/* The object in words: "POSIX /pool", "memfd ring", "System V segment 5", "anonymous shared memory", "file /x/y".
 * "(deleted)" is left out where memory of this kind never has a name.  Not encoded.  Returns `out`. */
const char *sm_shared_words(enum sm_shared_kind kind, const char *name, uint64_t inode, char *out, size_t size);

/* What smaps says about mappings, added up; bytes. */
struct sm_mapped {
	uint64_t bytes;               /* of address space */
	uint64_t resident;            /* mapped by the process: Rss, and explicit huge pages, which Rss leaves out */
	uint64_t proportional;        /* Pss: each page divided by how many map it; explicit huge pages are left out */
	uint64_t thp;                 /* in transparent huge pages mapped as such */
	uint64_t hugetlb;             /* in explicit huge pages */
	uint64_t swapped;             /* in swap; of a shared mapping since Linux 4.5 */
	uint64_t page_low, page_high; /* the smallest and largest KernelPageSize; 0: not seen */
};
/* Takes a field of smaps ("Rss:  12 kB").  False: it is none of these. */
bool sm_smaps_take(struct sm_mapped *mapped, const char *line);

/* Parses a line of numa_maps: the start of the mapping, and for each node its bytes, which are added to `bytes`, of `nodes`
 * entries.  `page` is the page size where the line has none (before Linux 4.1).  False: it is no such line. */
bool sm_numa_maps_parse(const char *line, uint64_t page, uint64_t *low, uint64_t *bytes, unsigned nodes);

/* A thread that waits, by its files syscall and wchan. */
enum sm_waits { SM_WAITS_NOT, SM_WAITS_FUTEX, SM_WAITS_FUTEXES };
/* Whether a thread waits for a futex: `*address` gets where it is, `*own` whether only threads of its process can wake it
 * (FUTEX_PRIVATE_FLAG).  SM_WAITS_FUTEXES: for one of several (futex_waitv), whose addresses are not known.  `syscall` is the
 * text of the file, `wchan` that of the other ("": not known), which also tells a futex of a 32-bit process, whose numbers
 * are others. */
enum sm_waits sm_futex_parse(const char *syscall, const char *wchan, uint64_t *address, bool *own);

/* Fields of /proc/PID/stat. */
struct sm_stat_line {
	char state; /* 'R', 'Z'... */
	int parent;
	uint64_t minor_faults, major_faults, threads, start_ticks;
};
/* Parses it; the name in it may hold anything, also ") R 1".  False: it is cut off. */
bool sm_stat_parse(const char *text, struct sm_stat_line *out);

#endif
