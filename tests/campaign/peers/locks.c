/* A bare loop of lock and unlock, timed by itself: a reference without the harness.
 * usage: locks mutex|mutex_robust|pthread_spin|posix_sem       prints nanoseconds per pair, the median of 40
 * stretches */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define STRETCHES 40
#define PAIRS     1000000u

static union {
	pthread_mutex_t mutex;
	pthread_spinlock_t spin;
	sem_t semaphore;
} * lock;

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void pairs(const char *kind)
{
	if (strncmp(kind, "mutex", 5) == 0)
		for (unsigned i = 0; i < PAIRS; i++) {
			pthread_mutex_lock(&lock->mutex);
			pthread_mutex_unlock(&lock->mutex);
		}
	else if (strcmp(kind, "pthread_spin") == 0)
		for (unsigned i = 0; i < PAIRS; i++) {
			pthread_spin_lock(&lock->spin);
			pthread_spin_unlock(&lock->spin);
		}
	else
		for (unsigned i = 0; i < PAIRS; i++) {
			sem_wait(&lock->semaphore);
			sem_post(&lock->semaphore);
		}
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "mutex";
	double took[STRETCHES];
	pthread_mutexattr_t attributes;

	lock = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (lock == MAP_FAILED)
		return 1;
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	if (strcmp(kind, "mutex_robust") == 0)
		pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	if (strncmp(kind, "mutex", 5) == 0)
		pthread_mutex_init(&lock->mutex, &attributes);
	else if (strcmp(kind, "pthread_spin") == 0)
		pthread_spin_init(&lock->spin, PTHREAD_PROCESS_SHARED);
	else
		sem_init(&lock->semaphore, 1, 1);
	for (unsigned i = 0; i < STRETCHES; i++) {
		double start = now_ns();

		pairs(kind);
		took[i] = (now_ns() - start) / PAIRS;
	}
	qsort(took, STRETCHES, sizeof(*took), by_size);
	printf("%.4f\n", took[STRETCHES / 2]);
	return 0;
}
