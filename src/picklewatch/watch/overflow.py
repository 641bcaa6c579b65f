"""When to recover from lost events: at once, but with growing pauses while they go on being lost. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from picklewatch.watch.directory_walk import Walked

_QUIET_SECONDS: Final = 60.0


class Overflow:
    """Remembers that events were lost until everything was watched anew and walked. The caller owns the clock."""

    def __init__(self, first: float = 1.0, longest: float = 20.0) -> None:
        self._first, self._longest = first, longest
        self._pause = first
        self._not_before = 0.0
        self._lost = False
        self._began: float | None = None
        self._awaited: frozenset[str] = frozenset()

    def note(self, now: float) -> None:
        """Note that events were lost just now."""
        if now - self._not_before > _QUIET_SECONDS:
            self._pause = self._first
        self._lost = True

    def is_due(self, now: float) -> bool:
        """Return True if it is time to watch everything anew and to walk it."""
        return self._lost and self._began is None and now >= self._not_before

    @property
    def is_pending(self) -> bool:
        """Return True while something was lost that was not found yet."""
        return self._lost or self._began is not None

    @property
    def has_begun(self) -> bool:
        """Return True while what was lost is being found."""
        return self._began is not None

    def begin(self, trees: Collection[str], now: float) -> None:
        """Note that all *trees* will be walked from now on; what is lost after this needs another walk."""
        self._lost = False
        self._began, self._awaited = now, frozenset(trees)

    def is_over(self, walked: Mapping[str, Walked], trees: Collection[str], now: float) -> bool:
        """Return True if what was lost has just been found: all *trees* that are still there were walked since."""
        if self._began is None:
            return False
        for tree in self._awaited.intersection(trees):
            if tree not in walked or walked[tree].began < self._began:
                return False
        took, self._began = now - self._began, None
        self._not_before = now + max(self._pause, min(took, self._longest))
        self._pause = min(2 * self._pause, self._longest)
        return not self._lost
