"""The laboratory: a real daemon, the files that it is to judge, and the books about them."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from fault import passthrough
from support.daemon_process import BENIGN, HOSTILE, Process, children

from picklewatch.core.errors import StateError
from picklewatch.core.model import FileId
from picklewatch.core.state_layout import DATABASE
from picklewatch.core.tombstone import TOMBSTONE_LENGTH, parse_tombstone
from picklewatch.quarantine.vault import State, Vault
from picklewatch.service import daemon_status
from picklewatch.store.rows import inode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 60.0
"""The target: seconds until everything is well again."""
CONFIG = """
[quarantine]
level = "unsafe"
[scan.limits]
time = "5s"
cpu_time = "5s"
"""
HARMLESS = frozenset({"clean", "skipped"})
HARMFUL = frozenset({"malicious", "unsafe"})
UNJUDGED = frozenset({"unscannable"})


_TWICE = """
SELECT path, size, mtime_ns, sha256, verdict FROM (
    SELECT *, lag(path) OVER former AS old_path, lag(size) OVER former AS old_size,
        lag(mtime_ns) OVER former AS old_time,
        lag(sha256) OVER former AS old_digest, lag(verdict) OVER former AS old_verdict
    FROM records WHERE inode IS NOT NULL AND id > ? WINDOW former AS (PARTITION BY device, inode ORDER BY id)
) WHERE path = old_path AND size = old_size AND mtime_ns = old_time AND sha256 IS old_digest AND verdict = old_verdict
"""
"""A file that is renamed to and fro is told of each time; what was told and is still so is not."""


class SkippedError(Exception):
    """This fault can't be injected here; says why."""


@dataclass(frozen=True, slots=True)
class Account:
    """Return the lab's balance at the end."""

    files: int
    lost: int
    """Contents that are neither in their place nor in the vault."""
    doubled: int
    """Contents in both, or in the vault twice; outcomes of a file recorded twice with nothing else in between."""
    missing: int
    """Files without a verdict on their content, or with one that can't be true."""
    notes: tuple[str, ...] = ()
    """The first few of them."""


@dataclass(frozen=True, slots=True)
class _Entry:
    digest: str
    verdicts: frozenset[str]


class Lab:
    """A daemon on ``root`` below *home*, and what was put there through `put`. Ends and unmounts everything it made."""

    def __init__(self, home: Path, *, config: str = CONFIG, through: tuple[str, ...] = ()) -> None:
        self.process = Process(home, config, through=through)
        self.root, self.state = self.process.root, self.process.state
        self.injected = 0
        self.after_record = 0
        """Records up to this number are not of these books."""
        self.measured: list[str] = []
        """What a fault measured, for the table."""
        self._entries: dict[Path, _Entry] = {}
        self._made = 0
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(AssertionError):
            if self.process.process.poll() is None:
                self.process.process.send_signal(signal.SIGCONT)
                self.process.kill()
        self._cleanup.close()

    # --- files

    def put(self, name: str = "", *, hostile: bool = False, also: frozenset[str] = frozenset()) -> Path:
        """Write a file of its own content; *also* are verdicts that are right too (a broken scan, say)."""
        self._made += 1
        path = self.root / (name or f"{'bad' if hostile else 'good'}-{self._made}.bin")
        path.parent.mkdir(parents=True, exist_ok=True)
        content = (HOSTILE if hostile else BENIGN) + b"%d" % self._made
        path.write_bytes(content)
        self.expect(path, content, (HARMFUL if hostile else HARMLESS) | also)
        return path

    def expect(self, path: Path, content: bytes | None, verdicts: frozenset[str]) -> None:
        """Put into the books that *path* has *content* (None: not looked at) and one of *verdicts*."""
        self._entries[path] = _Entry("" if content is None else hashlib.sha256(content).hexdigest(), verdicts)

    def forget(self, path: Path) -> None:
        """Strike *path* off the books: its user removed it."""
        del self._entries[path]

    def moved(self, old: Path, new: Path) -> None:
        """Note that a user renamed *old*, a directory or file, to *new*."""
        for path in [path for path in self._entries if path.is_relative_to(old)]:
            self._entries[new / path.relative_to(old)] = self._entries.pop(path)

    def burst(self, number: int, where: str = "", also: frozenset[str] = frozenset()) -> None:
        """Put *number* files; every tenth is hostile."""
        for index in range(number):
            self.put(f"{where}f{self._made}.bin", hostile=index % 10 == 9, also=also)

    @property
    def files(self) -> list[Path]:
        """Where the files of the books were put."""
        return list(self._entries)

    # --- the daemon

    def start(self) -> None:
        """Start the daemon and wait until it is ready."""
        self.process.start()

    def restart_after_kill(self) -> None:
        """End it as a crash does, and start it again."""
        self.process.kill()
        self.start()

    @property
    def pid(self) -> int:
        """The daemon's process."""
        return self.process.process.pid

    def warm(self) -> list[int]:
        """The warm processes of the sandbox."""
        return children(self.pid)

    def scanning(self) -> list[int]:
        """The processes in which files are, or will next be, scanned."""
        return [child for warm in self.warm() for child in children(warm)]

    def signal(self, pids: list[int], number: signal.Signals) -> int:
        """Send a signal to processes that may be gone by now; to how many it went."""
        sent = 0
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
                sent += 1
        return sent

    def mount(self, point: Path, options: str = "size=64m") -> None:
        """Mount an empty file system in memory at *point*."""
        point.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", options, "picklewatch-fault", str(point)]
        if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
            raise SkippedError("needs the right to mount")
        self._cleanup.callback(subprocess.run, ["umount", "-l", str(point)], check=False, capture_output=True)

    def mount_network(self, point: Path) -> tuple[Path, subprocess.Popen[str]]:
        """Mount a file system of another machine at *point*: the directory that it shows, and its server."""
        behind = self.process.home / "behind"
        behind.mkdir()
        point.mkdir(exist_ok=True)
        command = [sys.executable, str(Path(passthrough.__file__)), str(behind), str(point)]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert server.stdout is not None
        if server.stdout.readline() != "ready\n":
            server.wait()
            raise SkippedError("needs the right to mount what a process of its own serves (FUSE)")
        self._cleanup.callback(_end_server, server, point)
        return behind, server

    def garble(self) -> None:
        """Overwrite the database and what is not yet merged into it (which alone would mend it)."""
        for side in ("", "-wal"):
            path = self.state / f"{DATABASE}{side}"
            with contextlib.suppress(FileNotFoundError), path.open("r+b") as file:
                file.write(b"garbage" * (path.stat().st_size // 7 + 1))
        self.injected += 1

    def set_aside(self) -> list[Path]:
        """The damaged databases that the daemon kept."""
        return [path for path in self.state.glob(f"{DATABASE}.corrupt-*") if not path.name.endswith(("-wal", "-shm"))]

    def delete_set_aside(self) -> None:
        """Do as the daemon's hint says."""
        for path in self.state.glob(f"{DATABASE}.corrupt-*"):
            path.unlink(missing_ok=True)

    def incidents(self) -> Counter[str]:
        """Return the counts of the running daemon (as `picklewatch status --json` shows it)."""
        return Counter(self._told().get("counts", {}))

    def known_to_store(self) -> int:
        """Return the number of files that wait to be judged or were."""
        try:
            with self._reading() as connection:
                sql = "SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM files)"
                return int(connection.execute(sql).fetchone()[0])
        except sqlite3.Error:
            return 0

    def peak_mib(self) -> int:
        """The most memory that the daemon (without its sandbox) has needed."""
        return int(self._told().get("peak_kib", 0)) // 1024

    def verdict(self, path: Path) -> str | None:
        """The verdict on *path* as it is now; None if there is none."""
        with contextlib.suppress(OSError, sqlite3.Error), self._reading() as connection:
            file = FileId.of(path.stat())
            states = "SELECT size, mtime_ns, ctime_ns, verdict FROM files WHERE device = ? AND inode = ?"
            for *state, verdict in connection.execute(states, inode(file)):
                if tuple(state) == (file.size, file.mtime_ns, file.ctime_ns):
                    return str(verdict)
        return None

    def unjudged(self) -> list[Path]:
        """The files of the books whose scan came to no end."""
        return [path for path in self._entries if self.verdict(path) in UNJUDGED]

    def digests(self) -> list[tuple[str, str | None, str]]:
        """Path, SHA-256 and verdict of every record."""
        with self._reading() as connection:
            rows = connection.execute("SELECT path, sha256, verdict FROM records").fetchall()
        return [(os.fsdecode(path), digest, str(verdict)) for path, digest, verdict in rows]

    def was_judged(self, path: Path) -> bool:
        """Return True if there is a record under *path*, of whatever state."""
        with contextlib.suppress(sqlite3.Error), self._reading() as connection:
            sql = "SELECT 1 FROM records WHERE path = ? LIMIT 1"
            return connection.execute(sql, (os.fsencode(path),)).fetchone() is not None
        return False

    def problems(self) -> set[str]:
        """Return the problems that the daemon reports now."""
        return {problem["what"] for problem in self._told().get("degraded", ())}

    def waiting(self) -> int | None:
        """Return the number of files still to be judged; None if it can't be asked."""
        return self._told().get("queue")

    def _told(self) -> dict[str, Any]:
        try:
            return daemon_status.read(self.state).to_json()
        except (OSError, sqlite3.Error, StateError):
            return {}

    def settled(self) -> bool:
        """Return True if it says that it is healthy, and every file of the books has its truth."""
        told = self._told()
        if not told.get("healthy") or told["queue"] or told["in_hand"]:
            return False
        account = self.account(limit=1)
        return not (account.lost or account.missing)

    def seconds_until(self, check: Callable[[], bool], limit: float = PATIENCE) -> float:
        """Wait for *check*; the seconds that it took, or *limit* if it does not come true."""
        began = time.monotonic()
        while time.monotonic() - began < limit:
            if check():
                return time.monotonic() - began
            time.sleep(0.1)
        return limit

    # --- the books

    def account(self, limit: int = 5) -> Account:
        """Compare the books with the root, the vault and the database."""
        records = self._records()
        vault = self._vault()
        lost: list[str] = []
        doubled: list[str] = []
        missing: list[str] = []
        for path, entry in self._entries.items():
            self._check(path, entry, records, vault, (lost, doubled, missing))
        doubled += [f"{row}: recorded twice" for row in records.twice]
        notes = [
            f"{kind}: {note}" for kind, all_ in zip(_KINDS, (lost, doubled, missing), strict=True) for note in all_
        ]
        return Account(len(self._entries), len(lost), len(doubled), len(missing), tuple(notes[:limit]))

    def _check(
        self, path: Path, entry: _Entry, records: _Records, vault: _Contents, faults: tuple[list[str], ...]
    ) -> None:
        lost, doubled, missing = faults
        held = [verdict for place, verdict in vault.get(entry.digest, ()) if place == path]
        present, file = _look(path, entry.digest)
        if len(held) + present > 1:
            doubled.append(f"{path}: {len(held)} times in the vault" + (" and in its place" if present else ""))
        if not held and not present:
            lost.append(str(path))
        elif held:
            if not set(held) <= entry.verdicts:
                missing.append(f"{path}: in the vault as {held}")
        elif (verdict := records.verdicts.get(file)) not in entry.verdicts:
            missing.append(f"{path}: {verdict}")
        elif verdict in HARMFUL:
            missing.append(f"{path}: {verdict}, and not moved")

    def _records(self) -> _Records:
        with contextlib.suppress(sqlite3.Error), self._reading() as connection:
            verdicts = connection.execute(
                "SELECT device, inode, size, mtime_ns, ctime_ns, verdict FROM files WHERE record > ?",
                (self.after_record,),
            ).fetchall()
            twice = connection.execute(_TWICE, (self.after_record,)).fetchall()
            found: dict[FileId | None, str] = {FileId(*map(int, row[:5])): str(row[5]) for row in verdicts}
            return _Records(found, [str(row) for row in twice])
        return _Records({}, [])

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        # sqlite's own connection: these are the books, not the daemon's reader
        connection = sqlite3.connect(f"file:{self.state / DATABASE}?mode=ro", uri=True, timeout=1)
        try:
            yield connection
        finally:
            connection.close()

    def _vault(self) -> _Contents:
        store = self.state / "quarantine"
        if not store.is_dir():
            return {}
        held: _Contents = {}
        with contextlib.suppress(OSError), Vault(store) as vault:
            for item in vault.items():
                place = self._place(item.root, item.relative)
                data = store / item.id / "data"
                if item.copied and item.state is not State.QUARANTINED:  # its content is still to be copied
                    data = place.with_name(f".picklewatch-{item.id}.taken")
                if item.state is State.QUARANTINED or (item.copied and data.exists()):
                    assert item.sha256 in (None, hashlib.sha256(data.read_bytes() if item.sha256 else b"").hexdigest())
                    held.setdefault(item.sha256 or "", []).append((place, item.verdict.value))
        return held

    def _place(self, root: str, relative: str) -> Path:
        return Path(root) / relative


_KINDS = ("lost", "doubled", "missing")
_Contents = dict[str, list[tuple[Path, str]]]


@dataclass(frozen=True, slots=True)
class _Records:
    verdicts: dict[FileId | None, str]
    twice: list[str]


def _end_server(server: subprocess.Popen[str], point: Path) -> None:
    subprocess.run(["umount", "-l", str(point)], check=False, capture_output=True)
    server.kill()
    server.communicate()


def _look(path: Path, digest: str) -> tuple[bool, FileId | None]:
    """Compare the content of *path* with the books."""
    try:
        with regular(path) as opened:
            file = FileId.of(os.fstat(opened.fileno()))
            content = opened.read() if digest else opened.read(TOMBSTONE_LENGTH + 1)
    except OSError:
        return False, None
    is_right = not digest or hashlib.sha256(content).hexdigest() == digest
    return parse_tombstone(content) is None and is_right, file


@contextlib.contextmanager
def regular(path: Path) -> Iterator[BinaryIO]:
    """Open *path* to read it; `OSError` if it is no regular file: whoever opens a FIFO waits for ever."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as opened:
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        yield opened
