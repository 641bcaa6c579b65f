"""Stand-ins for a daemon that finds and for programs that are told, both by an injected time."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from picklewatch.core.model import Verdict
from picklewatch.ipc.client import NobodyError
from picklewatch.ipc.messages import FINDS, Answerer, Find, NewsAnswer, NewsRequest
from picklewatch.ipc.places import SocketPlace
from picklewatch.notify.dispatcher import Dispatcher, remembered
from picklewatch.notify.sinks import Sink

if TYPE_CHECKING:
    from picklewatch.ipc.messages import Request
    from picklewatch.notify.notification import Notification

PLACE = SocketPlace(Path("/nowhere"))
BY = Answerer(version="1", whole=True)


def make_find(number: int, repository: str = "org/model", under: str = "/c") -> Find:
    """A find in *repository*."""
    name, path = f"{repository}@main: {number}.bin", f"{under}/{number}"
    return Find(id=number, at=0.0, path=path, name=name, verdict=Verdict.MALICIOUS, reason="code-execution", size=1)


class FindingDaemon:
    """A daemon that found something."""

    def __init__(self, store: str = "one") -> None:
        self.store = store
        self.finds: list[Find] = []
        self.requests: list[NewsRequest] = []
        self.is_there = True

    def find(self, repository: str = "org/model", number: int = 1, *, under: str = "/c") -> None:
        """Find *number* more."""
        first = len(self.finds) + 1
        self.finds += [make_find(first + index, repository, under) for index in range(number)]

    def __call__(self, _place: SocketPlace, request: Request) -> NewsAnswer:
        """Answer what is new."""
        assert isinstance(request, NewsRequest)
        if not self.is_there:
            raise NobodyError("nobody")
        self.requests.append(request)
        after = request.after if request.store == self.store else 0
        new = [find for find in self.finds if find.id > after and find.verdict in request.verdicts]
        upto = new[FINDS - 1].id if len(new) > FINDS else len(self.finds)
        return NewsAnswer(by=BY, store=self.store, upto=upto, finds=tuple(new[:FINDS]), more=len(new) > FINDS)


@dataclass
class Outlet:
    """A program that takes messages, or does not."""

    name: str = "command"
    failure: str = ""
    hangs: bool = False
    taken: list[Notification] = field(default_factory=list)

    def start(self, message: Notification, now: float) -> Handed:
        """Take *message*, if it is in order."""
        return Handed(self, message, now)

    def numbers(self) -> list[int]:
        """Every find that it was told of, in that order."""
        return [find.id for message in self.taken for find in message.finds]


@dataclass
class Handed:
    """One message on its way; one that hangs is given up after 30 s."""

    outlet: Outlet
    message: Notification
    began: float

    def failure(self, now: float) -> str | None:
        """Return what came of it."""
        if self.outlet.hangs:
            return "it did not end" if now - self.began >= 30 else None
        if not self.outlet.failure:
            self.outlet.taken.append(self.message)
        return self.outlet.failure

    def end(self) -> None:
        """Nothing is left of it."""


class Telling:
    """A dispatcher with outlets, and its own time."""

    def __init__(self, daemon: FindingDaemon, memory: Path, *outlets: Outlet) -> None:
        self.daemon, self.outlets, self._memory = daemon, outlets, memory
        self.now = 1_000.0
        self.start()

    def start(self) -> None:
        """Start the dispatcher, again if it was: it knows what the former one wrote down."""
        saved = remembered(self._memory).get("sinks", {})
        self.sinks = [Sink(outlet, "host", saved.get(outlet.name)) for outlet in self.outlets]
        verdicts = (Verdict.UNSAFE, Verdict.MALICIOUS)
        self._dispatcher = Dispatcher([PLACE], self.sinks, verdicts, self._memory, self.daemon)

    def pass_time(self, seconds: float, step: float = 0.5) -> None:
        """Let time pass."""
        for _ in range(round(seconds / step)):
            self._dispatcher.tick(self.now, self.now)
            self.now += step
