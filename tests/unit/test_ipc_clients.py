"""The clients of the socket: how many, whose turn, and when one has to go."""

from __future__ import annotations

import math
import socket

from picklewatch.ipc import clients
from picklewatch.ipc.clients import MOST, MOST_OF_ONE, Client, Clients
from picklewatch.ipc.messages import StatusRequest
from picklewatch.ipc.peers import Peer


def admitted(crowd: Clients, uid: int, now: float = 0.0) -> Client | None:
    """A new connection of *uid*'s."""
    return crowd.admit(socket.socket.__new__(socket.socket), Peer(uid, frozenset(), 1), now)


def asking(crowd: Clients, uid: int, now: float = 0.0) -> Client:
    """A connection of *uid*'s that has asked."""
    client = admitted(crowd, uid, now)
    assert client is not None
    client.ask(StatusRequest(), now)
    return client


def test_one_user_has_a_few_connections_and_all_have_a_bounded_number() -> None:
    """Another's is taken while one's is not."""
    crowd = Clients()
    assert [admitted(crowd, 1000) is not None for _ in range(MOST_OF_ONE + 1)] == [True] * MOST_OF_ONE + [False]
    others = [asking(crowd, uid) for uid in range(2000, 2000 + MOST - MOST_OF_ONE)]
    assert len(crowd) == MOST
    assert admitted(crowd, 5000) is None
    assert all(other in set(crowd) for other in others)


def test_the_oldest_that_has_asked_nothing_makes_room() -> None:
    """Only when there is no more room; one that waits for its answer never has to go for another."""
    crowd = Clients()
    first = asking(crowd, 1)
    silent = admitted(crowd, 2)
    assert crowd.replaceable() is None
    for uid in range(3, MOST + 1):
        admitted(crowd, uid)
    assert crowd.replaceable() is silent
    assert first in set(crowd)


def test_users_take_turns() -> None:
    """Whoever was answered longest ago, however many requests another has."""
    crowd = Clients()
    mallory = [asking(crowd, 1000) for _ in range(3)]
    assert crowd.next(0.0) is mallory[0]
    crowd.answered(1000, took=0.0, now=1.0)
    ada = asking(crowd, 1001, 1.0)
    assert crowd.next(1.0) is ada
    assert crowd.next(1.0) is mallory[1]


def test_a_user_pauses_for_longer_than_an_answer_took() -> None:
    """So nobody takes more than a tenth of the thread that answers; others do not wait for it."""
    crowd = Clients()
    crowd.answered(1000, took=0.1, now=10.0)
    again, other = asking(crowd, 1000, 10.0), asking(crowd, 1001, 10.0)
    assert crowd.next(10.0) is other
    assert crowd.next(10.9) is None
    resumes = crowd.resumes_at()
    assert resumes is not None
    assert 11.0 <= resumes <= 11.1
    assert crowd.next(11.1) is again


def test_a_user_who_takes_no_answer_waits_a_minute() -> None:
    """Unread bytes stay in the kernel's memory."""
    crowd = Clients()
    crowd.punish(1000, 0.0)
    waits = asking(crowd, 1000, 0.0)
    assert crowd.next(clients.UNREAD_PAUSE - 1) is None
    assert crowd.next(clients.UNREAD_PAUSE) is waits


def test_each_step_has_its_time() -> None:
    """To ask, to be answered, to take the answer."""
    crowd = Clients()
    client = admitted(crowd, 1)
    assert client is not None
    assert crowd.overdue(clients.ASKING_SECONDS - 0.1) == []
    assert crowd.overdue(clients.ASKING_SECONDS) == [client]
    client.ask(StatusRequest(), 1.0)
    assert crowd.overdue(clients.ANSWERING_SECONDS + 0.9) == []
    client.answer(b"x", 2.0)
    assert crowd.overdue(2.0 + clients.READING_SECONDS) == [client]
    assert crowd.wake_at() == 2.0 + clients.READING_SECONDS
    crowd.remove(client)
    assert crowd.wake_at() == math.inf, "nobody is there to be waited for"


def test_no_user_is_remembered_for_longer_than_it_counts() -> None:
    """One person may have 65,536 user ids."""
    crowd = Clients()
    for uid in range(1000):
        crowd.answered(uid, took=0.001, now=float(uid))
    assert crowd.next(10_000.0) is None
    assert not crowd._pauses
    assert not crowd._answered
