"""The guard's end of the connection to the daemon: what the daemon knows need not be judged again.

A thread of the judge's. The peer's user is the kernel's word; whoever is neither root nor our own user is not heard.
While no daemon is there, the guard judges alone.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from typing import TYPE_CHECKING, Final, Protocol

from picklewatch.core.errors import Error
from picklewatch.ipc import places
from picklewatch.ipc.codec import MessageError, decode, encode
from picklewatch.ipc.guard_messages import LINE, TO_DAEMON, TO_GUARD, KnownVerdicts, LinkReady, VouchedContents
from picklewatch.ipc.peers import peer_of

if TYPE_CHECKING:
    from pathlib import Path

    from picklewatch.ipc.guard_messages import KnownVerdict, VouchedContent

_PIECE: Final = 64 << 10


class LinkedJudge(Protocol):
    """What the link tells the judge."""

    def begin_link(self, pid: int) -> bool:
        """Forget what was told, and let the daemon *pid* open everything; return False if that is not possible now."""
        ...

    def end_link(self) -> None:
        """Treat the former daemon's process as any other."""
        ...

    def learn_allowed(self, contents: tuple[VouchedContent, ...]) -> None:
        """Take contents that the operator allows."""
        ...

    def learn_verdicts(self, files: tuple[KnownVerdict, ...]) -> None:
        """Take verdicts."""
        ...


class DaemonLink:
    """Listens in *directory*, and has *judge* learn what one daemon after the other says."""

    def __init__(self, directory: Path, judge: LinkedJudge) -> None:
        self._place = places.SocketPlace(directory)
        self._judge = judge
        self._connection: socket.socket | None = None
        self._lock = threading.Lock()

    def start(self) -> str:
        """Listen from now on; return why that is not possible, or an empty text."""
        try:
            listener = places.listen(self._place)
        except (OSError, Error) as error:
            return str(error)
        threading.Thread(target=self._serve, args=(listener,), name="guard-link", daemon=True).start()
        return ""

    def restart(self) -> None:
        """Have the daemon say everything again."""
        with self._lock, contextlib.suppress(OSError):
            if self._connection is not None:
                self._connection.shutdown(socket.SHUT_RDWR)

    def _serve(self, listener: socket.socket) -> None:
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        while True:
            poll.poll()
            try:
                connection, _ = listener.accept()
            except OSError:
                continue
            with connection:
                connection.setblocking(True)
                self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        """Hear one daemon until it closes, or says what can't be read."""
        try:
            peer = peer_of(connection)
        except OSError:
            return
        if peer.uid not in (0, os.geteuid()) or not peer.is_known or not self._judge.begin_link(peer.pid):
            return
        with self._lock:
            self._connection = connection
        try:
            with contextlib.suppress(OSError, MessageError):
                self._hear(connection)
        finally:
            with self._lock:
                self._connection = None
            self._judge.end_link()

    def _hear(self, connection: socket.socket) -> None:
        """Take messages.

        Raises `MessageError`, `OSError`.
        """
        received = bytearray()
        while piece := connection.recv(_PIECE):
            received += piece
            *lines, rest = received.split(b"\n")
            if len(rest) > LINE:
                raise MessageError("too long")
            for line in lines:
                self._take(connection, bytes(line))
            received = bytearray(rest)

    def _take(self, connection: socket.socket, line: bytes) -> None:
        message = decode(line, TO_GUARD)
        if isinstance(message, VouchedContents):
            self._judge.learn_allowed(message.contents)
        elif isinstance(message, KnownVerdicts):
            self._judge.learn_verdicts(message.files)
        else:
            connection.sendall(encode(LinkReady(), TO_DAEMON))
