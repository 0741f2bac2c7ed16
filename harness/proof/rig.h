/* A pair of channels in memory that finds mistakes: guard zones and pages around each channel, and every process has the
 * memory at an address of its own, where no other has anything. */
#ifndef SHMETER_PROOF_RIG_H
#define SHMETER_PROOF_RIG_H

#include <stdatomic.h>
#include <stdbool.h>

#include "shmeter/error.h"
#include "shmeter/plugins.h"
#include "tally.h"

#define RIG_SENDERS 3                 /* of one channel, at most */
#define RIG_ENDS    (RIG_SENDERS + 1) /* processes that use the plug-in */

/* What the memory told, over all rigs: the first of each; "": nothing. */
struct rig_findings {
	char outside[SM_ERROR_TEXT_MAX], pointer[SM_ERROR_TEXT_MAX];
	uint64_t rigs; /* whose memory was looked at */
};

/* One process, as it tells of itself. */
struct rig_end {
	_Alignas(128) _Atomic uint64_t passed; /* messages */
	_Atomic uint64_t returned_ns;          /* when its work was over; 0: not yet */
	_Atomic int32_t pid;                   /* 0: it has not begun */
	_Atomic uint32_t descriptors[2];       /* as struct trial has them counted */
	_Atomic uint32_t entered;              /* attached */
	_Atomic uint32_t gave_up;              /* a call returned false */
	_Atomic uint32_t early;                /* it did so before `over` was set */
	struct sm_error err;
};

/* Shared by all processes of a rig, apart from the channels. */
struct rig_control {
	_Atomic uint32_t over, enough, begin, done;
	_Atomic uint32_t stalled, hung;
	_Atomic uint32_t step, stepped;      /* TRIAL_STEPS: calls that may begin, that returned; odd ones are send() */
	_Atomic uint32_t stuck;              /* one waits for the other end's next */
	_Atomic uint64_t held;               /* messages taken while nobody read */
	_Atomic uint64_t total[RIG_SENDERS]; /* messages of each sender; UINT64_MAX: not known yet */
	struct rig_end end[RIG_ENDS];
	struct tally tally[RIG_SENDERS];
};

struct rig {
	const struct sm_plugged *plugged;
	struct rig_findings *findings;
	size_t capacity, message, bytes;
	uint32_t spin_turns;
	char what[48];            /* is in the memory, for findings: "messages of 64 bytes" */
	const char *opens;        /* the function that prepares the memory: "open()" */
	const struct rig *beside; /* a pointer into its memory is found, too; NULL: none */
	bool flush;               /* the memory ends at a guard page; otherwise it is at a multiple of 128 alone */
	int fd;
	size_t page, body, part, slot_bytes; /* of a channel's pages, of all around it, of both channels */
	char *window;                        /* RIG_ENDS + 1 places for the memory; this process has the first */
	struct rig_control *control;
	unsigned char *changed; /* TRIAL_STEPS: of each byte of channel 0, who changed it: 1 sender, 2 receiver */
	struct shmeter_channel pair[2];
	char name[2][32];
};

/* Makes the memory; capacity, message, spin_turns, flush, plugged and findings are set.  Free with rig_free(), also after
 * a failure. */
SM_MUST_USE int rig_make(struct rig *rig, struct sm_error *err);
void rig_free(struct rig *rig);
/* Zeroes the memory and opens the channels under new names, for a first life or another one. */
SM_MUST_USE int rig_open(struct rig *rig, struct sm_error *err);
/* Closes them, and looks at the memory first and last. */
SM_MUST_USE int rig_close(struct rig *rig, struct sm_error *err);

/* In a process of its own: maps the memory at its address, loads the plug-in and attaches; -1: to none.  `pair` is this
 * process's view.  NULL: with the sentence. */
const struct shmeter_transport *rig_enter(struct rig *rig, unsigned end, int sends_on, int receives_on,
					  struct shmeter_channel pair[2], struct sm_error *err);

/* The parts of these, for memory that holds something else than channels.  Both of its two places are `bytes` long, and
 * nothing is attached. */
/* As rig_make(), with `bytes` set. */
SM_MUST_USE int rig_place(struct rig *rig, struct sm_error *err);
/* Zeroes the memory. */
void rig_clear(struct rig *rig);
/* Looks at the memory and notes findings. */
void rig_inspect(struct rig *rig);
/* In a process of its own: maps the memory at its address, and nowhere else. */
SM_MUST_USE int rig_map(struct rig *rig, unsigned end, struct sm_error *err);
/* The first place, as the process sees it that made the rig (slot 0), or process `end` (slot end + 1). */
void *rig_memory(const struct rig *rig, unsigned slot);

#endif
