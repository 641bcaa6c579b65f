"""A mapping as loaders see it, of a pickle or of a text, and what all judgements of it share."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Protocol

from picklewatch.analysis.python_source import PER_CHARACTER, judge_python

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from picklewatch.analysis.python_source import Effect
    from picklewatch.catalogue.loaders.loader_entry import LoaderKey


class Configuration(Protocol):
    """A mapping as loaders see it. In a text, a key may have several values."""

    def has(self, key: str) -> bool:
        """Return True if *key* is there."""

    def here(self, key: str) -> bool:
        """Return True if *key* is there by itself, not by way of another mapping."""

    def texts(self, key: str) -> Sequence[str]:
        """Return the texts that are the value of *key*."""

    def within(self, key: str) -> Iterable[Configuration]:
        """Return the mappings that are the value of *key*."""

    def arguments(self) -> Sequence[str]:
        """Return the texts beside a key, and those in lists and mappings beside it."""

    def lists(self) -> Iterable[tuple[str, Sequence[str]]]:
        """Return each key whose value is a list, with the texts in it."""

    def cost(self, units: int) -> None:
        """Charge for *units* of work."""


def beside(entry: LoaderKey, held: Configuration) -> bool:
    """Return True if a key stands there without which the loader of *entry* does nothing."""
    return not entry.companions or any(held.has(key) for key in entry.companions)


def judged_python(held: Configuration, text: str, *, expression: bool) -> Effect:
    """Return what running *text* would do, and charge for it."""
    plain = _PLAIN.fullmatch(text) is not None
    held.cost(1 if plain else PER_CHARACTER * len(text))
    if text[:1] in {" ", "\t"}:  # a block of YAML with its indentation
        text = textwrap.dedent(text)
    return judge_python(text, expression=expression)


_PLAIN = re.compile(r"[\w.-]*+")
