"""transformers before it used the Hugging Face hub's cache; ``transformers.utils.hub`` has the variables."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=20,
    places=(
        CachePlace(
            label="transformers",
            variables=("TRANSFORMERS_CACHE", "PYTORCH_TRANSFORMERS_CACHE", "PYTORCH_PRETRAINED_BERT_CACHE"),
            default="{hf}/transformers",
        ),
    ),
)
