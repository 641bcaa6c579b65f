"""A rule: the text that a person reads about one kind of finding. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from picklewatch.core.model import Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One kind of finding, explained to a person. All texts are plain sentences."""

    id: str
    """The stable kebab-case identifier that findings, records and allowlists carry."""
    level: Level
    """The usual level of its findings; a finding may carry another where the place asks for it."""
    title: str
    """A few words, such as ``Import that runs code``."""
    meaning: str
    """The observation."""
    danger: str
    """The reason why it matters."""
    evidence: str
    """An example: the evidence line, or the place and the sentence of the finding."""
    action: str
    """The steps to take now."""
    allow: str
    """The way for an operator to accept it, or the reason why there is none."""
