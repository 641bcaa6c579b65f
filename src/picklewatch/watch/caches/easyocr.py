"""EasyOCR: ``easyocr.config`` chooses the directory."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=160,
    places=(CachePlace(label="EasyOCR", variables=("EASYOCR_MODULE_PATH", "MODULE_PATH"), default="{home}/.EasyOCR"),),
)
