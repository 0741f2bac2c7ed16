/* A log in persistent memory: records of whole cache lines, and a count that says how many are there.  A record is flushed
 * from the caches before the count is stored, and the count before the caller goes on, so that after a power cut each
 * record below the count is whole, and each that was appended is below the count.
 *
 * x86: CLWB and CLFLUSHOPT are ordered by SFENCE alone, and a line that was flushed is persistent after it (Intel SDM,
 * volume 1, 12.4 in the 2023 edition).  arm64: DC CVAP cleans a line to the point of persistence, DSB waits (Arm ARM,
 * D7.4.8).  The three operations are macros: tests/unit/test_pmem_log.c puts its own in their place, records their order,
 * and drops lines that were not flushed. */
#ifndef SHMETER_SUBJECT_PMEM_LOG_H
#define SHMETER_SUBJECT_PMEM_LOG_H

#include <stdint.h>

#define PMEM_LINE  64u /* bytes; of x86, and of arm64 with persistent memory so far */
#define PMEM_WORDS (PMEM_LINE / sizeof(uint64_t))

#ifndef PMEM_STORE
#define PMEM_STORE(to, value) (*(volatile uint64_t *)(to) = (value))
#define PMEM_FLUSH(how, line) pmem_flush((how), (line))
#define PMEM_FENCE()          pmem_fence()
#endif

/* How this CPU writes a line back; PMEM_NONE: user code cannot. */
enum pmem_how { PMEM_NONE, PMEM_CLFLUSH, PMEM_CLFLUSHOPT, PMEM_CLWB, PMEM_CVAP };

#if defined(__x86_64__)
#include <cpuid.h>

static inline enum pmem_how pmem_how(void)
{
	unsigned a, b, c, d;

	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
		return PMEM_CLFLUSH;
	return b & bit_CLWB ? PMEM_CLWB : b & bit_CLFLUSHOPT ? PMEM_CLFLUSHOPT : PMEM_CLFLUSH;
}

static inline void pmem_flush(enum pmem_how how, void *line)
{
	if (how == PMEM_CLWB)
		__asm__ volatile("clwb %0" : "+m"(*(char *)line));
	else if (how == PMEM_CLFLUSHOPT)
		__asm__ volatile("clflushopt %0" : "+m"(*(char *)line));
	else
		__asm__ volatile("clflush %0" : "+m"(*(char *)line));
}

static inline void pmem_fence(void)
{
	__asm__ volatile("sfence" ::: "memory");
}
#elif defined(__aarch64__)
#include <sys/auxv.h>

static inline enum pmem_how pmem_how(void)
{
	return getauxval(AT_HWCAP) & 1ul << 16 /* HWCAP_DCPOP */ ? PMEM_CVAP : PMEM_NONE;
}

static inline void pmem_flush(enum pmem_how how, void *line)
{
	(void)how;
	__asm__ volatile("sys #3, c7, c12, #1, %0" ::"r"(line) : "memory"); /* dc cvap, which needs armv8.2-a */
}

static inline void pmem_fence(void)
{
	__asm__ volatile("dsb sy" ::: "memory");
}
#else
static inline enum pmem_how pmem_how(void)
{
	return PMEM_NONE;
}

static inline void pmem_flush(enum pmem_how how, void *line)
{
	(void)how;
	(void)line;
}

static inline void pmem_fence(void)
{
}
#endif

/* What record `number` has in one of its words: no two words of a log are equal. */
static inline uint64_t pmem_word(uint64_t number, uint64_t word)
{
	return (number + 1) * 0x9e3779b97f4a7c15u /* odd: 2^64 / golden ratio */ ^ word;
}

/* Stores record `number` of `words` words (whole lines) at `record`. */
static inline void pmem_store(uint64_t *record, uint64_t words, uint64_t number)
{
	for (uint64_t i = 0; i < words; i++)
		PMEM_STORE(&record[i], pmem_word(number, i));
}

/* Stores the record, then says in `count`, which has a line of its own, that it is there. */
static inline void pmem_append(enum pmem_how how, uint64_t *count, uint64_t *record, uint64_t words, uint64_t number)
{
	pmem_store(record, words, number);
	for (uint64_t i = 0; i < words; i += PMEM_WORDS)
		PMEM_FLUSH(how, &record[i]);
	PMEM_FENCE();
	PMEM_STORE(count, number + 1);
	PMEM_FLUSH(how, count);
	PMEM_FENCE();
}

#endif
