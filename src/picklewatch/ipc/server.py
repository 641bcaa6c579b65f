"""The daemon's side of the socket: one thread that reads and writes, and one that answers, whatever the clients do."""

from __future__ import annotations

import contextlib
import math
import os
import queue
import selectors
import socket
import threading
import time
from typing import TYPE_CHECKING, Final

from picklewatch.ipc.clients import Clients
from picklewatch.ipc.codec import MessageError, decode, encode
from picklewatch.ipc.messages import ANSWER, ANSWERS, REQUESTS, RefusalCause, RequestRefusal
from picklewatch.ipc.peers import peer_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.ipc.clients import Client
    from picklewatch.ipc.messages import Answer, Request
    from picklewatch.ipc.peers import Peer

    Answering = Callable[[Peer, Request], Answer]

_AT_ONCE: Final = 16
"""Connections taken in a row."""
_REST: Final = 0.05
"""Seconds without new connections after one was refused: a flood of them costs no more than that many a second."""
_PIECE: Final = 4 << 10
_BUFFER: Final = 16 << 10
"""Bytes of the kernel's, for what a client has not read yet."""
_BUSY: Final = RequestRefusal(
    why=RefusalCause.BUSY, message="it has too much to answer, or a disk is slow", hint="Try again."
)
_TOO_LONG: Final = RequestRefusal(why=RefusalCause.FAILED, message="the answer would be too long", hint="Ask for less.")


class SocketServer:
    """Answers what is asked on *listener* with *answer*, which is called in a thread of its own, one at a time."""

    def __init__(self, listener: socket.socket, answer: Answering) -> None:
        self._listener, self._answer = listener, answer
        self._clients = Clients()
        self._selector = selectors.DefaultSelector()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._asked: queue.SimpleQueue[Client | None] = queue.SimpleQueue()
        self._answered: queue.SimpleQueue[tuple[Client, bytes, float]] = queue.SimpleQueue()
        self._is_answering = False
        self._is_resting_until = 0.0
        self._stopping = threading.Event()
        self._threads = (
            threading.Thread(target=self._serve, name="picklewatch-socket", daemon=True),
            threading.Thread(target=self._answer_all, name="picklewatch-answers", daemon=True),
        )

    def start(self) -> None:
        """Serve from now on.

        Raises `RuntimeError` if the machine has no more threads.
        """
        for thread in self._threads:
            thread.start()

    @property
    def is_alive(self) -> bool:
        """True while both threads run."""
        return all(thread.is_alive() for thread in self._threads)

    def stop(self, seconds: float) -> None:
        """Close everything; an answer that is being made is waited for up to *seconds*."""
        self._stopping.set()
        os.eventfd_write(self._wake, 1)
        self._asked.put(None)
        end = time.monotonic() + seconds
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, end - time.monotonic()))
        self._listener.close()

    # --- the thread that answers

    def _answer_all(self) -> None:
        while (client := self._asked.get()) is not None:
            assert client.request is not None
            began = time.monotonic()
            line = self._line(client.peer, client.request)
            self._answered.put((client, line, time.monotonic() - began))
            os.eventfd_write(self._wake, 1)

    def _line(self, peer: Peer, request: Request) -> bytes:
        line = encode(self._answer(peer, request), ANSWERS)
        return line if len(line) <= ANSWER else encode(_TOO_LONG, ANSWERS)

    # --- the thread that reads and writes

    def _serve(self) -> None:
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._selector.register(self._listener, selectors.EVENT_READ)
        while not self._stopping.is_set():
            for key, _ in self._selector.select(self._patience(time.monotonic())):
                self._handle(key.fileobj, key.data, time.monotonic())
            now = time.monotonic()
            self._take_answers(now)
            self._give_turn(now)
            self._end_overdue(now)
            self._listen_again(now)
        for client in self._clients:
            client.connection.close()
        self._selector.close()

    def _patience(self, now: float) -> float | None:
        """Return how long nothing need be done; None until something happens."""
        times = [self._clients.wake_at()]
        if self._is_resting_until:
            times.append(self._is_resting_until)
        if not self._is_answering and (resumes := self._clients.resumes_at()) is not None:
            times.append(resumes)
        return None if (soonest := min(times)) == math.inf else max(0.0, soonest - now)

    def _handle(self, what: object, client: Client | None, now: float) -> None:
        if client is not None:
            self._read_or_write(client, now)
        elif what is self._listener:
            self._accept(now)
        else:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._wake)

    def _accept(self, now: float) -> None:
        refused = 0
        for _ in range(_AT_ONCE):
            try:
                connection, _address = self._listener.accept()
            except BlockingIOError:
                break
            except OSError:  # no descriptor is left, or the client has gone
                refused += 1
                break
            if not self._admit(connection, now):
                connection.close()
                refused += 1
        if refused:
            self._selector.unregister(self._listener)
            self._is_resting_until = now + _REST

    def _admit(self, connection: socket.socket, now: float) -> bool:
        try:
            peer = peer_of(connection)
            connection.setblocking(False)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        except OSError:
            return False
        if (silent := self._clients.replaceable()) is not None:
            self._drop(silent)
        client = self._clients.admit(connection, peer, now)
        if client is None:
            return False
        self._selector.register(connection, selectors.EVENT_READ, client)
        return True

    def _listen_again(self, now: float) -> None:
        if self._is_resting_until and now >= self._is_resting_until:
            self._selector.register(self._listener, selectors.EVENT_READ)
            self._is_resting_until = 0.0

    def _read_or_write(self, client: Client, now: float) -> None:
        try:
            if client.reply:
                self._write(client)
            else:
                self._read(client, now)
        except BlockingIOError:
            return
        except OSError:
            self._drop(client)

    def _read(self, client: Client, now: float) -> None:
        piece = client.connection.recv(_PIECE)
        if not piece or not client.is_asking:  # it has closed; nothing follows a request
            self._drop(client)
            return
        client.received += piece
        if client.has_too_much:
            self._refuse(client, RequestRefusal(why=RefusalCause.UNREADABLE, message="the request is too long"), now)
        elif piece.endswith(b"\n"):
            self._take_request(client, now)

    def _take_request(self, client: Client, now: float) -> None:
        try:
            client.ask(decode(bytes(client.received), REQUESTS), now)  # type: ignore[arg-type] # one of REQUESTS
        except MessageError as error:
            hint = "The daemon may be of another version: restart it after an upgrade."
            self._refuse(
                client, RequestRefusal(why=RefusalCause.UNREADABLE, message=f"the request is {error}", hint=hint), now
            )

    def _give_turn(self, now: float) -> None:
        if not self._is_answering and (client := self._clients.next(now)) is not None:
            self._is_answering = True
            self._asked.put(client)

    def _take_answers(self, now: float) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                client, line, took = self._answered.get_nowait()
                self._is_answering = False
                self._clients.answered(client.peer.uid, took, now)
                if client in set(self._clients) and client.reply is None:
                    self._reply(client, line, now)

    def _refuse(self, client: Client, refusal: RequestRefusal, now: float) -> None:
        self._reply(client, encode(refusal, ANSWERS), now)

    def _reply(self, client: Client, line: bytes, now: float) -> None:
        client.answer(line, now)
        self._selector.modify(client.connection, selectors.EVENT_WRITE, client)

    def _write(self, client: Client) -> None:
        assert client.reply is not None
        client.reply = client.reply[client.connection.send(client.reply) :]
        if not client.reply:  # not closed yet: what the client does not read would be in the kernel's memory, uncounted
            client.connection.shutdown(socket.SHUT_WR)
            self._selector.modify(client.connection, selectors.EVENT_READ, client)

    def _end_overdue(self, now: float) -> None:
        for client in self._clients.overdue(now):
            if client.request is not None and client.reply is None:
                self._refuse(client, _BUSY, now)
                continue
            if client.reply is not None:
                self._clients.punish(client.peer.uid, now)
            self._drop(client)

    def _drop(self, client: Client) -> None:
        self._selector.unregister(client.connection)
        client.connection.close()
        self._clients.remove(client)
