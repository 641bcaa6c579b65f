"""TensorFlow Hub, which keeps its modules in the directory for temporary files."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=80,
    places=(
        CachePlace(label="TensorFlow Hub", variables=("TFHUB_CACHE_DIR",), default="/tmp/tfhub_modules"),  # noqa: S108 - its own
    ),
)
