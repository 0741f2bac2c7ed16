/* Machines that are drawn at random. */
#ifndef SHMETER_TESTS_DRAWN_H
#define SHMETER_TESTS_DRAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes a machine as hwloc XML to a file, and its synthetic description to `text`; the same seed gives the same machine.
 * False: it could not be made. */
bool draw_machine(uint64_t seed, const char *file, char *text, size_t size);

#endif
