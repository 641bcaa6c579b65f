"""The few kernel interfaces that Python has no function for, through ctypes. Linux only.

Sources: prctl(2), capset(2), landlock(7), seccomp(2); numbers from the kernel's uapi headers, the same on every
architecture that Debian supports.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import signal
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_libc = ctypes.CDLL(None, use_errno=True)
_libc_with_gil = ctypes.PyDLL(None, use_errno=True)

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NAME = 15
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_SECCOMP_MODE_FILTER = 2
_CAPABILITY_VERSION_3 = 0x20080522

_LANDLOCK_CREATE_RULESET = 444
_LANDLOCK_RESTRICT_SELF = 446
_LANDLOCK_CREATE_RULESET_VERSION = 1


class SockFprog(ctypes.Structure):
    """A BPF program, as ``prctl(PR_SET_SECCOMP)`` takes it (linux/filter.h)."""

    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_void_p))


_libc.prctl.argtypes = (ctypes.c_int, *(4 * [ctypes.c_ulong]))


def _prctl(option: int, second: int, third: int = 0) -> None:
    if _libc.prctl(option, second, third, 0, 0) != 0:
        raise _error()


def _error() -> OSError:
    code = ctypes.get_errno()
    return OSError(code, os.strerror(code))


def fork() -> int:
    """Fork without Python's hooks around it, which cost a child a fifth of its time.

    Only for a process with one thread: no other thread can hold a lock at that moment.
    """
    pid = int(_libc_with_gil.fork())
    if pid < 0:
        raise _error()
    return pid


def map_file(descriptor: int, size: int, ranges: Iterable[tuple[int, int]]) -> memoryview:
    """Map *size* bytes read-only: of *descriptor* where the *ranges* of whole pages are, zeros elsewhere.

    Privately, since some FUSE file systems can't share a mapping. It stays until the process ends.
    """
    if not size:
        return memoryview(b"")
    begin = _map(None, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    for start, stop in ranges:
        _map(begin + start, min(stop, size) - start, mmap.MAP_PRIVATE | _MAP_FIXED, descriptor, start)
    view = ctypes.pythonapi.PyMemoryView_FromMemory(begin, size, _PYBUF_READ)
    assert isinstance(view, memoryview)
    return view


def _map(address: int | None, size: int, flags: int, descriptor: int, offset: int) -> int:
    mapped = _libc.mmap(address, size, mmap.PROT_READ, flags, descriptor, offset)
    if mapped == _MAP_FAILED:
        raise _error()
    return int(mapped)


def forget(begin: int, size: int) -> None:
    """Drop the pages of a read-only mapping from this process's memory; they are read again when they are needed."""
    _libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(size), ctypes.c_int(mmap.MADV_DONTNEED))


_MAP_FIXED = 0x10
_MAP_FAILED = ctypes.c_void_p(-1).value
_PYBUF_READ = 0x100
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = (*(ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long),)
ctypes.pythonapi.PyMemoryView_FromMemory.restype = ctypes.py_object
ctypes.pythonapi.PyMemoryView_FromMemory.argtypes = (ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int)


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that forked it ends."""
    _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))


def no_new_privs() -> None:
    """Keep every execve() of this process and its children from gaining privileges; unprivileged filters need it."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def not_dumpable() -> None:
    """Keep other processes of the same user from attaching to this one or reading its memory."""
    _prctl(_PR_SET_DUMPABLE, 0)


def set_name(name: str) -> None:
    """Name this process as ``ps`` and ``top`` show it (15 bytes)."""
    text = ctypes.create_string_buffer(name.encode())
    _prctl(_PR_SET_NAME, ctypes.addressof(text))


def drop_capabilities() -> None:
    """Give up every capability, ambient ones included."""
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    if _libc.capset(ctypes.c_char_p(header), ctypes.c_char_p(bytes(24))) != 0:
        raise _error()


def landlock_abi() -> int:
    """Return the kernel's Landlock version, 0 if it has none or was booted without it.

    Raises `PermissionError` where a system call filter around us forbids to ask: that is a mistake in the
    surrounding unit or container, and silently doing without Landlock would hide it.
    """
    version = _libc.syscall(
        ctypes.c_long(_LANDLOCK_CREATE_RULESET),
        None,
        ctypes.c_size_t(0),
        ctypes.c_uint32(_LANDLOCK_CREATE_RULESET_VERSION),
    )
    if version >= 0:
        return int(version)
    if ctypes.get_errno() in (errno.ENOSYS, errno.EOPNOTSUPP):
        return 0
    raise _error()


def landlock_ruleset(abi: int) -> int:
    """Create a ruleset that handles every right that version *abi* knows and grants none; return its descriptor.

    Nothing can then be opened, executed, made, renamed or removed; from 4 no TCP bind or connect; from 6 no
    abstract sockets of others and no signals to others.
    """
    files = (1 << 13) - 1  # the thirteen rights of version 1
    files |= (1 << 13) * (abi >= 2)  # noqa: PLR2004 - REFER
    files |= (1 << 14) * (abi >= 3)  # noqa: PLR2004 - TRUNCATE
    files |= (1 << 15) * (abi >= 5)  # noqa: PLR2004 - IOCTL_DEV
    attributes = struct.pack("=QQQ", files, 0b11, 0b11)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8  # noqa: PLR2004 - struct landlock_ruleset_attr grew twice
    descriptor = _libc.syscall(
        ctypes.c_long(_LANDLOCK_CREATE_RULESET),
        ctypes.c_char_p(attributes[:size]),
        ctypes.c_size_t(size),
        ctypes.c_uint32(0),
    )
    if descriptor < 0:
        raise _error()
    return int(descriptor)


def landlock_restrict(ruleset: int) -> None:
    """Put this thread under *ruleset*, which can't be undone."""
    if _libc.syscall(ctypes.c_long(_LANDLOCK_RESTRICT_SELF), ctypes.c_int(ruleset), ctypes.c_uint32(0)) != 0:
        raise _error()


def seccomp_filters() -> bool:
    """Return True if the kernel supports system call filters; none is set.

    Raises `PermissionError` where a filter around us forbids to ask, as `landlock_abi` does.
    """
    try:
        _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, 0)
    except PermissionError:
        raise
    except OSError as error:
        return error.errno == errno.EFAULT  # it would have read the filter; EINVAL and ENOSYS: it knows none
    return False


def seccomp_program(bpf: bytes) -> SockFprog:
    """Make the BPF code *bpf* ready for `seccomp_install`; the result keeps the code alive."""
    buffer = ctypes.create_string_buffer(bpf, len(bpf))
    program = SockFprog(len(bpf) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    program.keep_alive = buffer
    return program


def seccomp_install(program: SockFprog) -> None:
    """Put this thread under the filter *program*, which can't be undone."""
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program))
