"""NLTK; ``NLTK_DATA`` may list several directories, of which downloads go to the first."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=210,
    places=(CachePlace(label="NLTK", variables=("NLTK_DATA",), default="{home}/nltk_data"),),
    names_rank=70,
    names=((r".*/nltk_data/(?P<file>.+)", "nltk: {file}"),),
)
