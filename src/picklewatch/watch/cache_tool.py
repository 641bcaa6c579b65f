"""Everything that picklewatch knows of one tool that keeps models on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePlace:
    """One directory that a tool chooses for its files, and how it chooses it."""

    label: str
    """The tool, or the part of it, as people call it."""
    variables: tuple[str, ...] = ()
    """Environment variables that name it, the most important first; ``NAME/sub`` for a directory below one."""
    default: str
    """The directory otherwise, below the user's ``{home}``, ``{cache}``, ``{data}``, ``{config}``, or a `base`."""
    base: str = ""
    """A name by which other places' defaults refer to this directory, such as ``hf`` for ``{hf}``."""
    is_system: bool = False
    """True for a directory that belongs to the machine, not to a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheTool:
    """A tool's caches: where they are, and how to read the names in them.

    All patterns are regular expressions that must match the whole text, in which ``.`` matches a line break, too.
    """

    places: tuple[CachePlace, ...] = ()
    names: tuple[tuple[str, str], ...] = ()
    """Pairs of a path's pattern and the name that people are shown, with the pattern's groups in braces."""
    temporary: tuple[str, ...] = ()
    """Patterns of the file names that a download has until it is renamed. Such a file waits a second longer."""
    bookkeeping: tuple[str, ...] = ()
    """Patterns of the paths of files that the tool keeps for itself: a harmless one is logged at ``debug`` only."""
    describe: Callable[[str], str | None] | None = None
    """Returns the name of a path in a layout that is recognised wherever it lies; it goes before all `names`."""
    links_to: Callable[[str], tuple[str, ...] | None] | None = None
    """Returns the links that give a content its name, the best first; None if the path is no such content."""
