"""Announces that a root may have to be found anew: the directories that its path leads through are watched.

Looking at a root every second is cheap, at the 6,000 places where 200 users' tools may keep models it is a processor's
work. The directories in which a path is looked up, links included, announce every change that could make it lead
elsewhere: a name that appears, goes, or is replaced, and rights that change.

The kernel announces all names of a directory or none, and one on the way to homes may be as busy as /tmp. A directory
that only leads to another one is therefore watched for what happens to it alone: whoever takes its name away moves it.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final

from watchdog.observers.inotify_c import CallbackId, InotifyConstants, Mask, WatchCallback

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

    from watchdog.observers.inotify_c import InotifyEvent, WatchDescriptor

    from picklewatch.access.following import Lookup
    from picklewatch.watch.inotify_watches import InotifyReader

    WatchedName = tuple[WatchDescriptor, bytes]
    """A name in a directory that is watched."""

ANY_NAME: Final = ""
"""Stands for every name in a directory."""
_NAMES: Final = InotifyConstants.IN_CREATE | InotifyConstants.IN_DELETE | InotifyConstants.IN_MOVE
_ITSELF: Final = (
    InotifyConstants.IN_MOVE_SELF
    | InotifyConstants.IN_DELETE_SELF
    | InotifyConstants.IN_ATTRIB
    | InotifyConstants.IN_UNMOUNT
)
_LEADING: Final = Mask(_ITSELF | InotifyConstants.IN_ONLYDIR | InotifyConstants.IN_DONT_FOLLOW)
_LOOKED_IN: Final = Mask(_LEADING | _NAMES)


class LookupWatches(WatchCallback):
    """Remembers which keys depend on which names in which directories. One thread follows, the reader's announces.

    A second listener at the inotify instance of *reader*: the kernel allows a user few instances.
    """

    def __init__(self, reader: InotifyReader, on_news: Callable[[], None] = lambda: None) -> None:
        """*on_news* is called when there is something `announced`; it must not block."""
        self._reader, self._on_news = reader, on_news
        self._id = CallbackId(id(self))
        self._lock = threading.Lock()
        self._keys: dict[WatchDescriptor, dict[bytes, list[str]]] = {}
        self._followed: dict[str, tuple[WatchedName, ...]] = {}
        self._announced: set[str] = set()

    def follow(self, key: str, lookups: Iterable[Lookup], watched: dict[Lookup, WatchedName]) -> bool:
        """Announce *key* when one of *lookups* may have another result from now on.

        *watched* is what was followed for other keys a moment ago: most ways have a beginning in common. Return True if
        all was followed before: if not, something may have changed unseen since the lookups, and they must be made once
        more. Raises `OSError` if a directory can't be watched.
        """
        lookups = tuple(lookups)
        passed = {directory for directory, _ in lookups}
        found = {self._watch(lookup, watched, _mask(lookup, passed)) for lookup in lookups}
        with self._lock:
            known = set(self._followed.get(key, ()))
            for watch, name in found - known:
                self._keys.setdefault(watch, {}).setdefault(name, []).append(key)
            self._followed[key] = tuple(found)
            unused = self._drop(key, known - found)
        self._reader.remove_callbacks([(watch, self._id) for watch in unused])
        return found <= known

    def forget(self, key: str) -> None:
        """Announce *key* no more."""
        with self._lock:
            unused = self._drop(key, self._followed.pop(key, ()))
            self._announced.discard(key)
        self._reader.remove_callbacks([(watch, self._id) for watch in unused])

    def announced(self) -> set[str]:
        """Return the keys of which something was announced since the last call."""
        with self._lock:
            announced, self._announced = self._announced, set()
        return announced

    def _watch(self, lookup: Lookup, watched: dict[Lookup, WatchedName], mask: Mask) -> WatchedName:
        found = watched.get(lookup)
        if found is None:
            directory, name = lookup
            watch = self._reader.add_callback(os.fsencode(directory), mask, self, self._id)
            found = watched[lookup] = watch, os.fsencode(name)
        return found

    def _drop(self, key: str, dropped: Iterable[WatchedName]) -> list[WatchDescriptor]:
        """Forget that *key* depends on these; return the watches that nothing depends on any more."""
        unused = []
        for watch, name in dropped:
            names = self._keys.get(watch)
            if names is None:  # the kernel dropped it
                continue
            names[name].remove(key)
            if not names[name]:
                del names[name]
            if not names:
                del self._keys[watch]
                unused.append(watch)
        return unused

    # --- what the reader's thread calls

    def on_event(self, event: InotifyEvent) -> None:
        """Announce what depends on the name of *event*; all of the directory's if it is about itself."""
        if not event.mask & (_NAMES | _ITSELF):
            return
        with self._lock:
            names = self._keys.get(event.wd, {})
            about = (event.name, os.fsencode(ANY_NAME)) if event.name else tuple(names)
            self._announce(key for name in about for key in names.get(name, ()))

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """Announce everything that depends on a directory that is gone."""
        with self._lock:
            self._announce(key for keys in self._keys.pop(wd, {}).values() for key in keys)

    def _announce(self, keys: Iterable[str]) -> None:
        had_news = bool(self._announced)
        self._announced.update(keys)
        if self._announced and not had_news:
            self._on_news()

    def on_queue_overflow(self) -> None:
        """Do nothing: `InotifyReader` reports it, and whoever follows looks at everything."""


def _mask(lookup: Lookup, passed: Container[str]) -> Mask:
    """Return what must be known of the directory of *lookup*: little if the name is a directory that was *passed*."""
    return _LEADING if os.path.join(*lookup) in passed else _LOOKED_IN  # noqa: PTH118 - no object is needed
