"""Kaggle Hub."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=90,
    places=(CachePlace(label="Kaggle Hub", variables=("KAGGLEHUB_CACHE",), default="{home}/.cache/kagglehub"),),
    names_rank=40,
    names=(
        (
            r".*/kagglehub/models/(?P<repo>[^/]+/[^/]+/[^/]+/[^/]+)/(?P<version>\d+)/(?P<file>.+)",
            "kaggle {repo}@{version}: {file}",
        ),
        (
            r".*/kagglehub/datasets/(?P<repo>[^/]+/[^/]+)/versions/(?P<version>\d+)/(?P<file>.+)",
            "kaggle datasets/{repo}@{version}: {file}",
        ),
    ),
)
