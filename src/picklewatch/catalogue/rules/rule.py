"""What a rule is: the text that a person reads about one kind of finding. Pure."""

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
    """What was observed."""
    danger: str
    """Why it matters."""
    evidence: str
    """An example of what is shown: the evidence line, or the place and the sentence of the finding."""
    action: str
    """What to do now."""
    allow: str
    """How an operator who knows better accepts it, or why that can't be done."""
