"""Finds people who came to the machine: when something announces them, and every few minutes all the same."""

from __future__ import annotations

import glob
import os
import pwd
import time
from typing import TYPE_CHECKING, Final

from picklewatch.access import people
from picklewatch.service.background import BackgroundTask
from picklewatch.service.interval import Interval
from picklewatch.watch.cache_locations import named, watches_everyone
from picklewatch.watch.lookup_watches import ANY_NAME

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from picklewatch.access.following import Lookup
    from picklewatch.config.schema import WatchConfig
    from picklewatch.store.database import StoreError
    from picklewatch.telemetry.health import Health

_Seen = tuple[tuple[pwd.struct_passwd, ...], tuple[pwd.struct_passwd, ...]]
"""The people who were found without being listed, and those who are listed."""
_SECONDS: Final = 300.0
"""Between two searches that nothing asked for: a directory service announces nothing."""
_PAUSE_SECONDS: Final = 3.0
"""Between two searches at least: on a login node somebody comes every second."""
_HANGS_SECONDS: Final = 30.0


class PeopleFinder:
    """Searches in a thread of its own, for the directory service or the server of the homes may not answer.

    Used by the main thread. *watch_places* is given the directories in which people's arrival can be seen.
    """

    def __init__(
        self,
        health: Health,
        watch_places: Callable[[tuple[Lookup, ...]], None],
        report: Callable[[StoreError], None],
    ) -> None:
        self._health, self._watch_places = health, watch_places
        self._task = BackgroundTask("people", self._find, report)
        self._due, self._next_at, self._began = Interval(_SECONDS), 0.0, 0.0
        self._is_wanted = True
        self._config: WatchConfig | None = None
        self._seen: _Seen | None = None
        self._known: _Seen | None = None

    def look_after(self, config: WatchConfig, now: float, *, is_announced: bool) -> bool:
        """Search if it is time to; return True if there are other people than before."""
        self._is_wanted |= is_announced or config != self._config or self._due.is_due(now)
        is_over = self._task.join(0)
        if self._is_wanted and is_over and now >= self._next_at:
            self._config, self._began, self._next_at = config, now, now + _PAUSE_SECONDS
            self._is_wanted = not self._task.start()
        if not is_over and now - self._began > _HANGS_SECONDS:
            reason = "looking for the machine's users takes too long"
            hint = "Does the directory service answer, and the server of the homes? Known users are watched meanwhile."
            self._health.degrade("watch-users-hang", reason, hint=hint)
        else:
            self._health.repair("watch-users-hang")
        seen, known = self._seen, self._known
        if seen is None or seen is known:
            return False
        self._known = seen
        if seen == known:
            return False
        people.note_found(seen[0])
        self._report(config)
        return True

    def find_at_once(self, config: WatchConfig, patience: float) -> None:
        """Search for the first time, for at most *patience* seconds: what takes longer is found later."""
        self.look_after(config, time.monotonic(), is_announced=True)
        self._task.join(patience)
        self.look_after(config, time.monotonic(), is_announced=False)

    def _find(self, _stopping: threading.Event) -> None:
        config = self._config
        if config is None:
            return
        everyone = watches_everyone(config.users)
        found = find(config)
        listed = tuple(pwd.getpwall()) if everyone else ()
        self._watch_places(tuple(_places(config, (*found, *listed), everyone=everyone)))
        self._seen = (found, listed)

    def _report(self, config: WatchConfig) -> None:
        unknown = [name for name in named(config.users) if people.by_name(name) is None]
        for name in unknown:
            hint = "Name a home whose user is not known in watch.homes."
            self._health.degrade("watch-user", f"no user is called {name}", subject=name, hint=hint)
        self._health.repair_all("watch-user", but=unknown)


def find(config: WatchConfig) -> tuple[pwd.struct_passwd, ...]:
    """Find the people to be watched whom the user database does not list."""
    where = people.Whereabouts(names=named(config.users), homes=config.homes)
    return people.find_unlisted(where, looking=watches_everyone(config.users))


def _places(config: WatchConfig, users: tuple[pwd.struct_passwd, ...], *, everyone: bool) -> list[Lookup]:
    """Return where something changes when people, or their homes, come or go."""
    directory, names = people.DATABASE
    places = [(directory, name) for name in names]
    if everyone:
        places += [os.path.split(people.LOGINS), (people.LOGINS, ANY_NAME)]
        humans = [user for user in users if user.pw_uid >= people.FIRST_HUMAN_UID]
        places += [(above, ANY_NAME) for above in people.directories_of_homes(humans)]
    for pattern in config.homes:
        while glob.has_magic(pattern):
            pattern = os.path.dirname(pattern)  # noqa: PTH120, PLW2901 - the part without wildcards
        places.append((pattern, ANY_NAME))
    return list(dict.fromkeys(places))
