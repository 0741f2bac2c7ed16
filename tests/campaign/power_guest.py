"""A guest machine whose power can be cut: an emulated machine with disks, each of which an nbdkit serves from a file through
a volatile write-back cache.  Emulator and nbdkits are killed together, so what was not flushed to the files is lost.  The
guest is booted once, without disks; each cut restores that snapshot and then adds the disks."""
import glob
import json
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
PATIENCE_S = 300  # for one step of a guest on a busy host
DISK_MIB = 32
PMEM_BEGIN_MIB = 2  # where the kernel puts the data of a "pfn" namespace with its pages in memory
# How nbdkit caches ("unsafe" is its word for a cache that ignores flushes), which emulated device the guest sees, and how it
# mounts the file system.  QEMU 7.2's NVMe disk says that it can write through (FUA), and then does not.  Persistent memory
# is the file itself, without nbdkit.
DISKS = {
    "sound": ("writeback", "virtio-blk-pci", "defaults"),
    "no_flush": ("unsafe", "virtio-blk-pci", "defaults"),
    "no_barrier": ("writeback", "virtio-blk-pci", "nobarrier"),
    "no_fua": ("writeback", "nvme", "defaults"),
    "pmem": ("", "nvdimm", "dax"),
}


class Lost(Exception):
    """The guest did not answer; the message says what it was asked."""


class Line:
    """A line-wise dialogue over a Unix socket."""
    def __init__(self, path, process):
        deadline = time.time() + PATIENCE_S
        self.socket, self.rest = socket.socket(socket.AF_UNIX), b""
        while True:
            try:
                return self.socket.connect(path)
            except (FileNotFoundError, ConnectionRefusedError):
                if time.time() > deadline or process.poll() is not None:
                    raise Lost(f"no emulator at {path}")
                time.sleep(0.01)

    def send(self, text):
        self.socket.sendall(text.encode() + b"\n")

    def lines(self, seconds):
        """Whole lines, until the other side is gone or the time is over."""
        deadline = time.time() + seconds
        while True:
            line, end, rest = self.rest.partition(b"\n")
            if end:
                self.rest = rest
                yield line.decode(errors="replace").strip()
                continue
            if not select.select([self.socket], [], [], max(0, deadline - time.time()))[0]:
                return
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                return
            if not more:
                return
            self.rest += more

    def until(self, *words):
        """The lines until each of `words` was one."""
        left, before = set(words), []
        for line in self.lines(PATIENCE_S):
            left.discard(line)
            before.append(line)
            if line.endswith(" failed"):
                raise Lost(line)
            if not left:
                return before
        raise Lost(f"no {left} after {before[-3:]}")


class Machine:
    """One life of the guest: from its start, or from a snapshot, to the cut."""
    def __init__(self, folder, extra):
        self.folder = folder
        for name in ("monitor", "talk"):
            if os.path.exists(f"{folder}/{name}"):
                os.remove(f"{folder}/{name}")
        kernel = glob.glob(f"{ROOT}/build-guests/amd64/kernel/boot/vmlinuz-*")
        if not kernel:
            raise Lost("no kernel in build-guests/: run scripts/bootstrap --guests")
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-accel", "tcg", "-machine", "pc,nvdimm=on",
             "-cpu", "max,vendor=GenuineIntel,-erms", "-m", "128M,slots=1,maxmem=1G", "-nodefaults", "-nic", "none",
             "-display", "none", "-no-reboot", "-kernel", kernel[0], "-initrd", f"{folder}/initramfs",
             "-append", "quiet nokaslr panic=-1 console=ttyS0 tsc=reliable", "-serial", f"file:{folder}/console.log",
             "-chardev", f"socket,id=talk,path={folder}/talk,server=on,wait=off", "-serial", "chardev:talk",
             "-qmp", f"unix:{folder}/monitor,server=on,wait=off", *extra], stdin=subprocess.DEVNULL,
            process_group=0)
        try:
            self.talk = Line(f"{folder}/talk", self.process)
            self.monitor = Line(f"{folder}/monitor", self.process)
            self.ask("qmp_capabilities")
        except Lost:
            self.process.kill()
            raise

    def ask(self, command, **arguments):
        self.monitor.send(json.dumps({"execute": command, "arguments": arguments}))
        for line in self.monitor.lines(PATIENCE_S):
            answer = json.loads(line)
            if "error" in answer:
                raise Lost(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
        raise Lost(f"the emulator does not answer {command}")

    def wait_for(self, command, key, value):
        deadline = time.time() + PATIENCE_S
        while (self.ask(command).get(key)) != value:
            if time.time() > deadline:
                raise Lost(f"{command} is not {value}")
            time.sleep(0.01)


def make_initramfs(folder):
    tree = f"{folder}/tree"
    shutil.rmtree(tree, ignore_errors=True)
    os.makedirs(f"{tree}/bin")
    shutil.copy(shutil.which("busybox"), f"{tree}/bin/busybox")
    shutil.copy(f"{ROOT}/tests/guests/power_init", f"{tree}/init")
    shutil.copy(f"{ROOT}/tests/guests/fsdax", tree)
    shutil.copytree(f"{ROOT}/build-guests/amd64/kernel/modules", f"{tree}/modules")
    subprocess.run(["gcc", "-std=c17", "-O2", "-static", f"-I{ROOT}/scenarios", "-o", f"{tree}/bin/durable",
                    f"{ROOT}/tests/guests/durable.c"],
                   check=True)
    subprocess.run("find . | cpio -o -H newc --quiet | gzip -1 >../initramfs", shell=True, cwd=tree, check=True)


def make_snapshot(folder):
    """Boots the guest, and keeps it as it is when it waits for its first command; an empty disk beside it."""
    make_initramfs(folder)
    machine = Machine(folder, [])
    machine.talk.until("booted")
    machine.ask("migrate", uri=f"exec:cat >{folder}/snapshot.new")
    machine.wait_for("query-migrate", "status", "completed")
    machine.process.kill()
    machine.process.wait()
    make_file_system(f"{folder}/empty", 0, [])
    os.rename(f"{folder}/snapshot.new", f"{folder}/snapshot")
    make_persistent_memory(folder)


def make_file_system(path, offset, options):
    with open(path, "ab") as file:
        file.truncate(DISK_MIB << 20)
    # Nothing but the test is to write to the disk: no tables that are made later.
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", *options, "-E",
                    f"offset={offset},lazy_itable_init=0,lazy_journal_init=0", path,
                    f"{((DISK_MIB << 20) - offset) // 1024}k"], check=True)


def make_persistent_memory(folder):
    """Has the guest's kernel prepare it, then makes the file system where the kernel will show it."""
    with open(f"{folder}/disk", "wb") as file:
        file.truncate(DISK_MIB << 20)
    life = Life(folder)
    try:
        life.add("disk", "", "nvdimm")
        life.machine.talk.send("fsdax && echo made")
        size = life.machine.talk.until("made")[:-1]
    finally:
        life.cut()
    if size != [str((DISK_MIB - PMEM_BEGIN_MIB) << 20)]:
        raise Lost(f"persistent memory of {size} bytes instead of all but {PMEM_BEGIN_MIB} MiB")
    os.rename(f"{folder}/disk", f"{folder}/empty_pmem")
    # DAX takes blocks of the size of a page.
    make_file_system(f"{folder}/empty_pmem", PMEM_BEGIN_MIB << 20, ["-b", "4096"])


class Life:
    """The guest from its snapshot, with disks: cut() ends all of it at once."""
    def __init__(self, folder):
        self.folder, self.nbdkits = folder, []
        self.machine = Machine(folder, ["-incoming", f"exec:cat {folder}/snapshot"])
        self.machine.wait_for("query-status", "status", "running")

    def add(self, name, cache, device):
        """A disk whose contents are the file `name`."""
        path = f"{self.folder}/{name}"
        if device == "nvdimm":
            self.machine.ask("object-add", **{"qom-type": "memory-backend-file", "id": name, "share": True, "mem-path": path,
                                              "size": DISK_MIB << 20})
            self.machine.ask("device_add", driver=device, id=f"added-{name}", memdev=name)
            return
        socket_path = f"{path}.nbd"
        if os.path.exists(socket_path):
            os.remove(socket_path)
        self.nbdkits.append(subprocess.Popen(
            ["nbdkit", "--foreground", "--exit-with-parent", "--unix", socket_path, "--filter=cache", "file", path,
             f"cache={cache}"], stdin=subprocess.DEVNULL, process_group=self.machine.process.pid))
        deadline = time.time() + PATIENCE_S
        while not os.path.exists(socket_path):
            if self.nbdkits[-1].poll() is not None or time.time() > deadline:
                raise Lost("nbdkit did not start")
            time.sleep(0.01)
        time.sleep(0.05)  # it makes the socket, then listens
        self.machine.ask("blockdev-add", **{"driver": "nbd", "node-name": name,
                                            "server": {"type": "unix", "path": socket_path}})
        self.machine.ask("device_add", driver=device, id=f"added-{name}", serial=name, drive=name)

    def cut(self):
        os.killpg(self.machine.process.pid, signal.SIGKILL)
        for process in (self.machine.process, *self.nbdkits):
            process.wait()


WORDS, WORD = 64, 1 << 64  # of a record (durable.c)


def record(number):
    """Its bytes: pmem_word() of scenarios/subject/pmem_log.h."""
    first = (number + 1) * 0x9E3779B97F4A7C15 % WORD
    return b"".join((first ^ word).to_bytes(8, "little") for word in range(WORDS))


def left_on(path, offset, count):
    """What a disk has after its journal was replayed, as at the next start ("records", "no file", "no file system"), and
    the numbers of the records below `count` that are there.  By e2fsprogs: a start of the guest takes twenty times as
    long, and comes to the same (docs/persistence.md)."""
    image = f"{path}.image"
    with open(path, "rb") as disk, open(image, "wb") as file:
        disk.seek(offset)
        shutil.copyfileobj(disk, file)
    if subprocess.run(["e2fsck", "-fy", image], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode > 3:
        return "no file system", set()
    if os.path.exists(f"{path}.records"):
        os.remove(f"{path}.records")
    subprocess.run(["debugfs", "-R", f"dump /records {path}.records", image], stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=True)
    if not os.path.exists(f"{path}.records"):
        return "no file", set()
    with open(f"{path}.records", "rb") as file:
        return "records", {number for number in range(count) if file.read(8 * WORDS) == record(number)}


def named(kinds):
    """(kind, the name of its disk, cache, device, options) of each kind, a disk and a way."""
    for number, kind in enumerate(kinds):
        cache, device, options = DISKS[kind[0]]
        yield kind, "pmem0" if device == "nvdimm" else f"d{number}", cache, device, options


def words_of(lines, name):
    """What the lines of a disk say."""
    return [line[len(name) + 1:] for line in lines if line.startswith(f"{name} ")]


def cut_once(folder, kinds, after_s):
    """Writes records to a new disk of each of the kinds, (disk, way), until the cut.  For each kind: how many calls had
    returned, what is left, and the numbers of the records that are there."""
    disks = list(named(kinds))
    for _, name, _, device, _ in disks:
        shutil.copy(f"{folder}/empty{'_pmem' if device == 'nvdimm' else ''}", f"{folder}/{name}")
    life = Life(folder)
    talk = life.machine.talk
    try:
        for (_, way), name, cache, device, options in disks:
            life.add(name, cache, device)
            talk.send(f"put {name} {options} {way} &")
        told = talk.until(*(f"{name} ready" for _, name, *_ in disks))
        talk.send(">/go")
        told.append(next(talk.lines(PATIENCE_S), ""))
        told += talk.lines(after_s)
    finally:
        life.cut()
    told += talk.lines(1)  # what it had sent before the cut
    for kind, name, _, device, _ in disks:
        says = [word for word in words_of(told, name) if word != "ready"]
        if any(not word.isdecimal() for word in says):
            raise Lost(f"the writer says {says}")
        offset = PMEM_BEGIN_MIB << 20 if device == "nvdimm" else 0
        yield kind, len(says), *left_on(f"{folder}/{name}", offset, len(says) + 2)


def moment(number):
    """When cut `number` comes, seconds after the first record: before the kernel writes by itself what has been dirty for
    30 s."""
    return random.Random(number).uniform(0.02, 1.2)
