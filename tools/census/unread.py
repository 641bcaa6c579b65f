"""Report the hooks of a census that no schema has read: ``python tools/census/unread.py FOLDER/*.jsonl``.

A hook whose schema knows other sources of it only is *changed*: somebody has to read the new one and add its digest
(docs/schemas.md). A hook without a schema is *unread*: restoring may give it data only. Exits with 1 for changed ones.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picklewatch.catalogue.classes.hook_schema import COMPILED
from picklewatch.catalogue.classes.schema_table import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterable

_RUN = frozenset({"__setstate__", "__setstate_cython__", "__del__", "__getattr__", "__getattribute__"})
"""Hooks that BUILD and the collector run on the state of an object. Others run on what an opcode gives them alone."""
_NO_SOURCE = "e3b0c44298fc1c14"
"""The digest of nothing: a hook that is compiled."""


@dataclass(frozen=True, slots=True, order=True)
class Unread:
    """A source of a hook function that no schema names."""

    changed: bool
    classes: int
    """How many classes run it."""
    function: str
    version: str
    source: str


def unread(lines: Iterable[dict[str, Any]]) -> list[Unread]:
    """Return what no schema has read of the census *lines*, the changed first, then by the number of classes."""
    users: Counter[str] = Counter()
    sources: dict[tuple[str, str], str] = {}
    for line in lines:
        if "class" in line:
            users.update({one for hook, functions in line["acts"].items() if hook in _RUN for one in functions})
        elif "function" in line and line["does"] != "stores":
            sources.setdefault((line["function"], line["source"]), line["version"])
    found = [
        Unread(function in SCHEMAS, users[function], function, version, source)
        for (function, source), version in sources.items()
        if users[function] and not _read(function, source)
    ]
    return sorted(found, reverse=True)


def _read(function: str, source: str) -> bool:
    schema = SCHEMAS.get(function)
    return schema is not None and (COMPILED if source == _NO_SOURCE else source) in schema.sources


def main(paths: list[str]) -> int:
    """Print what is unread in the files at *paths*; return 1 if a source has changed."""
    found = unread(json.loads(text) for path in paths for text in Path(path).read_text(encoding="utf-8").splitlines())
    for one in found:
        kind = "changed" if one.changed else "unread"
        sys.stdout.write(f"{kind} {one.function} {one.source} {one.version}: {one.classes} classes\n")
    return int(any(one.changed for one in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
