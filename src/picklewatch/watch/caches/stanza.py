"""Stanza."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=230,
    places=(CachePlace(label="Stanza", variables=("STANZA_RESOURCES_DIR",), default="{home}/stanza_resources"),),
)
