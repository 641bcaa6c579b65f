"""The configuration as text: effective values with their origin, and the JSON Schema."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from picklewatch.config.schema import Config, LoadedConfig
from picklewatch.core.units import parse_duration, parse_size, show_duration, show_size

if TYPE_CHECKING:
    from collections.abc import Iterator

Entry = tuple[tuple[str, ...], Any]
"""A key with its tables, and its value as TOML has it."""

_COLUMN = 44


def entries(config: Config) -> Iterator[Entry]:
    """Give every key of *config* with its value as it would be written in TOML."""
    yield from _entries(config, ())


def show_toml(loaded: LoadedConfig) -> str:
    """Write the effective configuration as TOML, with what set each key beside it."""
    lines: list[str] = []
    table: tuple[str, ...] = ()
    for keys, value in entries(loaded.config):
        if keys[:-1] != table:
            table = keys[:-1]
            lines += ["", f"[{'.'.join(table)}]"] if lines else [f"[{'.'.join(table)}]"]
        lines.append(f"{f'{toml_key(keys[-1])} = {toml_value(value)}':<{_COLUMN}}  # {loaded.origin(keys)}")
    return "\n".join(lines)


def show_json(loaded: LoadedConfig) -> str:
    """Write the effective configuration as JSON: key → value and origin."""
    shown = {".".join(keys): {"value": value, "from": loaded.origin(keys)} for keys, value in entries(loaded.config)}
    return json.dumps(shown, indent=2)


def schema() -> str:
    """Write the JSON Schema of the file, for editors."""
    made = Config.model_json_schema()
    made = {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": "picklewatch configuration"}
    return json.dumps(made, indent=2)


def toml_key(key: str) -> str:
    """Write *key*, quoted where TOML needs it."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key)


def toml_value(value: Any) -> str:
    """Write *value* as TOML."""
    if isinstance(value, list):
        return f"[{', '.join(map(toml_value, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _entries(section: BaseModel, above: tuple[str, ...]) -> Iterator[Entry]:
    below: list[tuple[str, BaseModel]] = []
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            below.append((name, value))
        elif isinstance(value, dict):
            for key, inner in value.items():
                yield (*above, name, key), inner
        else:
            yield (*above, name), _plain(value, field.metadata)
    for name, inner_section in below:
        yield from _entries(inner_section, (*above, name))


def _plain(value: Any, metadata: list[Any]) -> Any:
    """Return *value* as it would be written: durations and sizes with their unit, no path as empty text."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return [str(item) for item in value]
    parsers = {getattr(item, "func", None) for item in metadata}
    if parse_duration in parsers:
        return show_duration(value)
    if parse_size in parsers:
        return show_size(value)
    return value if isinstance(value, (bool, int, str)) else str(value)
