"""Derives from the configuration and the command line which directories are watched, and which files are not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from picklewatch.access.paths import beneath
from picklewatch.core.path_patterns import excluder
from picklewatch.core.state_layout import ALIVE, CANARY, StateLayout
from picklewatch.watch import cache_locations
from picklewatch.watch.roots import COMMAND_LINE, CONFIGURATION, Root, find, look_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from picklewatch.access.ownership import Tree
    from picklewatch.config.schema import Config
    from picklewatch.watch.supervisor import WatchSupervisor


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


class WatchedRoots:
    """Keeps what is watched in step with the configuration, and with users and caches that come and go."""

    def __init__(self, watching: WatchSupervisor, state: Path, paths: Sequence[str]) -> None:
        self._watching, self._state, self._paths = watching, state, paths

    def apply(self, config: Config) -> None:
        """Watch what *config* says from now on."""
        self.plan(config)
        self._watching.configure(excluded(config, self._state), config.watch.rescan)

    def plan(self, config: Config) -> None:
        """Find out what there is to watch."""
        former = {root.plan: root for root in self._watching.roots}
        wanted = [former.get(root.plan, root) for root in roots(config, self._paths)]
        if wanted != list(self._watching.roots):
            find([root for root in wanted if root.plan not in former])  # files are judged and moved only in found roots
            self._watching.set_roots(wanted)

    def trees(self) -> tuple[Tree, ...]:
        """Return the watched directories, as they were found."""
        found = [root.tree for root in self._watching.roots if root.tree is not None]
        canary = look_at(Root(str(StateLayout(self._state).canary), COMMAND_LINE)).tree
        return (*found, *([] if canary is None else [canary]))


def _label(cache: cache_locations.Cache) -> str:
    return f"{cache.tool}, of {cache.user}" if cache.source == "default" else f"{cache.tool}, by {cache.source}"
