"""OpenAI's Whisper."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    places=(CachePlace(label="Whisper", default="{cache}/whisper"),),
    names=((r".*/\.cache/whisper/(?P<file>.+)", "whisper: {file}"),),
)
