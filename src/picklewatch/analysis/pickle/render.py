"""Values as one bounded line of Python, for people. Never more work than the line is long.

What does not fit is left out, and ``…`` stands for it: nothing is judged by what is shown.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.vm.values import REST, Blob, How, Import, Obj, Opaque, Persistent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from picklewatch.analysis.pickle.vm.values import Key, Value


def cut(text: str, most: int) -> str:
    """Return *text*, at most *most* characters of it, ``…`` standing for the rest."""
    return text if len(text) <= most else text[: most - 1] + "…"


def shown(number: int) -> str:
    """Return *number* in digits; of one that no memory could count, its size."""
    return repr(number) if number.bit_length() < 256 else f"<integer of {number.bit_length()} bits>"


def render(value: Value, limit: int = 300) -> str:
    """*value* as Python would spell it, at most *limit* characters, cut with ``…``."""
    return Renderer().value(value, limit)


def render_call(callee: Value, args: Value, how: How = How.CALL, limit: int = 300) -> str:
    """A call as Python would spell it."""
    return Renderer().call(callee, args, how, limit)


class Renderer:
    """Writes values as the evidence of findings; whoever shows them otherwise overrides a part."""

    text = 120
    """Characters of one constant."""
    items = 8
    """Items of one container."""
    depth = 4
    """Nesting shown."""

    def __init__(self) -> None:
        self._left = 0
        """Characters that may still be written."""

    def value(self, value: Value, limit: int) -> str:
        """Write *value* in at most *limit* characters."""
        self._left = limit
        return cut(self.part(value, self.depth), limit)

    def call(self, callee: Value, args: Value, how: How, limit: int) -> str:
        """Write the call of *callee* with *args* in at most *limit* characters."""
        self._left = limit
        return cut(self._call(callee, args, how, self.depth), limit)

    def part(self, value: Value, depth: int) -> str:
        """Write *value* as far as there is room."""
        if self._left <= 0:
            return "…"
        text = self.leaf(value)
        if text is None:
            return self.compound(value, depth - 1) if depth > 0 else "…"
        self._left -= len(text)
        return text

    def leaf(self, value: Value) -> str | None:
        """Write what has no parts; None for what has."""
        if value is None or isinstance(value, bool | float):
            return repr(value)
        if isinstance(value, int):
            return shown(value)
        if isinstance(value, str | bytes):
            return repr(value) if len(value) <= self.text else repr(value[: self.text]) + "…"
        if isinstance(value, Import):
            return cut(value.key.removeprefix("builtins."), self.text + 1)
        if isinstance(value, Blob):
            return f"<{'text' if value.text else 'bytes'} of {value.size} bytes>"
        if isinstance(value, Opaque):
            return f"<{value.kind}>"
        if isinstance(value, Persistent):
            return "<storage>" if value.storage is not None else "<persistent object>"
        return None

    def compound(self, value: Value, depth: int) -> str:
        """Write a container, or the call that made an object."""
        self._left -= 2
        if isinstance(value, tuple):
            return f"({self.listed(value, depth)}{',' if len(value) == 1 else ''})"
        if isinstance(value, list):
            return f"[{self.listed(value, depth)}]"
        if isinstance(value, dict):
            return f"{{{self.pairs(value, depth)}}}"
        if isinstance(value, Obj):
            return self._call(value.callee, value.args, value.how, depth)
        return "<object>"

    def listed(self, values: Sequence[Value], depth: int) -> str:
        """Write the items of a list or tuple."""
        shown = [self.part(item, depth) for item in values[: self.items]]
        return ", ".join([*shown, "…"] if len(values) > self.items else shown)

    def pairs(self, values: Mapping[Key, Value], depth: int) -> str:
        """Write the items of a dictionary."""
        first = islice(((k, v) for k, v in values.items() if k is not REST), self.items)
        pairs = [f"{self.part(k, depth)}: {self.part(v, depth)}" for k, v in first]
        return ", ".join(pairs) + (", …" if len(values) > self.items else "")

    def _call(self, callee: Value, args: Value, how: How, depth: int) -> str:
        name = self.part(callee, depth) + (".__new__" if how is How.NEW else "")
        inner = self.listed(args, depth) if isinstance(args, tuple | list) else f"*{self.part(args, depth)}"
        return f"{name}({inner})"
