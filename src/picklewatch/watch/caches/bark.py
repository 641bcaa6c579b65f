"""Bark, of Suno."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=200,
    places=(CachePlace(label="Bark", default="{cache}/suno"),),
    folder="suno",
)
