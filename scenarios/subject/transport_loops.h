/* The timed loops of one transport, stamped out: define TRANSPORT_NAME, include, for each. */

#define JOIN2(a, b) a##b
#define JOIN(a, b)  JOIN2(a, b)
#define OP(name)    JOIN(TRANSPORT_NAME, name)

/* Sends one message, written in full, in the direction given. */
static inline bool OP(_put)(struct sm_worker *worker, struct transport_state *state, int direction,
			    size_t bytes)
{
	message_write(state->out, bytes, state->sent);
	if (!OP(_send)(&state->channel[direction], state->out, bytes))
		return false;
	state->sent++;
	worker->outcome->tally[TALLY_SENT]++;
	return true;
}

/* Receives one message and checks every word of it. */
static inline __attribute__((unused)) bool
OP(_take)(struct sm_worker *worker, struct transport_state *state, int direction, size_t bytes)
{
	if (!OP(_receive)(&state->channel[direction], state->in, bytes))
		return false;
	worker->outcome->tally[TALLY_WRONG] +=
		message_check(state->in, bytes, state->received) != 0;
	state->received++;
	worker->outcome->tally[TALLY_RECEIVED]++;
	return true;
}

/* Round trips: worker 0 sends and waits for the answer, worker 1 answers. */
static __attribute__((noinline, unused)) uint64_t OP(_round_trips)(struct sm_worker *worker)
{
	struct transport_state *state = worker->state;
	size_t bytes = worker->c->param[PARAM_MESSAGE];
	uint64_t n = worker->op_count;

	if (worker->index == 0) {
		for (uint64_t i = 0; i < n; i++)
			if (!OP(_put)(worker, state, 0, bytes) ||
			    !OP(_take)(worker, state, 1, bytes))
				return i;
	} else {
		for (uint64_t i = 0; i < n; i++)
			if (!OP(_take)(worker, state, 0, bytes) ||
			    !OP(_put)(worker, state, 1, bytes))
				return i;
	}
	return n;
}

/* The same with each round trip in the histogram; worker 1 has nothing to stamp. */
static __attribute__((noinline, unused)) uint64_t OP(_traced)(struct sm_worker *worker)
{
	struct transport_state *state = worker->state;
	size_t bytes = worker->c->param[PARAM_MESSAGE];
	uint64_t n = worker->op_count, last, now;

	if (worker->index > 0)
		return OP(_round_trips)(worker);
	last = sm_clock_ns();
	for (uint64_t i = 0; i < n; i++) {
		if (!OP(_put)(worker, state, 0, bytes) || !OP(_take)(worker, state, 1, bytes))
			return i;
		now = sm_clock_ns();
		sm_histogram_add(worker->histogram, now - last);
		last = now;
	}
	return n;
}

/* One way: worker 0 sends, worker 1 receives. */
static __attribute__((noinline, unused)) uint64_t OP(_one_way)(struct sm_worker *worker)
{
	struct transport_state *state = worker->state;
	size_t bytes = worker->c->param[PARAM_MESSAGE];
	uint64_t n = worker->op_count;

	if (worker->index == 0) {
		for (uint64_t i = 0; i < n; i++)
			if (!OP(_put)(worker, state, 0, bytes))
				return i;
	} else {
		for (uint64_t i = 0; i < n; i++)
			if (!OP(_take)(worker, state, 0, bytes))
				return i;
	}
	return n;
}

#undef OP
#undef JOIN
#undef JOIN2
#undef TRANSPORT_NAME
