"""LM Studio."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=290,
    places=(
        CachePlace(label="LM Studio", default="{home}/.lmstudio/models"),
        CachePlace(label="LM Studio before 0.3.6", default="{home}/.cache/lm-studio/models"),
    ),
)
