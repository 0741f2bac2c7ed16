/* The demonstrations, by chapter. */
#include "demos.h"

const struct demo demos[] = {
	{ .name = "one-frame",
	  .chapter = "One memory, several processes",
	  .title = "One page frame, two addresses",
	  .question =
		  "Two processes map the same object, each at an address of its own. Do they reach the same memory?",
	  .choice = { "the same page frames", "copies that the kernel keeps equal", "it depends on the address" },
	  .pattern = { "same_frame/*" },
	  .mechanism = "  process 0              page tables                memory\n"
		       "  0x7f10.. page 0 ----.   entry -> frame 0x4711 --.\n"
		       "                       `-----------------------> [ frame 0x4711 ]\n"
		       "  process 1            .-----------------------> \n"
		       "  0x7e80.. page 0 ----'   entry -> frame 0x4711 --'\n"
		       "Sharing is two page tables that name one frame. A private mapping names\n"
		       "it, too, until somebody writes:\n"
		       "then the writer gets a frame of its own.",
	  .source = "correctness/same_frame.c",
	  .function = "run",
	  .next = "shmeter run same_frame -v; look at /proc/PID/maps of both workers while it runs" },
	{ .name = "shared-private",
	  .chapter = "One memory, several processes",
	  .title = "MAP_SHARED against MAP_PRIVATE",
	  .question =
		  "One process writes to a mapped file, another reads it. Who sees the writes of a private mapping?",
	  .choice = { "everybody", "the writer alone", "everybody, but later" },
	  .pattern = { "private_invisible/*" },
	  .mechanism = "  MAP_SHARED   writer -> [ frame A ] <- reader\n"
		       "  MAP_PRIVATE  writer -> [ frame B ]    reader -> [ frame A ]\n"
		       "               copied at the first write (copy on write)",
	  .source = "correctness/private_invisible.c",
	  .function = "run",
	  .next = "shmeter run private_vs_shared: what the copies cost" },
	{ .name = "fork",
	  .chapter = "One memory, several processes",
	  .title = "What fork() hands down",
	  .question = "A parent maps memory and forks. Which writes of the child does the parent see?",
	  .choice = { "all", "those to shared mappings", "none" },
	  .pattern = { "fork_shares/*" },
	  .mechanism = "  before fork   parent -> [ frame A ]\n"
		       "  after it      parent -> [ frame A ] <- child        shared: still one frame\n"
		       "                parent -> [ frame A ], read-only <- child   private: the first to write copies",
	  .source = "correctness/fork_shares.c",
	  .function = "run",
	  .next = "shmeter run fork_inherit: why forking a process with much memory is slow" },
	{ .name = "anonymous-file",
	  .chapter = "One memory, several processes",
	  .title = "Anonymous memory against a mapped file",
	  .question = "To make, touch and remove a shared region of 1 MiB: what is cheapest?",
	  .choice = { "anonymous memory", "a file", "no difference" },
	  .pattern = { "map_lifecycle/anon", "map_lifecycle/memfd", "map_lifecycle/file" },
	  .set = { { "bytes", "1m" } },
	  .mechanism = "  mmap(MAP_ANONYMOUS)  no name: inherited by fork, or not shared at all\n"
		       "  memfd_create()       a file without a name: handed on as a descriptor\n"
		       "  open() + mmap()      a name for everybody, blocks on a disk, write-back",
	  .source = "mapping/map_lifecycle.c",
	  .function = "run",
	  .next = "shmeter run access_by_backing: once it is there, is it any slower?" },
	{ .name = "posix-sysv",
	  .chapter = "One memory, several processes",
	  .title = "System V against POSIX: names and lifetimes",
	  .question = "A process makes a segment and is killed. Which segments are still there?",
	  .choice = { "POSIX and System V", "System V only", "none" },
	  .pattern = { "orphan/posix", "orphan/sysv", "orphan/posix_unlinked", "orphan/sysv_removed", "orphan/memfd" },
	  .metric = "left behind",
	  .mechanism = "  shm_open(\"/name\")   a name in /dev/shm: lives until shm_unlink(), or the next boot\n"
		       "  shmget(key)         a number that ipcs shows: lives until IPC_RMID, or the next boot\n"
		       "  shmget(IPC_PRIVATE) the same without a key: \"private\" means that nobody finds it by key\n"
		       "  memfd_create()      no name at all: gone with its last descriptor and mapping",
	  .source = "correctness/orphan.c",
	  .function = "create",
	  .next = "ipcs -m; ls /dev/shm; shmeter demo orphans" },
	{ .name = "pipe-ring",
	  .chapter = "Moving bytes",
	  .title = "A pipe copies, shared memory does not have to",
	  .question =
		  "A message goes to another process and back, 64 bytes and 64 KiB. How does a pipe compare with a ring in "
		  "shared memory?",
	  .choice = { "the pipe is faster", "about as fast", "the ring is far faster" },
	  .pattern = { "transport_latency/pipe", "transport_latency/shm_ring", "transport_latency/shm_ring_futex" },
	  .set = { { "message", "64,64k" } },
	  .mechanism =
		  "  pipe   sender --write()--> [ kernel's pages ] --read()--> receiver   two copies, two system calls\n"
		  "  ring   sender --stores---> [ shared memory  ] --loads---> receiver   two copies here, no call\n"
		  "Most of a short round trip through a pipe is no copy, though: it is waking the other process up.",
	  .source = "transport/transport_latency.c",
	  .function = "round_trips",
	  .next = "the same with --placement same-core: shmeter run transport_latency --placement same-core" },
	{ .name = "first-touch",
	  .chapter = "Pages",
	  .title = "The first touch of a page",
	  .question =
		  "Memory that was just mapped: what does the first write to each 4 KiB page cost beside a later one?",
	  .choice = { "the same", "about ten times", "about a hundred times" },
	  .pattern = { "first_touch/4k", "first_touch/thp" },
	  .mechanism = "  store -> no entry in the page table -> page fault -> a frame, cleared and mapped -> store\n"
		       "One fault a page, whatever the program does in it: with 2 MiB pages there are 512 times fewer.",
	  .source = "paging/first_touch.c",
	  .function = "run",
	  .next = "shmeter run fault_scaling: several processes faulting at once" },
	{ .name = "prefault",
	  .chapter = "Pages",
	  .title = "Prefault, mlock, or lazily",
	  .question = "Who pays for the pages if a program populates them before it starts?",
	  .choice = { "nobody", "the start instead of the work", "both" },
	  .pattern = { "prefault/lazy", "prefault/madvise", "prefault/mlock" },
	  .set = { { "phase", "access,total" }, { "bytes", "16m" } },
	  .mechanism = "  lazy      start ...... work F w F w F w F w     a fault at the first touch of each page\n"
		       "  prefault  start FFFF . work w w w w             the same faults, earlier and together\n"
		       "mlock does that, too, and keeps the pages from being swapped out.",
	  .source = "paging/prefault.c",
	  .function = "run",
	  .next = "shmeter run prefault --set phase=each and look at plots/: each access of the first pass" },
	{ .name = "huge-pages",
	  .chapter = "Pages",
	  .title = "Huge pages and the TLB",
	  .question = "Random loads over 256 MiB: do 2 MiB pages help?",
	  .choice = { "not at all", "by some per cent to a half", "ten times" },
	  .pattern = { "page_size_random/4k", "page_size_random/thp" },
	  .set = { { "bytes", "256m" } },
	  .mechanism = "  address -> TLB hit: go on\n"
		       "          -> miss: walk the page table, up to four loads\n"
		       "A TLB of 2048 entries reaches 8 MiB with pages of 4 KiB and 4 GiB with pages of 2 MiB.",
	  .source = "subject/walk.h",
	  .function = "walk_run",
	  .next = "shmeter run page_size_random --tune: also 2 MiB and 1 GiB pages from the pools (root)" },
	{ .name = "false-sharing",
	  .chapter = "Cache lines",
	  .title = "False sharing",
	  .question = "Two processes add to two different counters. Does it matter that both lie in one cache line?",
	  .choice = { "no: they are different words", "a little", "a lot" },
	  .pattern = { "false_sharing/*" },
	  .set = { { "op", "atomic_add" }, { "work", "0" } },
	  .mechanism = "  core 0: M ----------> I ----------> M        the line is modified in one cache at a time:\n"
		       "  core 1: I ----------> M ----------> I        each addition fetches it from the other one\n"
		       "           [ counter 0 | counter 1 |  64 bytes ]",
	  .source = "coherence/false_sharing.c",
	  .function = "run",
	  .next = "shmeter run line_stride: how far apart is enough here?" },
	{ .name = "line-states",
	  .chapter = "Cache lines",
	  .title = "The states of a line (MESI)",
	  .question = "A load finds its line here, in memory, or modified in another core's cache. What takes longest?",
	  .choice = { "memory", "the other core's cache", "all alike" },
	  .pattern = { "line_state/*" },
	  .mechanism = "  M modified   here alone, newer than memory\n"
		       "  E exclusive  here alone, as in memory        a store may follow without asking\n"
		       "  S shared     here and elsewhere, as in memory\n"
		       "  I invalid    not here: ask",
	  .source = "coherence/line_state.c",
	  .function = "timed_pass",
	  .next = "shmeter run line_state --placement cross-node on a machine with two sockets" },
	{ .name = "core-to-core",
	  .chapter = "Cache lines",
	  .title = "From core to core",
	  .question = "How long does a line take from one core to another?",
	  .choice = { "a few ns", "some tens to hundreds of ns", "microseconds" },
	  .pattern = { "core_to_core/*" },
	  .set = { { "from", "0" }, { "to", "1" } },
	  .mechanism =
		  "  core 0 stores -> its line is modified -> core 1 loads -> the line moves -> core 1 stores -> ...\n"
		  "An operation is there and back. What a virtual machine calls a core may be a hyper-thread,\n"
		  "and may move.",
	  .source = "coherence/core_to_core.c",
	  .function = "run",
	  .next = "shmeter run core_to_core: every pair, as a heat map" },
	{ .name = "lost-update",
	  .chapter = "Going wrong, and right",
	  .title = "The lost update",
	  .question = "Two processes run count++ on a shared word a million times each. How many additions are lost?",
	  .choice = { "none", "a handful", "a large part" },
	  .pattern = { "lost_update/*" },
	  .metric = "updates lost",
	  .mechanism = "  process 0: load 7 .......... add ... store 8\n"
		       "  process 1: ....... load 7 .. add .......... store 8      two additions, one of them lost\n"
		       "An atomic addition keeps the line from the load to the store.",
	  .source = "correctness/lost_update.c",
	  .function = "run",
	  .next = "shmeter run contended_counter: what each right way costs" },
	{ .name = "torn-read",
	  .chapter = "Going wrong, and right",
	  .title = "The torn read, and its four cures",
	  .question =
		  "One process writes a record of several words, another reads it. How often are the words of two writings?",
	  .choice = { "never", "now and then", "often" },
	  .pattern = { "torn_read/*" },
	  .metric = "torn reads",
	  .mechanism = "  writer: [a1][b1][c1]   ->   [a2][b2][c2]\n"
		       "  reader:        a2       b1         c1            torn: half of each\n"
		       "Cures: a mutex (wait); a seqlock (look again, read again); a double buffer or many\n"
		       "copies (read another one, and look again: the writer may have come round).",
	  .source = "subject/snapshot.h",
	  .function = "seqlock_read",
	  .next = "shmeter run read_side: which cure is cheapest for how many writes?" },
	{ .name = "store-buffer",
	  .chapter = "Going wrong, and right",
	  .title = "Stores wait in a buffer",
	  .question =
		  "Each of two processes stores to its own word, then loads the other's. Can both load the old value?",
	  .choice = { "never on x86", "only on ARM", "yes, also on x86" },
	  .pattern = { "store_buffering/*" },
	  .metric = "both read the old value",
	  .mechanism = "  core 0: store x=1 -> [store buffer] ....> cache       load y = 0\n"
		       "  core 1: store y=1 -> [store buffer] ....> cache       load x = 0\n"
		       "The stores left their cores after the loads: a full fence, or seq_cst,\n"
		       "makes each wait for its buffer.",
	  .source = "correctness/store_buffering.c",
	  .function = "run",
	  .next = "shmeter run message_passing: an order that x86 does keep" },
	{ .name = "killed-owner",
	  .chapter = "Going wrong, and right",
	  .title = "The owner of the lock is killed",
	  .question = "A process dies while it holds a mutex in shared memory. What does the next one get?",
	  .choice = { "the lock", "an error, or nothing ever", "a signal" },
	  .pattern = { "owner_death/*" },
	  .metric = "never came back",
	  .mechanism = "  normal  lock() ................................. for ever\n"
		       "  robust  lock() -> EOWNERDEAD -> mend the data -> pthread_mutex_consistent() -> go on\n"
		       "The kernel walks a list of robust mutexes that each thread keeps, and marks those of the dead.",
	  .source = "sync/owner_death.c",
	  .function = "mend",
	  .next = "shmeter run lock_uncontended: what robustness costs while nobody dies" },
	{ .name = "lock-free",
	  .chapter = "Going wrong, and right",
	  .title = "A queue without a mutex",
	  .question = "Several producers and consumers share a queue. Is it faster without a lock?",
	  .choice = { "always", "it depends on who waits for whom", "never" },
	  .pattern = { "queue_lockfree/*" },
	  .mechanism =
		  "  slot: [ sequence | data ]   a producer takes a number by compare-and-swap, writes its slot, and\n"
		  "  publishes it with a release store; a consumer finds the sequence it expects, or comes later.\n"
		  "No lock, and yet a producer that is stopped between its number and its store holds up\n"
		  "the consumers at its slot.",
	  .source = "sync/queue_lockfree.c",
	  .function = "produce",
	  .next = "shmeter run queue_lockfree --set producers=4 --set consumers=4" },
	{ .name = "msync",
	  .chapter = "Files and nodes",
	  .title = "msync and what lasts",
	  .question = "A store to a mapped file: when is it on the disk, and what does it cost to know?",
	  .choice = { "at once, nothing", "later, or after msync, which is dear", "never without write()" },
	  .pattern = { "msync_cost/*" },
	  .mechanism = "  store -> page cache (dirty) -> write-back, in half a minute or so -> disk\n"
		       "                          `----> msync(MS_SYNC) or fdatasync(): now, and wait\n"
		       "Other processes that map the file see the store at once: that needs no msync.",
	  .source = "mapping/msync_cost.c",
	  .function = "write_out",
	  .next = "shmeter run msync_cost --file-folder /dev/shm: a file that is no file" },
	{ .name = "numa",
	  .chapter = "Files and nodes",
	  .title = "Where a page lives",
	  .question = "A machine has memory on several nodes. Who decides where a page lies?",
	  .choice = { "who maps it", "who touches it first, or a policy", "chance" },
	  .pattern = { "numa_policy/*" },
	  .mechanism = "  node 0 [ cores | memory ] ====== link ====== [ memory | cores ] node 1\n"
		       "First touch: the node of the core that faults. Bind, interleave: as mbind() says.",
	  .source = "numa/numa_policy.c",
	  .function = "run",
	  .next = "numactl -H; shmeter run 'numa_*' on a machine with two nodes" },
	{ .name = "permissions",
	  .chapter = "Names, rights and limits",
	  .title = "Who may attach",
	  .question = "A segment is made with mode 0600 by one user. Can another one open it?",
	  .choice = { "yes, if the name is known", "no", "only to read" },
	  .pattern = { "permission/*" },
	  .mechanism = "  shm_open(name, O_CREAT | O_EXCL, 0600)   like a file: owner, group, others, and the umask\n"
		       "  shmget(key, size, IPC_CREAT | 0600)      the same bits in the segment's own record",
	  .source = "correctness/permission.c",
	  .function = "try_as_other",
	  .next = "ls -l /dev/shm; ipcs -m -c" },
	{ .name = "orphans",
	  .chapter = "Names, rights and limits",
	  .title = "Orphans, and how to find and remove them",
	  .question = "After a crash: where do you look for forgotten shared memory?",
	  .choice = { "/dev/shm and ipcs", "/tmp", "it is always gone" },
	  .pattern = { "orphan/*" },
	  .metric = "left behind",
	  .mechanism = "  ls -l /dev/shm            POSIX segments: rm removes the name\n"
		       "  ipcs -m -p, -t            System V: who made it, who attached last; nattch 0: ipcrm -m ID\n"
		       "  grep Shmem /proc/meminfo  how much there is in all",
	  .source = "correctness/orphan.c",
	  .function = "remove_named",
	  .next = "shmeter demo watch: the same, live" },
	{ .name = "limits",
	  .chapter = "Names, rights and limits",
	  .title = "How much is allowed",
	  .question = "How large may a System V segment be on this machine by default?",
	  .choice = { "32 MiB", "half of the memory", "practically anything" },
	  .pattern = { "limits/*" },
	  .mechanism = "  kernel.shmmax, shmall, shmmni   System V; without practical bounds since Linux 3.16\n"
		       "  the size of /dev/shm            POSIX: half of the memory, 64 MiB in many containers\n"
		       "  RLIMIT_MEMLOCK                  what mlock and huge pages of System V may take",
	  .source = "correctness/limits.c",
	  .function = "read_limits",
	  .next = "shmeter doctor" },
	{ 0 },
};
