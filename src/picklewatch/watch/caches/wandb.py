"""Weights & Biases."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=260,
    places=(CachePlace(label="Weights & Biases", variables=("WANDB_CACHE_DIR",), default="{cache}/wandb"),),
)
