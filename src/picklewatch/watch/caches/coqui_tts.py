"""Coqui TTS."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    places=(CachePlace(label="Coqui TTS", variables=("TTS_HOME/tts",), default="{data}/tts"),),
)
