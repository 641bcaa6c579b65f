"""Asks a daemon: one connection, one request, one answer, within a few seconds."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from picklewatch.core.errors import Error
from picklewatch.ipc import places
from picklewatch.ipc.codec import MessageError, decode, encode
from picklewatch.ipc.messages import ANSWER, ANSWERS, REQUESTS, RequestRefusal
from picklewatch.ipc.peers import peer_of

if TYPE_CHECKING:
    from picklewatch.ipc.messages import Answer, Request
    from picklewatch.ipc.peers import Peer
    from picklewatch.ipc.places import SocketPlace

PATIENCE: Final = 15.0
"""Seconds for all of it; the daemon gives up a little earlier, and says so."""
_TIME: Final = struct.Struct("ll")
"""``struct timeval``."""
_PIECE: Final = 64 << 10


class NobodyError(Error):
    """No daemon listens there."""


class SilentError(Error):
    """A daemon listens, and gave no answer that can be used."""


class NotAnsweredError(Error):
    """The daemon refused to answer."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer, and who gave it."""

    answer: Answer
    peer: Peer


def ask(place: SocketPlace, request: Request, patience: float = PATIENCE) -> Heard:
    """Ask the daemon in *place*.

    Raises `NobodyError`, `SilentError`, `NotAnsweredError`; `UntrustedSocketError` if somebody else listens there.
    """
    deadline = time.monotonic() + patience
    try:
        with places.trusted(place) as (directory, owner), _connected(places.address(directory), deadline) as connection:
            peer = peer_of(connection)
            if peer.uid not in (0, owner):
                message = f"{place.directory} is not believed: user {peer.uid} listens there, not user {owner}"
                raise places.UntrustedSocketError(message, "Tell the administrator.")
            connection.sendall(encode(request, REQUESTS))
            line = _line(connection, deadline)
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        raise NobodyError(f"no daemon listens in {place.directory}") from None
    except TimeoutError:
        raise SilentError(f"the daemon in {place.directory} did not answer within {patience:.0f} s", _LATER) from None
    except OSError as error:
        raise SilentError(f"the daemon in {place.directory} can't be asked: {error.strerror}", _LATER) from None
    return Heard(_answer(line, place), peer)


_LATER: Final = "Try again; if it stays so, ask the administrator to look at its log."


def _answer(line: bytes, place: SocketPlace) -> Answer:
    try:
        answer = decode(line, ANSWERS)
    except MessageError as error:
        hint = "It may be of another version, which is to be restarted after an upgrade."
        raise SilentError(f"the daemon in {place.directory} answered what can't be read: {error}", hint) from None
    if isinstance(answer, RequestRefusal):
        raise NotAnsweredError(f"the daemon refused: {answer.message or answer.why}", answer.hint)
    return answer  # type: ignore[return-value] # one of ANSWERS


def _connected(address: str, deadline: float) -> socket.socket:
    """Connect; where many others wait to be heard, stand in line until *deadline*."""
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC))
        left = max(1, int(deadline - time.monotonic()))  # not `settimeout`: it does not wait in line
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _TIME.pack(left, 0))
        try:
            connection.connect(address)
        except BlockingIOError:
            raise TimeoutError from None
        stack.pop_all()
        return connection


def _line(connection: socket.socket, deadline: float) -> bytes:
    """Read up to the end of the first line.

    Raises `TimeoutError`, `OSError`.
    """
    received = bytearray()
    while not received.endswith(b"\n"):
        if (left := deadline - time.monotonic()) <= 0:
            raise TimeoutError
        connection.settimeout(left)
        piece = connection.recv(_PIECE)
        if not piece:
            raise ConnectionResetError(104, "it closed the connection")
        received += piece
        if len(received) > ANSWER:
            raise OSError(90, "the answer is too long")
    return bytes(received)
