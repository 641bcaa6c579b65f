"""From the configuration and the command line to what the daemon does: which directories, which files not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from picklewatch.access.paths import beneath
from picklewatch.core.path_patterns import excluder
from picklewatch.core.state_layout import ALIVE, CANARY, StateLayout
from picklewatch.watch import cache_locations
from picklewatch.watch.roots import COMMAND_LINE, CONFIGURATION, Root

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from picklewatch.config.schema import Config


def roots(config: Config, paths: Sequence[str]) -> tuple[Root, ...]:
    """What is watched: *paths* alone if there are any, else the caches that exist or may come, and ``watch.roots``."""
    if paths:
        return tuple(Root(path, COMMAND_LINE) for path in dict.fromkeys(map(os.path.abspath, paths)))
    found = cache_locations.discover(users=config.watch.users) if config.watch.caches else ()
    wanted = {str(cache.path): Root(str(cache.path), _label(cache), user=cache.uid) for cache in found}
    wanted |= {str(path): Root(str(path), CONFIGURATION) for path in config.watch.roots}  # what is named is its own law
    return tuple(wanted.values())


def vault_directory(config: Config, state: Path) -> Path:
    """Where quarantined files are kept."""
    return config.quarantine.store or StateLayout(state).vault


def excluded(config: Config, state: Path) -> Callable[[str], bool]:
    """What is never looked at: what the configuration excludes, and what is ours, except the canary's directory."""
    by_operator = excluder(config.watch.exclude)
    state_real = os.path.realpath(state)
    ours = (state_real, os.path.realpath(vault_directory(config, state)))
    canary = os.path.join(state_real, CANARY)  # noqa: PTH118 - compared with event paths

    def is_excluded(path: str) -> bool:
        if any(beneath(path, directory) for directory in ours):
            return not beneath(path, canary) or path.endswith(f"/{CANARY}/{ALIVE}")
        return by_operator(path)

    return is_excluded


def _label(cache: cache_locations.Cache) -> str:
    return f"{cache.tool}, of {cache.user}" if cache.source == "default" else f"{cache.tool}, by {cache.source}"
