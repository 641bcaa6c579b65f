"""The engine: judges one pickle by walking it, never by loading it.

`judge_pickle` is the way in. Imports the standard library and `picklewatch.model` only; fickling is imported late and
in `picklewatch.engine.evidence` alone.
"""

from __future__ import annotations

from picklewatch.engine.engine import judge_pickle
from picklewatch.engine.report import Budget, Buffer, LimitReached, Nested, PickleReport, Storage
from picklewatch.engine.sniff import looks_like_pickle
from picklewatch.engine.version import engine_version, rules_version

__all__ = [
    "Budget", "Buffer", "LimitReached", "Nested", "PickleReport", "Storage",
    "engine_version", "judge_pickle", "looks_like_pickle", "rules_version",
]  # fmt: skip
