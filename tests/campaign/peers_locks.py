"""Uncontended locks compared with a bare loop of the same calls (peers/locks.c), on one CPU: the harness must add
nothing."""
from peers_step import Step, ours, output


def beside(built, lock):
    def measure():
        mine = ours("lock_uncontended", lock, "--placement", "0", "--repeat-blocks", "3")
        return [{"what": f"lock and unlock, uncontended, {lock}", "peer": "bare loop", "ours": mine.median,
                 "theirs": float(output("taskset", "-c", "0", f"{built}/locks", lock))}]
    return Step("locks", f"lock {lock}", measure)


def steps(built):
    return [beside(built, lock) for lock in ("mutex", "mutex_robust", "pthread_spin", "posix_sem")]
