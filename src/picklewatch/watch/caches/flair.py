"""Flair: ``flair.cache_root``."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=220,
    places=(CachePlace(label="Flair", variables=("FLAIR_CACHE_ROOT",), default="{home}/.flair"),),
)
