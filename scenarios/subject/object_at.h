/* Which object a process has mapped: its device and inode, by which descriptors and names of it are known. */
#ifndef SHMETER_SUBJECT_OBJECT_AT_H
#define SHMETER_SUBJECT_OBJECT_AT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Device and inode of what is mapped at `address`; false: it is no object. */
static inline bool object_at(const volatile void *address, struct stat *object)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	bool found = false;

	while (maps && !found && fgets(line, sizeof(line), maps)) {
		unsigned long from, inode;
		unsigned device[2];

		found = sscanf(line, "%lx-%*x %*s %*x %x:%x %lu", &from, &device[0], &device[1], &inode) == 4 &&
			from == (uintptr_t)address && inode != 0;
		if (found)
			*object = (struct stat){ .st_dev = makedev(device[0], device[1]), .st_ino = inode };
	}
	if (maps)
		fclose(maps);
	return found;
}

#endif
