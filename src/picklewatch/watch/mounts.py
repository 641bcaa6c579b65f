"""The file system that a path lies on: changes made by other machines never reach inotify."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from picklewatch.access.paths import beneath

NETWORK: Final = frozenset(
    {
        *("9p", "afs", "beegfs", "ceph", "cifs", "coda", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4"),
        *("ocfs2", "orangefs", "pvfs2", "smb3", "smbfs", "virtiofs", "vboxsf", "prl_fs", "panfs", "wekafs", "juicefs"),
    }
)
"""File system types that other machines (or the host of a virtual one) write to."""

KERNELS: Final = frozenset(
    {
        *("autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs"),
        *("fusectl", "hugetlbfs", "mqueue", "nsfs", "proc", "pstore", "rpc_pipefs", "securityfs", "sysfs", "tracefs"),
    }
)
"""File system types whose files are the kernel's own."""
_LOCAL_FUSE: Final = frozenset({"fuseblk", "fuse.fuse-overlayfs", "fuse.ntfs-3g", "fuse.encfs", "fuse.gocryptfs"})
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of ``/proc/self/mountinfo``."""

    id: int
    point: str
    kind: str

    @property
    def is_network(self) -> bool:
        """Return True if others than this machine's processes may write to it."""
        return self.kind in NETWORK or (self.kind.startswith("fuse") and self.kind not in _LOCAL_FUSE)


def read_mounts(table: Path = Path("/proc/self/mountinfo")) -> tuple[Mount, ...]:
    """Return the mounts of this process, in the order in which they were made; empty if they can't be read."""
    try:
        return _mounts(table.read_bytes())
    except OSError:
        return ()


@functools.lru_cache(maxsize=1)
def _mounts(table: bytes) -> tuple[Mount, ...]:
    """Parse the table; it is read every second, and seldom another."""
    return tuple(mount for line in table.splitlines() if (mount := _parse(line)) is not None)


def mount_of(path: str, mounts: tuple[Mount, ...]) -> Mount | None:
    """Return the mount that *path* lies on; of several at one point, the last covers the others."""
    found: Mount | None = None
    for mount in mounts:
        if beneath(path, mount.point) and (found is None or len(mount.point) >= len(found.point)):
            found = mount
    return found


def network_points(mounts: tuple[Mount, ...]) -> tuple[str, ...]:
    """Return where file systems of the network are mounted, the innermost first."""
    points = {mount.point: mount.is_network for mount in mounts}  # of several at one point the last covers the others
    return tuple(sorted((point for point, network in points.items() if network), key=len, reverse=True))


def point_of(path: str, points: tuple[str, ...]) -> str:
    """Return which of *points*, the innermost first, *path* lies on; empty for none."""
    return next((point for point in points if beneath(path, point)), "")


def _parse(line: bytes) -> Mount | None:
    """See proc(5): ``36 35 98:0 /root /point options optional… - type source options``."""
    left, separator, right = line.decode("utf-8", "surrogateescape").partition(" - ")
    fields, kind = left.split(" "), right.split(" ", 1)[0]
    if not separator or len(fields) < 5 or not fields[0].isdigit():  # noqa: PLR2004 - the mount point is the fifth
        return None
    point = _ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields[4])
    return Mount(int(fields[0]), point, kind)


class MountTable:
    """The mounts as of the last `refresh`, for threads that watch the network mount *own* and nothing else.

    An empty *own* stands for everything that lies on no file system of the network. One thread refreshes; any may ask.
    """

    def __init__(self, own: str) -> None:
        self._own = own
        self._mounts: tuple[Mount, ...] = ()
        self.points: tuple[str, ...] = ()
        """Where file systems of the network are mounted, the innermost first."""

    @property
    def is_local(self) -> bool:
        """Return True if it is for what lies on no file system of the network."""
        return not self._own

    def refresh(self) -> set[Mount]:
        """Read the mounts again; return those that came or went since the last time."""
        before, mounts = self._mounts, read_mounts()
        if mounts is before:
            return set()
        self._mounts, self.points = mounts, network_points(mounts)
        return set(before) ^ set(mounts) if before else set()

    def is_elsewhere(self, path: str) -> bool:
        """Return True if *path*, and what is below it, is for other threads to watch and to walk."""
        return bool(self.points) and point_of(path, self.points) != self._own

    def mount_of(self, path: str) -> Mount | None:
        """Return the mount that *path* lies on."""
        return mount_of(path, self._mounts)
