"""Asks daemons what is new, and has every sink told. One thread; sinks are programs, so none can hold it up.

Nothing is kept but how far each sink is: what no sink took yet is in the daemon's store, and is asked for again.
"""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import structlog

from picklewatch.core.errors import Error
from picklewatch.core.model import printable
from picklewatch.ipc.client import NobodyError
from picklewatch.ipc.messages import NewsAnswer, NewsRequest

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from picklewatch.core.model import Verdict
    from picklewatch.ipc.messages import Answer, Request
    from picklewatch.ipc.places import SocketPlace
    from picklewatch.notify.sinks import Sink

    Ask = Callable[[SocketPlace, Request], Answer]

_log = structlog.get_logger()

ASK_SECONDS: Final = 0.5
"""Between two questions: half of it is what a find waits for on average."""
_ABSENT_SECONDS: Final = 2.0
"""Before a daemon is asked again that is not there, or refuses."""
_RUNNING_SECONDS: Final = 0.05
"""Between two looks at a delivery that is on its way."""
_END_SECONDS: Final = 2.0
"""For deliveries that are on their way when it is to end."""
_REPORT_SECONDS: Final = 5.0
"""Between two times at which it is written down how sinks are doing."""
_IN_A_ROW: Final = 50
"""Questions at most before sinks have their turn."""


class Dispatcher:
    """Tells *sinks* what the daemons in *places* find. *memory* is the file that says how far each sink is."""

    def __init__(
        self,
        places: Iterable[SocketPlace],
        sinks: Sequence[Sink],
        verdicts: tuple[Verdict, ...],
        memory: Path,
        ask: Ask,
    ) -> None:
        self._places, self._sinks, self._verdicts = tuple(places), tuple(sinks), verdicts
        self._memory, self._ask = memory, ask
        self._stores: dict[SocketPlace, str] = {}
        self._ask_at: dict[SocketPlace, float] = dict.fromkeys(self._places, 0.0)
        self._refused: dict[SocketPlace, str] = {}
        self._remembered: tuple[object, object] = (None, None)
        self._report_at = 0.0
        self._is_forgetful = False

    def run(self, stopping: threading.Event) -> None:
        """Work until it is *stopping*."""
        while not stopping.is_set():
            self.tick(time.monotonic(), time.time())
            is_running = any(sink.is_running for sink in self._sinks)
            stopping.wait(_RUNNING_SECONDS if is_running else ASK_SECONDS)
        self._end(time.monotonic() + _END_SECONDS)
        self._remember(math.inf)

    def _end(self, until: float) -> None:
        """Let deliveries that are on their way end: what is ended for them would be told twice."""
        while any(sink.is_running for sink in self._sinks) and time.monotonic() < until:
            for sink in self._sinks:
                sink.look_after(time.monotonic(), time.time())
            time.sleep(_RUNNING_SECONDS)
        for sink in self._sinks:
            sink.stop()

    def tick(self, now: float, wall: float) -> None:
        """Ask whoever is to be asked, and let each sink have its turn. *wall* is Unix time."""
        for place in self._places:
            if now >= self._ask_at[place]:
                self._ask_at[place] = now + self._heard(place, now)
        for sink in self._sinks:
            if sink.step(now, wall):
                sink.step(now, wall)
        self._remember(now)

    def _heard(self, place: SocketPlace, now: float) -> float:
        """Ask *place* until nothing is new; return the seconds after which to ask again."""
        try:
            for _ in range(_IN_A_ROW):
                if not self._ask_once(place, now):
                    break
        except NobodyError:
            self._complain(place, "")
            return _ABSENT_SECONDS
        except Error as error:
            self._complain(place, error.message)
            return _ABSENT_SECONDS
        self._complain(place, "")
        return ASK_SECONDS

    def _complain(self, place: SocketPlace, what: str) -> None:
        """Log what keeps the daemon in *place* from answering, once."""
        if what and self._refused.get(place) != what:
            _log.warning("notify.refused", path=printable(str(place.directory)), message=what)
        self._refused[place] = what

    def _ask_once(self, place: SocketPlace, now: float) -> bool:
        """Ask what is new, once for all sinks that know the same; return True if there is more to ask."""
        store = self._stores.get(place, "")
        alike: dict[int, list[Sink]] = {}
        for sink in self._sinks:
            position = sink.positions.of(store)
            if sink.has_room:
                alike.setdefault(-1 if position is None else position.fetched, []).append(sink)
        if not alike:  # all are full: the daemon hears how they are
            self._answer(place, 0, store, ())
            return False
        is_more = False
        for after, sinks in alike.items():
            answer = self._answer(place, after, store, self._verdicts)
            is_known = any(sink.positions.of(answer.store) is not None for sink in sinks)
            self._stores[place] = answer.store
            if answer.store != store and is_known:
                return True  # it is another store than was thought: each sink knows how far it is in that
            for sink in sinks:
                sink.add(answer.store, answer.finds, answer.upto, now)
            is_more = is_more or answer.more
        return is_more

    def _answer(self, place: SocketPlace, after: int, store: str, verdicts: tuple[Verdict, ...]) -> NewsAnswer:
        request = NewsRequest(
            verdicts=verdicts,
            after=max(0, after),
            store="" if after < 0 else store,
            sinks=tuple(sink.report() for sink in self._sinks),
        )
        answer = self._ask(place, request)
        if not isinstance(answer, NewsAnswer):
            raise Error("it answered something else")
        return answer

    def _remember(self, now: float) -> None:
        """Write down how far each sink is, if that has changed; how it is doing, every few seconds."""
        positions = {sink.name: sink.saved() for sink in self._sinks}
        reports = [sink.report() for sink in self._sinks]
        known, former = self._remembered
        if positions == known and (reports == former or now < self._report_at):
            return
        self._report_at = now + _REPORT_SECONDS
        try:
            _write(self._memory, {"sinks": positions, "reports": [asdict(report) for report in reports]})
        except OSError as error:  # what was told would be told again after the next start
            if not self._is_forgetful:
                message = error.strerror or str(error)
                _log.warning("notify.forgetful", path=printable(str(self._memory)), message=message)
            self._is_forgetful = True
        else:
            self._remembered, self._is_forgetful = (positions, reports), False


def _write(path: Path, value: object) -> None:
    """Replace the file *path*: after a crash it is the former or the new one."""
    beside = path.with_name(f"{path.name}.new")
    with beside.open("w", encoding="ascii") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def remembered(path: Path) -> dict[str, Any]:
    """Return what the file *path* says; nothing for one that is missing or damaged."""
    try:
        saved = json.loads(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return {}
    return saved if isinstance(saved, dict) else {}
