"""One sink: what it is still to be told, the delivery that runs, and when a failed one is tried again. No clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import structlog

from picklewatch.ipc.messages import SinkReport
from picklewatch.notify.deliveries import Delivery
from picklewatch.notify.notification import Notification
from picklewatch.notify.pending import MOST, Pending
from picklewatch.notify.positions import Positions

if TYPE_CHECKING:
    from picklewatch.ipc.messages import Find

_log = structlog.get_logger()

FIRST_PAUSE: Final = 5.0
"""Seconds before a delivery that failed is tried again; each further failure doubles them."""
LONGEST_PAUSE: Final = 300.0


class Running(Protocol):
    """A delivery on its way."""

    def failure(self, now: float) -> str | None:
        """Return None while it runs, then what failed; empty for nothing."""

    def end(self) -> object:
        """End it."""


class Program(Protocol):
    """What a sink hands its messages to."""

    @property
    def name(self) -> str:
        """Return what its position is remembered under: stable, and no secret."""

    def start(self, message: Notification, now: float) -> Running:
        """Hand over *message*."""


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its arguments."""

    name: str
    command: tuple[str, ...]
    url: str = ""
    """Where it is to send the message, for one of ours; never shown."""

    def start(self, message: Notification, now: float) -> Delivery:
        """Start it with *message*."""
        shown = message.to_json()
        return Delivery(self.command, {"url": self.url, "message": shown} if self.url else shown, now)


class Sink:
    """Tells *program* of finds, one message at a time. *saved* is what an earlier one remembered."""

    def __init__(self, program: Program, host: str, saved: Any = None) -> None:
        self.name = program.name
        self.positions = Positions(saved)
        self._program, self._host = program, host
        self._pending = Pending()
        self._running: tuple[Running, dict[tuple[str, int], Find]] | None = None
        self._pause, self._retry_at = 0.0, 0.0
        self._sent, self._failure, self._since = 0, "", 0.0

    @property
    def has_room(self) -> bool:
        """True if it may be given more."""
        return len(self._pending) < MOST

    @property
    def is_running(self) -> bool:
        """True while a delivery is on its way."""
        return self._running is not None

    def add(self, store: str, finds: tuple[Find, ...], upto: int, now: float) -> None:
        """Take *finds*, which are all of *store* up to the number *upto*."""
        position = self.positions.begin(store)
        for find in finds:
            if find.id > position.fetched and find.id not in position.told:
                self._pending.add(store, find, now)
        position.fetched = max(position.fetched, upto)

    def step(self, now: float, wall: float) -> bool:
        """Begin a delivery that is due, or end one; return True if one ended. *wall* is Unix time."""
        if self._running is not None:
            return self.look_after(now, wall)
        if now >= self._retry_at and (finds := self._pending.due(now)):
            message = Notification(finds=tuple(finds.values()), host=self._host)
            self._running = self._program.start(message, now), finds
        return False

    def look_after(self, now: float, wall: float) -> bool:
        """End a delivery that has ended; return True if one has."""
        if self._running is None:
            return False
        running, finds = self._running
        if (failure := running.failure(now)) is None:
            return False
        self._running = None
        if failure:
            self._fail(failure, now, wall)
        else:
            self._succeed(finds, now)
        return True

    def _succeed(self, finds: dict[tuple[str, int], Find], now: float) -> None:
        self._pending.taken(finds, now)
        for store, number in finds:
            if (position := self.positions.of(store)) is not None:
                position.told.add(number)
        self._sent += 1
        _log.info("notify.sent", sink=self.name, finds=len(finds), waiting=len(self._pending))
        self._pause, self._retry_at, self._failure = 0.0, 0.0, ""

    def _fail(self, failure: str, now: float, wall: float) -> None:
        self._pause = min(LONGEST_PAUSE, 2 * self._pause or FIRST_PAUSE)
        self._retry_at = now + self._pause
        self._since = self._since if self._failure else wall
        if failure != self._failure:
            _log.warning("notify.failed", sink=self.name, message=failure, waiting=len(self._pending))
        self._failure = failure

    def report(self) -> SinkReport:
        """Return how it is doing."""
        return SinkReport(
            name=self.name[:_NAME],
            waiting=len(self._pending),
            sent=self._sent,
            failure=self._failure[:_REASON],
            since=self._since if self._failure else None,
        )

    def saved(self) -> dict[str, Any]:
        """Return how far it is, to be remembered."""
        return self.positions.saved(self._pending.numbers())

    def stop(self) -> None:
        """End a delivery that runs: it is made again after the next start."""
        if self._running is not None:
            self._running[0].end()
            self._running = None


_NAME: Final = 80
_REASON: Final = 500
