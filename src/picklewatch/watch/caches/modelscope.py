"""ModelScope."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=60,
    places=(
        CachePlace(label="ModelScope", variables=("MODELSCOPE_CACHE", "MS_CACHE_HOME"), default="{cache}/modelscope"),
    ),
    names_rank=30,
    names=(
        (
            r".*/modelscope/(?:hub/)?(?:models/|datasets/)?(?P<repo>[^/.][^/]*/[^/]+)/(?P<file>.+)",
            "modelscope {repo}: {file}",
        ),
    ),
)
