/* What the subjects call of the harness, for programs without one. */
#ifndef SHMETER_STRESS_STAND_INS_H
#define SHMETER_STRESS_STAND_INS_H

#include <stdio.h>

#include "shmeter/error.h"
#include "shmeter/guard.h"
#include "shmeter/refusal.h"

int sm_fail(struct sm_error *err, int code, const char *format, ...)
{
	(void)err;
	fprintf(stderr, "%s\n", format);
	return -code;
}

const char *sm_refusal(const char *call, int error)
{
	(void)call;
	(void)error;
	return "";
}

/* The subjects announce names to a guard; there is none here. */
int sm_guard_name(char kind, const char *name, struct sm_error *err)
{
	(void)kind;
	(void)name;
	(void)err;
	return 0;
}

void sm_guard_forget(char kind, const char *name)
{
	(void)kind;
	(void)name;
}

#endif
