"""The plan of the sandboxed child, read as if an attacker had written it. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from picklewatch.core.errors import Error
from picklewatch.core.rescue_plan import (
    ELEMENT_BYTES,
    LONGEST_NAME,
    MOST_DIMENSIONS,
    MOST_LEFT,
    MOST_PARTS,
    NOT_IN_SAFETENSORS,
    is_countable,
    room,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHAPE = re.compile(r"(?:[0-9]{1,19}(?:,[0-9]{1,19})*)?", re.ASCII)
_FORBIDDEN = "__metadata__"
_KEY = re.compile(r"[0-9]{1,6}", re.ASCII)


class NonsenseError(Error):
    """The sandboxed process planned what no sound one would: it may have been taken over."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the sandboxed process can't be believed: {what}", "Nothing was written.")


@dataclass(frozen=True, slots=True)
class PlannedPart:
    """A tensor, or a storage, that is to be written."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    size: int
    """Bytes."""
    begin: int
    """Where they lie in the file, -1 if the child sends them."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What is not saved."""

    name: str
    why: str
    plain: bool
    """True for a number, a text and the like, which a file of tensors has no place for."""


@dataclass(slots=True)
class CheckedPlan:
    """A whole plan, checked."""

    parts: list[PlannedPart] = field(default_factory=list)
    left: list[LeftOut] = field(default_factory=list)
    """The first of them; the counts are of all."""
    renamed: list[tuple[str, str]] = field(default_factory=list)
    """The name that a tensor had, and the one that it gets."""
    pickle: int | None = None
    """Bytes of the new pickle, None for a file of tensors alone."""
    plain: int = 0
    """Plain values that are left out."""
    others: int = 0
    """Other things that are left out."""


class PlanReader:
    """Reads the lines of one plan for a file of *size* bytes; *anew* if a whole checkpoint is to be written.

    Raises `NonsenseError`.
    """

    def __init__(self, size: int, *, anew: bool) -> None:
        self.plan = CheckedPlan()
        self._size = size
        self._room = room(size)
        self._anew = anew
        self._names: set[str] = set()

    def read(self, lines: Iterator[dict[str, Any] | bytes]) -> CheckedPlan:
        """Return the plan; raises `Error` if the child did not get there."""
        for line in lines:
            if isinstance(line, bytes):
                raise NonsenseError("it sent bytes before its plan")
            if line.get("kind") == "planned":
                self._counts(line)
                return self.plan
            self._take(line)
        raise NonsenseError("it sent no plan")

    def _take(self, line: dict[str, Any]) -> None:
        match line:
            case {"kind": "part"}:
                self._part(line)
            case {"kind": "left", "name": str(name), "text": str(why), "plain": bool(plain)}:
                if len(self.plan.left) >= 2 * MOST_LEFT:
                    raise NonsenseError("it lists more than it may")
                self.plan.left.append(LeftOut(name, why, plain))
            case {"kind": "renamed", "name": str(name), "text": str(new)}:
                if len(self.plan.renamed) >= MOST_PARTS:
                    raise NonsenseError("it renames more than it may")
                self.plan.renamed.append((name, new))
            case {"kind": "pickle", "bytes": int(size)} if self._anew and self.plan.pickle is None:
                self._take_room(size)
                self.plan.pickle = size
            case {"kind": "broken", "text": str(text)}:
                raise broken(text)
            case _:
                raise NonsenseError("it sent a line of an unknown kind")

    def _part(self, line: dict[str, Any]) -> None:
        match line:
            case {
                "name": str(name),
                "dtype": str(dtype),
                "shape": str(shape),
                "bytes": int(size),
                "begin": int(begin),
            } if not isinstance(size, bool) and not isinstance(begin, bool):
                pass
            case _:
                raise NonsenseError("a tensor has the wrong fields")
        self._check_name(name)
        if dtype not in ELEMENT_BYTES or (dtype in NOT_IN_SAFETENSORS and not self._anew):
            raise NonsenseError("a tensor has an unknown type")
        if not _SHAPE.fullmatch(shape) or shape.count(",") >= MOST_DIMENSIONS:
            raise NonsenseError("a tensor has no sound shape")
        lengths = tuple(int(length) for length in shape.split(",")) if shape else ()
        if not is_countable(lengths, dtype):
            raise NonsenseError("a tensor's lengths can't be multiplied")
        if size != math.prod(lengths) * ELEMENT_BYTES[dtype]:
            raise NonsenseError("a tensor's bytes are not those of its shape")
        if begin < -1 or (begin + size > self._size and begin >= 0):
            raise NonsenseError("a tensor lies outside of the file")
        self._take_room(size)
        self.plan.parts.append(PlannedPart(name, dtype, lengths, size, begin))

    def _check_name(self, name: str) -> None:
        if not 0 < len(name) <= LONGEST_NAME or name == _FORBIDDEN or (self._anew and not _KEY.fullmatch(name)):
            raise NonsenseError("a tensor has an impossible name")
        if name in self._names:
            raise NonsenseError("it names two tensors alike")
        self._names.add(name)
        if len(self._names) > MOST_PARTS:
            raise NonsenseError("it plans more tensors than it may")

    def _take_room(self, size: int) -> None:
        if isinstance(size, bool) or size < 0 or size > self._room:
            raise NonsenseError("it plans to write more than twice the file")
        self._room -= size

    def _counts(self, line: dict[str, Any]) -> None:
        match line:
            case {"plain": int(plain), "others": int(others)} if min(plain, others) >= 0:
                listed = sum(left.plain for left in self.plan.left)
                self.plan.plain = max(plain, listed)
                self.plan.others = max(others, len(self.plan.left) - listed)
            case _:
                raise NonsenseError("its counts are none")
        if self._anew and self.plan.pickle is None:
            raise NonsenseError("it planned no pickle")


class Sent:
    """The bytes that the child sends after its plan, in the order of the plan. Raises `Error`."""

    def __init__(self, lines: Iterator[dict[str, Any] | bytes]) -> None:
        self._lines = lines
        self._held = memoryview(b"")

    def take(self, size: int) -> Iterator[memoryview]:
        """Yield exactly *size* bytes."""
        while size:
            if not self._held:
                self._held = memoryview(self._next())
            piece, self._held = self._held[:size], self._held[size:]
            size -= len(piece)
            yield piece

    def finish(self) -> None:
        """Wait for the child's end; it must have sent all that it planned, and no more."""
        if self._held:
            raise NonsenseError("it sent more bytes than it planned")
        for line in self._lines:
            if isinstance(line, bytes):
                raise NonsenseError("it sent more bytes than it planned")
            raise self._ended(line)

    def _next(self) -> bytes:
        line = next(self._lines, None)
        if isinstance(line, bytes):
            return line
        raise NonsenseError("it sent fewer bytes than it planned") if line is None else self._ended(line)

    @staticmethod
    def _ended(line: dict[str, Any]) -> Error:
        if line.get("kind") == "broken":
            return broken(str(line.get("text", "")))
        return NonsenseError("it sent more lines after its plan")


def broken(text: str) -> Error:
    """Return the error for a child that did not reach its end, as *text* says."""
    return Error(f"the file could not be read to its end: {text}", "Nothing was written.")
