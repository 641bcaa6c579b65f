"""Values as one bounded line of Python, for people. Never more work than the line is long."""

from __future__ import annotations

from typing import Any

from picklewatch.engine.values import Blob, Import, Obj, Opaque, Persistent

_TEXT = 120
"""Characters of one constant."""
_ITEMS = 8
"""Items of one container."""
_DEPTH = 4
"""Nesting shown."""


def render(value: Any, limit: int = 300) -> str:
    """*value* as Python would spell it, at most *limit* characters, cut with ``…``."""
    left = [limit]
    text = _render(value, _DEPTH, left)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def render_call(callee: Any, args: Any, how: str = "call", limit: int = 300) -> str:
    """A call as Python would spell it."""
    left = [limit]
    name = _render(callee, _DEPTH, left)
    if how == "new":
        name = f"{name}.__new__"
    inner = (
        ", ".join(_items(args, _DEPTH, left)) if isinstance(args, tuple | list) else f"*{_render(args, _DEPTH, left)}"
    )
    text = f"{name}({inner})"
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _render(value: Any, depth: int, left: list[int]) -> str:
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


def _leaf(value: Any) -> str | None:
    if value is None or isinstance(value, bool | float):
        return repr(value)
    if isinstance(value, int):
        return repr(value) if value.bit_length() < 256 else f"<integer of {value.bit_length()} bits>"
    if isinstance(value, str | bytes):
        return repr(value) if len(value) <= _TEXT else repr(value[:_TEXT]) + "…"
    if isinstance(value, Import):
        return _name(value)
    if isinstance(value, Blob):
        return f"<{'text' if value.text else 'bytes'} of {value.end - value.start} bytes>"
    if isinstance(value, Opaque):
        return f"<{value.kind}>"
    if isinstance(value, Persistent):
        return "<storage>" if value.storage is not None else "<persistent object>"
    return None


def _name(value: Import) -> str:
    key = f"{value.module}.{value.name}"
    key = key.removeprefix("builtins.")
    return key if len(key) <= _TEXT else key[:_TEXT] + "…"


def _compound(value: Any, depth: int, left: list[int]) -> str:
    left[0] -= 2
    if isinstance(value, tuple):
        items = _items(value, depth, left)
        return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
    if isinstance(value, list):
        return f"[{', '.join(_items(value, depth, left))}]"
    if isinstance(value, dict):
        pairs = [f"{_render(k, depth, left)}: {_render(v, depth, left)}" for k, v in list(value.items())[:_ITEMS]]
        return "{" + ", ".join(pairs) + (", …" if len(value) > _ITEMS else "") + "}"
    if isinstance(value, Obj):
        name = _render(value.callee, depth, left) + (".__new__" if value.how == "new" else "")
        args = value.args
        inner = (
            ", ".join(_items(args, depth, left)) if isinstance(args, tuple | list) else f"*{_render(args, depth, left)}"
        )
        return f"{name}({inner})"
    return "<object>"


def _items(values: Any, depth: int, left: list[int]) -> list[str]:
    shown = [_render(item, depth, left) for item in values[:_ITEMS]]
    return [*shown, "…"] if len(values) > _ITEMS else shown
