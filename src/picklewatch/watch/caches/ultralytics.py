"""Ultralytics (YOLO)."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=100,
    places=(CachePlace(label="Ultralytics", variables=("YOLO_CONFIG_DIR",), default="{config}/Ultralytics"),),
)
