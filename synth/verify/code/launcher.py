"""Makes a box and runs one Python program in it. A program of its own: `launcher.py SETTINGS CODE`.

In: settings as JSON, and the code of a runner that is ours; what is not ours comes through its standard
input. Out: the exit code of the runner, 128 and more for a signal, `FAULTS` where the box could not be made.

The box of kind `namespaces` has mount, process, network and IPC namespaces of its own: an empty root in
memory with the Python installation read-only, no other process to be seen, no network, not even loopback.
The one of kind `limits` has none of these, and no process beside its own. Imports nothing of ours, as it
runs alone.
"""

import ctypes
import fcntl
import json
import os
import platform
import resource
import select
import signal
import struct
import sys
from contextlib import suppress
from typing import Any, NoReturn

NAMESPACES, MOUNTS, FORKED, NOBODY, UNREADABLE = 90, 91, 92, 93, 94
FAULTS = {
    NAMESPACES: "the kernel refuses user namespaces",
    MOUNTS: "the kernel refuses mounts in a user namespace",
    FORKED: "no process could be started",
    NOBODY: "the rights of root cannot be given up",
    UNREADABLE: "this installation of Python cannot be read without the rights of root",
}
CLONE = 0x00020000 | 0x20000000 | 0x40000000 | 0x08000000 | 0x04000000  # mount, pid, net, ipc, uts
CLONE_USER = 0x10000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
JOIN_SESSION_KEYRING = 1
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE = 442, -100, 0x8000
# Not in every C library: by their numbers, (pivot_root, keyctl).
CALLS = {"x86_64": (155, 250), "aarch64": (41, 219)}
UNPRIVILEGED = 65534
INSIDE = 1000
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")
# What an installation of Python stands on beside its own folder.
SHARED = ("/usr", "/lib", "/lib64", "/nix/store", "/etc/ld.so.cache")

libc = ctypes.CDLL(None, use_errno=True)


def main() -> NoReturn:
    """Make the box, run the program, end as it ended."""
    settings, code = json.loads(sys.argv[1]), sys.argv[2]
    if settings["isolation"] == "limits":
        _give_up_root()
        _ends_with_parent(settings["parent"])
        _run(settings, code)
    _namespaces()
    _ends_with_parent(settings["parent"])
    alive, held = os.pipe()  # `held` closes with this process, however it ends
    child = _fork()
    if child == 0:
        os.close(held)
        _ends_with(alive)
        _first_process(settings, code, alive)
    os.close(alive)
    _let_go(settings)
    os._exit(_wait(child))


def _let_go(settings: dict[str, Any]) -> None:
    """Of a process that only waits: an end of a pipe that it held would keep the pipe open."""
    for descriptor in (0, 1, 2, *settings["ends"]):
        os.close(descriptor)


def _first_process(settings: dict[str, Any], code: str, alive: int) -> NoReturn:
    """The first process of the box: when it ends, the kernel ends all others in it."""
    try:
        _root(settings)
    except OSError as fault:
        print(f"{fault.strerror} ({fault.filename or 'mount'})", file=sys.stderr)
        os._exit(MOUNTS)
    child = _fork()
    if child == 0:
        beside = 2  # processes of ours, which count with it as they have the same user
        if _give_up_root():
            libc.unshare(CLONE_USER)  # else those of other boxes counted too
            beside = 0
        settings["limits"]["RLIMIT_NPROC"] += beside
        _run(settings, code)
    if _give_up_root():
        _ends_with(alive)  # who changes its user is forgotten by the kernel
    _let_go(settings)
    os._exit(_wait(child))


def _run(settings: dict[str, Any], code: str) -> NoReturn:
    """Set the limits, and become the program. As it is not root in the box, it has no rights after that."""
    _place(settings["ends"])
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    for name, most in settings["limits"].items():
        resource.setrlimit(getattr(resource, name), (most, most))
    python = settings["python"]
    try:
        os.execve(python, [python, "-I", "-S", "-B", "-X", "utf8", "-c", code], {})
    except OSError:
        os._exit(UNREADABLE)


def _place(ends: list[int]) -> None:
    """Give the ends of pipes the numbers from 3 on, which the runner knows, and close all others."""
    free = 3 + len(ends)
    # Each has first a number that no other has: they come with any, from a process with many files open.
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD, free) for end in ends]
    for place, end in enumerate(moved, 3):
        os.dup2(end, place)
    os.closerange(free, os.sysconf("SC_OPEN_MAX"))


def _give_up_root() -> bool:
    """Become nobody, where this is root."""
    if os.geteuid() != 0:
        return False
    try:
        os.setgroups([])
        os.setresgid(UNPRIVILEGED, UNPRIVILEGED, UNPRIVILEGED)
        os.setresuid(UNPRIVILEGED, UNPRIVILEGED, UNPRIVILEGED)
    except OSError:
        os._exit(NOBODY)
    return True


def _namespaces() -> None:
    """Namespaces of our own: of root directly, of others as the one user of a user namespace."""
    if os.geteuid() == 0 and libc.unshare(CLONE) == 0:
        with suppress(OSError):  # where /proc/sys is read-only
            _write("/proc/sys/kernel/shmall", "0")  # a segment that is not attached counts in no limit
    else:
        if _give_up_root():
            _prctl(PR_SET_DUMPABLE, 1)  # else its own entries in /proc belong to root
        uid, gid = os.getuid(), os.getgid()
        if libc.unshare(CLONE | CLONE_USER) != 0:
            os._exit(NAMESPACES)
        try:
            _write("/proc/self/setgroups", "deny")
            _write("/proc/self/uid_map", f"{INSIDE} {uid} 1")
            _write("/proc/self/gid_map", f"{INSIDE} {gid} 1")
        except OSError:
            os._exit(NAMESPACES)
        with suppress(OSError):  # where /proc/sys is read-only; a nested one has no more rights than this one
            _write("/proc/sys/user/max_user_namespaces", "0")
    libc.syscall(_calls()[1], JOIN_SESSION_KEYRING, None)  # not the user's keys


def _root(settings: dict[str, Any]) -> None:
    """An empty root in memory, with the installation of Python, three devices and a folder to work in."""
    os.umask(0o022)
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
    root = "/tmp"  # noqa: S108 - covered by a file system of our own, seen by nobody else
    _mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755")
    for path in (*SHARED, *settings["shown"]):
        _show(path, root)
    for path in DEVICES:
        _bind(path, root + path)
    work = f"{root}/work"
    os.mkdir(work)
    _mount(
        "tmpfs", work, "tmpfs", MS_NOSUID | MS_NODEV, f"size={settings['file_mb']}m,nr_inodes=1000,mode=777"
    )
    os.chdir(root)
    if libc.syscall(_calls()[0], b".", b".") != 0:
        raise OSError(ctypes.get_errno(), "the root cannot be changed")
    if libc.umount2(b".", MNT_DETACH) != 0:
        raise OSError(ctypes.get_errno(), "the old root cannot be let go")
    _mount("none", "/", None, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV)
    os.chdir("/work")


def _show(path: str, root: str) -> None:
    """The folder or file, read-only; a link stays a link."""
    if os.path.islink(path) and path in SHARED:
        os.symlink(os.readlink(path), root + path)
    elif os.path.exists(path) and not os.path.exists(root + path):
        _bind(path, root + path)


def _bind(path: str, place: str) -> None:
    os.makedirs(os.path.dirname(place), exist_ok=True)
    if os.path.isdir(path):
        os.mkdir(place)
    else:
        os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o600))
    _mount(path, place, None, MS_BIND | MS_REC)
    _seal(place, read_only=place.endswith(DEVICES[0]) is False)


def _seal(place: str, read_only: bool) -> None:
    """Take from a mount, and from all below it, what could be used to write or to gain rights."""
    attributes = struct.pack("4Q", MS_NOSUID | (MS_RDONLY if read_only else 0), 0, 0, 0)
    place_of = place.encode()
    if libc.syscall(MOUNT_SETATTR, AT_FDCWD, place_of, AT_RECURSIVE, attributes, len(attributes)) == 0:
        return
    # A kernel before 5.12; flags that it has may not be taken from it.
    flags = os.statvfs(place).f_flag & (MS_NODEV | MS_NOEXEC | os.ST_NOATIME | os.ST_NODIRATIME)
    wanted = MS_REMOUNT | MS_BIND | MS_NOSUID | flags | (MS_RDONLY if read_only else 0)
    _mount("none", place, None, wanted)


def _mount(source: str, place: str, kind: str | None, flags: int, data: str | None = None) -> None:
    said = [None if text is None else text.encode() for text in (source, place, kind, data)]
    if libc.mount(said[0], said[1], said[2], ctypes.c_ulong(flags), said[3]) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), place)


def _ends_with_parent(parent: int) -> None:
    """End with the process that asked for the box, however that ends."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(FORKED)


def _ends_with(alive: int) -> None:
    """End with the process outside, also where it was killed before this was asked for."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if select.select([alive], [], [], 0)[0]:
        os._exit(FORKED)


def _fork() -> int:
    try:
        return os.fork()
    except OSError:
        os._exit(FORKED)


def _wait(child: int) -> int:
    _, status = os.waitpid(child, 0)
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _calls() -> tuple[int, int]:
    return CALLS[platform.machine()]


def _prctl(option: int, value: int) -> None:
    libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))


def _write(path: str, said: str) -> None:
    with open(path, "w") as file:
        file.write(said)


if __name__ == "__main__":
    main()
