"""The parent's half: passes a descriptor on, and believes nothing that comes back."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from picklewatch.access import digest
from picklewatch.core.errors import Error, SandboxError
from picklewatch.core.model import DEFAULT_LIMITS, Finding, Level
from picklewatch.sandbox import wire
from picklewatch.sandbox.batches import scan_contents
from picklewatch.sandbox.child_run import END_SECONDS, run_child
from picklewatch.sandbox.direct import UNDECIDED, DirectProcess
from picklewatch.sandbox.endings import Ending
from picklewatch.sandbox.process import WarmProcess
from picklewatch.sandbox.starting import DiedError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from types import TracebackType

    from picklewatch.core.model import Limits, ScanReport
    from picklewatch.sandbox.protections import Protections

SCAN = "picklewatch.analysis.content:scan_content"
"""The function that the child runs on a file's content."""
VIEWS = {kind: f"picklewatch.analysis.views.views:{kind}" for kind in ("trace", "disassemble", "decompile", "explain")}

_OWN_SHARE = 0.9
"""The part of the wall-clock limit after which the scan should stop by itself, with all that it has seen."""
_DIGEST_SECONDS = 1.0
"""Seconds for the digest of a content whose scan took the whole limit: enough for all but large ones."""


class ScanCancelledError(Error):
    """The scanner was closed while it worked: nothing is known about the file."""


class ViewKind(StrEnum):
    """The views of a file for people."""

    TRACE = "trace"
    DISASSEMBLE = "disassemble"
    DECOMPILE = "decompile"
    EXPLAIN = "explain"


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewRequest:
    """One request to see the inside of a file."""

    kind: ViewKind
    member: str | None = None
    """Only the pickles of this archive member."""
    limit: int = 10_000
    """Lines to show, at most."""
    places: tuple[str, ...] = ()
    """For `ViewKind.EXPLAIN`: the places (``member:0xoffset``) to show."""
    names: tuple[str, ...] = ()
    """For `ViewKind.EXPLAIN`: the imports (``module.name``) whose use to show."""


class Scanner:
    """Scanner of one file after the other, each in a locked-down child of a warm process.

    Starting the warm process takes about as long as importing the engine; the constructor does not wait for it.
    Use one scanner per thread; `close` may be called from any. *job* (``module:function``) is the child's function, for
    tests; *others* are more kinds of jobs with their functions, such as `VIEWS` for `view`. *engine* is the only
    version of the engine that will do, for processes that live so long that an upgrade may come meanwhile. *direct* is
    a process for the first scan, if one is ready for it (`direct.start`): a warm process is then started only if there
    is a second.
    """

    def __init__(  # noqa: PLR0913 - each has a default
        self,
        limits: Limits = DEFAULT_LIMITS,
        *,
        require_sandbox: bool = False,
        others: Mapping[str, str] | None = None,
        job: str = SCAN,
        engine: str | None = None,
        direct: DirectProcess | None = None,
    ) -> None:
        self._engine = engine
        self._limits = limits
        self._childs_limits = replace(limits, seconds=limits.seconds * _OWN_SHARE)
        self._require = require_sandbox
        self._jobs = {"scan": job, **(others or {})}
        self._lock = threading.Lock()
        self._closed = False
        self._process: WarmProcess | DirectProcess | None = direct or WarmProcess(self._jobs, self._engine)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def limits(self) -> Limits:
        """The bounds of each scan."""
        return self._limits

    @property
    def pid(self) -> int | None:
        """The warm process's id, None when there is none at the moment."""
        return None if self._process is None else self._process.pid

    @property
    def protections(self) -> Protections:
        """The protections, as tried; waits for the sandbox to be ready.

        Raises `SandboxError` where it can't be set up, or is weaker than ``require_sandbox`` asks.
        """
        return self._ready().protections()

    def scan(
        self, fd: int, tick: Callable[[], None] = lambda: None, harm: Callable[[ScanReport], None] = lambda _seen: None
    ) -> ScanReport:
        """Scan the whole content behind *fd*, a regular file (or memfd) open for reading; its offset does not matter.

        Whatever the content does to the scan becomes a finding of an incomplete report. *tick* is called a few times a
        second meanwhile; an exception of its ends the scan at once. *harm* is called with what was seen so far whenever
        the child reports harm: no report that comes later is milder.

        Raises `SandboxError` if the sandbox can't be started, which is the machine's fault and not the file's, and
        `ScanCancelledError` if `close` was called.
        """
        start, before = time.monotonic(), os.fstat(fd)
        report = self._parsed(fd, start, tick, harm)
        if not digest.is_wanted(report, before.st_size) or not _is_unchanged(fd, before):
            return report  # a file that changed meanwhile gets no digest: it is judged again
        sha256 = self._digest(fd, self._limits.seconds - (time.monotonic() - start), tick)
        return replace(report, sha256=sha256, duration_ms=_since(start))

    def _digest(self, fd: int, seconds: float, tick: Callable[[], None]) -> str | None:
        """Return the content's SHA-256; None if it can't be read to its end in time."""

        def check() -> None:
            if self._closed:
                raise ScanCancelledError("the scanner was closed during the scan")
            tick()

        try:
            return digest.sha256_within(fd, max(seconds, _DIGEST_SECONDS), check)
        except OSError:
            return None

    def _parsed(
        self, fd: int, start: float, tick: Callable[[], None], harm: Callable[[ScanReport], None]
    ) -> ScanReport:
        """Have the content parsed by a child, or by another if the first one's warm process died."""
        builder = wire.ReportBuilder(self._limits)
        with self._lock:
            for _attempt in ("direct", "first", "second") if self._is_direct() else ("first", "second"):
                builder = wire.ReportBuilder(self._limits, builder.seen)
                try:
                    ending = self._scan_once(fd, builder, tick, harm)
                except DiedError:
                    self._discard()
                    continue
                if not self._is_direct() or ending.status not in UNDECIDED:
                    return self._report(builder, ending, _since(start))
                self._discard()
        finding = _crashed("The process that starts the scans died twice with this file.")
        return builder.broken_report(finding, duration_ms=_since(start), peak_kib=0)

    def scan_batch(self, contents: Sequence[bytes], tick: Callable[[], None] = lambda: None) -> list[ScanReport | None]:
        """Scan small *contents*, of one owner and one source, in one child.

        Return the reports of those that are inert; None for each that is to be scanned alone: because it is not, or
        because the child did not answer for it as it should. *tick* is called a few times a second meanwhile; with
        `BatchStoppedError` it ends the batch, and only the first answers are returned.

        Raises `SandboxError` and `ScanCancelledError` as `scan` does.
        """
        with self._lock:
            try:
                return scan_contents(self._ready(), contents, self._limits, tick)
            except DiedError:
                self._discard()
        return [None] * len(contents)

    def view(self, fd: int, request: ViewRequest) -> Generator[dict[str, Any], None, None]:
        """Show the inside of the content behind *fd*, line by line, as flat objects with printable texts.

        The child works only as fast as the lines are consumed, and ends when they no longer are. If it does not reach
        its end, the last line has ``"kind": "broken"`` and the reason in ``"text"``.
        """
        ending = Ending()
        finished = False
        with self._lock, contextlib.closing(self._run(str(request.kind), fd, asdict(request), ending)) as observed:
            try:
                for kind, value in observed:
                    if kind == "end":
                        finished = True
                    else:
                        yield wire.view_line(kind, value)
            except wire.GarbageError as error:
                ending.garbage = str(error)
            except DiedError:
                self._discard()
        finding = ending.finding(self._limits)
        if finding is not None or not finished:
            yield {"kind": "broken", "text": finding.summary if finding else "The view ended early."}

    def close(self) -> None:
        """End the sandbox; a scan at work in another thread ends at once with `ScanCancelledError`."""
        self._closed = True
        process = self._process
        if process is not None:
            process.interrupt()
        locked = self._lock.acquire(timeout=END_SECONDS)  # a view whose lines nobody consumes keeps it
        try:
            if self._process is not None:
                self._process.close()
                self._process = None
        finally:
            if locked:
                self._lock.release()

    def _is_direct(self) -> bool:
        return isinstance(self._process, DirectProcess)

    def _ready(self) -> WarmProcess | DirectProcess:
        if self._closed:
            raise ScanCancelledError("the scanner is closed")
        if self._process is None or self._process.is_closed:
            self._process = WarmProcess(self._jobs, self._engine)
        process = self._process
        try:
            protections = process.protections()
        except SandboxError:
            self._discard()
            raise
        except DiedError:
            if not self._is_direct():
                raise
            self._discard()
            return self._ready()
        if self._require and not protections.contained:
            raise SandboxError(
                f"require_sandbox is set, but {'; '.join(protections.missing)}",
                "Use a kernel with Landlock and seccomp and install libseccomp2, or set `require_sandbox = false`.",
            )
        return process

    def _discard(self) -> None:
        """Close a dead warm process, for the next job to start another; raise `ScanCancelledError` if closed."""
        process, self._process = self._process, None
        if process is not None:
            process.close()
        if self._closed:
            raise ScanCancelledError("the scanner was closed during the scan")

    def _scan_once(
        self, fd: int, builder: wire.ReportBuilder, tick: Callable[[], None], harm: Callable[[ScanReport], None]
    ) -> Ending:
        size = os.fstat(fd).st_size
        ending = Ending(size=size)
        with contextlib.closing(self._run("scan", fd, None, ending, tick)) as observed:
            try:
                for kind, value in observed:
                    builder.take(kind, value)
                    if kind == "seen":
                        harm(builder.harm())
            except wire.GarbageError as error:
                ending.garbage = str(error)
        ending.shrunk = ending.status == -signal.SIGBUS and os.fstat(fd).st_size < size
        return ending

    def _report(self, builder: wire.ReportBuilder, ending: Ending, duration_ms: float) -> ScanReport:
        if not ending.garbage and ending.status == 0 and not builder.done:
            ending.garbage = "it ended without a report"
        finding = ending.finding(self._limits)
        if finding is not None:
            return builder.broken_report(finding, duration_ms=duration_ms, peak_kib=ending.peak_kib)
        return builder.report(duration_ms=duration_ms, peak_kib=ending.peak_kib)

    def _run(
        self,
        kind: str,
        fd: int,
        request: dict[str, Any] | None,
        ending: Ending,
        tick: Callable[[], None] = lambda: None,
    ) -> Generator[tuple[str, object], None, None]:
        """Have a child do one job; yield its results as they come, and fill in *ending*.

        Raises `DiedError`, `SandboxError`, `ScanCancelledError`.
        """
        header = {"job": kind, "limits": wire.encode_limits(self._childs_limits), "request": request}
        yield from run_child(self._ready(), header, fd, self._limits, ending, tick=tick)


def _is_unchanged(fd: int, before: os.stat_result) -> bool:
    """Return True if the content looks the same; a move, which may be our own, changes only ctime."""
    now = os.fstat(fd)
    return (now.st_size, now.st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def _crashed(summary: str) -> Finding:
    return Finding(rule="scan-crashed", level=Level.UNSCANNABLE, where="", summary=summary)


def _since(start: float) -> float:
    return (time.monotonic() - start) * 1000
