"""The threads that watch and walk one file system, and everything that they share."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from picklewatch.telemetry.health import HealthSection
from picklewatch.watch.directory_walk import DirectoryWalker
from picklewatch.watch.event_inbox import EventInbox
from picklewatch.watch.hidden_directories import HiddenDirectories
from picklewatch.watch.mounts import MountTable
from picklewatch.watch.root_watcher import RootWatcher
from picklewatch.watch.unreadable_files import UnreadableFiles
from picklewatch.watch.walk_finds import WalkFinds
from picklewatch.watch.watch_loop import WatchLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from picklewatch.core.candidate import Candidate
    from picklewatch.telemetry.health import Health
    from picklewatch.watch.settle import Delays
    from picklewatch.watch.timing import Timing


class WatchThreads:
    """Runs the watching and the walking thread of the network mount *point*, or (if empty) of everything local.

    events -> inbox -> loop -> offer
    walker -> finds -> inbox, offer
    """

    def __init__(  # noqa: PLR0913 - what watching needs
        self,
        offer: Callable[[Sequence[Candidate]], tuple[Candidate, ...]],
        health: Health,
        *,
        canary: Path,
        delays: Delays,
        timing: Timing,
        point: str,
        is_excluded: Callable[[str], bool],
        is_diverted: Callable[[str], bool],
        note_link: Callable[[str], None] = lambda _path: None,
        names_of: Callable[[int, int], Iterable[str]] = lambda _device, _number: (),
    ) -> None:
        self.point = point
        self.made = time.monotonic()
        self.health = HealthSection(health, point)
        self.mounts = MountTable(point)
        self.inbox = EventInbox()
        self.hidden = HiddenDirectories(
            self.health, is_excluded=is_excluded, is_elsewhere=self.mounts.is_elsewhere, on_note=self.inbox.wake
        )
        self.unreadable = UnreadableFiles(self.health, self.inbox.wake)
        finds = WalkFinds(offer, self.health, inbox=self.inbox, is_excluded=is_excluded)
        self.walker = DirectoryWalker(
            finds.take,
            self.health,
            hidden=self.hidden,
            is_excluded=is_excluded,
            is_elsewhere=self.mounts.is_elsewhere,
            is_diverted=is_diverted,
            note_link=note_link,
        )
        self.watcher = RootWatcher(
            self.walker,
            self.health,
            canary=canary,
            sink=self.inbox.put,
            mounts=self.mounts,
            hidden=self.hidden,
            timing=timing,
        )
        self.loop = WatchLoop(
            offer,
            self.health,
            inbox=self.inbox,
            watcher=self.watcher,
            walker=self.walker,
            hidden=self.hidden,
            unreadable=self.unreadable,
            delays=delays,
            is_excluded=is_excluded,
            is_diverted=is_diverted,
            note_link=note_link,
            names_of=names_of,
        )

    def start(self) -> None:
        """Start both threads."""
        self.walker.start()
        self.loop.start()

    def stop(self) -> None:
        """Stop them; one that hangs is left behind."""
        self.walker.stop()
        self.loop.stop()
        self.health.close()

    def silent_seconds(self, now: float) -> float:
        """Return for how long the watching thread has made no progress."""
        return now - max(self.loop.beat, self.watcher.beat)

    def stalled_seconds(self, now: float) -> float:
        """Return for how long a walk has made no progress."""
        return 0.0 if self.walker.busy_with is None else now - self.walker.beat

    def dead(self) -> str | None:
        """Return which thread has ended that never should, or None."""
        if not self.loop.is_alive():
            return "the watching thread is dead"
        return None if self.walker.is_alive() else "the walking thread is dead"
