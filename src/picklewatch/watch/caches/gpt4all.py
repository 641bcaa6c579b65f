"""GPT4All."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=300,
    places=(CachePlace(label="GPT4All", default="{data}/nomic.ai/GPT4All"),),
)
