"""InsightFace."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=170,
    places=(CachePlace(label="InsightFace", default="{home}/.insightface"),),
)
