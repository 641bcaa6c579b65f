"""A watched directory beside a vault, for the tests of the quarantine."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import signal
import stat
import tempfile
import time
import traceback
import warnings
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest
from support import quarantine_steps
from support.directories import SHARED_MEMORY, open_places
from support.watching import PATIENCE, named

from picklewatch.core.model import FileId, Verdict
from picklewatch.core.tombstone import parse_tombstone
from picklewatch.quarantine import fs
from picklewatch.quarantine.vault import Item, State, Suspect, Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONTENT = b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R." * 40
"""Hostile in form, harmless in effect, and never loaded."""
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NOBODY = 65534
_STRAY = re.compile(r"\.picklewatch-[0-9a-f]{12}(\.taken)?[~+]*", re.DOTALL)


@dataclass
class Lab:
    """A watched directory, a vault, and one hostile file."""

    base: Path
    store: Path
    relative: str = os.fsdecode(b"hub/blobs/mod\xff\nel.bin")
    content: bytes = CONTENT
    allowed: list[tuple[str, str]] = field(default_factory=list)

    @property
    def root(self) -> Path:
        """The watched directory."""
        return self.base / "watched"

    @property
    def path(self) -> Path:
        """Where the hostile file is."""
        return self.root / self.relative

    def put(self, content: bytes | None = None, mode: int = 0o640) -> Path:
        """Write the hostile file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(self.content if content is None else content)
        self.path.chmod(mode)
        return self.path

    def give_away(self) -> None:
        """Let the hostile file be an ordinary user's: root's set-id files are never moved."""
        if os.geteuid() == 0:
            os.chown(self.path, NOBODY, NOBODY)

    @contextmanager
    def suspect(self, *, sha256: str | None = SHA256, relative: str | None = None) -> Iterator[Suspect]:
        """Open and describe the hostile file as a scan does."""
        relative = self.relative if relative is None else relative
        fd = os.open(self.root / relative, os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield Suspect(
                trees=(named(self.root),),
                relative=relative,
                fd=fd,
                scanned=FileId.of(os.fstat(fd)),
                verdict=Verdict.MALICIOUS,
                reasons=("dangerous-import",),
                sha256=sha256,
                name="org/model@main: model.bin",
                names=(str(self.root / "hub/snapshots/main/model.bin"),),
            )
        finally:
            os.close(fd)

    def quarantine(self, vault: Vault | None = None, *, tombstone: bool = True, sha256: str | None = SHA256) -> Item:
        """Take the hostile file."""
        with self.suspect(sha256=sha256) as suspect:
            if vault is not None:
                return vault.quarantine(suspect, tombstone=tombstone)
            with Vault(self.store) as own:
                return own.quarantine(suspect, tombstone=tombstone)

    def allow(self, sha256: str, reason: str, size: int) -> None:
        """Vouch for a digest, as the daemon's store does."""
        assert size >= 0
        self.allowed.append((sha256, reason))

    def items(self) -> list[Item]:
        """Everything that the vault knows."""
        with Vault(self.store) as vault:
            return vault.items(history=True)

    def watched_files(self) -> dict[str, bytes]:
        """Every file below the watched directory, without the tombstones."""
        files = {str(path.relative_to(self.root)): path.read_bytes() for path in self.root.rglob("*") if path.is_file()}
        return {name: data for name, data in files.items() if parse_tombstone(data) is None}

    def tombstones(self) -> dict[str, str]:
        """Every tombstone below the watched directory → its item."""
        files = {str(path.relative_to(self.root)): path.read_bytes() for path in self.root.rglob("*") if path.is_file()}
        return {name: item for name, data in files.items() if (item := parse_tombstone(data)) is not None}

    def check_books(self, *, replaced: bool = False) -> None:
        """Assert that every item is at rest, that what it says is so, and that nothing lies about.

        *replaced*: somebody wrote over the tombstone.
        """
        entries = {path.name for path in self.store.iterdir()} - {"lock"}
        items = self.items()
        assert entries == {item.id for item in items}
        for item in items:
            files = {path.name for path in (self.store / item.id).iterdir()}
            if item.state is State.QUARANTINED:
                assert files == {"journal", "data"} | ({"linked"} if item.disarmed else set())
                data = self.store / item.id / "data"
                assert hashlib.sha256(data.read_bytes()).hexdigest() == item.sha256
                assert stat.S_IMODE(data.stat().st_mode) == 0o400
            else:
                assert item.state.history
                assert files == {"journal"}
        strays = [path for path in self.root.rglob("*") if _STRAY.fullmatch(path.name)]
        assert strays == []
        told = {item.relative: item.id for item in items if item.tombstone}
        assert self.tombstones() == ({} if replaced and not self.tombstones() else told)

    @property
    def other(self) -> Path:
        """Another name of the hostile file, outside of the watched directory."""
        return self.base / "other"

    def copies(self) -> int:
        """Return the number of copies of the hostile content."""
        everywhere = [*self.root.rglob("*"), *self.store.rglob("*")]
        return sum(path.read_bytes() == self.content for path in everywhere if path.is_file())


@contextmanager
def lab(*, cross: bool = False, base: Path | None = None) -> Iterator[Lab]:
    """Make a laboratory in memory where that is possible; with *cross*, vault and files on two file systems."""
    fast = str(SHARED_MEMORY) if os.access(SHARED_MEMORY, os.W_OK) else None
    first = Path(base or tempfile.mkdtemp(dir=_elsewhere() if cross else fast))
    second = Path(tempfile.mkdtemp(dir=fast)) if cross else first
    first.chmod(0o755)
    try:
        made = Lab(base=first, store=second / "store")
        made.put()
        yield made
    finally:
        for directory in (first, second):
            shutil.rmtree(directory, ignore_errors=True)


def two_file_systems() -> bool:
    """Return True if there are two file systems to write to."""
    return os.access(SHARED_MEMORY, os.W_OK) and _elsewhere() is not None


def _elsewhere() -> Path | None:
    """Return where all users can write that is no shared memory."""
    shared = SHARED_MEMORY.stat().st_dev
    return next((place for place in open_places() if place.stat().st_dev != shared), None)


root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
needs_two = pytest.mark.skipif(not two_file_systems(), reason="needs two file systems to write to")


def in_child(function: Callable[[], object], *, uid: int | None = None) -> int:
    """Run *function* in a forked child, as user *uid*; return its exit status (1: it raised, and said so)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # fork with threads of the test runner
        pid = os.fork()
    if pid == 0:
        status = 1
        try:
            if uid is not None:
                os.setgroups([])
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)
            function()
            status = 0
        except BaseException:  # noqa: BLE001 - the child must not return into the test runner
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Attacker:
    """A process that does one thing over and over, as user *uid*, until it is stopped; it can be made to wait."""

    def __init__(self, act: Callable[[], None], *, uid: int | None = None, seconds: float = PATIENCE) -> None:
        self._act, self._uid, self._seconds = act, uid, seconds

    def __enter__(self) -> Self:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            self._pid = os.fork()
        if self._pid == 0:
            try:
                if self._uid is not None:
                    os.setgroups([])
                    os.setresgid(self._uid, self._uid, self._uid)
                    os.setresuid(self._uid, self._uid, self._uid)
                end = time.monotonic() + self._seconds
                while time.monotonic() < end:
                    with suppress(OSError):
                        self._act()
            finally:
                os._exit(0)
        return self

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Hold it still."""
        os.kill(self._pid, signal.SIGSTOP)
        os.waitpid(self._pid, os.WUNTRACED)
        try:
            yield
        finally:
            os.kill(self._pid, signal.SIGCONT)

    def __exit__(self, *_: object) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


class Steps:
    """A hook that counts the steps, and does something at one of them."""

    def __init__(self, at: int | None = None, act: Callable[[], None] | None = None, *, forever: bool = False) -> None:
        self.names: list[str] = []
        self._at, self._act, self._forever = at, act, forever

    def __call__(self, step: str) -> None:
        """Note a step."""
        index = len(self.names)
        self.names.append(step)
        if (
            self._at is not None
            and self._act is not None
            and (index == self._at or (self._forever and index > self._at))
        ):
            self._act()


class KilledError(BaseException):
    """Stands for a SIGKILL: nothing catches it, and what runs while it passes may change nothing any more."""


def _killed() -> None:
    raise KilledError


def dies(act: Callable[[], object], at: int, *, really: bool) -> bool:
    """Let *act* be killed at step *at*; return False if it ended before.

    *really*: in a process of its own. That costs twenty times as much as refusing it each step from then on, which
    leaves the same on the disk, because every step that changes something asks first.
    """
    steps = Steps(at, partial(os._exit, 99) if really else _killed, forever=True)

    def run() -> None:
        quarantine_steps.observer, before = steps, quarantine_steps.observer
        try:
            act()
        finally:
            quarantine_steps.observer = before

    if really:
        status = in_child(run)
        assert status in {0, 99}
        return status == 99
    try:
        run()
    except KilledError:
        return True
    assert len(steps.names) <= at
    return False


def file_system(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Make renaming behave as on another kind of file system or mount.

    ``plain``: as it is; ``no-exchange``: can't swap names; ``links-only``: can't even rename without replacing (NFS);
    ``other-mount``: as between two mounts, such as systemd makes of one file system.
    """
    real = fs._renameat2

    def renameat2(from_fd: int, from_name: bytes, to_fd: int, to_name: bytes, flags: int) -> None:
        if kind.startswith("other-mount") and os.fstat(from_fd).st_ino != os.fstat(to_fd).st_ino:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        if kind == "links-only" or (kind.endswith("no-exchange") and flags == fs._RENAME_EXCHANGE):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        real(from_fd, from_name, to_fd, to_name, flags)

    monkeypatch.setattr(fs, "_renameat2", renameat2)
