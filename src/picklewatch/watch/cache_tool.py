"""Everything that picklewatch knows of one tool that keeps models on disk.

Plain classes: dataclasses and named tuples take a millisecond each to make, and every command that scans needs these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

LAST: Final = 1_000
"""The rank of a tool for which none is given."""


class CachePlace:
    """One directory that a tool chooses for its files, and how it chooses it."""

    __slots__ = ("base", "default", "is_system", "label", "variables")

    def __init__(
        self, *, label: str, variables: tuple[str, ...] = (), default: str, base: str = "", is_system: bool = False
    ) -> None:
        self.label = label
        """The tool, or the part of it, as people call it."""
        self.variables = variables
        """Environment variables that name it, the most important first; ``NAME/sub`` for a directory below one."""
        self.default = default
        """The directory otherwise, below the user's ``{home}``, ``{cache}``, ``{data}``, ``{config}``, or a `base`."""
        self.base = base
        """A name by which other places' defaults refer to this directory, such as ``hf`` for ``{hf}``."""
        self.is_system = is_system
        """True for a directory that belongs to the machine, not to a person."""


class CacheTool:
    """A tool's caches: where they are, and how to read the names in them.

    All patterns are regular expressions that must match the whole text, in which ``.`` matches a line break, too.
    """

    __slots__ = (
        "bookkeeping", "describe", "folder", "links_to", "names", "names_rank", "places", "rank", "temporary",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913 - all of it is optional
        self,
        *,
        rank: int = LAST,
        places: tuple[CachePlace, ...] = (),
        names: tuple[tuple[str, str], ...] = (),
        names_rank: int = LAST,
        folder: str = "",
        temporary: tuple[str, ...] = (),
        bookkeeping: tuple[str, ...] = (),
        describe: Callable[[str], str | None] | None = None,
        links_to: Callable[[str], tuple[str, ...] | None] | None = None,
    ) -> None:
        self.rank = rank
        """Tools of lower ranks come first: a directory that two tools share gets the label of the first."""
        self.places = places
        self.names = names
        """Pairs of a path's pattern and the name that people are shown, with the pattern's groups in braces."""
        self.names_rank = names_rank
        """Names of lower ranks are tried first: caches lie in each other."""
        self.folder = folder
        """Its directory in ``~/.cache`` if people are shown ``folder: file``; of several the innermost one counts."""
        self.temporary = temporary
        """Patterns of the file names that a download has until it is renamed. Such a file waits a second longer."""
        self.bookkeeping = bookkeeping
        """Patterns of the paths of files that the tool keeps for itself: a harmless one is logged at ``debug`` only."""
        self.describe = describe
        """Returns the name of a path in a layout that is recognised wherever it lies; it goes before all `names`.

        None if the path lies in no such layout, empty if it has no name in it.
        """
        self.links_to = links_to
        """Returns the links that give a content its name, the best first; None if the path is no such content."""
