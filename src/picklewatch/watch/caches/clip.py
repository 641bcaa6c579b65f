"""OpenAI's CLIP, and open_clip."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=130,
    places=(CachePlace(label="CLIP", default="{home}/.cache/clip"),),
    folder="clip",
)
