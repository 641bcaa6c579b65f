"""llama.cpp."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=280,
    places=(CachePlace(label="llama.cpp", variables=("LLAMA_CACHE",), default="{cache}/llama.cpp"),),
)
