"""The kinds of values that the configuration has, and what is wrong with a value that is none."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, StrictStr, WithJsonSchema

from picklewatch.core.path_patterns import glob_to_regex
from picklewatch.core.units import DURATION_PATTERN, SIZE_PATTERN, parse_duration, parse_size

MIN_MEMORY = 128 << 20
"""Bytes of private memory that a scan needs to start, with room to spare."""


def _path(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        path = Path(value).expanduser() if value else None
    except RuntimeError:
        raise ValueError(f"{value!r}: nobody has that home directory") from None
    if path is not None and not path.is_absolute():
        raise ValueError(f'{value!r} is not absolute; begin it with "/" or "~/"')
    return path


def _positive(value: float) -> float:
    if value <= 0:
        raise ValueError("0 would make every file unscannable")
    return value


def _enough_memory(value: int) -> int:
    if value < MIN_MEMORY:
        raise ValueError("too little to start a scan in; at least 128MiB")
    return value


def _digest(value: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", value):
        raise ValueError(f"{value!r} is no SHA-256 (64 hexadecimal digits); `picklewatch scan --format json` shows it")
    return value.lower()


def _import(value: str) -> str:
    if not re.fullmatch(r"[^\W\d]\w*(\.[\w<>]+)+", value):
        raise ValueError(f'{value!r} is no import; write it as "module.name", without wildcards')
    return value


def _reason(value: str) -> str:
    if not value.strip():
        raise ValueError("give a reason: it is shown wherever this entry lets something pass")
    return value


def _glob(value: str) -> str:
    glob_to_regex(value)
    return value


def _users(value: object) -> object:
    if isinstance(value, str):
        if value not in _WHOSE:
            raise ValueError(f'{value!r} is none of "auto", "self" and "all"; users are named in a list: ["{value}"]')
        return value
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) and name for name in value):
        raise ValueError('write "auto", "self", "all", or a list of names: ["ada"]')
    return tuple(value)


def _absolute_glob(value: str) -> str:
    path = os.path.expanduser(value)  # noqa: PTH111 - a pattern
    if not path.startswith("/"):
        raise ValueError(f'{value!r} is not absolute; begin it with "/" or "~/"')
    return path


_WHOSE = ("auto", "self", "all")
_NUMBER_OR = {"type": "number", "minimum": 0}
Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": DURATION_PATTERN}, _NUMBER_OR]}),
]
"""Seconds, written as a number or as text such as ``90s``."""
Timeout = Annotated[Duration, AfterValidator(_positive)]
"""A duration that is not 0."""
Size = Annotated[
    int,
    BeforeValidator(parse_size),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": SIZE_PATTERN}, {"type": "integer", "minimum": 0}]}),
]
"""Bytes, written as a number or as text such as ``512MiB``."""
OptionalPath = Annotated[Path | None, BeforeValidator(_path)]
"""The same, or nothing where the text is empty."""
Memory = Annotated[Size, AfterValidator(_enough_memory)]
"""Bytes that a scan can start in."""
AbsolutePath = Annotated[Path, BeforeValidator(_path)]
"""An absolute path; ``~`` is the home directory of who runs picklewatch."""
Glob = Annotated[StrictStr, AfterValidator(_glob)]
AbsoluteGlob = Annotated[StrictStr, AfterValidator(_absolute_glob)]
Users = Annotated[
    str | tuple[str, ...],
    BeforeValidator(_users),
    WithJsonSchema({"anyOf": [{"enum": list(_WHOSE)}, {"type": "array", "items": {"type": "string", "minLength": 1}}]}),
]
"""One of `_WHOSE`, or a list of them and of users' names."""
Reason = Annotated[StrictStr, AfterValidator(_reason)]
Digest = Annotated[StrictStr, AfterValidator(_digest)]
Import = Annotated[StrictStr, AfterValidator(_import)]
Count = Annotated[StrictInt, Field(ge=1)]
