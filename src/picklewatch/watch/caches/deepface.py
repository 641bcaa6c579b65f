"""DeepFace."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=180,
    places=(CachePlace(label="DeepFace", variables=("DEEPFACE_HOME/.deepface",), default="{home}/.deepface"),),
)
