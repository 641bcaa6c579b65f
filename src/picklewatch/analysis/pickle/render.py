"""Values as one bounded line of Python, for people. Never more work than the line is long.

What does not fit is left out, and ``…`` stands for it: nothing is judged by what is shown.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.vm.values import REST, Blob, How, Import, Obj, Opaque, Persistent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from picklewatch.analysis.pickle.vm.values import Value

_TEXT = 120
"""Characters of one constant."""
_ITEMS = 8
"""Items of one container."""
_DEPTH = 4
"""Nesting shown."""


def cut(text: str, most: int) -> str:
    """Return *text*, at most *most* characters of it, ``…`` standing for the rest."""
    return text if len(text) <= most else text[: most - 1] + "…"


def shown(number: int) -> str:
    """Return *number* in digits; of one that no memory could count, its size."""
    return repr(number) if number.bit_length() < 256 else f"<integer of {number.bit_length()} bits>"


def render(value: Value, limit: int = 300) -> str:
    """*value* as Python would spell it, at most *limit* characters, cut with ``…``."""
    left = [limit]
    return cut(_render(value, _DEPTH, left), limit)


def render_call(callee: Value, args: Value, how: How = How.CALL, limit: int = 300) -> str:
    """A call as Python would spell it."""
    left = [limit]
    name = _render(callee, _DEPTH, left)
    if how is How.NEW:
        name = f"{name}.__new__"
    inner = (
        ", ".join(_items(args, _DEPTH, left)) if isinstance(args, tuple | list) else f"*{_render(args, _DEPTH, left)}"
    )
    return cut(f"{name}({inner})", limit)


def _render(value: Value, depth: int, left: list[int]) -> str:
    if left[0] <= 0:
        return "…"
    text = _leaf(value)
    if text is None:
        if depth <= 0:
            return "…"
        text = _compound(value, depth - 1, left)
    else:
        left[0] -= len(text)
    return text


def _leaf(value: Value) -> str | None:
    if value is None or isinstance(value, bool | float):
        return repr(value)
    if isinstance(value, int):
        return shown(value)
    if isinstance(value, str | bytes):
        return repr(value) if len(value) <= _TEXT else repr(value[:_TEXT]) + "…"
    if isinstance(value, Import):
        return _name(value)
    if isinstance(value, Blob):
        return f"<{'text' if value.text else 'bytes'} of {value.size} bytes>"
    if isinstance(value, Opaque):
        return f"<{value.kind}>"
    if isinstance(value, Persistent):
        return "<storage>" if value.storage is not None else "<persistent object>"
    return None


def _name(value: Import) -> str:
    return cut(value.key.removeprefix("builtins."), _TEXT + 1)


def _compound(value: Value, depth: int, left: list[int]) -> str:
    left[0] -= 2
    if isinstance(value, tuple):
        items = _items(value, depth, left)
        return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
    if isinstance(value, list):
        return f"[{', '.join(_items(value, depth, left))}]"
    if isinstance(value, dict):
        first = islice(((k, v) for k, v in value.items() if k is not REST), _ITEMS)
        pairs = [f"{_render(k, depth, left)}: {_render(v, depth, left)}" for k, v in first]
        return "{" + ", ".join(pairs) + (", …" if len(value) > _ITEMS else "") + "}"
    if isinstance(value, Obj):
        name = _render(value.callee, depth, left) + (".__new__" if value.how is How.NEW else "")
        args = value.args
        inner = (
            ", ".join(_items(args, depth, left)) if isinstance(args, tuple | list) else f"*{_render(args, depth, left)}"
        )
        return f"{name}({inner})"
    return "<object>"


def _items(values: Sequence[Value], depth: int, left: list[int]) -> list[str]:
    shown = [_render(item, depth, left) for item in values[:_ITEMS]]
    return [*shown, "…"] if len(values) > _ITEMS else shown
