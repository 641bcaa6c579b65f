"""From a walk's finds to the queue: files that may still be written to settle first, the others go there at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import structlog

from picklewatch.core.candidate import Candidate, Source
from picklewatch.watch.directory_walk import PROOF
from picklewatch.watch.events import Event, EventKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from picklewatch.telemetry.health import Health
    from picklewatch.watch.directory_walk import WalkRequest
    from picklewatch.watch.event_inbox import EventInbox

_log = structlog.get_logger()

_FRESH_NS: Final = 2_000_000_000
_SURE_NS: Final = 10_000_000_000


class WalkFinds:
    """Takes what walks find, in their thread. *offer* persists candidates and returns the new ones."""

    def __init__(
        self,
        offer: Callable[[Sequence[Candidate]], tuple[Candidate, ...]],
        health: Health,
        *,
        inbox: EventInbox,
        is_excluded: Callable[[str], bool],
    ) -> None:
        self._offer, self._health, self._inbox, self._is_excluded = offer, health, inbox, is_excluded

    def take(self, candidates: list[Candidate], request: WalkRequest) -> int:
        """Queue the finds of *request*; return how many wait now and did not before.

        Only the time of change tells what may still be written to: the time of modification is anybody's to set, and a
        clock that was set back leaves both in the future.
        """
        now = time.time_ns()
        candidates = [found for found in candidates if not leads_to_excluded(found, self._is_excluded)]
        fresh = [found for found in candidates if abs(now - found.file.ctime_ns) < _FRESH_NS]
        rest = [found for found in candidates if abs(now - found.file.ctime_ns) >= _FRESH_NS]
        self._inbox.put_finds(found.link or found.path for found in fresh)
        queued = self._offer(rest) if rest else ()
        if request.source is Source.RESCAN:
            self._count_missed(queued, request, now)
        return len(queued)

    def _count_missed(self, queued: tuple[Candidate, ...], request: WalkRequest, now: int) -> None:
        """Count what only the periodic walk, or a proof, found: old enough that an event should have announced it."""
        is_sure = request.reason == PROOF  # its directory changed long enough ago
        for candidate in queued:
            if is_sure or now - candidate.file.ctime_ns >= _SURE_NS:
                self._health.count("missed")
                _log.warning("watch.missed", path=candidate.path)
                directory = (candidate.link or candidate.path).rpartition("/")[0]
                self._inbox.put(Event(EventKind.MISSED, directory, request.reason))


def leads_to_excluded(candidate: Candidate, is_excluded: Callable[[str], bool]) -> bool:
    """Return True if a link leads to what is excluded, such as a file in the vault."""
    return candidate.link is not None and is_excluded(candidate.path)
