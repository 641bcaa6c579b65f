"""Fuzz targets, and the exception that a broken law raises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random


class LawBrokenError(AssertionError):
    """A law does not hold for these bytes."""

    def __init__(self, law: str, detail: object = "") -> None:
        super().__init__(f"{law}: {detail}")
        self.law = law
        """A short name; findings of one law and one run are kept as one."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One parser: what it is given, and what must hold."""

    name: str
    run: Callable[[bytes], None]
    """Hands bytes to the parser and checks its laws: raises `LawBrokenError`, or whatever the parser must not."""
    seeds: Callable[[], Iterable[bytes]]
    """Good and bad examples, made by the samples that the other tests use."""
    mutate: Callable[[bytes, Random], bytes] | None = None
    """Changes the bytes as someone who knows the format would; without it bytes alone are changed."""
    words: tuple[bytes, ...] = ()
    """What the format spells out, for mutations of bytes."""
    longest: int = 6_000
    """Bytes of one input, at most."""
