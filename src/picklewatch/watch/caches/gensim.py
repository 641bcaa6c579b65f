"""gensim."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=240,
    places=(CachePlace(label="gensim", variables=("GENSIM_DATA_DIR",), default="{home}/gensim-data"),),
)
