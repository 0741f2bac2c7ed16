/* Errors with a sentence for people. */
#include "shmeter/error.h"

#include <stdarg.h>
#include <stdio.h>

int sm_fail(struct sm_error *err, int code, const char *format, ...)
{
	va_list arguments;

	if (!err)
		return -code;
	err->code = code;
	va_start(arguments, format);
	vsnprintf(err->text, sizeof(err->text), format, arguments);
	va_end(arguments);
	/* what is quoted may hold anything, and goes to a terminal */
	for (char *c = err->text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	return -code;
}
