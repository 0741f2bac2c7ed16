/* The guard: when its parent is killed, everything announced is put back. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "harness_fixture.h"
#include "shmeter/guard.h"
#include "shmeter/team.h"
#include "shmeter/text.h"

struct paths {
	char file[128], folder[128], setting[128], posix[128];
	int segment; /* made before the guard: not its business */
	int ready;
	int killer; /* the signal that ends the parent; all but SIGKILL are for its whole group */
};

/* More names than a run ever has at once: what comes after them counts all the same. */
static void chatter(const struct paths *p)
{
	char name[160];

	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "%s-%d", p->file, i);
		if (sm_guard_name('f', name, NULL) < 0)
			_exit(3);
	}
}

static bool holds(const char *path, const char *text)
{
	char got[64];

	return sm_read_file(path, got, sizeof(got)) == 0 && strcmp(got, text) == 0;
}

static int set(const char *path, const char *value)
{
	return sm_guard_setting(&(struct sm_wish){ .path = path, .value = value }, NULL);
}

/* Two files in the folder. */
static bool fill(const char *folder)
{
	char name[160];

	for (int i = 0; i < 2; i++) {
		int fd;

		snprintf(name, sizeof(name), "%s/core.%d", folder, i);
		fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0600);
		if (fd < 0 || close(fd) < 0)
			return false;
	}
	return true;
}

static int make_everything(struct paths *p, bool talkative)
{
	p->segment = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
	if (sm_guard_start(NULL) < 0)
		return 1;
	if (talkative)
		chatter(p);
	if (sm_guard_name('f', p->file, NULL) < 0 || sm_guard_name('p', p->posix, NULL) < 0 ||
	    sm_guard_name('d', p->folder, NULL) < 0 || mkdir(p->folder, 0700) < 0 || !fill(p->folder) ||
	    set(p->setting, "512") < 0 || set(p->setting, "1024") < 0)
		return 1;
	close(open(p->file, O_CREAT | O_EXCL | O_WRONLY, 0600));
	close(shm_open(p->posix, O_CREAT | O_EXCL | O_RDWR, 0600));
	if (shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600) < 0)
		return 2;
	return 0;
}

/* In a member: what a run does before it is killed.  A worker that lives on holds all its descriptors. */
static int leave_everything(void *argument, unsigned index)
{
	struct paths *p = argument;
	int rc = make_everything(p, true);

	(void)index;
	if (rc > 0)
		return rc;
	if (fork() == 0) {
		sleep(2);
		_exit(0);
	}
	p->ready = 1;
	for (;;)
		pause();
}

/* The same with no time between the start of the guard and the end. */
static int leave_at_once(void *argument, unsigned index)
{
	struct paths *p = argument;

	(void)index;
	if (make_everything(p, false) > 0)
		return 1;
	return p->killer == SIGKILL ? raise(SIGKILL) : kill(0, p->killer);
}

static int end_well(void *argument, unsigned index)
{
	struct paths *p = argument;

	(void)index;
	if (sm_guard_start(NULL) < 0 || set(p->setting, "512") < 0 || sm_guard_name('f', p->file, NULL) < 0)
		return 1;
	close(open(p->file, O_CREAT | O_EXCL | O_WRONLY, 0600));
	sm_guard_forget('f', p->file); /* it is to stay */
	return sm_guard_stop(NULL) < 0;
}

/* The only child of this process. */
static pid_t own_guard(void)
{
	char path[64], text[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	return sm_read_file(path, text, sizeof(text)) < 0 ? 0 : (pid_t)strtol(text, NULL, 10);
}

/* The guard dies, and what it kept is put back by the parent; without its guard it changes nothing more. */
static int end_without_guard(void *argument, unsigned index)
{
	struct paths *p = argument;

	(void)index;
	if (sm_guard_start(NULL) < 0 || set(p->setting, "512") < 0 || own_guard() <= 0)
		return 1;
	kill(own_guard(), SIGKILL);
	for (int i = 0; i < 200 && sm_process_begun(own_guard()) != 0; i++)
		usleep(10000);
	if (set(p->setting, "1024") == 0 || !holds(p->setting, "512"))
		return 2;
	return sm_guard_stop(NULL) < 0;
}

/* Lets a system call fail with ENOSYS from here on. */
static int deny(unsigned call)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &(struct sock_fprog){ 4, code });
}

/* The guard closes low and high descriptors of its parent.  Index 1 has a kernel without close_range(). */
static int start_and_look(void *argument, unsigned index)
{
	int above = fcntl(2, F_DUPFD, 100);
	char low[64], high[64], target[64];

	(void)argument;
	if (above < 0 || (index == 1 && deny(__NR_close_range)) || sm_guard_start(NULL) < 0)
		return 1;
	if (own_guard() <= 0)
		return 2;
	for (int i = 0; i < 500; i++) {
		snprintf(low, sizeof(low), "/proc/%d/fd/2", (int)own_guard());
		snprintf(high, sizeof(high), "/proc/%d/fd/%d", (int)own_guard(), above);
		if (readlink(low, target, sizeof(target)) < 0 && readlink(high, target, sizeof(target)) < 0)
			return sm_guard_stop(NULL) < 0;
		usleep(10000);
	}
	return 3;
}

static struct paths *make_paths(void)
{
	struct paths *p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	FILE *setting;

	cr_assert_neq(p, MAP_FAILED);
	snprintf(p->file, sizeof(p->file), "/tmp/shmeter-guard-test-%d", (int)getpid());
	snprintf(p->folder, sizeof(p->folder), "/tmp/shmeter-guard-folder-%d", (int)getpid());
	snprintf(p->posix, sizeof(p->posix), "/shmeter-guard-test-%d", (int)getpid());
	snprintf(p->setting, sizeof(p->setting), "/tmp/shmeter-setting-test-%d", (int)getpid());
	setting = fopen(p->setting, "w");
	fputs("7\n", setting);
	fclose(setting);
	return p;
}

/* Waits a second at most for everything to be back; the segment that was there before stays. */
static void expect_back(struct paths *p, unsigned segments)
{
	struct shmid_ds kept;
	bool back = false;
	char shm[256];

	snprintf(shm, sizeof(shm), "/dev/shm%s", p->posix);
	for (int i = 0; i < 100 && !back; i++) {
		usleep(10000);
		back = access(p->file, F_OK) != 0 && access(p->folder, F_OK) != 0 && access(shm, F_OK) != 0 &&
		       holds(p->setting, "7") && lines("/proc/sysvipc/shm", NULL) == segments + 1;
	}
	cr_expect(back, "file %d, folder %d, posix %d, setting %d, segments %u were %u", access(p->file, F_OK),
		  access(p->folder, F_OK), access(shm, F_OK), holds(p->setting, "7"), lines("/proc/sysvipc/shm", NULL),
		  segments);
	cr_expect_eq(shmctl(p->segment, IPC_STAT, &kept), 0, "a segment of before is gone");
	shmctl(p->segment, IPC_RMID, NULL);
	unlink(p->file);
	shm_unlink(p->posix);
	unlink(p->setting);
}

Test(guard, a_killed_parent_leaves_nothing, .timeout = 20)
{
	unsigned segments = lines("/proc/sysvipc/shm", NULL), first;
	struct paths *p = make_paths();
	struct sm_team team;
	char shm[256];

	snprintf(shm, sizeof(shm), "/dev/shm%s", p->posix);
	cr_assert_eq(sm_team_start(&team, 1, "parent", leave_everything, p, NULL, NULL), 0);
	for (int i = 0; i < 200 && !*(volatile int *)&p->ready; i++)
		usleep(10000);
	cr_assert(p->ready);
	cr_assert(access(p->file, F_OK) == 0 && access(shm, F_OK) == 0 && holds(p->setting, "1024"));
	kill(team.member[0].pid, SIGKILL);
	sm_team_wait(&team, UINT64_MAX, NULL, &first);
	expect_back(p, segments);
	sm_team_free(&team);
}

Test(guard, a_parent_killed_right_after_the_start_leaves_nothing, .timeout = 60)
{
	static const int killers[] = { SIGKILL, SIGTERM, SIGINT, SIGHUP };

	for (int i = 0; i < 20; i++) {
		unsigned segments = lines("/proc/sysvipc/shm", NULL), first;
		struct paths *p = make_paths();
		struct sm_team team;

		p->killer = killers[i % 4];
		cr_assert_eq(sm_team_start(&team, 1, "parent", leave_at_once, p, NULL, NULL), 0);
		cr_expect_eq(sm_team_wait(&team, UINT64_MAX, NULL, &first), SM_TEAM_DIED);
		expect_back(p, segments);
		sm_team_free(&team);
		munmap(p, sizeof(*p));
	}
}

Test(guard, a_good_end_restores_settings_and_keeps_what_was_withdrawn, .timeout = 20)
{
	struct paths *p = make_paths();
	struct sm_team team;
	unsigned first;

	cr_assert_eq(sm_team_start(&team, 1, "parent", end_well, p, NULL, NULL), 0);
	cr_expect_eq(sm_team_wait(&team, UINT64_MAX, NULL, &first), SM_TEAM_DONE);
	cr_expect(holds(p->setting, "7"));
	cr_expect_eq(access(p->file, F_OK), 0, "a withdrawn file is gone");
	unlink(p->file);
	unlink(p->setting);
	sm_team_free(&team);
}

Test(guard, a_killed_guard_leaves_no_setting, .timeout = 20)
{
	struct paths *p = make_paths();
	struct sm_team team;
	unsigned first;

	cr_assert_eq(sm_team_start(&team, 1, "parent", end_without_guard, p, NULL, NULL), 0);
	cr_expect_eq(sm_team_wait(&team, UINT64_MAX, NULL, &first), SM_TEAM_DONE);
	cr_expect(holds(p->setting, "7"));
	unlink(p->setting);
	sm_team_free(&team);
}

Test(guard, it_keeps_no_file_of_its_parent_open, .timeout = 20)
{
	struct sm_team team;
	unsigned first;

	cr_assert_eq(sm_team_start(&team, 2, "parent", start_and_look, NULL, NULL, NULL), 0);
	cr_expect_eq(sm_team_wait(&team, UINT64_MAX, NULL, &first), SM_TEAM_DONE);
	sm_team_free(&team);
}

/* Where the ledger is gone, the guard's own memory is what there is. */
static int lose_the_ledger(void *argument, unsigned index)
{
	struct paths *p = argument;
	char ledger[4200];

	(void)index;
	if (sm_guard_start(NULL) < 0 || set(p->setting, "512") < 0)
		return 1;
	sm_state_path("settings.json", ledger, sizeof(ledger));
	if (unlink(ledger) < 0)
		return 2;
	p->ready = 1;
	for (;;)
		pause();
}

Test(guard, a_lost_ledger_loses_no_setting, .timeout = 20)
{
	char folder[] = "/tmp/shmeter-guard-XXXXXX", command[64];
	unsigned segments = lines("/proc/sysvipc/shm", NULL), first;
	struct paths *p = make_paths();
	struct sm_team team;

	cr_assert_not_null(mkdtemp(folder));
	setenv("SHMETER_STATE_DIR", folder, 1);
	p->segment = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
	cr_assert_eq(sm_team_start(&team, 1, "parent", lose_the_ledger, p, NULL, NULL), 0);
	for (int i = 0; i < 200 && !*(volatile int *)&p->ready; i++)
		usleep(10000);
	cr_assert(p->ready);
	kill(team.member[0].pid, SIGKILL);
	sm_team_wait(&team, UINT64_MAX, NULL, &first);
	expect_back(p, segments);
	sm_team_free(&team);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_assert_eq(system(command), 0);
}
