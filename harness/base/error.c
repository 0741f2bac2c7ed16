/* Errors as sentences for users. */
#include "shmeter/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "shmeter/encode.h"

int sm_fail(struct sm_error *err, int code, const char *format, ...)
{
	va_list arguments;

	if (!err)
		return -code;
	err->code = code;
	va_start(arguments, format);
	vsnprintf(err->text, sizeof(err->text), format, arguments);
	va_end(arguments);
	/* quoted text may contain anything, and the message goes to a terminal */
	sm_clean(err->text);
	return -code;
}
