"""The engine: judges one pickle by walking it, never by loading it.

`judge_pickle` is the way in. Imports the standard library and `picklewatch.model` only; fickling is imported late and
in `picklewatch.engine.evidence` alone. What is named here is imported when it is first asked for: the parent wants
the version and nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from picklewatch.engine.engine import judge_pickle
    from picklewatch.engine.report import (
        EVASION,
        Budget,
        Buffer,
        LimitReached,
        Nested,
        PickleReport,
        Storage,
        WalkFailed,
        evasion,
    )
    from picklewatch.engine.sniff import looks_like_pickle
    from picklewatch.engine.version import engine_version, rules_version

__all__ = [
    "EVASION", "Budget", "Buffer", "LimitReached", "Nested", "PickleReport", "Storage", "WalkFailed",
    "engine_version", "evasion", "judge_pickle", "looks_like_pickle", "rules_version",
]  # fmt: skip

_HOME = {
    "judge_pickle": "engine", "looks_like_pickle": "sniff", "engine_version": "version", "rules_version": "version",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(f"picklewatch.engine.{_HOME.get(name, 'report')}"), name)
    raise AttributeError(name)
