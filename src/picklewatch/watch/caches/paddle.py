"""PaddlePaddle and the tools of its family."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=150,
    places=(
        CachePlace(label="PaddlePaddle", default="{home}/.cache/paddle"),
        CachePlace(label="PaddleHub", variables=("HUB_HOME",), default="{home}/.paddlehub"),
        CachePlace(label="PaddleOCR", default="{home}/.paddleocr"),
        CachePlace(label="PaddleX", variables=("PADDLE_PDX_CACHE_HOME",), default="{home}/.paddlex"),
    ),
    folder="paddle",
)
