"""The defects that claims_fall.py plants: each makes the sentence of its claims false, or, where it is false on most
machines, true."""
import collections

# changes: (file, old text, new text); cases: the patterns of `run`; options: further ones of `run`.
Plant = collections.namedtuple("Plant", "name claims changes cases options due",
                               defaults=(("--placement", "near"), "refuted"))

LOAN = "scenarios/transport/transport_loan.c"
BROADCAST = "scenarios/transport/broadcast.c"
RINGS = "scenarios/subject/broadcast.h"
CALLS = "scenarios/transport/calls_per_message.c"
LOADED = "scenarios/paging/loaded_latency.c"
POOL = "scenarios/paging/buffer_pool.c"
PAGES = "scenarios/subject/pages.c"
VISIBILITY = "scenarios/coherence/visibility.c"
TWO = "scenarios/coherence/two_or_one.c"
ABA = "scenarios/correctness/aba.c"
FILE_IO = "scenarios/mapping/file_io.c"
VISIT = "scenarios/subject/file_visit.h"


def wait(ns):
    return f"for (uint64_t planted = sm_clock_ns() + ({ns}); sm_clock_ns() < planted;) {{ }}"


def near(*options):
    return ("--placement", "near", *options)


COPIED_BYTES = ("copied(struct sm_worker *worker, enum transport transport)\n{\n"
                "\tsize_t bytes = worker->c->param[PARAM_MESSAGE];")
LOANS = [
    Plant("both ends of a loan copy", ["T13", "T13.no_copy"],
          [(LOAN, "message_write(loan_at(pool, ticket), bytes, state->sent++);",
            "static uint64_t planted[1u << 19]; message_write(planted, bytes, state->sent++);"
            "message_copy(loan_at(pool, ticket), planted, bytes);"),
           (LOAN, "*wrong += message_check(loan_at(pool, ticket), bytes, state->received++) != 0;",
            "static uint64_t planted[1u << 19]; message_copy(planted, loan_at(pool, ticket), bytes);"
            "*wrong += message_check(planted, bytes, state->received++) != 0;")],
          ["transport_loan/shm_ring", "transport_loan/loan*", "transport_loan/in_place"], near("--set", "message=4m")),
    Plant("a loan waits 100 us", ["T13.middle"],
          [(LOAN, "message_write(loan_at(pool, ticket), bytes, state->sent++);",
            "message_write(loan_at(pool, ticket), bytes, state->sent++);" + wait(100000))],
          ["transport_loan/shm_ring", "transport_loan/loan"], near("--set", "message=64k")),
    Plant("a ring waits 2 us before it copies", ["T13.small"],
          [(LOAN, "\t\twhile (i < n && pair_put(worker, transport, state, 0, bytes))\n\t\t\ti++;",
            "\t\twhile (i < n && pair_put(worker, transport, state, 0, bytes)) {\n" + wait(2000) + "i++; }")],
          ["transport_loan/shm_ring", "transport_loan/loan"], near("--set", "message=64")),
    Plant("pipes pass 4096 bytes of each message", ["T13.pipe", "T13.vmsplice"],
          [(LOAN, COPIED_BYTES, COPIED_BYTES + " if (transport == TRANSPORT_pipe || transport == "
            "TRANSPORT_pipe_vmsplice) bytes = 4096;")],
          ["transport_loan/pipe*", "transport_loan/loan"], near("--set", "message=4m")),
]

ALONE = (BROADCAST, '#define ALONE_AT "message=64 workers<=1xPU cores=different"', '#define ALONE_AT "message=64"')
SAME_CORE = ("--placement", "same-core")  # where five processes and two are of one class
CURSORS = "case CURSORS: return cursors_send"
TO_ALL = "for (unsigned i = 0; i < end->readers; i++) {\n\t\tstruct channel *channel"
READERS = [
    Plant("the ring with cursors waits 300 us", ["T12", "T12.sockets"],
          [(BROADCAST, CURSORS, f"case CURSORS: {wait(300000)} return cursors_send")],
          ["broadcast/pipes.4", "broadcast/sockets.4", "broadcast/cursors.4"]),
    Plant("one pipe alone waits 300 us; without five cores", ["T12.each_pays"],
          [ALONE, (BROADCAST, TO_ALL, "if (way == PIPES && end->readers == 1)" + wait(300000) + TO_ALL)],
          ["broadcast/pipes.1", "broadcast/pipes.4"], SAME_CORE),
    Plant("with four readers the ring waits 300 us; without five cores", ["T12.readers"],
          [ALONE, (BROADCAST, CURSORS,
                   f"case CURSORS: if (state->end.readers == 4) {wait(300000)} return cursors_send")],
          ["broadcast/cursors.1", "broadcast/cursors.4"], SAME_CORE),
    Plant("rings that do not wait for readers wait 5 us", ["T12.blocks", "T12.drops", "T12.lapped", "T12.dropped"],
          [(BROADCAST, "case DROPPING: dropping_send", f"case DROPPING: {wait(5000)} dropping_send"),
           (BROADCAST, "case LATEST: lapping_send", f"case LATEST: {wait(5000)} lapping_send")],
          ["broadcast/*.slow"]),
    Plant("a lapped reader counts one less", ["T12.known", "T12.counted"],
          [(BROADCAST, "tally[TALLY_LOST] += end->lost - lost;",
            "tally[TALLY_LOST] += end->lost > lost ? end->lost - lost - 1 : 0;")],
          ["broadcast/lapping.slow", "broadcast/latest.1"]),
    Plant("a dropped reader is told every other time", ["T12.told"],
          [(BROADCAST, "tally[TALLY_TOLD]++;", "static unsigned planted; tally[TALLY_TOLD] += ++planted % 2;")],
          ["broadcast/dropping.slow"]),
    Plant("the writer of the latest message waits for its reader", ["T12.misses"],
          [(BROADCAST, "\tcase LATEST: lapping_send(&state->end, state->own.out); return true;",
            "\t\tlapping_send(&state->end, state->own.out); return true; "
            "case LATEST: return cursors_send(&state->end, state->own.out);"),
           (BROADCAST, "\tcase LATEST: return lapping_receive(end, state->own.in);",
            "\t\treturn lapping_receive(end, state->own.in); "
            "case LATEST: return cursors_receive(end, state->own.in);")],
          ["broadcast/latest.1"]),
    Plant("each end makes a call for each message", ["T31", "T31.receive", "T31.slots", "T31.pipe"],
          [(CALLS, "\t\tdone++;", "\t\tdone++, sched_yield();")], ["calls_per_message/*"]),
]

TOOK = "worker->time_ns += sm_clock_ns() - start;"
ALONE_LONGER = (LOADED, TOOK, "worker->time_ns += (sm_clock_ns() - start) * (way_of(worker->c) == ALONE ? 4 : 1);")
MEMORY = [
    Plant("a load alone takes four times as long", ["P11", "P11.write"], [ALONE_LONGER],
          ["loaded_latency/alone", "loaded_latency/read", "loaded_latency/write"], near("--set", "load=100")),
    Plant("a load alone takes four times as long; with fewer than four cores", ["P11.saturated"],
          [ALONE_LONGER, (LOADED, "processes=1xPU workers>=4", "processes=1xPU")],
          ["loaded_latency/alone", "loaded_latency/read"],
          near("--set", "load=100", "--profile", "standard")),
    Plant("a load beside others takes four times as long, whatever they achieve", ["P11.little"],
          [(LOADED, TOOK, "worker->time_ns += (sm_clock_ns() - start) * (way_of(worker->c) == ALONE ? 1 : 4);"),
           (LOADED, ".holds_min = 0.9", ".holds_min = 0.01")],
          ["loaded_latency/alone", "loaded_latency/read"], near("--set", "load=10", "--set", "processes=2")),
]
NO_POOL = (PAGES, "{ SM_PAGES_HUGETLB, 2u << 20 }", "{ SM_PAGES_THP, 2u << 20 }")
READ = "uint64_t block = state->draw[at % DRAWS], record"
HUGE = "sm_case_variant(worker->c)->memory.pages.bytes > 4096"
for way, condition in (("huge pages wait 1 us", HUGE), ("base pages wait 1 us", f"!({HUGE})")):
    MEMORY.append(Plant(f"{way}; without a pool of them", ["P10", "P10.skewed", "P10.thp", "P10.thp_skewed"],
                        [NO_POOL, (POOL, READ, f"if ({condition}) {wait(1000)} {READ}")],
                        ["buffer_pool/4k", "buffer_pool/2m", "buffer_pool/thp"],
                        near("--set", "bytes=64m", "--set", "processes=2")))

OWN = "for (uint64_t end = value + 2 * n; value < end; value++) {"
COUNT = "count_up(op, counter, part, 0);"
LINES = [
    Plant("a core waits 300 ns for its own store", ["C31"], [(VISIBILITY, OWN, OWN + wait(300))],
          ["visibility/own", "visibility/other"]),
    Plant("no stores in front", ["C31.behind"], [(VISIBILITY, "way == BEHIND_STORES ? LINES : 0", "0")],
          ["visibility/behind_stores", "visibility/other"]),
    Plant("the counters of one line are apart", ["C9", "C9.load_store"],
          [(TWO, '"all count, in counters 8 bytes apart", .arg = 8 }',
            '"all count, in counters 8 bytes apart", .arg = 128 }')],
          ["two_or_one/one_line", "two_or_one/alone"]),
    Plant("counters that are apart share a line", ["C9.apart"],
          [(TWO, '"all count, in counters 128 bytes apart", .arg = 128 }',
            '"all count, in counters 128 bytes apart", .arg = 8 }')],
          ["two_or_one/apart", "two_or_one/alone"], near("--set", "op=atomic_add")),
    Plant("stores to one line are atomic additions", ["C9.store"],
          [(TWO, COUNT, "if (op == OP_STORE && sm_case_variant(worker->c)->arg == 8) count_up(OP_ATOMIC_ADD, counter, "
            "part, 0); else " + COUNT)],
          ["two_or_one/one_line", "two_or_one/alone"], near("--set", "op=store"), "supported"),
    Plant("the tag stays", ["K33.tagged", "K33.whole"], [(ABA, "((uint64_t)1 << 32)", "0")], ["aba"]),
]


def file_io(*settings):
    return near("--profile", "full", *(word for setting in settings for word in ("--set", setting)))


LOOK = "\t\tif (!writes)\n\t\t\twrong += file_is_wrong"
DIRECT = "case FILE_PREAD:\n\tcase FILE_DIRECT: return file_by_pread(v, n);"
CACHED, UNCACHED = "cache=cached", "cache=uncached"
SMALL, LARGE = ("block=4096", "bytes=32m"), ("block=1m", "bytes=32m")


def for_mapped(what):
    return [(VISIT, LOOK, f"\t\tif (way == FILE_MMAP) {what}\n{LOOK}")]


def mapped(ns):
    return for_mapped(wait(ns))


def called(what):
    return [(VISIT, "if (way == FILE_PREAD)", f"if (way == FILE_PREAD) {what}\n\t\tif (way == FILE_PREAD)")]


STORE = "if (!writes) *(volatile char *)block = *(volatile char *)block;"
MAPPED = ["file_io/pread", "file_io/mmap", "file_io/mmap_fresh"]
FILES = [
    Plant("a mapped block takes 3 us more", ["M8", "M8.fresh", "M10"], mapped(3000), MAPPED,
          file_io("pattern=randread", CACHED, *SMALL)),
    Plant("a mapped block takes 3 us more, in order", ["M8.in_order"], mapped(3000), MAPPED,
          file_io("pattern=read", CACHED, *SMALL)),
    Plant("a mapped block of 1 MiB takes 300 us more", ["M8.large"], mapped(300000), MAPPED,
          file_io("pattern=read", CACHED, *LARGE)),
    Plant("each store to a mapped block sleeps", ["M8.write"], for_mapped("usleep(1);"), MAPPED,
          file_io("pattern=randwrite", CACHED, *SMALL)),
    Plant("a mapped block takes 5 us more, uncached", ["M10.uncached"], mapped(5000),
          MAPPED, file_io("pattern=read", UNCACHED, *SMALL)),
    Plant("each look at a mapped block sleeps, uncached", ["M8.uncached_in_order"], for_mapped("usleep(1);"),
          MAPPED, file_io("pattern=read", UNCACHED, *SMALL)),
    Plant("pread() sleeps for 2 ms", ["M8.uncached"], called("usleep(2000);"), MAPPED,
          file_io("pattern=randread", UNCACHED, *SMALL), "supported"),
    Plant("O_DIRECT takes 300 us of CPU time more", ["M10.direct"],
          [(VISIT, DIRECT, f"case FILE_DIRECT: {wait('n * 300000')} return file_by_pread(v, n);\n"
            "\tcase FILE_PREAD: return file_by_pread(v, n);")],
          ["file_io/pread", "file_io/direct"], file_io("pattern=randread", UNCACHED, *SMALL)),
    Plant("pread() takes 3 us more", ["M11"], called(wait(3000)), ["file_io/pread", "file_io/uring"],
          file_io("pattern=randread", CACHED, *SMALL), "supported"),
    Plant("io_uring asks for one block at a time", ["M11.deep"],
          [(VISIT, "unsigned part = n - done < v->depth ? (unsigned)(n - done) : v->depth;", "unsigned part = 1;")],
          ["file_io/pread", "file_io/uring_16"], file_io("pattern=randread", UNCACHED, *SMALL)),
    Plant("a call for each mapped block", ["M9"],
          [(VISIT, LOOK, f"\t\tif (way == FILE_MMAP && getppid() == 0) break;\n{LOOK}")],
          MAPPED, file_io("pattern=randread", CACHED, *SMALL)),
    Plant("lseek() before each pread()", ["M9.pread"], called("(void)lseek(v.fd, 0, SEEK_CUR);"), ["file_io/pread"],
          file_io("pattern=randread", CACHED, *SMALL)),
    Plant("each page is written before it is read", ["M9.around"], for_mapped(STORE),
          ["file_io/mmap_fresh"], file_io("pattern=read", CACHED, *SMALL)),
    Plant("each page is written before it is read: a fault each", ["M9.faults"],
          for_mapped(STORE), ["file_io/mmap_fresh"], file_io("pattern=read", CACHED, *SMALL), "supported"),
    Plant("a mapped block is written by pwrite()", ["M9.write"],
          [(VISIT, "way == FILE_MMAP ? v.map + offset : v.buffer;",
            "way == FILE_MMAP && !writes ? v.map + offset : v.buffer;"),
           (VISIT, LOOK, "\t\tif (way == FILE_MMAP && writes) moved = pwrite(v.fd, block, v.block, offset);\n" + LOOK)],
          MAPPED, file_io("pattern=randwrite", UNCACHED, *SMALL)),
    Plant("pwrite() reads the page first", ["M9.pwrite"],
          called("{ if (writes && *(volatile char *)(v.map + offset) == 1) errno = 0; }"), ["file_io/pread"],
          file_io("pattern=randwrite", UNCACHED, *SMALL)),
]

PLANTS = [*FILES, *READERS, *LINES, *MEMORY, *LOANS]
