"""Cleaning of events: every text becomes printable, every value one of JSON's."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from collections.abc import Set as AbstractSet
from enum import Enum
from typing import Any

from picklewatch.core.model import printable

MULTILINE = frozenset({"exception"})
"""Fields that keep their line breaks: tracebacks."""
MAX_DEPTH = 12
"""Nesting of values kept; deeper ones are written as text."""


def clean(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Return *event* (a structlog processor) with keys and values that no output can choke on."""
    return {printable(str(key)): _field(key, value) for key, value in event.items()}


def _field(key: str, value: Any) -> Any:
    if key in MULTILINE and isinstance(value, str):
        return "\n".join(printable(line) for line in value.splitlines())
    return _value(value, MAX_DEPTH)


def _value(value: Any, depth: int) -> Any:  # noqa: PLR0911 - one per kind of value
    if type(value) is str:  # most are
        return printable(value)
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)  # noqa: PLR0124 - NaN is no JSON
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, (bytes, os.PathLike)):
        return printable(os.fsdecode(value))
    if depth > 0 and isinstance(value, Mapping):
        return {printable(str(key)): _value(inner, depth - 1) for key, inner in value.items()}
    if depth > 0 and isinstance(value, (list, tuple, AbstractSet)):
        return [_value(inner, depth - 1) for inner in value]
    return printable(str(value))
