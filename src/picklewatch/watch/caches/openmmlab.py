"""OpenMMLab: ``_get_mmengine_home`` of mmengine chooses the directory; mim is its installer."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=140,
    places=(
        CachePlace(label="OpenMMLab", variables=("MMENGINE_HOME",), default="{cache}/mmengine"),
        CachePlace(label="OpenMIM", default="{cache}/mim"),
    ),
    folder="mim",
)
