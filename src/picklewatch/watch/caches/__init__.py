"""The tools whose caches are watched, one module per tool; a module in this folder that defines ``TOOL`` is one.

Nothing else names a tool: places, names, temporary names, bookkeeping and links all follow from its `CacheTool`.
A module here must stay cheap to import, and must never open a file that could be a model. Start with ``keras.py``.
"""

from __future__ import annotations

import functools
import importlib
import os
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from picklewatch.watch.cache_tool import CacheTool

_FOLDERS_RANK: Final = 60
"""The `CacheTool.names_rank` of all `CacheTool.folder`."""


@functools.cache
def tools() -> tuple[CacheTool, ...]:
    """Return every tool, in the order of their ranks."""
    files = sorted(file for folder in __path__ for file in os.listdir(folder))  # noqa: PTH208 - pathlib costs more
    modules = [file[:-3] for file in files if file.endswith(".py") and file != "__init__.py"]
    found = [importlib.import_module(f"{__name__}.{module}").TOOL for module in modules]
    return tuple(sorted(found, key=lambda tool: tool.rank))


@functools.cache
def names() -> tuple[tuple[str, str], ...]:
    """Return all tools' `CacheTool.names`, and one pair for all of their folders, in the order of their ranks."""
    folders = "|".join(tool.folder for tool in tools() if tool.folder)
    ranked = [(_FOLDERS_RANK, rf".*/\.cache/(?P<tool>{folders})/(?P<file>.+)", "{tool}: {file}")]
    ranked += [(tool.names_rank, path, name) for tool in tools() for path, name in tool.names]
    return tuple((path, name) for _, path, name in sorted(ranked, key=lambda entry: entry[0]))


@functools.cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Return *pattern*, which may be any of a tool's, for use."""
    return re.compile(pattern, re.DOTALL)


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
    return compiled("|".join(f"(?:{pattern})" for pattern in patterns))
