/* Errors with a sentence for people. */
#include "shmeter/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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
	/* what is quoted may hold anything, and goes to a terminal */
	sm_clean(err->text);
	return -code;
}

void sm_no_memory(void)
{
	static const char sentence[] =
		"shmeter: no memory is left: free some, or raise the limit (ulimit -v, memory.max)\n";

	(void)!write(STDERR_FILENO, sentence, sizeof(sentence) - 1);
	_exit(5); /* as the program's EXIT_MACHINE; a worker has its parent's buffers, which are not its own to write */
}

void *sm_memory(size_t size)
{
	void *memory = malloc(size ? size : 1);

	if (!memory)
		sm_no_memory();
	return memory;
}
