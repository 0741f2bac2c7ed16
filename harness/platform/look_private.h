/* Shared by the files that look at running processes. */
#ifndef SHMETER_LOOK_PRIVATE_H
#define SHMETER_LOOK_PRIVATE_H

#include "shmeter/look.h"
#include "shmeter/memory.h"

/* Room for a file that is read whole: a status, a stat, the mounts. */
#define LOOK_FILE_MAX 65536

/* Adds a zeroed row to an array of struct sm_look and returns it; rows move. */
void *look_add(void **rows, size_t *count, size_t size);
#define LOOK_ADD(look, rows, count) look_add((void **)&(look)->rows, &(look)->count, sizeof(*(look)->rows))

/* look_objects.c: finds or adds the object of a line. */
size_t look_object(struct sm_look *look, const struct sm_map_line *line, bool huge, pid_t pid);
/* The object of a line if it is known; SM_LOOK_NONE. */
size_t look_known(const struct sm_look *look, const struct sm_map_line *line);
/* The object has these bytes. */
void look_reach(struct sm_look_object *object, uint64_t offset, uint64_t bytes);
/* What was known before a process was read, and a return to it; gaps stay. */
struct look_mark {
	size_t objects, uses, waits, ranges, readable;
};
struct look_mark look_mark(const struct sm_look *look);
void look_forget(struct sm_look *look, const struct look_mark *mark);
/* The range of a process that has the address; NULL. */
const struct sm_look_range *look_range(const struct sm_look *look, const struct sm_look_process *process,
				       uint64_t address);
/* Sorts uses, others and waits by object, and tells the objects where theirs are. */
void look_sort(struct sm_look *look);
/* The device of the kernel's tmpfs, by a mapping of this process. */
struct sm_shm_device look_shm_device(void);

/* look_gaps.c.  Adds a gap of a process (0: of none); one of the same kind and reason gets a further process. */
void look_gap(struct sm_look *look, const char *what, pid_t pid, int error, const char *reason);
/* Adds the gap of a process of which a file could not be read, and finds out why. */
void look_unread(struct sm_look *look, const char *what, const struct sm_look_process *process, int error);
/* Adds what settings of this machine hide processes: hidepid, a PID namespace. */
void look_hidden(struct sm_look *look);

/* look_process.c */
void look_process_mappings(struct sm_look *look, size_t process);
void look_process_nodes(struct sm_look *look, size_t process);
void look_process_waits(struct sm_look *look, size_t process);
void look_others(struct sm_look *look);
/* Opens /proc/PID/NAME; NULL with errno. */
FILE *look_open(const struct sm_look *look, pid_t pid, const char *name);
/* The name of a process, encoded for a terminal; "?" where it cannot be read. */
void look_name(const struct sm_os *os, pid_t pid, char out[SM_LOOK_NAME]);

/* look_lines.c: ends the samples and finds the lines; after the mappings were read. */
void look_lines_end(struct sm_look *look);
void look_lines_close(struct sm_look *look);

#endif
