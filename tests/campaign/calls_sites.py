"""Where a command makes its system calls, and the errors that each of them can return.

A *site* is the command, the name of a call, and the program's own stack frames with their return addresses, from the
innermost one out to main().  Frames of libraries are not part of it: all calls of one kind that hwloc, SQLite or the C
library makes for one line of the program are one site.  Below sm_run() the outer frames are left out: `run` and `demo`
measure with the same code, and a site that failed in one command is not repeated in the next.  Calls of the dynamic
loader before main() do not belong to the program and are no sites."""
import collections
import glob
import re
import subprocess
import zlib

# Errors from the man pages that are possible with our arguments.  brk itself never fails: the kernel returns the old
# end, which --inject cannot do.  Refused memory is tested here by mmap, and by --allocations.
FILES = "EACCES EMFILE ENFILE ENOENT ENOMEM EINTR EIO ELOOP ENOTDIR EROFS ENOSPC"
ERRORS = {name: errors.split() for name, errors in {
    "openat": FILES, "open": FILES, "read": "EIO EINTR EISDIR EAGAIN", "pread64": "EIO EINTR",
    "write": "ENOSPC EIO EINTR EPIPE EDQUOT EFBIG", "pwrite64": "ENOSPC EIO EINTR EFBIG", "writev": "ENOSPC EIO EINTR",
    "close": "EIO EINTR ENOSPC", "newfstatat": "EACCES ENOENT ENOMEM ELOOP", "fstat": "ENOMEM EOVERFLOW",
    "statx": "EACCES ENOENT ENOMEM", "statfs": "EACCES EIO ENOSYS EINTR", "fstatfs": "EIO ENOSYS EINTR",
    "access": "EACCES ENOENT EIO ELOOP ENOMEM", "faccessat2": "EACCES ENOENT EIO ENOSYS EPERM",
    "getdents64": "ENOENT ENOTDIR EIO", "lseek": "ESPIPE EINVAL EOVERFLOW", "rename": "EACCES ENOSPC EIO EROFS EXDEV",
    "unlink": "EACCES EBUSY EIO EROFS", "unlinkat": "EACCES EBUSY EIO EROFS", "rmdir": "EBUSY ENOTEMPTY EACCES",
    "mkdir": "EACCES ENOSPC EROFS EMLINK EDQUOT", "fsync": "EIO ENOSPC EROFS", "fdatasync": "EIO ENOSPC EROFS",
    "ftruncate": "EFBIG EINTR EIO EPERM", "fallocate": "ENOSPC EOPNOTSUPP EINTR EIO",
    "fcntl": "EAGAIN EACCES EINTR EINVAL",
    "flock": "EAGAIN EINTR ENOLCK", "ioctl": "ENOTTY EINVAL", "readlink": "EACCES EINVAL EIO ENOENT",
    "readlinkat": "EACCES EINVAL EIO ENOENT", "symlink": "EACCES EEXIST ENOSPC EROFS", "chmod": "EPERM EROFS",
    "fchmod": "EPERM EROFS", "fchown": "EPERM EROFS", "fadvise64": "EINVAL ESPIPE", "getcwd": "EACCES ENOENT",
    "chdir": "EACCES ENOENT", "dup": "EMFILE EBADF", "dup2": "EBUSY EINTR EMFILE", "dup3": "EBUSY EINTR EMFILE",
    "pipe2": "EMFILE ENFILE", "eventfd2": "EMFILE ENOMEM", "memfd_create": "EMFILE ENOMEM ENOSYS",
    "mmap": "ENOMEM EAGAIN ENODEV EPERM", "munmap": "ENOMEM EINVAL", "mprotect": "ENOMEM EACCES",
    "mremap": "ENOMEM EAGAIN", "madvise": "ENOMEM EAGAIN EINVAL EPERM", "mlock": "ENOMEM EPERM EAGAIN",
    "munlock": "ENOMEM EPERM", "msync": "EIO ENOMEM", "mbind": "EPERM ENOSYS EIO ENOMEM",
    "get_mempolicy": "EPERM ENOSYS", "set_mempolicy": "EPERM ENOSYS ENOMEM", "move_pages": "EPERM ENOSYS ENOMEM",
    "brk": "", "mincore": "EAGAIN ENOMEM", "clone": "EAGAIN ENOMEM EPERM", "clone3": "EAGAIN ENOMEM EPERM ENOSYS",
    "fork": "EAGAIN ENOMEM", "vfork": "EAGAIN ENOMEM", "execve": "ENOENT EACCES E2BIG ENOMEM",
    "wait4": "EINTR ECHILD", "waitid": "EINTR ECHILD", "kill": "EPERM ESRCH", "tgkill": "ESRCH EAGAIN",
    "pidfd_open": "EMFILE ENOMEM ENOSYS EPERM", "pidfd_send_signal": "EPERM ESRCH ENOSYS",
    "setpgid": "EACCES EPERM ESRCH",
    "setsid": "EPERM", "poll": "EINTR ENOMEM EINVAL", "ppoll": "EINTR ENOMEM", "select": "EINTR ENOMEM",
    "pselect6": "EINTR ENOMEM", "nanosleep": "EINTR", "clock_nanosleep": "EINTR", "futex": "EINTR EAGAIN ETIMEDOUT", "futex wake": "",
    "sched_setaffinity": "EINVAL EPERM ESRCH ENOSYS", "sched_getaffinity": "EPERM ENOSYS EINVAL",
    "sched_setscheduler": "EPERM", "sched_getparam": "EPERM", "setpriority": "EACCES EPERM", "prctl": "EINVAL EPERM",
    "prlimit64": "EPERM EINVAL", "getrlimit": "EINVAL", "setrlimit": "EPERM", "getrusage": "EINVAL ENOSYS",
    "clock_gettime": "EINVAL", "times": "EINVAL", "uname": "ENOSYS", "sysinfo": "ENOSYS",
    "getrandom": "EAGAIN EINTR ENOSYS",
    "rt_sigaction": "EINVAL", "rt_sigprocmask": "EINVAL", "signalfd4": "EMFILE ENOMEM",
    "timerfd_create": "EMFILE ENOMEM",
    "timerfd_settime": "EINVAL ECANCELED", "perf_event_open": "EACCES EMFILE ENOENT EPERM EBUSY ENOSYS",
    "socket": "EAFNOSUPPORT EMFILE ENOBUFS EACCES", "socketpair": "EMFILE EOPNOTSUPP", "bind": "EADDRINUSE EACCES",
    "listen": "EADDRINUSE", "connect": "ECONNREFUSED EINTR EAGAIN", "accept": "EMFILE EINTR ECONNABORTED",
    "accept4": "EMFILE EINTR ECONNABORTED", "setsockopt": "ENOPROTOOPT EPERM", "getsockopt": "ENOPROTOOPT",
    "getsockname": "ENOBUFS", "sendto": "EINTR ENOBUFS EPIPE", "recvfrom": "EINTR ECONNRESET",
    "sendmsg": "EINTR ENOBUFS",
    "recvmsg": "EINTR ENOMEM", "shutdown": "ENOTCONN", "shmget": "ENOSPC ENOMEM EACCES EPERM",
    "shmat": "EACCES ENOMEM EIDRM",
    "shmdt": "EINVAL", "shmctl": "EPERM EIDRM EACCES", "semget": "ENOSPC ENOMEM", "semctl": "EPERM EIDRM",
    "semop": "EINTR EIDRM", "semtimedop": "EINTR EAGAIN EIDRM", "msgget": "ENOSPC ENOMEM", "msgctl": "EPERM EIDRM",
    "msgsnd": "EINTR EIDRM EAGAIN", "msgrcv": "EINTR EIDRM", "mq_open": "EMFILE ENOSPC EACCES ENOSYS",
    "mq_unlink": "EACCES ENOENT", "mq_timedsend": "EINTR EAGAIN", "mq_timedreceive": "EINTR EAGAIN",
    "mq_getsetattr": "EBADF", "process_vm_readv": "EPERM ESRCH ENOSYS", "utimensat": "EACCES EROFS",
    "geteuid": "", "getuid": "", "getpid": "", "getppid": "", "gettid": "", "umask": "", "getgid": "", "getegid": "",
    "exit_group": "", "exit": "", "sched_yield": "", "alarm": "", "set_robust_list": "EINVAL",
    "getpgrp": "", "pause": "EINTR", "rt_sigreturn": "", "membarrier": "ENOSYS EPERM", "rseq": "ENOSYS",
    "get_robust_list": "EPERM", "pkey_mprotect": "ENOMEM", "inotify_init1": "EMFILE", "getcpu": "",
    "setitimer": "EINVAL", "timer_create": "EAGAIN ENOMEM", "timer_settime": "EINVAL", "timer_delete": "EINVAL",
    "linkat": "EACCES ENOSPC", "symlinkat": "EACCES ENOSPC", "renameat2": "EACCES ENOSPC", "mkdirat": "EACCES ENOSPC",
    "mlock2": "ENOMEM EPERM", "mlockall": "ENOMEM EPERM", "munlockall": "EPERM", "splice": "ENOMEM EINVAL",
    "process_madvise": "EPERM", "pivot_root": "EPERM", "io_uring_setup": "EPERM ENOSYS ENOMEM", "set_tid_address": "",
    "restart_syscall": "EINTR", "userfaultfd": "EPERM ENOSYS",
}.items()}
# These end the process, or are its start.
NEVER = {"exit_group", "exit", "rt_sigreturn", "execve"}
# Faults of a library that cannot be fixed here: logged, but not counted as failures.
LIBRARIES = {"gen_tracepoint_table": "libpfm4 does not look whether it could read a tracepoint's number"}
# Below this frame every command does the same; the frames outside it are left out of a site.
SHARED = "sm_run+"

# positions: which of the process's calls with that name belong to this site
Site = collections.namedtuple("Site", "command process call frames positions")


def place(site):
    """The site as text: the key of the log."""
    return " < ".join(site.frames)


def faults(site):
    """The faults of a site.  The errors come first, rotated differently for each site, so that the first two faults
    differ between the sites of a call.  Each fault hits another occurrence of the site."""
    if site.call == "allocation":
        return ["no memory"]
    if site.call in NEVER:
        return []
    errors = ERRORS.get(site.call, [])
    turn = zlib.crc32(place(site).encode()) % len(errors) if errors else 0
    return [f"error={e}" for e in errors[turn:] + errors[:turn]] + ["delay=30 ms", "signal=SIGTERM"]


def position(site, number):
    """Which of the site's calls gets the fault with that number: the first one, then others at even distances."""
    kinds = len(faults(site))
    return site.positions[number * len(site.positions) // kinds]


def is_start(path, program):
    """Whether a trace begins with the start of the program, so that it belongs to the command and not to a forked
    process."""
    with open(path, errors="replace") as file:
        return re.match(r'execve\("[^"]*/' + re.escape(program) + '"', file.readline()) is not None


def read_traces(prefix, name, word, program):
    """Every site of a command that ran under `strace -ff -k -o prefix`; process 0 is the command, the others are its
    forked processes, in order."""
    pids = {int(path.rpartition(".")[2]): path for path in glob.glob(prefix + ".*")}
    with open("/proc/sys/kernel/pid_max") as file:
        most = int(file.read())
    own = next(pid for pid, path in pids.items() if is_start(path, program))
    # process numbers wrap around
    paths = [pids[pid] for pid in sorted(pids, key=lambda pid: (pid - own) % most)]
    found, children = {}, set()
    for process, path in enumerate(paths):
        for site in read_trace(path, name, word, program, process):
            # workers are alike: the first one with a site represents all
            if process and (site.call, site.frames) in children:
                continue
            if process:
                children.add((site.call, site.frames))
            found[(site.call, site.frames, process > 0)] = site
    return list(found.values())


def read_trace(path, name, word, program, process):
    counts, sites = collections.Counter(), {}
    call, number, frames = None, 0, []

    def end():
        own = tuple(f for f in frames if f)
        shared = [n for n, f in enumerate(own) if f.startswith(SHARED)]
        own = own[:shared[0] + 1] if shared else own and (*own[:-1], word)  # the last one is _start
        if call and own:
            sites.setdefault((call, own), []).append(number)

    with open(path, errors="replace") as file:
        for line in file:
            if line.startswith(" > "):
                found = re.match(r" > \S*/" + re.escape(program) + r"\(([^)]*)\)", line)
                frames.append(found.group(1) if found else None)
                continue
            end()
            called = re.match(r"(\w+)\(", line)
            call, frames = called.group(1) if called else None, []
            counts[call] += 1
            number = counts[call]
            if call == "futex" and "WAKE" in line:
                call = "futex wake"  # which cannot fail with correct arguments
    end()
    return [Site(name, process, call, own, positions) for (call, own), positions in sites.items()]



def numbers():
    """{name: number} of this machine's system calls."""
    text = subprocess.run(["cc", "-E", "-dM", "-include", "asm/unistd.h", "-x", "c", "/dev/null"], capture_output=True,
                          text=True, check=True).stdout
    found = dict(re.findall(r"#define (__NR\w+) (\w+)", text))
    for name, value in found.items():
        while value in found:
            value = found[value]
        found[name] = value
    return {name[5:]: int(value) for name, value in found.items() if name.startswith("__NR_") and value.isdigit()}
