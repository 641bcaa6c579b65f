"""Keras: ``keras.src.backend.config`` chooses the directory."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=70,
    places=(CachePlace(label="Keras", variables=("KERAS_HOME",), default="{home}/.keras"),),
    names_rank=50,
    names=((r".*/\.keras/(?:models/)?(?P<file>.+)", "keras: {file}"),),
)
