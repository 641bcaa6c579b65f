"""Weights & Biases."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    places=(CachePlace(label="Weights & Biases", variables=("WANDB_CACHE_DIR",), default="{cache}/wandb"),),
)
