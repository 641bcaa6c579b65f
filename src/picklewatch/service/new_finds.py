"""Answers which finds are new to somebody, and notes how the notifiers are doing. In memory: it writes nothing."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from picklewatch.core.model import Verdict, printable
from picklewatch.ipc.messages import FINDS, Find, NewsAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from picklewatch.ipc.messages import Answerer, NewsRequest, SinkReport
    from picklewatch.quarantine.item import Item
    from picklewatch.service.viewers import Viewer
    from picklewatch.store import Store
    from picklewatch.store.news import NewRecord
    from picklewatch.telemetry.health import Health

FIRST_SECONDS: Final = 86400.0
"""A notifier that asks for the first time is told what came within a day."""
SILENT_SECONDS: Final = 60.0
"""A notifier that has not asked for so long does not run."""
_MOVE_SECONDS: Final = 60.0
"""For a move to end: meanwhile nobody but the vault can say whose the file was."""
_NOTIFIERS: Final = 8
_LONGEST: Final = 800_000
"""Bytes of all finds of one answer."""


class NewFinds:
    """Finds as those may see them who ask. *items* returns what is, or was, in quarantine."""

    def __init__(self, store: Store, items: Callable[[], Iterable[Item]], notifiers: Notifiers) -> None:
        self._store, self._items, self._notifiers = store, items, notifiers

    def __call__(self, viewer: Viewer, request: NewsRequest, by: Answerer) -> NewsAnswer:
        """Answer *request* with what concerns *viewer*."""
        if viewer.whole or viewer.hears:
            self._notifiers.note(viewer.uid, request.sinks, time.monotonic())
        now, store = time.time(), self._store.identity()
        is_known = request.store == store
        after, at = (max(0, request.after), 0.0) if is_known else (0, now - FIRST_SECONDS)
        new = self._store.news.since(after, request.verdicts, FINDS, at=at)
        finds: list[Find] = []
        size, upto = 0, after
        for record in new.records:
            concerned = self._concerns(viewer, record)
            if not concerned and record.is_moving and record.at > now - _MOVE_SECONDS:
                return NewsAnswer(by=by, store=store, upto=upto, finds=tuple(finds))
            find = _find(record)
            size += 6 * sum(map(len, (find.path, find.name, find.summary))) if concerned else 0
            if size > _LONGEST:
                return NewsAnswer(by=by, store=store, upto=upto, finds=tuple(finds), more=True)
            upto = record.number
            finds += [find] if concerned else []
        return NewsAnswer(by=by, store=store, upto=new.upto, finds=tuple(finds), more=new.more)

    def _concerns(self, viewer: Viewer, record: NewRecord) -> bool:
        """Return True if *viewer* may be told of *record*: a file that was moved was whose the vault says."""
        path = str(record.body["path"])
        if viewer.whole or viewer.hears or viewer.sees_path(path) or viewer.owns(path, record.file):
            return True
        return record.item is not None and any(
            viewer.sees_item(item) for item in self._items() if record.item in (item.id, *item.formerly)
        )


def _find(record: NewRecord) -> Find:
    body = record.body
    findings, reasons = body.get("findings") or [{}], body.get("reasons") or [""]
    return Find(
        id=record.number,
        at=record.at,
        path=str(body["path"])[:_PATH],
        name=str(body.get("name") or "")[:_TEXT],
        verdict=Verdict(body["verdict"]),
        reason=str(reasons[0])[:_RULE],
        summary=str(findings[0].get("summary", ""))[:_TEXT],
        size=int(body.get("size") or 0),
        sha256=record.sha256 or "",
        item=record.item or "",
    )


_PATH: Final = 4_096
_TEXT: Final = 1_000
_RULE: Final = 80


@dataclass(frozen=True, slots=True)
class _Heard:
    at: float
    sinks: tuple[SinkReport, ...]


class Notifiers:
    """What the notifiers that are told of everything last said about themselves. Any thread may use it."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._lock = threading.Lock()
        self._heard: dict[int, _Heard] = {}
        self._since: float | None = None

    def note(self, uid: int, sinks: tuple[SinkReport, ...], now: float) -> None:
        """Note what the notifier of the user *uid* says; one that only asks says nothing."""
        with self._lock:
            if sinks and (uid in self._heard or len(self._heard) < _NOTIFIERS):
                self._heard[uid] = _Heard(now, sinks)

    def reports(self) -> list[dict[str, Any]]:
        """Return every sink as JSON, for the status."""
        with self._lock:
            heard = [sink for one in self._heard.values() for sink in one.sinks]
        return [{**asdict(sink), "name": printable(sink.name), "failure": printable(sink.failure)} for sink in heard]

    def look_after(self, now: float, *, is_wanted: bool) -> None:
        """Report sinks that fail, and, if one *is_wanted*, that no notifier asks."""
        with self._lock:
            self._heard = {uid: heard for uid, heard in self._heard.items() if now - heard.at < SILENT_SECONDS}
            is_heard = bool(self._heard)
        self._report_failing()
        if is_heard or not is_wanted:
            self._since = None
            self._health.repair("notify-silent")
            return
        self._since = now if self._since is None else self._since
        if now - self._since >= SILENT_SECONDS:
            reason = "[notify] names who is to be told of finds, and nothing asks for them"
            hint = "Start picklewatch-notify.service, or `picklewatch notify run` (docs/notify.md). Nothing is lost."
            self._health.degrade("notify-silent", reason, hint=hint)

    def _report_failing(self) -> None:
        failing = [sink for sink in self.reports() if sink["failure"]]
        hint = "It is tried again by itself, and nothing is lost. `picklewatch notify test` shows whether it works."
        for sink in failing:
            reason = f"finds can't be told: {sink['failure']}"
            self._health.degrade("notify-failing", reason, subject=sink["name"], hint=hint)
        self._health.repair_all("notify-failing", but={sink["name"] for sink in failing})
