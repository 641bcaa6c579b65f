"""The daemon's end of the connection to the guard: tells it every verdict, so that it need not judge again.

A thread of its own, which nothing waits for but the start: until the guard knows this process, it would hold, and may
refuse, the daemon's own opens.
"""

from __future__ import annotations

import contextlib
import queue
import select
import socket
import threading
from itertools import islice
from typing import TYPE_CHECKING, Final

import structlog

from picklewatch import __version__
from picklewatch.core.errors import Error
from picklewatch.ipc import places
from picklewatch.ipc.codec import MessageError, decode, encode
from picklewatch.ipc.guard_messages import (
    CONTENTS,
    FILES,
    LINE,
    TO_DAEMON,
    TO_GUARD,
    KnownVerdict,
    KnownVerdicts,
    LinkHello,
    VouchedContent,
    VouchedContents,
)
from picklewatch.ipc.peers import peer_of
from picklewatch.store.database import STORE_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from picklewatch.core.model import FileId, Policy, Record, Verdict
    from picklewatch.store import Store

_log = structlog.get_logger()

_AGAIN_SECONDS: Final = 1.0
_ANSWER_SECONDS: Final = 5.0
_SEND_SECONDS: Final = 30.0
_WAITING: Final = 10_000
"""Verdicts that wait to be sent, at most; if there are more, everything is said again."""
_SHOWN: Final = 1_000


class GuardLink:
    """Keeps the guard that listens in *directory* informed, whenever there is one."""

    def __init__(self, directory: Path, store: Store, engine: str, policy: Callable[[], Policy]) -> None:
        self._place = places.SocketPlace(directory, is_system=directory == places.GUARD)
        self._store, self._engine, self._policy = store, engine, policy
        self._waiting: queue.Queue[tuple[FileId, Verdict]] = queue.Queue(_WAITING)
        self._is_linked = self._is_behind = False
        self._stopping = threading.Event()
        self._tried = threading.Event()
        self._thread = threading.Thread(target=self._run, name="picklewatch-guard", daemon=True)

    def start(self, patience: float = _ANSWER_SECONDS) -> None:
        """Link from now on; wait until a guard that is there knows this process."""
        self._thread.start()
        self._tried.wait(patience)

    def stop(self) -> None:
        """Link no more."""
        self._stopping.set()

    def tell(self, records: Iterable[Record]) -> None:
        """Have the guard told of *records*, which are in the store; any thread may call it."""
        for record in records if self._is_linked else ():
            if record.file is not None:
                try:
                    self._waiting.put_nowait((record.file, record.judgement.effective))
                except queue.Full:
                    self._is_behind = True

    def _run(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(OSError, Error, MessageError, *STORE_ERRORS), self._connected() as connection:
                self._inform(connection)
            self._is_linked = False
            self._tried.set()
            self._stopping.wait(_AGAIN_SECONDS)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        """Connect to the guard, which has to be the owner of its directory.

        Raises `OSError`, `UntrustedSocketError`, `MessageError`.
        """
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        with connection, places.trusted(self._place) as (directory, owner):
            connection.settimeout(_ANSWER_SECONDS)
            connection.connect(places.address(directory))
            if peer_of(connection).uid not in (0, owner):
                raise MessageError("not the guard")
            connection.sendall(encode(LinkHello(version=__version__, engine=self._engine), TO_GUARD))
            decode(_line(connection), TO_DAEMON)
            connection.settimeout(_SEND_SECONDS)
            _log.info("guard.linked", path=str(self._place.directory))
            yield connection

    def _inform(self, connection: socket.socket) -> None:
        """Say everything that is known, then what comes; return when it has to be said again.

        Raises `OSError`, store errors.
        """
        policy = self._policy()
        self._forget_waiting()
        for contents in _batches(_allowed(policy), CONTENTS):
            connection.sendall(encode(VouchedContents(contents=contents), TO_GUARD))
        self._tried.set()
        for files in self._store.records.verdicts(self._engine, FILES):
            _send(connection, files)
        while not self._stopping.is_set() and not self._is_behind and _is_same(self._policy(), policy):
            if _has_closed(connection):
                return
            if files := self._next():
                _send(connection, files)

    def _forget_waiting(self) -> None:
        """Begin to wait for new verdicts: older ones are in the store, some of them with another outcome by now."""
        self._is_behind = False
        with contextlib.suppress(queue.Empty):
            while True:
                self._waiting.get_nowait()
        self._is_linked = True

    def _next(self) -> list[tuple[FileId, Verdict]]:
        """Wait a moment for new verdicts."""
        found: list[tuple[FileId, Verdict]] = []
        with contextlib.suppress(queue.Empty):
            found.append(self._waiting.get(timeout=_AGAIN_SECONDS))
            while len(found) < FILES:
                found.append(self._waiting.get_nowait())
        return found


def _send(connection: socket.socket, files: Sequence[tuple[FileId, Verdict]]) -> None:
    known = tuple(
        KnownVerdict(
            device=file.device,
            inode=file.inode,
            size=file.size,
            mtime_ns=file.mtime_ns,
            ctime_ns=file.ctime_ns,
            verdict=verdict,
        )
        for file, verdict in files
    )
    connection.sendall(encode(KnownVerdicts(files=known), TO_GUARD))


def _allowed(policy: Policy) -> Iterator[VouchedContent]:
    for digest, reason in policy.allowed_digests.items():
        yield VouchedContent(sha256=digest, reason=reason[:_SHOWN], size=policy.allowed_sizes.get(digest))


def _batches(contents: Iterable[VouchedContent], size: int) -> Iterator[tuple[VouchedContent, ...]]:
    waiting = iter(contents)
    while batch := tuple(islice(waiting, size)):
        yield batch


def _is_same(policy: Policy, former: Policy) -> bool:
    return policy is former or policy == former


def _has_closed(connection: socket.socket) -> bool:
    """Return True if the guard has gone; after its answer it says nothing."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _line(connection: socket.socket) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n"):
        piece = connection.recv(LINE)
        if not piece or len(received) > LINE:
            raise MessageError("no answer")
        received += piece
    return bytes(received)
