"""The tools whose caches are watched, one module per tool; a module in this folder that defines ``TOOL`` is one.

Nothing else names a tool: places, names, temporary names, bookkeeping and links all follow from its `CacheTool`.
A module here must stay cheap to import, and must never open a file that could be a model. Start with ``keras.py``.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from picklewatch.watch.cache_tool import CacheTool


@functools.cache
def tools() -> tuple[CacheTool, ...]:
    """Return every tool, in the order of the modules' names."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(importlib.import_module(f"{__name__}.{name}").TOOL for name in names)


@functools.cache
def name_patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return all tools' `CacheTool.names`, compiled."""
    return tuple((re.compile(path, re.DOTALL), name) for tool in tools() for path, name in tool.names)


def is_temporary(name: str) -> bool:
    """Return True if a downloader will rename the file called *name*. This only ever delays, never decides."""
    return _temporary().fullmatch(name) is not None


def is_bookkeeping(path: str) -> bool:
    """Return True if *path* is a file that a tool keeps for itself."""
    return _bookkeeping().fullmatch(path) is not None


@functools.cache
def _temporary() -> re.Pattern[str]:
    return _any_of(pattern for tool in tools() for pattern in tool.temporary)


@functools.cache
def _bookkeeping() -> re.Pattern[str]:
    return _any_of(pattern for tool in tools() for pattern in tool.bookkeeping)


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.DOTALL)
