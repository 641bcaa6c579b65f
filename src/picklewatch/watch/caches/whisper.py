"""OpenAI's Whisper."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=120,
    places=(CachePlace(label="Whisper", default="{cache}/whisper"),),
    folder="whisper",
)
