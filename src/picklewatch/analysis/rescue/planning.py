"""The plan of a rescue as the child says it: names, types, shapes, and where in the file the bytes lie.

Lines of flat objects, each with a ``kind``: ``left`` (what is not saved, and why), ``renamed``, ``pickle`` (how many
bytes of it will be sent), ``part`` (a tensor or a storage; ``begin`` is -1 if its bytes will be sent), and ``planned``.
What is to be sent follows through the second pipe, in the order of the plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from picklewatch.analysis.rescue.gathering import elements
from picklewatch.core.model import printable
from picklewatch.core.rescue_plan import ELEMENT_BYTES, LONGEST_NAME, MOST_LEFT, MOST_PARTS, room

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.analysis.rescue.tensors import Tensor

    Put = Callable[[dict[str, Any]], None]
    Write = Callable[[bytes | memoryview], None]

_METADATA = "__metadata__"
_SHARED = 1_000_000
_TEXT = 300
"""Characters of a name, and of a reason, that are listed."""


class RescuePlan:
    """What is saved, and what is not."""

    def __init__(self, put: Put, size: int) -> None:
        self._put = put
        self._room = room(size)
        self.most_values = size + _SHARED
        """Values that are looked at: each takes a byte of the file, and one may be reached by several names."""
        self.parts: dict[str, Tensor] = {}
        self.pickle: bytes | None = None
        self._numbers: dict[str, int] = {}
        self._left = {True: 0, False: 0}

    def left(self, name: str, why: str, *, plain: bool = False) -> None:
        """Say that what has this name is not saved."""
        self._left[plain] += 1
        if self._left[plain] <= MOST_LEFT:
            name = printable(name[:_TEXT])
            self._put({"kind": "left", "name": name[:LONGEST_NAME], "text": printable(why[:_TEXT]), "plain": plain})

    def save(self, name: str, tensor: Tensor) -> bool:
        """Save *tensor*; False if that would be too much."""
        if not self._has_room(tensor):
            self.left(name, "more would be written than twice the file: one storage has many names")
            return False
        if len(self.parts) >= MOST_PARTS:
            self.left(name, f"more than {MOST_PARTS} tensors")
            return False
        name = printable(name)
        free = self._free(name)
        if len(free) > LONGEST_NAME:
            self.left(name, f"its name has more than {LONGEST_NAME} characters")
            return False
        if free != name:
            self._put({"kind": "renamed", "name": name[:LONGEST_NAME], "text": free})
        self._room -= tensor.bytes
        self.parts[free] = tensor
        return True

    def _has_room(self, tensor: Tensor) -> bool:
        return tensor.bytes <= self._room

    def _free(self, name: str) -> str:
        """Return *name*, or one that nothing else has: two ways may lead to one name."""
        free = name if name != _METADATA else f"{_METADATA}.tensor"  # safetensors has another use for it
        while free in self.parts:
            number = self._numbers[name] = self._numbers.get(name, 1) + 1
            free = f"{name}#{number}"
        return free

    def say(self, write: Write) -> None:
        """Say the plan, then give what the parent does not find in the file to *write*."""
        if self.pickle is not None:
            self._put({"kind": "pickle", "bytes": len(self.pickle)})
        sent = []
        for name, tensor in self.parts.items():
            begin = _begin(tensor)
            if begin < 0:
                sent.append(tensor)
            shape = ",".join(map(str, tensor.shape))
            size = tensor.bytes
            self._put(
                {"kind": "part", "name": name, "dtype": tensor.dtype, "shape": shape, "bytes": size, "begin": begin}
            )
        self._put({"kind": "planned", "plain": self._left[True], "others": self._left[False]})
        if self.pickle is not None:
            write(self.pickle)
        for tensor in sent:
            for piece in elements(tensor):
                write(piece)


def _begin(tensor: Tensor) -> int:
    """Return where the bytes of *tensor* lie in the file as they are to be written, -1 if nowhere."""
    if not tensor.bytes:
        return 0
    if not tensor.plain or tensor.source.at is None:
        return -1
    return tensor.source.at + tensor.offset * ELEMENT_BYTES[tensor.dtype]
