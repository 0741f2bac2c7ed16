/* Reads the kernel's files about pages. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "region_private.h"

uint64_t region_number(const struct sm_os *os, uint64_t otherwise, const char *format, ...)
{
	char path[512], text[64];
	va_list arguments;
	int used;

	va_start(arguments, format);
	used = vsnprintf(path, sizeof(path), format, arguments);
	va_end(arguments);
	if (used < 0 || (size_t)used >= sizeof(path) || sm_os_read(os, text, sizeof(text), "%s", path) < 0 ||
	    text[0] < '0' || text[0] > '9')
		return otherwise;
	return strtoull(text, NULL, 10);
}

int region_sys_known(const struct sm_os *os, struct sm_error *err)
{
	if (sm_os_has(os, "/sys/kernel/mm"))
		return 0;
	return sm_fail(
		err, ENODEV,
		"what page sizes there are is not known: /sys/kernel/mm cannot be read; mount /sys, or choose --pages " SM_PAGES_BASE_ALIAS);
}

uint64_t region_thp_bytes(const struct sm_os *os)
{
	return region_number(os, 0, THP_FOLDER "/hpage_pmd_size");
}
