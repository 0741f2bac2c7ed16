/* Random names and keys for objects that must not collide with others and must not outlive a run. */
#ifndef SHMETER_SUBJECT_NAMES_H
#define SHMETER_SUBJECT_NAMES_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>

#include "shmeter/guard.h"

/* Makes "<prefix>shmeter-<16 hex digits>" and announces it to the guard under `kind`. */
static inline int name_announce(char kind, const char *prefix, char *out, size_t size, struct sm_error *err)
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return sm_fail(err, errno, "no random name: %s", strerror(errno));
	snprintf(out, size, "%sshmeter-%016llx", prefix, (unsigned long long)number);
	return sm_guard_name(kind, out, err);
}

/* Makes a System V key that is not IPC_PRIVATE and announces it to the guard under `kind`; `text` gets it in
 * decimal. */
static inline int key_announce(char kind, key_t *key, char text[16], struct sm_error *err)
{
	uint32_t number;

	*key = 0;
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return sm_fail(err, errno, "no random key: %s", strerror(errno));
	*key = (key_t)((number & 0x7ffffffeu) + 1);
	snprintf(text, 16, "%d", (int)*key);
	return sm_guard_name(kind, text, err);
}

#endif
