"""The clients of a daemon's socket: how many there may be, whose turn it is, when one has to go. No thread, no clock.

Each connection costs at most the length of a request and of an answer, for a few seconds. One user has a few at a
time, and pauses after an answer for many times as long as it took; so nobody keeps others from being answered, or the
daemon from its work.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from picklewatch.ipc.messages import REQUEST

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from picklewatch.ipc.messages import Request
    from picklewatch.ipc.peers import Peer

MOST: Final = 64
"""Connections at a time."""
MOST_OF_ONE: Final = 8
"""Connections of one user at a time."""
ASKING_SECONDS: Final = 2.0
"""For a request to be there."""
ANSWERING_SECONDS: Final = 10.0
"""For its answer to be ready, its turn included."""
READING_SECONDS: Final = 5.0
"""For the client to take the answer."""
UNREAD_PAUSE: Final = 60.0
"""For a user whose client took no answer: what lies in the kernel's buffer stays there while the client lives."""
_PAUSE: Final = 10.0
"""How many times as long as an answer took its user pauses."""
_LONGEST_PAUSE: Final = 5.0


@dataclass(eq=False, slots=True)
class Client:
    """One connection."""

    connection: socket.socket
    peer: Peer
    deadline: float
    received: bytearray = field(default_factory=bytearray)
    request: Request | None = None
    reply: memoryview | None = None
    """What is left of the answer; None until there is one, empty while the client is to close."""
    is_claimed: bool = False
    """True while its request is being answered."""

    @property
    def is_asking(self) -> bool:
        """True until its request is there."""
        return self.request is None and self.reply is None

    @property
    def has_too_much(self) -> bool:
        """True if what came is longer than any request."""
        return len(self.received) > REQUEST

    def ask(self, request: Request, now: float) -> None:
        """Note the request."""
        self.request, self.deadline = request, now + ANSWERING_SECONDS

    def answer(self, line: bytes, now: float) -> None:
        """Note the answer."""
        self.reply, self.deadline, self.is_claimed = memoryview(line), now + READING_SECONDS, False


class Clients:
    """All connections of one socket. One thread uses it."""

    def __init__(self) -> None:
        self._clients: list[Client] = []
        self._pauses: dict[int, float] = {}
        self._answered: dict[int, float] = {}

    def __iter__(self) -> Iterator[Client]:
        return iter(tuple(self._clients))

    def __len__(self) -> int:
        return len(self._clients)

    def admit(self, connection: socket.socket, peer: Peer, now: float) -> Client | None:
        """Take a new connection; None if its user has enough of them, or all are busy."""
        if Counter(client.peer.uid for client in self._clients)[peer.uid] >= MOST_OF_ONE or len(self) >= MOST:
            return None
        client = Client(connection, peer, now + ASKING_SECONDS)
        self._clients.append(client)
        return client

    def replaceable(self) -> Client | None:
        """Return the one to drop for a new one if there are `MOST`: the oldest that has asked nothing yet."""
        silent = (client for client in self._clients if client.is_asking)
        return next(silent, None) if len(self) >= MOST else None

    def remove(self, client: Client) -> None:
        """Forget a connection that was closed."""
        self._clients.remove(client)

    def punish(self, uid: int, now: float) -> None:
        """Answer nothing more of *uid* for a while: a client took no answer, or does not close."""
        self._pauses[uid] = now + UNREAD_PAUSE

    def next(self, now: float) -> Client | None:
        """Claim the request to be answered now: of the user who has waited longest for a turn."""
        self._forget(now)
        waiting = [client for client in self._clients if client.request is not None and client.reply is None]
        ready = [client for client in waiting if not client.is_claimed and client.peer.uid not in self._pauses]
        if not ready:
            return None
        chosen = min(ready, key=lambda client: self._answered.get(client.peer.uid, 0.0))
        chosen.is_claimed = True
        return chosen

    def answered(self, uid: int, took: float, now: float) -> None:
        """Note that an answer to *uid* took so many seconds."""
        self._answered[uid] = now
        self._pauses[uid] = max(self._pauses.get(uid, 0.0), now + min(_PAUSE * took, _LONGEST_PAUSE))

    def overdue(self, now: float) -> list[Client]:
        """Return those whose time is up."""
        return [client for client in self._clients if client.deadline <= now]

    def wake_at(self) -> float:
        """Return when something is to be done next if nothing happens; infinite for never."""
        return min((client.deadline for client in self._clients), default=math.inf)

    def resumes_at(self) -> float | None:
        """Return when the first user may be answered again who waits for it; None if nobody does."""
        waiting = {client.peer.uid for client in self._clients if client.request is not None and client.reply is None}
        return min((until for uid, until in self._pauses.items() if uid in waiting), default=None)

    def _forget(self, now: float) -> None:
        """Keep no memory of users for longer than it counts: there may be 65,536 of them, each of one person."""
        for uid in [uid for uid, until in self._pauses.items() if until <= now]:
            del self._pauses[uid]
        for uid in [uid for uid, at in self._answered.items() if at < now - ANSWERING_SECONDS]:
            del self._answered[uid]
