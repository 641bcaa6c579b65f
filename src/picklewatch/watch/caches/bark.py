"""Bark, of Suno."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    places=(CachePlace(label="Bark", default="{cache}/suno"),),
    names=((r".*/\.cache/suno/(?P<file>.+)", "suno: {file}"),),
)
