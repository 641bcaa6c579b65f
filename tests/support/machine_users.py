"""A root daemon on a machine with users: a user database of our own, in a mount namespace that only the daemon sees."""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import TYPE_CHECKING, Any

from support.daemon_process import HOSTILE, Process
from support.vaulting import in_child

from picklewatch.core.tombstone import parse_tombstone
from picklewatch.quarantine.vault import State, Vault
from picklewatch.service import daemon_status
from picklewatch.telemetry.daemon_report import DaemonStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MALLORY = 12345
"""The attacker."""
ADA = 12346
"""Somebody else, who does nothing."""
_INSIDE = 'mount --bind "$0" /etc/passwd && mount -t tmpfs -o mode=755 run /run && exec "$@"'


def can_isolate() -> bool:
    """Return True if this test may make a mount namespace."""
    command = ["unshare", "-m", "--propagation", "private", "sh", "-c", "mount --bind /etc/hostname /etc/hostname"]
    with contextlib.suppress(OSError):
        return os.geteuid() == 0 and subprocess.run(command, check=False, capture_output=True).returncode == 0
    return False


class Machine:
    """Homes of users below *base*, and a daemon of root's that moves what is unsafe in everybody's caches."""

    def __init__(self, base: Path, config: str = "") -> None:
        base.chmod(0o755)
        self.base = base
        self.homes = base / "homes"
        self.homes.mkdir()
        self.mallory, self.ada = self._home("mallory", MALLORY), self._home("ada", ADA)
        self.cache = self.mallory / ".cache"
        self.as_mallory(self.cache.mkdir)
        root = self._home("root", 0)
        lines = [f"root:x:0:0::{root}:/bin/sh", f"mallory:x:{MALLORY}:{MALLORY}::{self.mallory}:/bin/sh"]
        lines += [f"ada:x:{ADA}:{ADA}::{self.ada}:/bin/sh", ""]
        (base / "passwd").write_text("\n".join(lines))
        through = ("unshare", "-m", "--propagation", "private", "sh", "-c", _INSIDE, str(base / "passwd"))
        daemon = base / "daemon"
        daemon.mkdir()
        self.process = Process(daemon, f'[quarantine]\nlevel = "unsafe"\n{config}', (), through=through)
        variables = ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "HF_HOME", "TORCH_HOME")
        assert not any(variable in os.environ for variable in variables)
        self.process.environment = {"HOME": str(root)}

    def _home(self, name: str, uid: int) -> Path:
        home = self.homes / name
        home.mkdir(mode=0o755)
        os.chown(home, uid, uid)
        return home

    def victim(self, name: str = "victim", *, uid: int = 0, mode: int = 0o755) -> Path:
        """A directory outside of all caches with files that look hostile: root's, a set-id one, a private one."""
        directory = self.base / name
        directory.mkdir()
        for file, file_mode in (("model.pkl", 0o644), ("setid.pkl", 0o4755), ("private.pkl", 0o600)):
            (directory / file).write_bytes(HOSTILE + f"{name} {file}".encode())
            os.chown(directory / file, uid, uid)
            (directory / file).chmod(file_mode)
        os.chown(directory, uid, uid)
        directory.chmod(mode)
        return directory

    def as_mallory(self, act: Callable[[], object]) -> None:
        """Do as the attacker does."""
        assert in_child(act, uid=MALLORY) == 0

    def put(self, path: Path, content: bytes = b"bait", *, uid: int = MALLORY, mode: int = 0o644) -> Path:
        """Write a hostile file of *uid*'s; its missing directories are of the same user."""
        missing = [above for above in path.parents if not above.exists()]
        for directory in reversed(missing):
            directory.mkdir()
            os.chown(directory, uid, uid)
        hidden = self.base / f"new-{path.name}"
        hidden.write_bytes(HOSTILE + content)
        os.chown(hidden, uid, uid)
        hidden.chmod(mode)
        hidden.rename(path)
        return path

    # --- what the daemon came to

    def status(self) -> dict[str, Any]:
        """Return what `picklewatch status --json` prints, without a process for each time that somebody asks."""
        try:
            return daemon_status.read(self.process.state).to_json()
        except FileNotFoundError:
            return DaemonStatus().to_json()

    def reasons(self) -> str:
        """Everything that it says is wrong."""
        problems = self.status()["degraded"]
        return "\n".join(f"{problem['subject']}: {problem['reason']}" for problem in problems)

    def moved(self) -> list[str]:
        """The paths of what is in quarantine."""
        store = self.process.state / "quarantine"
        if not store.is_dir():
            return []
        with Vault(store) as vault:
            return [item.path for item in vault.items(history=True) if item.state is State.QUARANTINED]

    def log(self) -> str:
        """The daemon's whole log."""
        return (self.process.home / "log").read_text(errors="replace")


def is_taken(path: Path) -> bool:
    """Return True if a tombstone is at *path*."""
    try:
        return parse_tombstone(path.read_bytes()) is not None
    except OSError:
        return False


def snapshot(directory: Path) -> dict[str, tuple[bytes, int, int, int, int]]:
    """Everything about the files of *directory* that must stay: contents, owners, modes, inodes, times of change."""
    found = {}
    for path in sorted(directory.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found[str(path)] = (content, status.st_uid, status.st_mode, status.st_ino, status.st_ctime_ns)
    return found
