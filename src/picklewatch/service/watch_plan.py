"""Derives from the configuration and the command line which directories are watched, and which files are not."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from picklewatch.access.paths import beneath
from picklewatch.core.path_patterns import excluder
from picklewatch.core.state_layout import ALIVE, CANARY, StateLayout
from picklewatch.store.database import STORE_ERRORS
from picklewatch.telemetry.root_state import COMMAND_LINE, CONFIGURATION
from picklewatch.watch import cache_locations
from picklewatch.watch.container_stores import container_stores
from picklewatch.watch.directory_walk import listed
from picklewatch.watch.linked_directories import LinkedDirectories, report_left_out
from picklewatch.watch.roots import EXCLUDED, Root, find, look_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from picklewatch.access.ownership import Tree
    from picklewatch.config.schema import Config
    from picklewatch.store import Store
    from picklewatch.store.failures import StoreFailures
    from picklewatch.telemetry.health import Health
    from picklewatch.watch.supervisor import WatchSupervisor

_LINKS: Final = "links"


def roots(config: Config, paths: Sequence[str]) -> tuple[Root, ...]:
    """Return what to watch: *paths* alone if given, else the caches that exist or may come, and ``watch.roots``."""
    if paths:
        return tuple(Root(path, COMMAND_LINE) for path in dict.fromkeys(map(os.path.abspath, paths)))
    found = cache_locations.discover(users=config.watch.users) if config.watch.caches else ()
    wanted = {str(cache.path): Root(str(cache.path), _label(cache), user=cache.uid) for cache in found}
    wanted |= {str(path): Root(str(path), CONFIGURATION) for path in config.watch.roots}  # what is named is its own law
    return tuple(wanted.values())


def vault_directory(config: Config, state: Path) -> Path:
    """Return where quarantined files are kept."""
    return config.quarantine.store or StateLayout(state).vault


def excluded(config: Config, state: Path) -> Callable[[str], bool]:
    """Return a test for paths that are never looked at: excluded by the operator, or ours but not the canary's."""
    by_operator = excluder(config.watch.exclude)
    state_real = os.path.realpath(state)
    ours = (state_real, os.path.realpath(vault_directory(config, state)))
    canary = os.path.join(state_real, CANARY)  # noqa: PTH118 - compared with event paths

    def is_excluded(path: str) -> bool:
        if any(beneath(path, directory) for directory in ours):
            return not beneath(path, canary) or path.endswith(f"/{CANARY}/{ALIVE}")
        return by_operator(path)

    return is_excluded


@dataclass(frozen=True, slots=True)
class FoundRoots:
    """All that a daemon would watch on this machine."""

    roots: tuple[Root, ...]
    not_watched: tuple[Root, ...]
    """Places that are known, and are watched only where the configuration names them."""
    left_out: frozenset[str]
    """The users who have more links than are followed."""
    is_complete: bool
    """False if the time was over before every directory was looked through for links."""


def find_all(config: Config, state: Path, seconds: float) -> FoundRoots:
    """Find the roots, and for *seconds* at most what links in them lead to."""
    is_excluded = excluded(config, state)
    links = LinkedDirectories(is_excluded)
    planned = roots(config, ())
    find(planned)
    end = time.monotonic() + seconds
    waiting, seen, is_complete = list(planned), set[str](), True
    looked_at: set[int] = set()
    while waiting and is_complete:
        looked_at |= {id(root) for root in waiting}
        trees = [root.path for root in waiting if root.path is not None]
        is_complete = all(_note_links(tree, links, is_excluded, seen, end) for tree in trees)
        waiting = [root for root in links.roots(planned) if id(root) not in looked_at]
        find(waiting)
    not_watched = (*_excluded_roots(planned, is_excluded), *_stores(config, planned), *links.excluded)
    named = {root.wanted for root in not_watched}
    found = tuple(root for root in (*planned, *links.roots(planned)) if root.wanted not in named)
    return FoundRoots(found, not_watched, links.left_out, is_complete)


def _excluded_roots(planned: Sequence[Root], is_excluded: Callable[[str], bool]) -> tuple[Root, ...]:
    """Return those of *planned* that are there, and in which nothing is looked at, with the reason."""
    there = [root for root in planned if root.path is not None and is_excluded(f"{root.path}/file")]
    return tuple(Root(root.wanted, root.label, reason=EXCLUDED) for root in there)


def _stores(config: Config, planned: Sequence[Root]) -> tuple[Root, ...]:
    return container_stores(config.watch.users, planned) if config.watch.caches else ()


def _note_links(
    tree: str, links: LinkedDirectories, is_excluded: Callable[[str], bool], seen: set[str], end: float
) -> bool:
    """Note the links in *tree*; return False if there was no time for all."""
    waiting = [tree]
    while waiting:
        directory = waiting.pop()
        if directory in seen or is_excluded(directory):
            continue
        if time.monotonic() > end:
            return False
        seen.add(directory)
        with contextlib.suppress(OSError), listed(directory) as (_, entries):
            for entry in entries:
                path = f"{directory.rstrip('/')}/{entry.name}"
                if entry.is_symlink():
                    links.note(path)
                elif entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
    return True


class WatchedRoots:
    """Keeps what is watched in step with the configuration, and with users, caches and *links* that come and go."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it keeps in step, and where it notes that
        self,
        watching: WatchSupervisor,
        links: LinkedDirectories,
        store: Store,
        failures: StoreFailures,
        health: Health,
        state: Path,
        paths: Sequence[str],
    ) -> None:
        self._watching, self._links, self._store, self._failures = watching, links, store, failures
        self._health, self._state, self._paths = health, state, paths
        self._planned: tuple[Root, ...] = ()
        self._not_watched: tuple[Root, ...] = ()
        self._followed = -1
        self._noted = self._remembered()
        links.remember(self._noted)

    def apply(self, config: Config) -> None:
        """Watch what *config* says from now on."""
        is_excluded = excluded(config, self._state)
        self._links.configure(is_excluded)
        self._followed = -1
        self.plan(config)
        self._watching.configure(is_excluded, config.watch.rescan)

    def plan(self, config: Config) -> None:
        """Find out what there is to watch."""
        former = {root.plan: root for root in self._planned}
        wanted = [former.get(root.plan, root) for root in roots(config, self._paths)]
        if wanted != list(self._planned):
            find([root for root in wanted if root.plan not in former])  # files are judged and moved only in found roots
            self._planned = tuple(wanted)
            self._watching.set_roots((*wanted, *self._find_linked()))
        self.find_not_watched(config)

    def find_not_watched(self, config: Config) -> None:
        """Find the places that are known, and are not watched."""
        stores = () if self._paths else _stores(config, self._planned)
        self._not_watched = (*_excluded_roots(self._planned, excluded(config, self._state)), *stores)

    @property
    def not_watched(self) -> tuple[Root, ...]:
        """Places that are known, and are watched only where the configuration names them, or does not exclude them."""
        return (*self._not_watched, *self._links.excluded)

    def follow_links(self) -> None:
        """Watch what links lead to by now; called all the time, so that it must cost nothing while nothing changes."""
        changes = self._watching.changes
        if changes == self._followed and not self._links.has_news:
            return
        self._followed = changes
        linked = self._links.roots(self._planned)
        report_left_out(self._links.left_out, self._health)
        for path in self._links.over():
            self._watching.look_again(path)
        wanted = (*self._planned, *linked)
        if [id(root) for root in wanted] != [id(root) for root in self._watching.roots]:
            self._note()
            self._watching.set_roots(wanted)

    def trees(self) -> tuple[Tree, ...]:
        """Return the watched directories, as they were found."""
        found = [root.tree for root in self._watching.roots if root.tree is not None]
        canary = look_at(Root(str(StateLayout(self._state).canary), COMMAND_LINE)).tree
        return (*found, *([] if canary is None else [canary]))

    def _find_linked(self) -> tuple[Root, ...]:
        """Look at links that are known, and at those in what they lead to; the others are met when that is walked."""
        found: set[int] = set()
        while new := [root for root in self._links.roots(self._planned) if id(root) not in found]:
            find(new)
            found |= {id(root) for root in new}
        return self._links.roots(self._planned)

    def _note(self) -> None:
        """Keep the links for the next start: what an intent to move lies behind must be known before it is tried."""
        links = self._links.followed()
        if links == self._noted:
            return
        try:
            self._store.put_state(_LINKS, links)
        except STORE_ERRORS as error:
            self._failures.report(error)
        else:
            self._noted = links

    def _remembered(self) -> list[tuple[str, int]]:
        """Return the links that were followed, each with its owner: no user's links take the place of another's."""
        noted = self._store.get_state(_LINKS)
        return [(str(link[0]), int(link[1])) for link in noted or () if isinstance(link, list)]


def _label(cache: cache_locations.Cache) -> str:
    return f"{cache.tool}, of {cache.user}" if cache.source == "default" else f"{cache.tool}, by {cache.source}"
