"""Mistakes in the configuration, each in one line: the place, the mistake, and a suggestion."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from picklewatch.config.sources import ConfigSource

_KINDS = {
    "bool_type": "{value} is not true or false",
    "int_type": "{value} is not a whole number",
    "string_type": "{value} is not text; put it in quotes",
    "tuple_type": '{value} is not a list; write ["…", "…"]',
    "path_type": "{value} is not a path; put it in quotes",
    "dict_type": '{value} is not a table; write "name" = "reason" lines below the header',
    "model_type": "{value} is not a table",
}


_SHOWN = 60
"""Characters of a wrong value that are shown."""


def describe(source: ConfigSource, problem: ErrorDetails, root: type[BaseModel]) -> tuple[int, str]:
    """Write *problem*, one of pydantic's errors about *source*, for a person: ``file:line: key: reason``.

    Returns the line, to sort by, and the text.
    """
    location = tuple(part for part in problem["loc"] if part != "[key]")
    keys = tuple(part for part in location if isinstance(part, str))
    line = source.line_of(keys)
    if source.name == "environment":
        where = "environment variable PICKLEWATCH_" + "_".join(keys[:3]).upper()
    else:
        where = f"{source.name}:{line}: {_dotted(location)}" if line else f"{source.name}: {_dotted(location)}"
    return line or 0, f"{where}: {_reason(problem, keys, root)}"


def _reason(problem: ErrorDetails, keys: tuple[str, ...], root: type[BaseModel]) -> str:
    kind, context, value = problem["type"], problem.get("ctx", {}), _show(problem["input"])
    if kind == "extra_forbidden":
        return _unknown(keys, root)
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        choices = _choices(root, keys)
        return f"{value} is not one of {', '.join(map(_show, choices))}{_meant(str(problem['input']), choices)}"
    if kind in ("greater_than_equal", "less_than_equal"):
        bound = f"at least {context['ge']}" if "ge" in context else f"at most {context['le']}"
        return f"{value} is out of range; {bound}"
    template = _KINDS.get(kind)
    return template.format(value=value) if template else f"{problem['msg']} (it is {value})"


def _unknown(keys: tuple[str, ...], root: type[BaseModel]) -> str:
    *above, key = keys
    names = list(_model_at(root, tuple(above)).model_fields)
    what = "unknown section" if not above else "unknown key"
    elsewhere = [section for section in _sections(root) if key in _model_at(root, section).model_fields]
    if elsewhere and not difflib.get_close_matches(key, names, n=1, cutoff=0.8):
        return f"{what}; did you mean {' or '.join(f'{key!r} in [{_dotted(section)}]' for section in elsewhere)}?"
    return f"{what}{_meant(key, names) or '; known are ' + ', '.join(names)}"


def _sections(root: type[BaseModel], above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, field in root.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += [(*above, name), *_sections(field.annotation, (*above, name))]
    return found


def _model_at(root: type[BaseModel], keys: tuple[str, ...]) -> type[BaseModel]:
    for key in keys:
        annotation = root.model_fields[key].annotation
        assert isinstance(annotation, type)
        assert issubclass(annotation, BaseModel)
        root = annotation
    return root


def _choices(root: type[BaseModel], keys: tuple[str, ...]) -> list[str]:
    return [str(choice) for choice in get_args(_model_at(root, keys[:-1]).model_fields[keys[-1]].annotation)]


def _meant(given: str, names: list[str]) -> str:
    close = difflib.get_close_matches(given.lower(), names, n=1, cutoff=0.5)
    return f"; did you mean {_show(close[0])}?" if close else ""


def _show(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f'"{value}"' if isinstance(value, str) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _dotted(location: tuple[str | int, ...]) -> str:
    parts = [f"[{part}]" if isinstance(part, int) else f".{_quoted(part)}" for part in location]
    return "".join(parts).removeprefix(".")


def _quoted(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() else f'"{key}"'
