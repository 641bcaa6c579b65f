"""What the machine in words keeps and says: short texts for values, and what reaches beyond them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from picklewatch.analysis.views.opcode_reader import Op

TEXT: Final = 240
"""Characters of one value's text."""
STATEMENT: Final = 2_000
"""Characters of one statement."""
SET: Final = ("{ ", "}")
"""What stands around the items of a set."""
HEAD: Final = 12
"""Items of a container that its text shows."""


@dataclass(slots=True, eq=False)
class Value:
    """One value on the stack."""

    plain: str = ""
    """Its text, unless it is a container."""
    name: str = ""
    """For an import, ``module.name``."""
    raw: str | None = None
    """For a text constant, its characters (some, if it is long)."""
    brackets: tuple[str, str] | None = None
    """For a container, what stands around its items."""
    items: list[str] = field(default_factory=list)
    count: int = 0

    @property
    def text(self) -> str:
        """How a person reads it, at most `TEXT` characters."""
        if self.brackets is None:
            return self.plain
        if not self.count and self.brackets == SET:
            return "set()"
        more = f", … {self.count - len(self.items)} more" if self.count > len(self.items) else ""
        comma = "," if self.brackets[0] == "(" and self.count == 1 else ""
        opening, closing = self.brackets[0].rstrip(), self.brackets[1]
        return clip(opening + ", ".join(self.items) + more + comma + closing, TEXT)

    def add(self, texts: list[str]) -> None:
        """Put items into the container."""
        self.items.extend(texts[: max(0, HEAD - len(self.items))])
        self.count += len(texts)


@dataclass(frozen=True, slots=True)
class Act:
    """What reaches beyond plain data: an import, a call, a state given to an object, a persistent id."""

    kind: str
    """``import``, ``call``, ``state`` or ``persistent``."""
    name: str
    """``module.name`` of what is imported or called, where that is known."""
    statement: str
    """The Python that would do the same."""
    arguments: str = ""
    """What a call is given, as it stands between the parentheses."""


@dataclass(frozen=True, slots=True)
class Step:
    """One opcode and what it did."""

    op: Op
    acts: tuple[Act, ...]
    trouble: str
    """Why a real unpickler would stop here; empty if it would go on."""


def clip(text: str, length: int) -> str:
    """*text*, cut in its middle to *length* characters."""
    if len(text) <= length:
        return text
    tail = length // 4
    return f"{text[: length - tail - 1]}…{text[-tail:]}"


def constant(value: object, length: int = 0) -> str:
    """How a constant reads; *length* says how long a text or bytes really are."""
    text = repr(value)
    if isinstance(value, str | bytes) and length > TEXT:
        kind = "characters" if isinstance(value, str) else "bytes"
        return f"{clip(text, TEXT - 30)} ({length} {kind})"
    return clip(text, TEXT)


class StuckError(Exception):
    """The machine can't do what the opcode says: a real one would raise here."""
