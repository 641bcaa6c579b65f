"""Puts texts together as their expressions would: what hides a name from a reader hides it from no fold.

Nothing is executed: each function here does what one of Python's would do to constants, within `LONGEST`.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Text = str | bytes
    Fold = Callable[[ast.expr], Text | None]

LONGEST = 1 << 16
"""Characters of a text that is put together; a longer one counts as not known."""
_MOST = 1 << 12
"""Pieces of a list that are joined."""
_LAST_CHARACTER = 0x10FFFF


def operated(node: ast.BinOp, fold: Fold) -> Text | None:
    """Return the text of ``a + b``, ``a * 2`` or ``a % b``."""
    if isinstance(node.op, ast.Add):
        return _added(node, fold)
    left = fold(node.left)
    if isinstance(node.op, ast.Mult) and left is not None:
        count = number(node.right)
        return left * count if count is not None and 0 <= count * len(left) <= LONGEST else None
    if isinstance(node.op, ast.Mod) and isinstance(left, str):
        parts = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
        given = [fold(part) for part in parts]
        if (
            "%s" in left
            and left.count("%") == left.count("%s") == len(given)
            and all(isinstance(g, str) for g in given)
        ):
            return left % tuple(given)
    return None


def _added(node: ast.expr, fold: Fold) -> Text | None:
    """Return the text of ``a + b + c``, from its end: a sum has as many parts as its author likes."""
    pieces: list[Text] = []
    size = 0
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        piece = fold(node.right)
        size += len(piece or "")
        if piece is None or size > LONGEST:
            return None
        pieces.append(piece)
        node = node.left
    first = fold(node)
    if first is None:
        return None
    pieces.append(first)
    pieces.reverse()
    if isinstance(first, str):
        return "".join(pieces) if all(isinstance(piece, str) for piece in pieces) else None  # type: ignore[arg-type]
    return b"".join(pieces) if all(isinstance(piece, bytes) for piece in pieces) else None  # type: ignore[arg-type]


def joined_text(node: ast.JoinedStr, fold: Fold) -> str | None:
    """Return the text of an f-string whose values are texts."""
    pieces: list[str] = []
    for value in node.values:
        piece = fold(value.value if isinstance(value, ast.FormattedValue) else value)
        if not isinstance(piece, str):
            return None
        pieces.append(piece)
    return "".join(pieces)


def call_text(node: ast.Call, name: str, fold: Fold) -> Text | None:
    """Return the text that a call makes of constants: by *name*, or a method of a text."""
    first = node.args[0] if node.args else None
    if first is not None and name in _MAKING:
        return _MAKING[name](first, fold)
    if first is not None and name in _DECODING:
        value = fold(first)
        return None if value is None else _decoded(name, value, node, fold)
    return _method(node, node.func, fold) if isinstance(node.func, ast.Attribute) else None


def _character(node: ast.expr, _fold: Fold) -> Text | None:
    code = number(node)
    return chr(code) if code is not None and 0 <= code <= _LAST_CHARACTER else None


def _made(node: ast.expr, fold: Fold) -> Text | None:
    return _of_numbers(node) if isinstance(node, ast.List | ast.Tuple) else fold(node)


def _reversed(node: ast.expr, fold: Fold) -> Text | None:
    value = fold(node)
    return None if value is None else value[::-1]


def _method(node: ast.Call, function: ast.Attribute, fold: Fold) -> Text | None:
    value, name = fold(function.value), function.attr
    if value is None:
        return None
    if name == "join" and len(node.args) == 1:
        return _join(value, node.args[0], fold)
    if not node.args and name in _SHAPING:
        shaped: Text = getattr(value, name)()
        return shaped
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace") if name == "decode" else None
    return value.encode("utf-8", "replace") if name == "encode" else _filled(value, name, node, fold)


def _filled(value: str, name: str, node: ast.Call, fold: Fold) -> str | None:
    """Return what ``replace`` or ``format`` makes of *value*."""
    given = [piece for piece in map(fold, node.args) if isinstance(piece, str)]
    if len(given) != len(node.args) or node.keywords:
        return None
    if name == "replace" and len(given) == 2:  # noqa: PLR2004
        return value.replace(given[0], given[1]) if len(value) * (len(given[1]) + 1) <= LONGEST else None
    if name == "format" and value.count("{}") == value.count("{") == len(given):
        for piece in given:
            value = value.replace("{}", piece, 1)
        return value
    return None


def _join(between: Text, parts: ast.expr, fold: Fold) -> Text | None:
    kind = getattr(parts.func, "id", "") if isinstance(parts, ast.Call) and parts.args else ""
    if isinstance(parts, ast.Call) and kind in ("map", "list", "tuple"):
        inner = parts.args[-1]
        by_number = kind == "map" and getattr(parts.args[0], "id", "") == "chr"
        return _of_characters(inner) if by_number else _join(between, inner, fold)
    if isinstance(parts, ast.ListComp | ast.GeneratorExp):
        plain = isinstance(parts.elt, ast.Call) and getattr(parts.elt.func, "id", "") == "chr"
        simple = plain and isinstance(parts.elt, ast.Call) and isinstance(parts.elt.args[0], ast.Name)
        return _of_characters(parts.generators[0].iter) if simple else None
    if not isinstance(parts, ast.List | ast.Tuple):
        return None if between else fold(parts)
    pieces = [fold(part) for part in parts.elts[: _MOST + 1]]
    if len(pieces) > _MOST or any(type(piece) is not type(between) for piece in pieces):
        return None
    joined: Text = between.join(pieces)  # type: ignore[arg-type]
    return joined


def number(node: ast.expr) -> int | None:
    """Return the number that *node* is."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else None


def _of_characters(node: ast.expr) -> str | None:
    data = _of_numbers(node)
    return None if data is None else data.decode("latin-1")


def _of_numbers(node: ast.expr) -> bytes | None:
    if not isinstance(node, ast.List | ast.Tuple) or len(node.elts) > _MOST:
        return None
    codes = [code for code in map(number, node.elts) if code is not None and 0 <= code <= _LAST_BYTE]
    return bytes(codes) if len(codes) == len(node.elts) else None


def _decoded(name: str, value: Text, node: ast.Call, fold: Fold) -> Text | None:
    data = value.encode("utf-8", "replace") if isinstance(value, str) else value
    if name == "codecs.decode":
        kind = str(fold(node.args[1])) if len(node.args) > 1 else ""
        name = f"codecs.decode.{kind.replace('_', '').replace('-', '')}"
    decode = _BY_NAME.get(name)
    with contextlib.suppress(ValueError, zlib.error):
        return None if decode is None else decode(data)
    return None


def _inflated(data: bytes) -> bytes:
    return zlib.decompressobj().decompress(data, LONGEST)


def _from_hex(data: bytes) -> bytes:
    return bytes.fromhex(data.decode("latin-1"))


def _from_base64(data: bytes) -> bytes:
    return base64.b64decode(data.replace(b"-", b"+").replace(b"_", b"/"))


def _rotated(data: bytes) -> str:
    return data.decode("latin-1").translate(_ROT13)


_LAST_BYTE = 0xFF
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_TURNED = _LETTERS[13:] + _LETTERS[:13]
_ROT13 = str.maketrans(_LETTERS + _LETTERS.upper(), _TURNED + _TURNED.upper())
_SHAPING = frozenset({"lower", "upper", "strip", "lstrip", "rstrip", "title", "capitalize", "swapcase"})
_MAKING: dict[str, Callable[[ast.expr, Fold], Text | None]] = {
    "builtins.chr": _character,
    "builtins.bytes": _made,
    "builtins.bytearray": _made,
    "builtins.str": lambda node, fold: fold(node),
    "builtins.reversed": _reversed,
}
_BY_NAME: dict[str, Callable[[bytes], Text]] = {
    **dict.fromkeys(
        ("base64.b64decode", "base64.urlsafe_b64decode", "base64.standard_b64decode", "base64.decodebytes",
         "binascii.a2b_base64", "codecs.decode.base64"),
        _from_base64,
    ),
    **dict.fromkeys(
        ("binascii.unhexlify", "binascii.a2b_hex", "builtins.bytes.fromhex", "builtins.bytearray.fromhex",
         "codecs.decode.hex"),
        _from_hex,
    ),
    "base64.b32decode": base64.b32decode,
    "base64.b85decode": base64.b85decode,
    "codecs.decode.rot13": _rotated,
    "zlib.decompress": _inflated,
}  # fmt: skip
_DECODING = frozenset({*_BY_NAME, "codecs.decode"})
