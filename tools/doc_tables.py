"""The tables of the documentation that say what the code says: ``python tools/doc_tables.py docs``.

Each stands between ``<!-- name -->`` and ``<!-- /name -->``; a test asserts that they are in step.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from census import libraries
from pydantic import BaseModel

from picklewatch.config.effective import entries, toml_value
from picklewatch.config.schema import Config
from picklewatch.watch import caches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from picklewatch.watch.cache_tool import CachePlace

_BASES = {
    "home": "~",
    "cache": "$XDG_CACHE_HOME",
    "data": "$XDG_DATA_HOME",
    "config": "$XDG_CONFIG_HOME",
}


def keys_table() -> str:
    """Write every key of the configuration, its default and its meaning."""
    defaults = {keys: f"`{toml_value(value)}`" for keys, value in entries(Config())}
    rows = [
        f"| `{'.'.join(keys)}` | {defaults.get(keys, 'empty')} | {meaning} |" for keys, meaning in _keys(Config, ())
    ]
    return "\n".join(("| key | default | meaning |", "|---|---|---|", *rows))


def caches_table() -> str:
    """Write every place where models are looked for."""
    places = [place for tool in caches.tools() for place in tool.places]
    bases = _BASES | {place.base: f"${place.variables[0]}" for place in places if place.base}
    rows = [_row(place, bases) for place in places]
    return "\n".join(("| tool | environment, first one set | else |", "|---|---|---|", *rows))


TABLES: dict[str, Callable[[], str]] = {"keys": keys_table, "caches": caches_table, "libraries": libraries.table}
"""The name in the markers → what writes the table."""


def renew(text: str) -> str:
    """Return *text*, a page, with its tables as they should be."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, found, rest = text.partition(begin)
        if found:
            text = f"{before}{begin}{table()}\n{rest[rest.index(end) :]}"
    return text


def main(folder: Path) -> None:
    """Renew the tables of all pages in *folder*."""
    for page in sorted(folder.glob("*.md")):
        page.write_text(renew(page.read_text()))


def _keys(model: type[BaseModel], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _keys(field.annotation, (*above, name))
        else:
            yield (*above, name), " ".join((field.description or "").split())


def _row(place: CachePlace, bases: dict[str, str]) -> str:
    variables = ", ".join(f"`${variable}`" for variable in place.variables) or "-"
    return f"| {place.label} | {variables} | `{place.default.format(**bases)}` |"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
