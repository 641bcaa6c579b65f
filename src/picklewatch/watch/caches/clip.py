"""OpenAI's CLIP, and open_clip."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    places=(CachePlace(label="CLIP", default="{home}/.cache/clip"),),
    names=((r".*/\.cache/clip/(?P<file>.+)", "clip: {file}"),),
)
