"""Ollama: a blob is ``sha256-<digest>``; while it is downloaded, ``-partial`` and the numbers of its parts follow."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=270,
    places=(
        CachePlace(label="Ollama", variables=("OLLAMA_MODELS",), default="{home}/.ollama/models"),
        CachePlace(label="Ollama (service)", default="/usr/share/ollama/.ollama/models", is_system=True),
    ),
    names_rank=80,
    names=((r".*/\.?ollama/models/blobs/sha256-(?P<digest>[0-9a-f]{12})[0-9a-f]*", "ollama: {digest}…"),),
    temporary=(r".+-partial(-\d+)?",),
)
