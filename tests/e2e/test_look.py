#!/usr/bin/env python3
"""`shmeter look` on a process whose layout this test makes: every kind of object with known sizes, hostile names, threads
that wait, a child, thousands of mappings; as another user, in namespaces, and where the process ends meanwhile.

usage: test_look.py PROGRAM"""
import ctypes
import json
import mmap
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

PAGE = mmap.PAGESIZE
MIB = 1 << 20
HUGE = 2 * MIB
SYS_FUTEX = 98 if platform.machine() == "aarch64" else 202
MAP_HUGETLB, MADV_COLLAPSE = 0x40000, 25
HOSTILE = "a b\n\x1b[31m (deleted)"
FUTEX_AT = 2 * PAGE + 64

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = libc.shmat.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.syscall.argtypes = [ctypes.c_long, ctypes.c_void_p, ctypes.c_long, ctypes.c_long, ctypes.c_void_p]


def map_at(fd, size, address=None, flags=mmap.MAP_SHARED):
    got = libc.mmap(address, size, mmap.PROT_READ | mmap.PROT_WRITE, flags, fd, 0)
    return None if got in (None, ctypes.c_void_p(-1).value) else got


def touch(address, size):
    for at in range(0, size, PAGE):
        ctypes.memset(address + at, 1, 1)


def memfd(name, size):
    fd = os.memfd_create(name)
    os.ftruncate(fd, size)
    return fd


def futex_wait(address):
    """Waits for a futex that other processes may wake, until this process ends."""
    threading.Thread(target=libc.syscall, args=(SYS_FUTEX, address, 0, 0, None), daemon=True).start()


def layout(folder):
    """The process that is looked at: prints what it has, then waits for its end."""
    said = {"pid": os.getpid()}
    posix = os.open(f"/dev/shm/shmeter-look-{os.getpid()}", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    os.ftruncate(posix, 8 * PAGE)
    touch(map_at(posix, 8 * PAGE), 3 * PAGE)
    sysv = libc.shmget(0, 5 * PAGE, 0o600 | 0o1000)
    touch(libc.shmat(sysv, None, 0), 5 * PAGE)
    libc.shmctl(sysv, 0, None)  # gone with the last process
    said["sysv"] = sysv
    file = os.open(os.path.join(folder, "a file"), os.O_RDWR | os.O_CREAT, 0o600)
    os.ftruncate(file, 4 * PAGE)
    touch(map_at(file, 4 * PAGE), 4 * PAGE)
    ring = map_at(memfd(HOSTILE, 6 * PAGE), 6 * PAGE)
    touch(ring, 2 * PAGE)
    pool = map_at(-1, 4 * MIB, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
    touch(pool, MIB)
    huge = map_at(memfd("collapsed", HUGE), HUGE, 0x200000000000)
    touch(huge, HUGE)
    said["collapsed"] = libc.madvise(huge, HUGE, MADV_COLLAPSE) == 0
    hugetlb = map_at(-1, HUGE, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | MAP_HUGETLB)
    said["hugetlb"] = hugetlb is not None
    if hugetlb:
        touch(hugetlb, HUGE)
    many = memfd("many", PAGE)
    for _ in range(1000):
        map_at(many, PAGE)
    said["child"] = os.fork()
    futex_wait(ring + FUTEX_AT)
    if not said["child"]:
        libc.prctl(15, b"x) R 1\n\x1b[7m", 0, 0, 0)  # PR_SET_NAME
        while True:  # faults: a fresh page each time
            fresh = mmap.mmap(-1, 64 * PAGE)
            fresh.write(bytes(64 * PAGE))
            fresh.close()
            time.sleep(0.002)
    print(json.dumps(said), flush=True)
    sys.stdin.read()
    os.unlink(f"/dev/shm/shmeter-look-{os.getpid()}")
    os.kill(said["child"], signal.SIGKILL)


if sys.argv[1] == "--layout":
    layout(sys.argv[2])
    sys.exit()

PROGRAM = os.path.abspath(sys.argv[1])
failed = []


def check(what, true, seen=""):
    if not true:
        failed.append(f"FAIL: {what}: {seen}"[:2000])


def look(*arguments, before=(), code=0):
    done = subprocess.run([*before, PROGRAM, "look", *map(str, arguments)], capture_output=True, cwd=folder, timeout=60)
    check(f"exit code of look {arguments}", done.returncode == code, (done.returncode, done.stderr))
    check(f"{arguments}: escapes", b"\x1b" not in done.stdout + done.stderr, done.stdout)
    return done.stdout.decode(), done.stderr.decode()


def as_json(*arguments, **more):
    return json.loads(look(*arguments, "--json", "--interval", "50ms", **more)[0])


def find(seen, kind, title):
    return [o for o in seen["objects"] if o["kind"] == kind and re.fullmatch(title, o["title"])]


def one(seen, kind, title):
    found = find(seen, kind, title)
    check(f"one object {kind} {title}", len(found) == 1, [(o["kind"], o["title"]) for o in seen["objects"]])
    return found[0] if found else {"bytes": 0, "mapped_by": [{}], "also_mapped_by": [], "waits": [], "deleted": None}


def check_use(what, found, size, resident, thp=0, hugetlb=0, page=PAGE):
    mine = found["mapped_by"][0]
    seen = tuple(mine.get(key) for key in ("mapped_bytes", "resident_bytes", "thp_bytes", "hugetlb_bytes", "page_bytes"))
    check(what, found["bytes"] == size and seen == (size, resident, thp, hugetlb, page), (found["bytes"], seen))
    nodes = mine.get("node_bytes")
    check(f"{what}: nodes", nodes is None or sum(nodes.values()) == resident, nodes)


def check_layout(seen, said):
    pid, child = said["pid"], said["child"]
    posix = one(seen, "posix", f"POSIX /shmeter-look-{pid}")
    check_use("POSIX", posix, 8 * PAGE, 3 * PAGE)
    check("its name is there", posix["deleted"] is False)
    sysv = one(seen, "sysv", f"System V segment {said['sysv']}")
    check_use("System V", sysv, 5 * PAGE, 5 * PAGE)
    check("its id", sysv.get("sysv_id") == said["sysv"], sysv)
    check_use("file", one(seen, "file", ".*/a file"), 4 * PAGE, 4 * PAGE)
    ring = one(seen, "memfd", r"memfd a b\\012\?\[31m \(deleted\)")
    check_use("memfd", ring, 6 * PAGE, 3 * PAGE)  # the thread that waits has touched the third
    pools = [o for o in find(seen, "anonymous", "anonymous shared memory") if o["bytes"] == 4 * MIB]
    check("one anonymous pool", len(pools) == 1, pools)
    check_use("anonymous", pools[0], 4 * MIB, MIB)
    check("who else has it", [o["pid"] for o in ring["also_mapped_by"]] == [child], ring["also_mapped_by"])
    check("the child's name", ring["also_mapped_by"][0]["name"] == "x) R 1??[7m", ring["also_mapped_by"])
    check("its thread waits", [(w["pid"], w["offset"], w["process_private"]) for w in ring["waits"]] == [(pid, FUTEX_AT, False)],
          ring["waits"])
    huge = one(seen, "memfd", "memfd collapsed")
    if said["collapsed"]:
        check_use("THP", huge, HUGE, HUGE, thp=HUGE)
        check("THP covers it", huge["mapped_by"][0]["thp_percent"] == 100, huge)
    else:
        print("skipped: THP (this kernel made no transparent huge page)")
        check_use("without THP", huge, HUGE, HUGE)
    if said["hugetlb"]:
        hugetlb = [o for o in find(seen, "anonymous", "anonymous shared memory") if o["bytes"] == HUGE]
        check("one hugetlb object", len(hugetlb) == 1, hugetlb)
        check_use("hugetlb", hugetlb[0], HUGE, HUGE, hugetlb=HUGE, page=HUGE)
        check("hugetlb has no Pss", hugetlb[0]["mapped_by"][0]["pss_bytes"] is None, hugetlb)
    else:
        print("skipped: hugetlb (no free huge page)")
    many = one(seen, "memfd", "memfd many")
    check("a thousand mappings of one page", many["bytes"] == PAGE and many["mapped_by"][0]["mappings"] == 1000 and
          many["mapped_by"][0]["mapped_bytes"] == 1000 * PAGE, many["mapped_by"])
    check("the child has it, once", [o["pid"] for o in many["also_mapped_by"]] == [child], many["also_mapped_by"])
    check("no run, and it says so", seen["run"] is None and "no run is known here" in seen["run_note"], seen["run_note"])


def check_tree(seen, said):
    ring = one(seen, "memfd", "memfd a b.*")
    check("the tree has the child", [p["pid"] for p in seen["processes"]] == [said["pid"], said["child"]], seen["processes"])
    check("both map it", [m["pid"] for m in ring["mapped_by"]] == [said["pid"], said["child"]] and not ring["also_mapped_by"],
          ring)
    check("both wait", sorted(w["pid"] for w in ring["waits"]) == sorted([said["pid"], said["child"]]), ring["waits"])
    check("the child's faults", seen["processes"][1]["minor_faults_per_s"] > 500, seen["processes"])
    check("the parent's faults", seen["processes"][0]["minor_faults_per_s"] < 500, seen["processes"])


def check_text(said):
    out, _ = look(said["pid"], "--tree", "--interval", "50ms")
    check("at most 80 columns", max(map(len, out.splitlines())) <= 80, max(out.splitlines(), key=len))
    for words in (f"POSIX /shmeter-look-{said['pid']}, 32 KiB", f"Futex at offset 0x{FUTEX_AT:x}: 2 threads wait",
                  "no other that can be seen", "Faults a second, over 0."):
        check("text", words in " ".join(out.split()) or PAGE != 4096, words + " in " + out)


def check_live(said):
    live = subprocess.Popen([PROGRAM, "look", str(said["pid"]), "--every", "200ms", "--json"], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, cwd=folder, text=True)
    lines = [live.stdout.readline(), live.stdout.readline()]
    time.sleep(0.1)  # it waits for its next look
    live.send_signal(signal.SIGINT)
    rest, errors = live.communicate(timeout=30)
    check("live: JSON in lines", all("objects" in json.loads(line) for line in lines + rest.splitlines()), lines)
    check("live: Ctrl-C ends it well", live.returncode == 0 and not errors, (live.returncode, errors))


def keys(value):
    """Every key of a JSON text, but for the numbers of nodes."""
    if isinstance(value, list):
        return set().union(*map(keys, value))
    if isinstance(value, dict):
        return {key for key in value if not key.isdigit()}.union(*map(keys, value.values()))
    return set()


def check_documented(seen):
    page = (pathlib.Path(__file__).parents[2] / "docs/look.md").read_text(encoding="utf-8").split("## JSON")[1]
    undocumented = {key for key in keys(seen) if f"`{key}`" not in page and f"`{key}[]`" not in page and f".{key}[]`" not in page}
    check("every key is documented", not undocumented, undocumented)


def gaps(seen):
    return " ".join(gap["sentence"] for gap in seen["not_read"])


def check_strangers(said):
    """Without root, in a container, and where /proc hides processes."""
    if os.geteuid():
        print("skipped: other users and namespaces (needs root)")
        return
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    seen = as_json(said["pid"], before=nobody, code=5)
    check("another user's", "(EACCES): another user's (uid 0); look as that user or as root." in gaps(seen), gaps(seen))
    check("one sentence for each thing", len([gap for gap in seen["not_read"] if gap["processes"]]) == 2, gaps(seen))
    hidden = ("unshare", "--mount", "sh", "-c", 'mount -t proc -o hidepid=2 proc /proc && exec "$@"', "sh", *nobody)
    _, errors = look(said["pid"], before=hidden, code=4)
    check("hidepid", errors.count("\n") == 1 and "or /proc hides it (hidepid)" in errors, errors)
    own = subprocess.Popen([*nobody, "sleep", "60"])
    seen = as_json(own.pid, before=hidden)
    check("hidepid is named", "Processes of others may be hidden: /proc is mounted with hidepid=" in gaps(seen), gaps(seen))
    own.kill()
    own.wait()
    inside = ("unshare", "--pid", "--fork", "--mount-proc")
    seen = as_json(1, before=(*inside, "sh", "-c", '"$@"; exit $?', "sh"))
    check("a PID namespace", "another PID namespace" in gaps(seen), gaps(seen))


def check_ends():
    """A process that ends while it is looked at, and one that has ended."""
    short = subprocess.Popen(["sleep", "0.4"])
    threading.Thread(target=short.wait).start()
    out, _ = look(short.pid, os.getpid(), "--json", "--interval", "600ms")
    check("ended meanwhile", f"process {short.pid} cannot be read: ended meanwhile" in gaps(json.loads(out)), out)
    alone = subprocess.Popen(["sleep", "1"])
    _, errors = look(alone.pid, "--interval", "1500ms", code=4)
    check("ended during the only look", errors.count("\n") == 1 and "ended before it could be read" in errors, errors)
    _, errors = look(alone.pid, code=4)  # nobody has reaped it
    check("a zombie has ended", errors.count("\n") == 1 and "is not there: it has ended" in errors, errors)
    alone.wait()
    for reaped in (True, False):
        live = subprocess.Popen(["sleep", "1.5"])
        if reaped:
            threading.Thread(target=live.wait).start()
        out, errors = look(live.pid, "--every", "300ms")
        check(f"live, until it ended (reaped: {reaped})", out.endswith("They have ended.\n") and not errors, (out, errors))
        live.wait()
    _, errors = look(short.pid, code=4)
    check("has ended", errors.count("\n") == 1 and "is not there: it has ended" in errors, errors)


def check_input():
    for arguments, words in (((), "needs a process ID"), (("x",), '"x" is not a process ID'), (("0",), "not a process ID"),
                             ((1, "--every", "1ms"), "--every must be from 10ms"),
                             ((1, "--every", "1s", "--interval", "1s"), "exclude each other"),
                             ((1, "--run", "nowhere"), "nowhere")):
        out, errors = look(*arguments, code=4)
        check(f"input {arguments}", words in errors and errors.count("\n") == 1 and not out, errors)


with tempfile.TemporaryDirectory() as folder:
    os.chmod(folder, 0o755)
    PROGRAM = shutil.copy(PROGRAM, folder)  # a place from which another user can start it
    watched = subprocess.Popen([sys.executable, os.path.abspath(__file__), "--layout", folder], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    try:
        known = json.loads(watched.stdout.readline())
        for _ in range(100):  # until both wait, and the child has got to its faults
            full = as_json(known["pid"], "--tree")
            if sum(len(o["waits"]) for o in full["objects"]) == 2 and full["processes"][1]["minor_faults_per_s"] > 500:
                break
        check_layout(as_json(known["pid"]), known)
        check_tree(full, known)
        check_documented(full)
        check_text(known)
        check_live(known)
        check_strangers(known)
        check_ends()
        check_input()
        check("it lives, and nobody traces it", watched.poll() is None and
              "TracerPid:\t0" in open(f"/proc/{known['pid']}/status", encoding="ascii").read())
    finally:
        watched.communicate("")
print("\n".join(failed) or "what a process shares is seen as it was made")
sys.exit(bool(failed))
