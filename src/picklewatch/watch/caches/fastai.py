"""fastai."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=110,
    places=(CachePlace(label="fastai", variables=("FASTAI_HOME",), default="{home}/.fastai"),),
)
