"""Coqui TTS."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=190,
    places=(CachePlace(label="Coqui TTS", variables=("TTS_HOME/tts",), default="{data}/tts"),),
)
