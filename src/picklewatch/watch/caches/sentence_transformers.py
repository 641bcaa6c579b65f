"""sentence-transformers, which kept its models below PyTorch's cache."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=40,
    places=(
        CachePlace(
            label="sentence-transformers",
            variables=("SENTENCE_TRANSFORMERS_HOME",),
            default="{cache}/torch/sentence_transformers",
        ),
    ),
    names_rank=20,
    names=((r".*/torch/sentence_transformers/(?P<repo>[^/]+)/(?P<file>.+)", "sentence-transformers {repo}: {file}"),),
)
