/* Which tools list which memory: each claim turns over where the system does something else. */
#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include "planted_fixture.h"

static enum { NOTHING, SEGMENT_BEHIND, IN_FOLDER, NAMELESS, UNLISTED } planted;
static int behind = -1; /* the segment behind a POSIX object */
#define IN_FOLDER_AS "/shmeter-listed-otherwise"

/* An object in /dev/shm, by another name than the scenario would look for. */
static int open_in_folder(void)
{
	return shm_open(IN_FOLDER_AS, O_RDWR | O_CREAT, 0600);
}

static void *attach(int id, void *at, int flags)
{
	int fd = planted == IN_FOLDER ? open_in_folder() : -1;
	void *memory = MAP_FAILED;

	if (fd < 0)
		return shmat(id, at, flags);
	if (ftruncate(fd, 4096) == 0)
		memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return memory;
}

static int open_posix(const char *name, int flags, mode_t mode)
{
	int fd = shm_open(name, flags, mode);

	if (planted == SEGMENT_BEHIND)
		behind = shmget(IPC_PRIVATE, 4096, 0600);
	if (planted == NAMELESS)
		shm_unlink(name);
	return fd;
}

/* In the teardown. */
static void remove_plants(void)
{
	if (planted == IN_FOLDER)
		shm_unlink(IN_FOLDER_AS);
	if (behind >= 0)
		shmctl(behind, IPC_RMID, NULL);
	behind = -1;
}

#define shm_open(name, flags, mode) open_posix(name, flags, mode)
#define shmdt(memory)               (planted == IN_FOLDER ? munmap(memory, 4096) : shmdt(memory))
#define shm_unlink(name)            (remove_plants(), shm_unlink(name))
#define shmat                       attach
#define shmctl(id, what, to)        (remove_plants(), shmctl(id, what, to))
#define memfd_create(name, flags)   (planted == IN_FOLDER ? open_in_folder() : memfd_create(name, flags))
#define close(fd)                   (remove_plants(), close(fd))
#define fopen(path, mode)           fopen(planted == UNLISTED && getpid() != test_pid ? "/dev/null" : (path), mode)
#define sm_scenario_where_listed    where_listed
#include "correctness/where_listed.c"

TestSuite(where_listed, .timeout = 60);

Test(where_listed, as_it_is)
{
	expect_verdicts(&where_listed, "");
}

Test(where_listed, an_object_is_found_by_whatever_name)
{
	planted = SEGMENT_BEHIND;
	expect_claims(&where_listed, "K34.ipcs_posix", false);
	planted = IN_FOLDER;
	expect_claims(&where_listed, "K34.folder_sysv K34.folder_memfd", false);
}

Test(where_listed, what_no_list_has_is_not_found)
{
	planted = NAMELESS;
	expect_claims(&where_listed, "K34.folder", false);
	planted = UNLISTED;
	expect_claims(&where_listed, "K34 K34.sysv K34.memfd K34.anon K34.ipcs", false);
}
