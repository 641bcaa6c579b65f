"""Helpers of the tests of watching, storing and running."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from pydantic import ValidationError

from picklewatch.access.ownership import Tree
from picklewatch.config.schema import Config
from picklewatch.core.candidate import Candidate, Source, UnavailableError
from picklewatch.core.errors import ConfigError
from picklewatch.core.model import EngineVersion, FileId, Finding, Judgement, Level, Record, ScanReport, Verdict
from picklewatch.quarantine.vault import Vault
from picklewatch.sandbox import ScanCancelledError
from picklewatch.service.daemon import Daemon, open_daemon
from picklewatch.service.dependencies import Dependencies
from picklewatch.telemetry.health import Health
from picklewatch.telemetry.sd_notify import Notifier
from picklewatch.watch.roots import Root
from picklewatch.watch.settle import DEFAULT_DELAYS
from picklewatch.watch.timing import Timing
from picklewatch.watch.watch_threads import WatchThreads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from picklewatch.store import Store
    from picklewatch.watch.settle import Delays

PATIENCE = 400.0
"""Seconds after which a wait is given up. No test is judged by it: that a machine is busy is no fault."""
ENGINE = EngineVersion(picklewatch="0.0", fickling="0.1.12", rules="0123456789ab")


def make_record(
    path: str, file: FileId | None, verdict: Verdict = Verdict.CLEAN, sha256: str | None = "ab" * 32
) -> Record:
    """An outcome as a scan would give it."""
    findings: tuple[Finding, ...] = ()
    if verdict.rank > Verdict.CLEAN.rank:
        level = Level(verdict.value)
        findings = (Finding(rule="unsafe-import", level=level, where="0x0", summary="imports os.system"),)
    report = ScanReport(format="pickle", complete=True, code_bearing=True, findings=findings, sha256=sha256)
    judgement = Judgement(verdict=verdict, reasons=tuple(finding.rule for finding in findings))
    size = 0 if file is None else file.size
    return Record(path=path, name=None, report=report, judgement=judgement, size=size, engine=ENGINE, file=file)


def named(path: Path) -> Tree:
    """The directory *path* as one that the configuration names."""
    status = path.stat()
    return Tree(str(path), (status.st_dev, status.st_ino))


def make_candidate(path: Path, source: Source = Source.EVENT) -> Candidate:
    """The candidate that *path* is now."""
    return Candidate(str(path), FileId.of(os.lstat(path)), source)


def eventually(check: Callable[[], bool]) -> bool:
    """Return True when *check* comes true, False if it never does."""
    end = time.monotonic() + PATIENCE
    while (now := time.monotonic()) < end:
        if check():
            return True
        time.sleep(max(0.02, 3 * (time.monotonic() - now)))  # asking leaves most of the processor to what is asked for
    return check()


class Watching:
    """The whole watching side on real directories, with a list in place of the store."""

    def __init__(
        self,
        state: Path,
        *roots: Path,
        excluded: Callable[[str], bool] = lambda _path: False,
        timing: Timing | None = None,
        delays: Delays = DEFAULT_DELAYS,
        own: str = "",
    ) -> None:
        self.health = Health()
        self.offered: list[Candidate] = []
        self._known: set[FileId] = set()
        self.unavailable = False

        def leave_out(path: str) -> bool:
            return path.endswith("/canary/.alive") or excluded(path)

        self.threads = WatchThreads(
            self._offer,
            self.health,
            canary=state / "canary",
            delays=delays,
            timing=timing or Timing(poll=0.3),
            point=own,
            is_excluded=leave_out,
            is_diverted=lambda _path: False,
            names_of=self._names_of,
        )
        self.inbox, self.loop = self.threads.inbox, self.threads.loop
        self.walker, self.watcher = self.threads.walker, self.threads.watcher
        self.watcher.set_roots([Root(str(root)) for root in roots])

    def __enter__(self) -> Self:
        self.threads.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.threads.stop()

    def _offer(self, candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
        if self.unavailable:
            raise UnavailableError
        fresh = tuple(candidate for candidate in candidates if candidate.file not in self._known)
        self._known.update(candidate.file for candidate in fresh)
        self.offered += fresh
        return fresh

    def _names_of(self, device: int, number: int) -> list[str]:
        return [known.path for known in self.offered if (known.file.device, known.file.inode) == (device, number)]

    def paths(self) -> list[str]:
        """The paths offered so far, each state once."""
        return [candidate.path for candidate in self.offered]

    def last(self, path: Path) -> Candidate:
        """The last offer of *path*."""
        return next(candidate for candidate in reversed(self.offered) if candidate.path == str(path))

    def wait_ready(self) -> bool:
        """Return True if watching becomes ready in time."""
        return eventually(self.watcher.is_ready)

    def wait_for(self, *paths: Path) -> bool:
        """Return True if all *paths* are offered in time."""
        wanted = {str(path) for path in paths}
        return eventually(lambda: wanted <= set(self.paths()))


class LocalWatch:
    """Watching where every file is local; remembers nothing."""

    def unseen(self, path: str) -> None:
        """Take a path that can't be looked at."""

    def unread(self, path: str, file: FileId | None) -> None:
        """Take a file that may not be read."""

    def is_remote(self, path: str) -> bool:
        """Return False."""
        return False


class FakeScanner:
    """Judges by the first word of a content, as the real one would by its pickles: ``evil``, ``odd``, else harmless.

    ``slow`` takes a while, ``stuck`` longer than a test, ``bug`` raises what no scanner should. ``bomb`` takes until
    *defused* is set.
    """

    def __init__(self, defused: threading.Event | None = None) -> None:
        self._defused = defused or threading.Event()
        self.scans = 0
        self.batches: list[int] = []
        """How many contents each batch had."""
        self.closed = threading.Event()

    def scan(
        self, fd: int, tick: Callable[[], None] = lambda: None, harm: Callable[[ScanReport], None] = lambda _seen: None
    ) -> ScanReport:
        """Judge the content behind *fd*; the harm in ``evil bomb`` is known before that ends.

        It is an import, but for a ``shape``.
        """
        content = os.pread(fd, 1 << 20, 0)
        self.scans += 1
        if content.startswith(b"evil bomb"):
            name = "" if b"shape" in content else "os.system"
            seen = Finding(rule="unsafe-import", level=Level.MALICIOUS, where="0x0", summary="odd", subject=name)
            harm(ScanReport(complete=False, code_bearing=True, findings=(seen,)))
        seconds = {b"slow": 1.5, b"stuck": PATIENCE}.get(content.split(b" ")[0])
        if seconds is not None and self.closed.wait(seconds):
            raise ScanCancelledError("closed")
        while content.startswith((b"bomb", b"evil bomb")) and not self._defused.wait(0.005):
            if self.closed.is_set():
                raise ScanCancelledError("closed")
            tick()
        if content.startswith(b"bug"):
            raise ValueError("a bug of ours")
        level = {b"evil": Level.MALICIOUS, b"odd": Level.UNVERIFIED}.get(content.split(b" ")[0])
        findings = () if level is None else (Finding(rule="unsafe-import", level=level, where="0x0", summary="odd"),)
        digest = hashlib.sha256(content).hexdigest()
        return ScanReport(format="pickle", complete=True, code_bearing=True, findings=findings, sha256=digest)

    def scan_batch(self, contents: Sequence[bytes], tick: Callable[[], None] = lambda: None) -> list[ScanReport | None]:
        """Find inert what begins with ``inert``."""
        del tick
        self.batches.append(len(contents))
        inert = ScanReport(format="pickle", complete=True, code_bearing=True)
        return [
            replace(inert, sha256=hashlib.sha256(content).hexdigest()) if content.startswith(b"inert") else None
            for content in contents
        ]

    def close(self) -> None:
        """End a slow scan."""
        self.closed.set()


class Running:
    """A daemon in a thread, with fake scanners and everything else real."""

    def __init__(self, state: Path, *roots: Path, config: Mapping[str, object] | None = None) -> None:
        self.state = state
        self.config: Mapping[str, object] = config or {}
        self.scanners: list[FakeScanner] = []
        self.status: int | None = None
        self.expected = 0
        self.notifier = FakeNotifier()
        self.daemon: Daemon
        self._roots = tuple(map(str, roots))
        self._thread = threading.Thread(target=self._run)

    def _load(self) -> Config:
        try:
            return Config.model_validate(self.config)
        except ValidationError as error:
            raise ConfigError("the configuration has a mistake:", (str(error),)) from error

    def _scanner(self, _config: Config) -> FakeScanner:
        self.scanners.append(FakeScanner())
        return self.scanners[-1]

    def _run(self) -> None:
        dependencies = Dependencies(
            load=self._load,
            scanner=self._scanner,
            vault=Vault,
            engine=ENGINE,
            configure_log=lambda _config: None,
            introduce=lambda _roots: None,
        )
        with open_daemon(self.state, self._roots, self._load(), dependencies, self.notifier) as self.daemon:
            self.status = self.daemon.run()

    def __enter__(self) -> Self:
        self._thread.start()
        assert eventually(lambda: "READY" in self.notifier.said())
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._thread.is_alive():
            self.daemon.end()
        self._thread.join(PATIENCE)
        assert self.status == self.expected

    @property
    def store(self) -> Store:
        """The daemon's own store."""
        return self.daemon.store

    def verdict(self, path: Path) -> str | None:
        """The newest verdict on *path*, or ``allowed``."""
        records = self.store.records.of_path(str(path))
        return str(records[0]["outcome"]) if records else None

    def judges(self, path: Path, verdict: str) -> bool:
        """Return True if *path* gets *verdict* in time."""
        return eventually(lambda: self.verdict(path) == verdict)


class FakeNotifier(Notifier):
    """A service manager that listens."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, str]] = []

    def _send(self, **fields: str) -> bool:
        self.messages.append(fields)
        return True

    def said(self) -> set[str]:
        """Every kind of message that came."""
        return {key for message in self.messages for key in message}
