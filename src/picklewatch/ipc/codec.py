"""Writes messages as one line of JSON, and reads them without believing. Pure; standard library only.

A message is a frozen dataclass; its annotations are what a reader accepts: exact types, no conversion, no field that
is not declared, none missing but those with a default, and lengths up to the `Most` of the annotation. Not pydantic:
importing it costs `status` more processor time than all else that it does, and the guard's answerer may import the
standard library only (docs/decisions/0012-messages-are-dataclasses.md).
"""

from __future__ import annotations

import json
import math
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn, TypeVar, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Mapping

M = TypeVar("M")

Json = dict[str, Any]
"""A field that is any JSON object: bounded by the message's size, and checked by whoever uses it."""

TEXT: Final = 8 << 10
"""Characters of a text, and items of a list, where the annotation gives no other `Most`."""
_NUMBER: Final = 1 << 64
_KIND: Final = "kind"


class MessageError(ValueError):
    """Something came that is no message of ours; the text says what is wrong with it, in words of our own."""


@dataclass(frozen=True, slots=True)
class Most:
    """The longest text or list that is accepted: ``Annotated[str, Most(40)]``."""

    length: int


def encode(message: object, kinds: Mapping[str, type]) -> bytes:
    """Return the line that carries *message*, of one of *kinds*."""
    (name,) = (name for name, kind in kinds.items() if type(message) is kind)
    assert is_dataclass(message)
    assert not isinstance(message, type)
    return _ENCODER.encode({_KIND: name, **asdict(message)}).encode("ascii") + b"\n"


_ENCODER: Final = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def decode(line: bytes, kinds: Mapping[str, type]) -> object:
    """Return the message in *line*, of one of *kinds*.

    Raises `MessageError`. *line* is as short as its reader allows; JSON of that length can't be nested too deep to be
    refused.
    """
    value = _parsed(line)
    if not isinstance(value, dict):
        raise MessageError("not an object")
    name = value.pop(_KIND, None)
    kind = kinds.get(name) if isinstance(name, str) else None
    if kind is None:
        raise MessageError("of an unknown kind")
    return build(kind, value)


def build(kind: type[M], value: object) -> M:
    """Return *value*, as JSON has it, as the dataclass *kind*.

    Raises `MessageError`.
    """
    if not isinstance(value, dict):
        raise MessageError(f"{kind.__name__} is not an object")
    declared = _declared(kind)  # type: ignore[arg-type] # a class is hashable
    if not value.keys() <= declared.keys():
        raise MessageError(f"{kind.__name__} has a field too many")
    required = {name for name, (_, is_required) in declared.items() if is_required}
    if not required <= value.keys():
        raise MessageError(f"{kind.__name__} lacks a field")
    return kind(**{name: _checked(declared[name][0], item, name) for name, item in value.items()})


@cache
def _declared(kind: type) -> dict[str, tuple[Any, bool]]:
    """Return the fields of *kind*: what is accepted, and whether it must be there."""
    hints = get_type_hints(kind, include_extras=True)
    return {
        field.name: (hints[field.name], field.default is MISSING and field.default_factory is MISSING)
        for field in fields(kind)
    }


def _checked(hint: Any, value: object, name: str, most: int = TEXT) -> Any:
    """Return *value* as *hint* says; *name* is of the field, for the complaint."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _checked(arguments[0], value, name, arguments[1].length)
    if origin is UnionType:
        (other,) = (each for each in arguments if each is not NoneType)
        return None if value is None else _checked(other, value, name, most)
    if origin is tuple:
        return _items(arguments[0], value, name, most)
    if origin is dict:
        return value if isinstance(value, dict) else _refuse(name)
    if is_dataclass(hint):
        return build(hint, value)  # type: ignore[arg-type] # a class
    return _plain(hint, value, name, most)


def _items(hint: Any, value: object, name: str, most: int) -> tuple[Any, ...]:
    if not isinstance(value, list) or len(value) > most:
        _refuse(name)
    return tuple(_checked(hint, item, name) for item in value)


def _plain(hint: Any, value: object, name: str, most: int) -> Any:
    """Return a text, number, truth or member of an enumeration."""
    if isinstance(value, str):
        if len(value) > most:
            _refuse(name)
        if issubclass(hint, StrEnum):
            return hint(value) if value in {member.value for member in hint} else _refuse(name)
    if isinstance(value, int) and hint is float and not isinstance(value, bool):
        value = float(value) if abs(value) < _NUMBER else _refuse(name)
    is_right = type(value) is hint and not (isinstance(value, int) and abs(value) >= _NUMBER)
    return value if is_right else _refuse(name)


def _refuse(name: str) -> NoReturn:
    raise MessageError(f"{name} is not what it should be")


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line.decode("ascii"), parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_once)
    except MessageError:
        raise
    except (ValueError, RecursionError):  # a text in it may be hostile: it is not repeated
        raise MessageError("not JSON") from None


def _no_number(_text: str) -> NoReturn:
    raise MessageError("not a number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object of *pairs*; one that names a field twice is two messages to two readers."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MessageError("a field is there twice")
    return found
