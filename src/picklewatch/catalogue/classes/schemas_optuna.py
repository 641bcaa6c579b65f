"""optuna: studies and their storage."""

from __future__ import annotations

from typing import Final

from picklewatch.catalogue.classes.hook_schema import Schema

SCHEMAS: Final[tuple[Schema, ...]] = (
    Schema(
        function="optuna.study.study.Study.__setstate__",
        why="stores the state and sets a thread's local values, a new object of its own class; looks into nothing",
        sources={"d697be736c4fe19d": "5.0.0"},
    ),
    Schema(
        function="optuna.storages._in_memory.InMemoryStorage.__setstate__",
        why="stores the state and sets a new lock; looks into nothing",
        sources={"4e538bb15ab96ae9": "5.0.0"},
    ),
)
