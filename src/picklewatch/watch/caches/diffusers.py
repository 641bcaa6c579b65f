"""diffusers before it used the Hugging Face hub's cache."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=30,
    places=(CachePlace(label="diffusers", variables=("DIFFUSERS_CACHE",), default="{hf}/diffusers"),),
)
