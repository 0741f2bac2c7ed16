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
	  .metric = "pages in one frame",
	  .mechanism = "  process 0              page tables                memory\n"
		       "  0x7f10.. page 0 ----.   entry -> frame 0x4711 --.\n"
		       "                       `-----------------------> [ frame 0x4711 ]\n"
		       "  process 1            .-----------------------> \n"
		       "  0x7e80.. page 0 ----'   entry -> frame 0x4711 --'\n"
		       "Sharing means that two page tables name one frame. A private mapping names it, too, "
		       "until the process writes: then it gets a frame of its own.",
	  .source = "correctness/same_frame.c",
	  .function = "run",
	  .next = "shmeter run same_frame -v; look at /proc/PID/maps of both workers while it runs" },
	{ .name = "shared-private",
	  .chapter = "One memory, several processes",
	  .title = "MAP_SHARED and MAP_PRIVATE",
	  .question =
		  "One process writes to a mapped file, another reads it. Who sees the writes of a private mapping?",
	  .choice = { "everybody", "only the writer", "everybody, but later" },
	  .pattern = { "private_invisible/*" },
	  .metric = "writes seen by another process",
	  .mechanism = "  MAP_SHARED   writer -> [ frame A ] <- reader\n"
		       "  MAP_PRIVATE  writer -> [ frame B ]    reader -> [ frame A ]\n"
		       "               copied at the first write (copy on write)",
	  .source = "correctness/private_invisible.c",
	  .function = "run",
	  .next = "shmeter run private_vs_shared: what the copies cost" },
	{ .name = "fork",
	  .chapter = "One memory, several processes",
	  .title = "What a child shares after fork()",
	  .question = "A parent maps memory and forks. Which writes of the child does the parent see?",
	  .choice = { "all", "those to shared mappings", "none" },
	  .pattern = { "fork_shares/*" },
	  .metric = "child's writes seen",
	  .mechanism = "  before fork     parent -> [ frame A ]\n"
		       "  after, shared   parent -> [ frame A ] <- child        still one frame\n"
		       "  after, private  parent -> [ frame A ], read-only <- child\n"
		       "                  child's first write -> [ frame B ], a copy of A",
	  .source = "correctness/fork_shares.c",
	  .function = "run",
	  .next = "shmeter run fork_inherit: why forking a process with much memory is slow" },
	{ .name = "anonymous-file",
	  .chapter = "One memory, several processes",
	  .title = "Anonymous memory or a mapped file",
	  .question = "What is the cheapest way to make, touch and remove a shared region of 1 MiB?",
	  .choice = { "anonymous memory", "a file", "no difference" },
	  .pattern = { "map_lifecycle/anon", "map_lifecycle/memfd", "map_lifecycle/file" },
	  .set = { { "bytes", "1m" } },
	  .mechanism = "  mmap(MAP_ANONYMOUS)  no name: only children of fork() can share it\n"
		       "  memfd_create()       a file without a name: passed on as a descriptor\n"
		       "  open() + mmap()      a name for everybody, blocks on a disk, write-back",
	  .source = "mapping/map_lifecycle.c",
	  .function = "run",
	  .next = "shmeter run access_by_backing: does the backing matter after that?" },
	{ .name = "posix-sysv",
	  .chapter = "One memory, several processes",
	  .title = "System V and POSIX: names and lifetimes",
	  .question = "A process makes shared memory and is killed. Which kinds still exist?",
	  .choice = { "POSIX and System V", "System V only", "none" },
	  .pattern = { "orphan/posix", "orphan/sysv", "orphan/posix_unlinked", "orphan/sysv_removed", "orphan/memfd" },
	  .metric = "left behind",
	  .mechanism = "  shm_open(\"/name\")    a name in /dev/shm: until shm_unlink() or next boot\n"
		       "  shmget(key)          a number that ipcs shows: until IPC_RMID or next boot\n"
		       "  shmget(IPC_PRIVATE)  the same, but \"private\" only means that it has no key\n"
		       "  memfd_create()       no name: it ends with its last descriptor and mapping",
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
	  .pattern = { "transport_latency/pipe", "transport_latency/shm_mutex_cond", "transport_latency/pipe_spin",
		       "transport_latency/shm_ring" },
	  .set = { { "message", "64,64k" } },
	  .mechanism = "  pipe   sender --write()--> [ kernel's pages ] --read()--> receiver\n"
		       "         two copies, two system calls\n"
		       "  ring   sender --stores---> [ shared memory  ] --loads---> receiver\n"
		       "         two copies here, no call\n"
		       "Most of a short round trip is not spent on copying, but on waking up the other process: "
		       "so a pipe is compared with a ring that sleeps, too, and one that spins with one that "
		       "spins.",
	  .source = "transport/transport_latency.c",
	  .function = "round_trips",
	  .next = "the same with --placement same-core: shmeter run transport_latency --placement same-core" },
	{ .name = "no-calls",
	  .chapter = "Moving bytes",
	  .title = "Messages without the kernel",
	  .question = "How many system calls does a message take through a pipe, and through a ring in shared memory?",
	  .choice = { "one at each end of both", "one at each end of the pipe, none in the ring", "none in both" },
	  .pattern = { "calls_per_message/pipe", "calls_per_message/shm_ring", "calls_per_message/shm_ring_futex" },
	  .metric = "calls to send",
	  .mechanism = "  pipe  write() -> [ kernel ] -> read()     a call at each end for each message\n"
		       "  ring  store   -> [ memory ] -> load       no call: strace sees nothing of it\n"
		       "A ring whose ends sleep calls only when one finds it empty or full.",
	  .source = "transport/calls_per_message.c",
	  .function = "pass",
	  .next = "shmeter run calls_per_message: also sockets, queues and a mutex" },
	{ .name = "hand-over",
	  .chapter = "Moving bytes",
	  .title = "Copy a message, or hand it over",
	  .question = "A message is written in shared memory, and only its offset goes to the other process. From "
		      "which size on is that faster than copying it through a ring?",
	  .choice = { "always", "from some tens of KiB on", "never" },
	  .pattern = { "transport_loan/shm_ring", "transport_loan/loan", "transport_loan/pipe" },
	  .set = { { "message", "64,4m" } },
	  .mechanism = "  ring  own buffer --copy--> [ ring ] --copy--> own buffer\n"
		       "  loan  take a chunk -> write in it -> [ offset ] -> read it there -> give back\n"
		       "Taking a chunk and giving it back moves a line of the free list each time, whatever the "
		       "size; a copy of 64 bytes costs less than that, a copy of 4 MiB far more.",
	  .source = "transport/transport_loan.c",
	  .function = "lend",
	  .next = "shmeter run transport_loan --profile standard: where the lines cross" },
	{ .name = "slow-reader",
	  .chapter = "Moving bytes",
	  .title = "One writer, and a reader that is too slow",
	  .question = "A reader takes 50 times as long for a message as the writer. What becomes of the writer?",
	  .choice = { "it waits", "it goes on, and the reader loses messages", "that is for the ring to decide" },
	  .pattern = { "broadcast/cursors.slow", "broadcast/dropping.slow", "broadcast/lapping.slow" },
	  .mechanism = "  cursors   the ring is full: the writer waits until the reader has moved on\n"
		       "  dropping  the ring is full: the writer tells the reader that it is dropped,\n"
		       "            and goes on\n"
		       "  lapping   each place has the number of its message: a reader that finds a\n"
		       "            later number than it looked for knows exactly how many it lost",
	  .source = "subject/broadcast.h",
	  .function = "lapping_receive",
	  .next = "shmeter run broadcast: several readers, and the latest message alone" },
	{ .name = "first-touch",
	  .chapter = "Pages",
	  .title = "The first touch of a page",
	  .question = "Memory was just mapped. What does the first write to each page cost, compared with "
		      "a later one?",
	  .choice = { "the same", "about ten times", "about a hundred times" },
	  .pattern = { "first_touch/base", "first_touch/thp" },
	  .mechanism = "  store -> no entry in the page table -> page fault\n"
		       "        -> a frame, cleared and mapped -> store\n"
		       "One fault per page, however much the program writes to it: a 2 MiB page takes 1 fault "
		       "instead of 512 of 4 KiB.",
	  .source = "paging/first_touch.c",
	  .function = "run",
	  .next = "shmeter run fault_scaling: several processes faulting at once" },
	{ .name = "prefault",
	  .chapter = "Pages",
	  .title = "Prefault, mlock, or on demand",
	  .question = "A program populates its pages before its work begins. What happens to the cost of the "
		      "page faults?",
	  .choice = { "it disappears", "it moves from the work to the start", "the program pays it twice" },
	  .pattern = { "prefault/lazy", "prefault/madvise", "prefault/mlock" },
	  .set = { { "phase", "access,total" }, { "bytes", "16m" } },
	  .mechanism = "  lazy      start ...... work F w F w F w F w   a fault at each first touch\n"
		       "  prefault  start FFFF . work w w w w           the same faults, but earlier\n"
		       "mlock also does that, and keeps the pages from being swapped out.",
	  .source = "paging/prefault.c",
	  .function = "run",
	  .next = "shmeter run prefault --set phase=each and look at plots/: each access of the first pass" },
	{ .name = "huge-pages",
	  .chapter = "Pages",
	  .title = "Huge pages and the TLB",
	  .question = "Random loads over 256 MiB: do huge pages help?",
	  .choice = { "not at all", "yes, by a few per cent up to a half", "ten times" },
	  .pattern = { "page_size_random/base", "page_size_random/thp" },
	  .set = { { "bytes", "256m" } },
	  .mechanism = "  address -> TLB hit: go on\n"
		       "          -> miss: walk the page table, up to four loads\n"
		       "A TLB of 2048 entries reaches 8 MiB with pages of 4 KiB and 4 GiB with pages of 2 MiB.",
	  .source = "subject/walk.h",
	  .function = "walk_run",
	  .next = "shmeter run page_size_random --tune: also 2 MiB and 1 GiB pages from the pools (root)" },
	{ .name = "loaded-memory",
	  .chapter = "Pages",
	  .title = "Memory that others use, too",
	  .question = "Another process reads as fast as it can. How much longer does a load from memory take?",
	  .choice = { "no longer", "tens of per cent", "ten times" },
	  .pattern = { "loaded_latency/alone", "loaded_latency/read", "loaded_latency/write" },
	  .mechanism = "  loads of all cores -> [ queues of the memory ] -> memory\n"
		       "While the queues are short, a load takes as long as it does alone. Towards the highest "
		       "bandwidth they fill, and each load waits. One core may not be able to fill them.",
	  .source = "paging/loaded_latency.c",
	  .function = "stream",
	  .next = "shmeter run loaded_latency --profile standard: the time over the bandwidth" },
	{ .name = "false-sharing",
	  .chapter = "Cache lines",
	  .title = "False sharing",
	  .question = "Two processes add to two different counters in one cache line. Does that slow them down?",
	  .choice = { "no: they are different words", "yes, a little", "yes, a lot" },
	  .pattern = { "false_sharing/*" },
	  .set = { { "op", "atomic_add" }, { "work", "0" } },
	  .mechanism = "  core 0: M ----------> I ----------> M    the line is modified in one cache\n"
		       "  core 1: I ----------> M ----------> I    at a time: each addition fetches it\n"
		       "  [ counter 0 | counter 1 |  64 bytes ]    from the other core",
	  .source = "coherence/false_sharing.c",
	  .function = "run",
	  .next = "shmeter run line_stride: how far apart is enough here?" },
	{ .name = "two-or-one",
	  .chapter = "Cache lines",
	  .title = "Two processes slower than one",
	  .question =
		  "Two processes count in one cache line, each in its own counter. Do both together get more done than "
		  "one alone?",
	  .choice = { "twice as much", "a little more", "less" },
	  .pattern = { "two_or_one/*" },
	  .set = { { "op", "atomic_add" } },
	  .mechanism = "  alone     core 0: + + + + + + + + + + + +   the line never moves\n"
		       "  one line  core 0: + ........ + ........ +   each addition waits for the line\n"
		       "            core 1: ... + ........ + ......   that the other core has\n"
		       "Two get more done than one only if an operation takes less than twice as long.",
	  .source = "coherence/two_or_one.c",
	  .function = "run",
	  .next = "shmeter run contended_counter: one counter for all, and how sharding helps" },
	{ .name = "line-states",
	  .chapter = "Cache lines",
	  .title = "The states of a line (MESI)",
	  .question = "A load finds its line in its own cache, in memory, or modified in another core's cache. "
		      "What takes longest?",
	  .choice = { "memory", "the other core's cache", "all the same" },
	  .pattern = { "line_state/*" },
	  .mechanism = "  M modified   only in this cache, newer than memory\n"
		       "  E exclusive  only in this cache, same as memory     a store needs no request\n"
		       "  S shared     in this and other caches, same as memory\n"
		       "  I invalid    not in this cache: it must be fetched",
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
	  .mechanism = "  core 0 stores -> its line is modified -> core 1 loads -> the line moves\n"
		       "  -> core 1 stores -> ...\n"
		       "An operation is one round trip. What a virtual machine calls a core may be a "
		       "hyper-thread, and the hypervisor may move it to another core.",
	  .source = "coherence/core_to_core.c",
	  .function = "run",
	  .next = "shmeter run core_to_core: every pair, as a heat map" },
	{ .name = "lost-update",
	  .chapter = "Going wrong, and right",
	  .title = "The lost update",
	  .question = "Two processes each run count++ on a shared word a million times. How many additions are lost?",
	  .choice = { "none", "a handful", "a large part" },
	  .pattern = { "lost_update/*" },
	  .metric = "updates lost",
	  .mechanism = "  process 0: load 7 .......... add ... store 8\n"
		       "  process 1: ....... load 7 .. add .......... store 8\n"
		       "  two additions, and one of them is lost\n"
		       "An atomic addition keeps the line in its core from the load to the store.",
	  .source = "correctness/lost_update.c",
	  .function = "run",
	  .next = "shmeter run contended_counter: what each right way costs" },
	{ .name = "torn-read",
	  .chapter = "Going wrong, and right",
	  .title = "The torn read, and its four cures",
	  .question = "One process writes a record of several words, another reads it. How often does it read a "
		      "mix of two writes?",
	  .choice = { "never", "sometimes", "often" },
	  .pattern = { "torn_read/*" },
	  .metric = "torn reads",
	  .mechanism = "  writer: [a1][b1][c1]   ->   [a2][b2][c2]\n"
		       "  reader:        a2       b1         c1            torn: half of each\n"
		       "Cures: a mutex (wait); a seqlock (check, and read again after a change); a double "
		       "buffer, or many copies (read one that is not being written, then check that it still is "
		       "not).",
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
		       "Each store left its core after the load. With a full fence, or seq_cst, the load waits "
		       "until the store buffer is empty.",
	  .source = "correctness/store_buffering.c",
	  .function = "run",
	  .next = "shmeter run message_passing: an order that x86 does keep" },
	{ .name = "killed-owner",
	  .chapter = "Going wrong, and right",
	  .title = "The owner of the lock is killed",
	  .question = "A process dies while it holds a mutex in shared memory. What happens to the next process "
		      "that locks it?",
	  .choice = { "it gets the lock", "it gets an error, or waits for ever", "it gets a signal" },
	  .pattern = { "owner_death/*" },
	  .metric = "never came back",
	  .mechanism = "  normal  lock() ................................. for ever\n"
		       "  robust  lock() -> EOWNERDEAD -> repair the data\n"
		       "          -> pthread_mutex_consistent() -> go on\n"
		       "Each thread keeps a list of its robust mutexes. When it dies, the kernel marks those "
		       "that it holds.",
	  .source = "sync/owner_death.c",
	  .function = "mend",
	  .next = "shmeter run lock_uncontended: what robustness costs while nobody dies" },
	{ .name = "killed-others",
	  .chapter = "Going wrong, and right",
	  .title = "Killed without a lock",
	  .question = "A process dies that owns nothing: it waits for a condition, or reads. Who notices?",
	  .choice = { "nobody", "its parent only", "some of the others stand still for ever" },
	  .pattern = { "peer_death/*" },
	  .metric = "never went on",
	  .mechanism = "  rwlock     readers: 1 ... killed ... readers: 1  nobody else counts it down\n"
		       "  seqlock    count: 7 ..... killed ... count: 7    readers wait for an even one\n"
		       "  queue      cell: claimed. killed ... claimed     consumers wait for this cell\n"
		       "  condition  1 waiter ..... killed                 glibc before 2.41 waits on\n"
		       "What survives either publishes in one store, or names an owner whose death the kernel "
		       "reports.",
	  .source = "sync/peer_death.c",
	  .function = "kill_victim",
	  .next = "shmeter run owner_death: a process that owns a lock" },
	{ .name = "mutex-attributes",
	  .chapter = "Going wrong, and right",
	  .title = "What a mutex does not promise",
	  .question = "Two processes lock two robust mutexes in opposite orders. What does robust do for them?",
	  .choice = { "one gets EDEADLK", "nothing: both wait for ever", "one gets EOWNERDEAD" },
	  .pattern = { "mutex_attributes/*" },
	  .metric = "never came back",
	  .mechanism = "  robust          an owner died: EOWNERDEAD; if nobody mends it,\n"
		       "                  ENOTRECOVERABLE for good\n"
		       "  error-checking  the caller itself is the owner: EDEADLK\n"
		       "  process-shared  the kernel finds waiters by the memory, not by the process\n"
		       "None of them knows who waits for whom: order your locks.",
	  .source = "sync/mutex_attributes.c",
	  .function = "make_mutex",
	  .next = "shmeter run lock_uncontended: what each costs while nothing goes wrong" },
	{ .name = "lock-free",
	  .chapter = "Going wrong, and right",
	  .title = "A queue without a mutex",
	  .question = "Several producers and consumers share a queue. Is it faster without a lock?",
	  .choice = { "always", "it depends on who waits for whom", "never" },
	  .pattern = { "queue_lockfree/*" },
	  .mechanism = "  slot: [ sequence | data ]\n"
		       "  producer: takes a number by compare-and-swap -> writes its slot\n"
		       "            -> publishes it with a release store\n"
		       "  consumer: finds the sequence it expects, or tries again\n"
		       "There is no lock, but a producer that is stopped between taking its number and "
		       "publishing delays the consumers at its slot.",
	  .source = "sync/queue_lockfree.c",
	  .function = "produce",
	  .next = "shmeter run queue_lockfree --set producers=4 --set consumers=4" },
	{ .name = "aba",
	  .chapter = "Going wrong, and right",
	  .title = "ABA: a value that came back",
	  .question = "Two processes pop and push nodes by compare-and-swap of the top. Can one node go to both?",
	  .choice = { "never: the swap is atomic", "yes, if the top is the same again", "only after a crash" },
	  .pattern = { "aba/*" },
	  .metric = "nodes popped twice",
	  .mechanism = "  process 0: reads top A, and B below it .......... swaps A for B: succeeds\n"
		       "  process 1: ........ pops A, pops B, pushes A ....   but B is taken!\n"
		       "A count of changes in the same word makes the second A differ from the first.",
	  .source = "correctness/aba.c",
	  .function = "pop",
	  .next = "shmeter run queue_lockfree: queues whose slots carry such a count" },
	{ .name = "msync",
	  .chapter = "Files and nodes",
	  .title = "msync and durability",
	  .question = "When does a store to a mapped file reach the disk, and what does it cost to make sure?",
	  .choice = { "at once, for free", "later, or after msync, which is slow", "never without write()" },
	  .pattern = { "msync_cost/*" },
	  .mechanism = "  store -> page cache (dirty) -> write-back, after about 30 s -> disk\n"
		       "                             `-> msync(MS_SYNC), fdatasync(): now, and it waits\n"
		       "Other processes that map the file see the store at once, without msync.",
	  .source = "mapping/msync_cost.c",
	  .function = "write_out",
	  .next = "shmeter run msync_cost --file-folder /dev/shm: a file in memory, on no disk" },
	{ .name = "mapped-io",
	  .chapter = "Files and nodes",
	  .title = "A file through a mapping, or by read()",
	  .question =
		  "A program reads blocks of 4096 bytes of a file in random order. Is a mapping faster than pread()?",
	  .choice = { "always", "only what is cached", "never" },
	  .pattern = { "file_io/pread", "file_io/direct", "file_io/uring_16", "file_io/mmap", "file_io/mmap_fresh" },
	  .set = { { "pattern", "randread" } },
	  .mechanism = "  pread()  program -> kernel -> page cache -> buffer   a call and a copy each\n"
		       "  mapping  program -> page table -> page cache         no call, no copy\n"
		       "                      `-> not there: a page fault maps what is cached around\n"
		       "Where the page cache does not have it, both wait for the disk. A fault does not say how "
		       "much is wanted, so the kernel reads around it; io_uring can wait for 16 blocks at once.",
	  .source = "subject/file_visit.h",
	  .function = "file_loop",
	  .next = "shmeter run file_io --set bytes=1g; its metrics.csv has calls, faults and what the disk gave" },
	{ .name = "numa",
	  .chapter = "Files and nodes",
	  .title = "Where a page lives",
	  .question = "A machine has memory on several nodes. What decides on which node a page is?",
	  .choice = { "the process that maps it", "the first touch, or a policy", "chance" },
	  .pattern = { "numa_policy/*" },
	  .metric = "pages elsewhere",
	  .mechanism = "  node 0 [ cores | memory ] ====== link ====== [ memory | cores ] node 1\n"
		       "First touch: the node of the core that faults. Bind, interleave: as mbind() says.",
	  .source = "numa/numa_policy.c",
	  .function = "run",
	  .next = "numactl -H; shmeter run 'numa_*' on a machine with two nodes" },
	{ .name = "permissions",
	  .chapter = "Names, rights and limits",
	  .title = "Who may attach",
	  .question = "One user makes a segment with mode 0600. Can another user open it?",
	  .choice = { "yes, if the name is known", "no", "only for reading" },
	  .pattern = { "permission/*" },
	  .metric = "let in",
	  .mechanism = "  shm_open(name, O_CREAT | O_EXCL, 0600)  owner, group, others, and the umask,\n"
		       "                                          as of a file\n"
		       "  shmget(key, size, IPC_CREAT | 0600)     the same bits in the segment's record",
	  .source = "correctness/permission.c",
	  .function = "try_as_other",
	  .next = "ls -l /dev/shm; ipcs -m -c" },
	{ .name = "ipc-private",
	  .chapter = "Names, rights and limits",
	  .title = "How private IPC_PRIVATE is",
	  .question =
		  "A process makes a segment with IPC_PRIVATE, mode 0600, and tells nobody its number. Who can attach it?",
	  .choice = { "only it and its children", "any process of the same user", "everybody" },
	  .pattern = { "ipc_private/*" },
	  .metric = "attached",
	  .mechanism = "  shmget(IPC_PRIVATE, ...) -> 42        no key leads to it\n"
		       "  cat /proc/sysvipc/shm   -> 42 ...     but everybody finds the number here\n"
		       "  shmat(42)               -> allowed?   the mode decides: owner, group, others",
	  .source = "correctness/ipc_private.c",
	  .function = "intrude",
	  .next = "ipcs -m; shmeter run removed: what a removed segment still allows" },
	{ .name = "secrets",
	  .chapter = "Names, rights and limits",
	  .title = "Who reads your memory without opening it",
	  .question = "A password is in a memfd that no other process was given. Can another process of the same user "
		      "read it?",
	  .choice = { "no", "yes, as a debugger does", "only root" },
	  .pattern = { "peek/*" },
	  .metric = "read",
	  .mechanism = "  /proc/PID/mem, process_vm_readv(), ptrace()   by address, as a debugger\n"
		       "  /proc/PID/fd/N                                the descriptor itself\n"
		       "The kernel asks: the same user? dumpable? (and Yama, where there is one)\n"
		       "memfd_secret() takes the pages out of the kernel's own map: there is nothing to copy "
		       "from.",
	  .source = "correctness/peek.c",
	  .function = "read_proc_mem",
	  .next = "sysctl kernel.yama.ptrace_scope; shmeter demo core-dump" },
	{ .name = "core-dump",
	  .chapter = "Names, rights and limits",
	  .title = "Shared memory in a core dump",
	  .question = "A process crashes and leaves a core dump. Is the shared memory in it that it had mapped?",
	  .choice = { "all of it", "none of it", "some kinds" },
	  .pattern = { "core_dump/memfd", "core_dump/sysv", "core_dump/posix", "core_dump/posix_unlinked",
		       "core_dump/dontdump", "core_dump/secret" },
	  .metric = "in the dump",
	  .mechanism = "  coredump_filter 0x33: anonymous memory, private and shared: yes\n"
		       "                        mapped files: no\n"
		       "  an object without a name (System V, memfd, unlinked) counts as anonymous: yes\n"
		       "  MADV_DONTDUMP, memfd_secret(): never",
	  .source = "correctness/core_dump.c",
	  .function = "dump",
	  .next = "cat /proc/self/coredump_filter /proc/sys/kernel/core_pattern" },
	{ .name = "untrusted-memory",
	  .chapter = "Names, rights and limits",
	  .title = "Shared memory from somebody you do not trust",
	  .question = "A process sends you a memfd over a socket, and you map it. What can it still do to you?",
	  .choice = { "nothing: you have it now", "change what you read", "change what you read, and kill you" },
	  .pattern = { "handover/*" },
	  .metric = "receiver killed",
	  .mechanism = "  sender: memfd --SCM_RIGHTS--> receiver: mmap()\n"
		       "  sender: ftruncate(memfd, 0)   receiver: load -> SIGBUS\n"
		       "With F_SEAL_SHRINK the kernel refuses to shrink it, whoever asks. A receiver looks at "
		       "the seals (F_GET_SEALS) before it maps, and at SO_PEERCRED for who connected.",
	  .source = "correctness/handover.c",
	  .function = "receive",
	  .next = "shmeter run seals: what each seal refuses" },
	{ .name = "containers",
	  .chapter = "Names, rights and limits",
	  .title = "Across containers",
	  .question = "Two containers run on one machine. Which shared memory of one can the other one reach?",
	  .choice = { "all that its user may open", "none", "what shares a namespace, or is handed over" },
	  .pattern = { "namespaces/sysv_ipc", "namespaces/posix_ipc", "namespaces/posix_own_shm",
		       "namespaces/posix_user", "namespaces/memfd_passed" },
	  .metric = "reached",
	  .mechanism = "  IPC namespace      System V numbers and keys, message queues\n"
		       "  mount at /dev/shm  POSIX names: files in a tmpfs of the container's own\n"
		       "  a descriptor       goes anywhere: a memfd sent over a socket is one memory",
	  .source = "correctness/namespaces.c",
	  .function = "reaches",
	  .next = "lsns; docker run --ipc=... --shm-size=...; df /dev/shm" },
	{ .name = "rss-pss",
	  .chapter = "Names, rights and limits",
	  .title = "RSS counts shared memory again for each",
	  .question = "Four processes map the same 4 MiB and touch them. What does their RSS add up to?",
	  .choice = { "4 MiB", "16 MiB", "1 MiB" },
	  .pattern = { "resident/*" },
	  .metric = "sum of RSS",
	  .mechanism = "  page table 0 --.\n"
		       "  page table 1 --+--> [ 1024 frames ]   RSS: 4 MiB in each\n"
		       "  page table 2 --+                      PSS: 1 MiB in each\n"
		       "  page table 3 --'",
	  .source = "correctness/resident.c",
	  .function = "take_part",
	  .next = "grep -E 'Rss|Pss' /proc/self/smaps_rollup; shmeter run smaps_frames" },
	{ .name = "orphans",
	  .chapter = "Names, rights and limits",
	  .title = "Orphans, and how to find and remove them",
	  .question = "After a crash: where do you look for shared memory that was left behind?",
	  .choice = { "/dev/shm and ipcs", "/tmp", "nothing is ever left" },
	  .pattern = { "orphan/*", "find_orphans/*" },
	  .metric = "left behind",
	  .mechanism = "  ls -l /dev/shm            POSIX segments: rm removes the name\n"
		       "  ipcs -m -p, ipcs -m -t    System V: who made it, who attached last\n"
		       "  ipcrm -m ID               removes one; it is free once nattch is 0\n"
		       "  grep Shmem /proc/meminfo  how much there is in total",
	  .source = "correctness/orphan.c",
	  .function = "remove_named",
	  .next = "shmeter demo watch: the same, live" },
	{ .name = "limits",
	  .chapter = "Names, rights and limits",
	  .title = "How much is allowed",
	  .question = "How large may a System V segment be on this machine by default?",
	  .choice = { "32 MiB", "half of the memory", "practically unlimited" },
	  .pattern = { "limits/*" },
	  .metric = "SHMMAX",
	  .mechanism = "  kernel.shmmax, shmall, shmmni  System V: practically unlimited since Linux\n"
		       "                                 3.16\n"
		       "  the size of /dev/shm           POSIX: half of the memory, 64 MiB in many\n"
		       "                                 containers\n"
		       "  RLIMIT_MEMLOCK                 mlock, and huge pages of System V",
	  .source = "correctness/limits.c",
	  .function = "read_limits",
	  .next = "shmeter doctor" },
	{ .name = "more-than-memory",
	  .chapter = "Names, rights and limits",
	  .title = "Sharing more than there is",
	  .question = "Can a process map twice as much as memory and swap hold?",
	  .choice = { "never", "it depends on how it is mapped", "always" },
	  .pattern = { "overcommit/anon", "overcommit/anon_noreserve", "overcommit/memfd", "overcommit/file" },
	  .metric = "mapped",
	  .mechanism = "  mmap()       addresses, not memory\n"
		       "  first touch  memory for one page, or SIGBUS, or a process is killed\n"
		       "Only anonymous memory without MAP_NORESERVE is counted when it is mapped.",
	  .source = "correctness/overcommit.c",
	  .function = "map_whole",
	  .next = "shmeter run full_backing: what happens at the touch when there is no room" },
	{ 0 },
};
