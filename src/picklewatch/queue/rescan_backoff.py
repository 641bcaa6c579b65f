"""Limits how often one file is scanned. Pure: the caller owns the clock."""

from __future__ import annotations

from collections import OrderedDict


class RescanBackoff:
    """Delays files that are scanned over and over, so that one that is rewritten all the time costs little.

    The longest pause is what harmless rewrites can buy for the hostile one that follows them: with its scan it stays
    below two seconds. Turns between owners, not pauses, keep those who rewrite much from delaying others.
    """

    def __init__(self, first: float = 0.5, longest: float = 1.5, rest: float = 10.0, remembered: int = 10_000) -> None:
        self._first, self._longest, self._rest, self._remembered = first, longest, rest, remembered
        self._seen: OrderedDict[tuple[int, int], tuple[float, int]] = OrderedDict()

    def note_scan(self, inode: tuple[int, int], now: float) -> int:
        """Note a scan.

        Return how many the file has had in a row, without a rest between them.
        """
        last, streak = self._seen.pop(inode, (now - self._rest, 0))
        pause = self.pause(streak)
        streak = 1 if now - last > self._rest + pause else streak + 1
        self._seen[inode] = now, streak
        while len(self._seen) > self._remembered:
            self._seen.popitem(last=False)
        return streak

    def forget(self, inode: tuple[int, int]) -> None:
        """Forget a file that is gone: the next one that gets its inode is another."""
        self._seen.pop(inode, None)

    def not_before(self, inode: tuple[int, int]) -> float:
        """Return when the file may be scanned again (monotonic seconds)."""
        last, streak = self._seen.get(inode, (0.0, 0))
        return last + self.pause(streak)

    def pause(self, streak: int) -> float:
        """Return the pause after so many scans in a row: none after the first two."""
        return 0.0 if streak <= 2 else min(self._longest, self._first * 2.0 ** min(streak - 3, 16))  # noqa: PLR2004
