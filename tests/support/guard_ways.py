# ruff: noqa: PTH102, PTH103, PTH104, PTH123, PTH211, SIM115
"""Ways to the bytes of a file: ``guard_ways.py WAY TREE OUTSIDE HOSTILE BENIGN`` prints ``held`` or ``through``.

A script, run in a process of its own; HOSTILE and BENIGN are files with the contents. For the ways that begin before a
guard does it prints ``opened`` first, and goes on when it is sent a line.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import socket
import struct
import subprocess
import sys

MARK = b"posix\nsystem"
WAY, TREE, OUTSIDE = sys.argv[1:4]
HOSTILE, BENIGN = (open(path, "rb").read() for path in sys.argv[4:6])
PATH = f"{TREE}/{WAY}.pkl"
LIBC = ctypes.CDLL(None, use_errno=True)


def put(content: bytes, path: str = PATH, mode: str = "wb") -> None:
    """Write *content*."""
    with open(path, mode) as file:
        file.write(content)


def read(path: str) -> bool:
    """Return True if the hostile bytes are read from *path*."""
    with open(path, "rb", 0) as file:
        return MARK in file.read()


def mapped(fd: int) -> bytes:
    """Return the file behind *fd*, mapped."""
    return mmap.mmap(fd, 0, prot=mmap.PROT_READ)[:]


def output(*command: str) -> bool:
    """Return True if *command* prints the hostile bytes."""
    return MARK in subprocess.run(command, capture_output=True, check=False).stdout


def early(content: bytes = b"") -> int:
    """Open the file before the hostile content comes."""
    put(content)
    fd = os.open(PATH, os.O_RDONLY)
    if content:
        os.pread(fd, 10, 0)
    put(HOSTILE, mode="r+b")
    return fd


def plain() -> bool:
    """Write, open, read."""
    put(HOSTILE)
    return read(PATH)


def renamed() -> bool:
    """Write under another name, rename, open."""
    put(HOSTILE, PATH + ".part")
    os.rename(PATH + ".part", PATH)
    return read(PATH)


def exchanged() -> bool:
    """Change places with a judged file."""
    put(HOSTILE, PATH + ".new")
    put(BENIGN)
    read(PATH)
    LIBC.renameat2(-100, (PATH + ".new").encode(), -100, PATH.encode(), 2)
    return read(PATH)


def mapping() -> bool:
    """Map what was opened."""
    put(HOSTILE)
    return MARK in mapped(os.open(PATH, os.O_RDONLY))


def symbolic_link() -> bool:
    """Open through a symbolic link elsewhere."""
    put(HOSTILE)
    os.symlink(PATH, f"{OUTSIDE}/{WAY}")
    return read(f"{OUTSIDE}/{WAY}")


def hard_link() -> bool:
    """Open another name, outside."""
    put(HOSTILE)
    os.link(PATH, f"{OUTSIDE}/{WAY}")
    return read(f"{OUTSIDE}/{WAY}")


def o_path() -> bool:
    """Open again what was only named."""
    put(HOSTILE)
    return read(f"/proc/self/fd/{os.open(PATH, os.O_PATH)}")


def handle() -> bool:
    """Open by the handle."""
    put(HOSTILE)
    buffer, mount = ctypes.create_string_buffer(struct.pack("=Ii", 128, 0) + bytes(128)), ctypes.c_int()
    LIBC.name_to_handle_at(-100, PATH.encode(), buffer, ctypes.byref(mount), 0)
    fd = LIBC.open_by_handle_at(os.open(TREE, os.O_RDONLY), buffer, os.O_RDONLY)
    return fd >= 0 and MARK in os.read(fd, 9000)


def tmpfile() -> bool:
    """Give a name to a file that had none."""
    fd = os.open(TREE, os.O_TMPFILE | os.O_RDWR)
    os.write(fd, HOSTILE)
    LIBC.linkat(-100, b"/proc/self/fd/%d" % fd, -100, PATH.encode(), 0x400)
    os.close(fd)
    return read(PATH)


def moved_in() -> bool:
    """Move a directory in from which much was opened."""
    os.mkdir(f"{OUTSIDE}/{WAY}")
    put(HOSTILE, f"{OUTSIDE}/{WAY}/model.pkl")
    for _ in range(20):
        read(f"{OUTSIDE}/{WAY}/model.pkl")
    os.rename(f"{OUTSIDE}/{WAY}", f"{TREE}/{WAY}")
    return read(f"{TREE}/{WAY}/model.pkl")


def mount_namespace() -> bool:
    """Bind the tree elsewhere in another namespace."""
    put(HOSTILE)
    script = f"mount --bind {TREE} /mnt && cat /mnt/{WAY}.pkl"
    return output("unshare", "-m", "sh", "-c", script)


def user_namespace() -> bool:
    """Bind the tree over a place that looks like another, as any user may."""
    put(HOSTILE)
    script = f"mount --bind {TREE} /usr/local/share && cat /usr/local/share/{WAY}.pkl"
    user = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    return output(*user, "unshare", "-Ur", "-m", "sh", "-c", script)


def overlay() -> bool:
    """Open through an overlay."""
    put(HOSTILE)
    for name in ("up", "work"):
        os.makedirs(f"{OUTSIDE}/{WAY}/{name}")
    options = f"lowerdir={TREE},upperdir={OUTSIDE}/{WAY}/up,workdir={OUTSIDE}/{WAY}/work"
    return output("unshare", "-m", "sh", "-c", f"mount -t overlay -o {options} o /mnt && cat /mnt/{WAY}.pkl")


def early_read() -> bool:
    """Read what came after the open."""
    return MARK in os.read(early(), 9000)


def sendfile() -> bool:
    """Send it without reading."""
    one, other = socket.socketpair()
    fd = early()
    os.sendfile(one.fileno(), fd, 0, 9000)
    one.close()
    return MARK in other.recv(9000)


def copy_file_range() -> bool:
    """Copy it without reading."""
    fd = early()
    copy = os.open(f"{OUTSIDE}/{WAY}", os.O_RDWR | os.O_CREAT)
    os.copy_file_range(fd, copy, 9000, 0)
    return MARK in os.pread(copy, 9000, 0)


def written_after_judged() -> bool:
    """Read what came after the verdict."""
    return MARK in os.pread(early(BENIGN), 9000, 0)


def own_writer() -> bool:
    """Read back what was written, through one descriptor."""
    fd = os.open(PATH, os.O_RDWR | os.O_CREAT)
    os.write(fd, HOSTILE)
    return MARK in os.pread(fd, 9000, 0)


def written_through_a_mapping() -> bool:
    """Write over a judged file through a mapping, then open."""
    put(BENIGN.ljust(len(HOSTILE), b"\0"))
    read(PATH)
    with open(PATH, "r+b") as file:
        memory = mmap.mmap(file.fileno(), len(HOSTILE))
    memory[:] = HOSTILE
    memory.close()
    return read(PATH)


def early_mapping() -> bool:
    """Map what came after the open."""
    return MARK in mapped(early(bytes(9000)))


def mapping_from_before() -> bool:
    """Look at a mapping that was made before the content came."""
    put(BENIGN.ljust(9000, b"\0"))
    fd = os.open(PATH, os.O_RDONLY)
    memory = mmap.mmap(fd, 0, prot=mmap.PROT_READ)
    put(HOSTILE, mode="r+b")
    return MARK in memory[:]


def opened_before_the_guard() -> bool:
    """Read what came after the open, which nobody was asked about."""
    put(BENIGN)
    fd = os.open(PATH, os.O_RDONLY)
    print("opened", flush=True)
    sys.stdin.readline()
    put(HOSTILE, mode="r+b")
    return MARK in os.pread(fd, 9000, 0)


if __name__ == "__main__":
    try:
        print("through" if globals()[WAY]() else "held")
    except PermissionError:
        print("held")
