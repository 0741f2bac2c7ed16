/* Allocation for which the program ends if there is no memory. */
#include "shmeter/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

static const char *unfinished;

const char *sm_no_memory_removes(const char *path)
{
	const char *before = unfinished;

	unfinished = path;
	return before;
}

void sm_no_memory(void)
{
	static const char sentence[] =
		"shmeter: no memory is left: free some, or raise the limit (ulimit -v, memory.max)\n";

	if (unfinished)
		unlink(unfinished);
	(void)!write(STDERR_FILENO, sentence, sizeof(sentence) - 1);
	/* Not exit(): a worker must not write the buffers of its parent.  5 is the program's EXIT_MACHINE. */
	_exit(5);
}

void *sm_memory(size_t size)
{
	void *memory = malloc(size ? size : 1);

	if (!memory)
		sm_no_memory();
	return memory;
}

void *sm_zeroed_memory(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);

	if (!memory)
		sm_no_memory();
	return memory;
}

FILE *sm_written_open(struct sm_written *written)
{
	written->text = NULL;
	written->size = 0;
	written->out = open_memstream(&written->text, &written->size);
	if (!written->out)
		sm_no_memory();
	return written->out;
}

void sm_written_close(struct sm_written *written)
{
	bool cut = ferror(written->out);

	if (fclose(written->out) != 0 || cut || !written->text)
		sm_no_memory();
	written->out = NULL;
}
