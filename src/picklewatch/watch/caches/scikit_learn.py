"""scikit-learn: ``sklearn.datasets.get_data_home`` chooses the directory."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=250,
    places=(CachePlace(label="scikit-learn", variables=("SCIKIT_LEARN_DATA",), default="{home}/scikit_learn_data"),),
)
