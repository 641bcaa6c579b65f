"""Finds that one sink has not taken yet: by repository, a message each, and not too many of those. Pure; no clock.

The first find of a repository is told at once, what follows together when it has been quiet for a while. A bucket of
messages fills slowly; its last one tells of everything that waits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from picklewatch.notify.notification import LISTED, group_of

if TYPE_CHECKING:
    from picklewatch.ipc.messages import Find

QUIET_SECONDS: Final = 30.0
"""A repository of which a message was sent is told of again when nothing came for so long."""
HELD_SECONDS: Final = 900.0
"""The longest that a find waits for that: somebody may write to a repository all the time."""
RECENT_SECONDS: Final = 900.0
"""For so long after its last message a repository's finds are told together."""
BURST: Final = 10
"""Messages that may be sent in a row."""
REFILL_SECONDS: Final = 60.0
"""After which one more may be."""
MOST: Final = 5_000
"""Finds that wait, at most: beyond that they stay in the daemon's store."""
_ABOVE: Final = 4
"""Directories of a path that tell one user's copy of a repository from another's."""


def _key(find: Find) -> tuple[str, str]:
    """Return the repository, and the tree that it lies in: nobody's own files delay messages about somebody else's."""
    return group_of(find), "/".join(find.path.split("/")[:-1][: _ABOVE + 1])


@dataclass(slots=True)
class _Repository:
    first: float
    last: float
    finds: dict[tuple[str, int], Find] = field(default_factory=dict)


class Pending:
    """The finds of one sink, each by its store and number. Times are of any clock that only goes on."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str], _Repository] = {}
        self._told: dict[tuple[str, str], float] = {}
        self._tokens, self._at = float(BURST), 0.0

    def __len__(self) -> int:
        return sum(len(group.finds) for group in self._groups.values())

    def numbers(self) -> dict[str, list[int]]:
        """Return the numbers of what waits, by store."""
        found: dict[str, list[int]] = {}
        for group in self._groups.values():
            for store, number in group.finds:
                found.setdefault(store, []).append(number)
        return found

    def add(self, store: str, find: Find, now: float) -> None:
        """Take a find."""
        group = self._groups.setdefault(_key(find), _Repository(now, now))
        group.finds[store, find.id] = find
        group.last = now

    def due(self, now: float) -> dict[tuple[str, int], Find]:
        """Return the finds of the message that is to be sent now, up to `LISTED`; none if it is not the time.

        They stay until `taken`.
        """
        self._refill(now)
        due = [group for name, group in self._groups.items() if self._is_due(name, group, now)]
        if not due or self._tokens < 1:
            return {}
        chosen = due if self._tokens < 2 else due[:1]  # noqa: PLR2004 - the last one is for all
        items = [item for group in chosen for item in group.finds.items()]
        return dict(sorted(items[:LISTED], key=lambda item: item[0][1]))

    def taken(self, finds: dict[tuple[str, int], Find], now: float) -> None:
        """Forget *finds*: a message with them was sent."""
        self._refill(now)
        self._tokens -= 1
        for key, find in finds.items():
            name = _key(find)
            self._told[name] = now
            if (group := self._groups.get(name)) is not None:
                group.finds.pop(key, None)
                if not group.finds:
                    del self._groups[name]

    def _is_due(self, name: tuple[str, str], group: _Repository, now: float) -> bool:
        if name not in self._told:
            return True
        return now - group.last >= QUIET_SECONDS or now - group.first >= HELD_SECONDS

    def _refill(self, now: float) -> None:
        self._tokens = min(float(BURST), self._tokens + (now - self._at) / REFILL_SECONDS)
        self._at = now
        for name in [name for name, at in self._told.items() if now - at >= RECENT_SECONDS]:
            if name not in self._groups:
                del self._told[name]
