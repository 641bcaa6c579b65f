"""The cage: own mount, process, network and IPC namespaces, in which every file is read-only.

Everything after `enter` happens inside, the imports of the libraries too. What is loaded lives one step further in: a
child with another user's rights and an audit hook (`loading`).
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import sys
import tempfile
from pathlib import Path

_NEWNS, _NEWUTS, _NEWIPC, _NEWPID, _NEWNET = 0x20000, 0x4000000, 0x8000000, 0x20000000, 0x40000000
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_PRIVATE = 0x2, 0x4, 0x1000, 0x4000, 1 << 18
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_ATTR_RDONLY, _ATTR_NOSUID = 0x1, 0x2
_SYS_MOUNT_SETATTR = 442
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
NOBODY = 65534
"""The user whose rights a load has."""
_LIBC = ctypes.CDLL(None, use_errno=True)


class NoCageError(Exception):
    """The cage cannot be built here: nothing may be loaded."""


def enter() -> None:
    """Go on in a child inside of the cage; this process waits for it and ends as it ends.

    HOME and TMPDIR become a small file system of the cage's own.
    Raise `NoCageError` where the cage cannot be built, before anything else has changed.
    """
    if platform.machine() not in {"x86_64", "aarch64"} or sys.platform != "linux":
        raise NoCageError("it needs Linux on x86-64 or arm64")
    if os.geteuid() != 0:
        raise NoCageError("it needs root, to make namespaces and to load as another user")
    _checked(_LIBC.unshare(_NEWPID | _NEWNET | _NEWUTS | _NEWIPC), "unshare (namespaces)")
    scratch = tempfile.mkdtemp(prefix="oracle.")
    child = os.fork()
    if child:
        _wait(child, scratch)
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _checked(_LIBC.unshare(_NEWNS), "unshare (mounts)")
    _mounts(scratch)
    os.environ.update(HOME=scratch, TMPDIR=scratch, PYTHONDONTWRITEBYTECODE="1")
    os.chdir(scratch)
    for problem in _leaks(scratch):
        raise NoCageError(problem)


def _wait(child: int, scratch: str) -> None:
    """End as *child* ends, which is the first process of its namespace: all others end with it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os.kill(child, signal.SIGKILL))
    _, status = os.waitpid(child, 0)
    Path(scratch).rmdir()
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def _mounts(scratch: str) -> None:
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE)
    _uncover([sys.base_prefix, sys.prefix, *filter(None, map(os.path.abspath, sys.path))])
    _read_only("/")
    _mount("tmpfs", scratch, "tmpfs", _MS_NOSUID | _MS_NODEV, "size=16m,mode=1777")
    _mount("proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV)


def _uncover(paths: list[str]) -> None:
    """Make *paths* readable for everyone, where a directory above is not: the rest of that directory disappears."""
    closed: dict[str, list[str]] = {}
    for path in map(os.path.realpath, paths):
        for above in [*reversed(Path(path).parents), Path(path)]:
            if Path(path).is_dir() and not above.stat().st_mode & 1:
                closed.setdefault(str(above), []).append(path)
                break
    for directory, below in closed.items():
        held = {path: os.open(path, os.O_PATH | os.O_DIRECTORY) for path in below}
        _mount("tmpfs", directory, "tmpfs", _MS_NOSUID | _MS_NODEV, "size=1m,mode=755")
        for path, descriptor in held.items():
            if not Path(path).is_dir():  # else below one that was mounted
                Path(path).mkdir(parents=True)
                _mount(f"/proc/self/fd/{descriptor}", path, None, _MS_BIND)
            os.close(descriptor)


def _read_only(path: str) -> None:
    """Make all mounts from *path* down read-only, in one step."""
    attributes = (ctypes.c_uint64 * 4)(_ATTR_RDONLY | _ATTR_NOSUID, 0, 0, 0)
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    done = _LIBC.syscall(_SYS_MOUNT_SETATTR, _AT_FDCWD, path.encode(), _AT_RECURSIVE, ctypes.byref(attributes), size)
    _checked(done, "mount_setattr (read-only, Linux 5.12)")


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    texts = [None if text is None else text.encode() for text in (source, target, kind)]
    _checked(_LIBC.mount(*texts, ctypes.c_ulong(flags), options.encode() if options else None), f"mount {target}")


def _checked(result: int, what: str) -> None:
    if result != 0:
        raise NoCageError(f"{what}: {os.strerror(ctypes.get_errno())}")


def _leaks(scratch: str) -> list[str]:
    """Return what is wrong with the cage, seen from inside."""
    problems = []
    if os.getpid() != 1:
        problems.append("not the first process of its namespace")
    interfaces = [line.split(":")[0].strip() for line in Path("/proc/net/dev").read_text().splitlines()[2:]]
    if set(interfaces) - {"lo"} and not all(_is_down(name) for name in interfaces):
        problems.append(f"a network: {interfaces}")
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        if "rw" in fields[5].split(",") and fields[4] not in {scratch, "/proc"}:
            problems.append(f"writable: {fields[4]}")
    return problems


def _is_down(interface: str) -> bool:
    return Path(f"/sys/class/net/{interface}/operstate").read_text().strip() in {"down", "unknown"}


def drop_rights() -> None:
    """Become a user who owns nothing, for ever."""
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    if _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise NoCageError("prctl (no new privileges)")
