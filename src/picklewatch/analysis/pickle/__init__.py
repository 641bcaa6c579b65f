"""The engine: judges one pickle by walking it, never by loading it.

`judge_pickle` is the way in. Imports the standard library, the vocabulary and the catalogue only; fickling is
imported late and in `picklewatch.analysis.pickle.fickling_evidence` alone. What is named here is imported when first
asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.analyse import judge_pickle
    from picklewatch.analysis.pickle.report import (
        EVASION,
        Budget,
        Buffer,
        LimitReached,
        Nested,
        PickleReport,
        Storage,
        WalkFailed,
        Why,
        evasion,
    )
    from picklewatch.analysis.pickle.sniff import looks_like_pickle

__all__ = [
    "EVASION", "Budget", "Buffer", "LimitReached", "Nested", "PickleReport", "Storage", "WalkFailed", "Why",
    "evasion", "judge_pickle", "looks_like_pickle",
]  # fmt: skip

_HOME = {"judge_pickle": "analyse", "looks_like_pickle": "sniff"}


def __getattr__(name: str) -> object:
    if name in __all__:
        return getattr(import_module(f"picklewatch.analysis.pickle.{_HOME.get(name, 'report')}"), name)
    raise AttributeError(name)
