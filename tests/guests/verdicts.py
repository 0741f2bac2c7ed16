"""Checks of check.py that look at the verdicts of claims: what a guest has that this machine lacks shows in them."""
# Of the scenario moved_pages: what NUMA balancing leaves alone, and what it moves.
STAYS = ("N4", "N4.anonymous", "N4.memfd", "N4.posix", "N4.hugetlb")
MOVES = ("N4.private", "N4.file")
OFF = ("N4.off", "N4.off_sysv")

# What goes to swap, comes back from it, and is kept from it; and what a file does.
SWAPPED = ("P12", "P12.memfd", "P12.posix", "P12.sysv")
CAME_BACK = ("P13", "P13.memfd", "P13.posix", "P13.sysv")
LOCKED = ("P14", "P14.memfd", "P14.posix", "P14.sysv")
OF_A_FILE = ("P12.file", "P12.dropped", "P14.file")
ON_DISK = ("K35", "K35.locked", "K35.secret")
SECRET = ("K20", "K20.secret", "K20.dontdump", "K21", "K21.secret", "K22")
ACROSS = ("K30", "K30.together", "K30.before", "K30.seen", "K30.own_shm", "K30.mount", "K30.user", "K30.passed",
          "K30.room", "K30.memfd_room")


def check_claims(judge, step, supported, refuted=(), because=("", ())):
    """The verdicts of a run; `because`: a reason, and the claims that have no verdict for it."""
    judge.ended(step)
    got = {row["claim"]: row for row in judge.table(step, "claims")}
    wanted = ({claim: "supported" for claim in supported} | {claim: "refuted" for claim in refuted} |
              {claim: "not_testable" for claim in because[1]})
    wrong = [f"{claim} is {row.get('verdict')}, {row.get('evidence')}, {row.get('reason')}"
             for claim, verdict in wanted.items()
             if (row := got.get(claim, {})).get("verdict") != verdict
             or (claim in because[1] and because[0] not in row.get("reason", ""))]
    judge.expect(not wrong, f"{step}: {len(supported)} claims are supported, {len(refuted)} refuted, {len(because[1])} "
                 "not testable", "; ".join(wrong))


def check_moved(judge, balancing):
    if balancing:
        check_claims(judge, "moved", MOVES, STAYS, because=("NUMA balancing is on here", OFF))
    else:
        check_claims(judge, "moved", OFF, because=("NUMA balancing is off here", MOVES + STAYS))


def check_swap(judge):
    judge.ended("doctor")
    check_claims(judge, "pageout", SWAPPED + LOCKED + OF_A_FILE)
    check_claims(judge, "limit", SWAPPED + CAME_BACK + LOCKED + OF_A_FILE + ("P13.file",))
    check_claims(judge, "none", OF_A_FILE, because=("no swap: add some with swapon(8)", SWAPPED + LOCKED))
    for step in ("disk-pageout", "disk-limit"):
        check_claims(judge, step, ON_DISK)
    judge.expect("oom_kill 0" in judge.log("events"), "the kernel killed nobody for memory", judge.log("events")[:300])
    check_claims(judge, "secrets", SECRET)
    check_claims(judge, "namespaces", ACROSS, ("K30.posix",))


def check_pmem(judge):
    """Persistent memory is mapped where its file system does that, and the reason is told where it does not."""
    judge.ended("dax")
    judge.ended("cached")
    judge.ended("memory", 5)
    for step in ("dax", "cached"):
        done = {row["variant"] for row in judge.samples(step) if row["status"] in ("ok", "disturbed")}
        wanted = {"none", "async", "sync", "sync_16", "fdatasync"} | ({"flush"} if step == "dax" else set())
        judge.expect(done == wanted, f"{step}: {', '.join(sorted(wanted))} do their work", f"{sorted(done)}")
    for step, words in (("cached", "refuses MAP_SYNC (Operation not supported)"), ("memory", "in memory and written out")):
        reasons = {row["reason"] for row in judge.samples(step) if row["variant"] == "flush"}
        judge.expect(len(reasons) == 1 and words in next(iter(reasons)), f"{step}: flush is skipped: {words}", f"{reasons}")
    cached = {row["claim"]: row["verdict"] for row in judge.table("cached", "claims")}
    for claim in ("M12", "M12.fdatasync", "M12.async"):
        judge.expect(cached.get(claim) == "supported", f"cached: {claim} is supported", f"{cached.get(claim)}")
    dax = {row["claim"]: row["verdict"] for row in judge.table("dax", "claims")}
    judge.expect("refuted" not in dax.values(), "dax: where there is no page cache, no claim about it is refuted", f"{dax}")
