"""The system calls that a scan needs, as a filter program for the kernel.

The list is that of CPython 3.11 to 3.14 once everything is imported and the file is mapped. Any other call kills the
process: a parser has no reason to make it, an exploit has.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import errno
import mmap
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

ALLOWED = (
    # memory; mmap and mprotect only without PROT_EXEC, see below
    *("munmap", "mremap", "madvise", "brk"),
    # the result pipe; no other descriptor is open
    *("write", "read", "close", "lseek"),
    # time and randomness
    *("clock_gettime", "gettimeofday", "clock_nanosleep", "nanosleep", "getrandom", "getrusage"),
    # the C library's and the interpreter's housekeeping
    *("futex", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall", "sched_yield"),
    *("rseq", "set_robust_list", "getpid", "gettid", "exit", "exit_group"),
    # timers of its own
    *("setitimer", "getitimer", "alarm"),
)
NOT_EXECUTABLE = ("mmap", "mprotect")
"""Allowed where the protection argument has no PROT_EXEC."""
REFUSED = (
    # asked for by late imports, temporary files, locale lookups: a polite refusal instead of death
    *("open", "openat", "openat2", "stat", "lstat", "fstat", "newfstatat", "statx", "access", "faccessat"),
    *("faccessat2", "readlink", "readlinkat", "getcwd", "statfs", "fstatfs", "getdents64", "ioctl", "fcntl", "dup"),
    *("getuid", "geteuid", "getgid", "getegid", "getppid", "uname", "sysinfo", "sched_getaffinity", "times"),
    *("getrlimit", "prlimit64"),
    # abort() sends itself a signal; it then dies by an illegal instruction
    *("tgkill", "tkill"),
)
"""Answered with EACCES."""

_PROTECTION_ARGUMENT = 2


def filter_program() -> bytes:
    """Build the filter as BPF code for this machine.

    Raises `OSError` or `RuntimeError` where libseccomp is not installed or can't build it.
    """
    seccomp = _library()
    rules = seccomp.SyscallFilter(seccomp.KILL_PROCESS)
    rules.set_attr(seccomp.Attr.ACT_BADARCH, seccomp.KILL_PROCESS)
    for name in ALLOWED:
        _add(seccomp, rules, seccomp.ALLOW, name)
    for name in REFUSED:
        _add(seccomp, rules, seccomp.ERRNO(errno.EACCES), name)
    not_executable = seccomp.Arg(_PROTECTION_ARGUMENT, seccomp.MASKED_EQ, mmap.PROT_EXEC, 0)
    for name in NOT_EXECUTABLE:
        _add(seccomp, rules, seccomp.ALLOW, name, not_executable)
    with contextlib.suppress(OSError):  # a binary search instead of a list, from libseccomp 2.5
        rules.set_attr(seccomp.Attr.CTL_OPTIMIZE, 2)
    return _exported(rules)


def _add(seccomp: ModuleType, rules: Any, action: int, name: str, *arguments: Any) -> None:
    """Add a rule unless this architecture has no system call *name*."""
    number = seccomp.resolve_syscall(seccomp.Arch.NATIVE, name)
    if number >= 0:
        rules.add_rule(action, number, *arguments)


def _exported(rules: Any) -> bytes:
    descriptor = os.memfd_create("filter", os.MFD_CLOEXEC)
    with os.fdopen(descriptor, "w+b") as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def _library() -> ModuleType:
    with _found_without_programs():
        import pyseccomp

        module: ModuleType = pyseccomp
        return module


@contextlib.contextmanager
def _found_without_programs() -> Iterator[None]:
    """Let pyseccomp find its library without starting ldconfig and a compiler, which a hardened unit forbids."""
    original = ctypes.util.find_library

    def find(name: str) -> str | None:
        for candidate in {"seccomp": ["libseccomp.so.2"], "c": ["libc.so.6"]}.get(name, []):
            with contextlib.suppress(OSError):
                ctypes.CDLL(candidate)
                return candidate
        return original(name)

    ctypes.util.find_library = find
    try:
        yield
    finally:
        ctypes.util.find_library = original
