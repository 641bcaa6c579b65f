"""Report the hooks of a census that no schema has read: ``python tools/census/unread.py FOLDER/*.jsonl``.

A hook whose schema knows other sources of it only is *changed*: somebody has to read the new one and add its digest
(docs/schemas.md). A hook without a schema is *unread*: an object whose restoring runs it is unverified. Exits with 1
for changed ones.

`compile` writes no table while a source has changed, or while a hook is unread that `LEFT` does not list: those of
libraries that nobody has read, by decision. ``compile --leave-unread`` writes the list anew.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from census import recorded
from picklewatch.catalogue.classes.hook_schema import COMPILED
from picklewatch.catalogue.classes.schema_table import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_RUN = frozenset({"__setstate__", "__setstate_cython__", "__del__", "__getattr__", "__getattribute__"})
"""Hooks that BUILD and the collector run on the state of an object. Others run on what an opcode gives them alone."""
_NO_SOURCE = "e3b0c44298fc1c14"
"""The digest of nothing: a hook that is compiled."""


LEFT = Path(__file__).with_name("left_unread.txt")
"""Hooks that stay unread: a line for each module, and the hooks of its classes."""


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
    return schema is not None and digest_of(source) in schema.sources


def digest_of(source: str) -> str:
    """Return how a schema names a *source* of the lines."""
    return COMPILED if source == _NO_SOURCE else source


def left() -> set[str]:
    """Return the hooks that stay unread."""
    lines = (line.split() for line in LEFT.read_text(encoding="utf-8").splitlines())
    return {f"{module}.{hook}" for module, *hooks in lines for hook in hooks}


def leave(functions: Iterable[str]) -> None:
    """Write the list of hooks that stay unread."""
    modules: defaultdict[str, list[str]] = defaultdict(list)
    for function in sorted(functions):
        module, owner, hook = function.rsplit(".", 2)
        modules[module].append(f"{owner}.{hook}")
    LEFT.write_text("".join(f"{module} {' '.join(hooks)}\n" for module, hooks in modules.items()), encoding="utf-8")


def without_schema(acts: Iterable[Mapping[str, Iterable[str]]]) -> set[str]:
    """Return the functions that BUILD and the collector run, by the hooks of all classes, and that no schema reads."""
    return {one for hooks in acts for hook in _RUN & hooks.keys() for one in hooks[hook] if one not in SCHEMAS}


def report(lines: Iterable[dict[str, Any]], *, only_changed: bool = False) -> int:
    """Print what is unread in *lines*, or *only_changed* sources; return 1 if a source has changed."""
    found = unread(lines)
    for one in found:
        if only_changed and not one.changed:
            continue
        kind = "changed" if one.changed else "unread"
        sys.stdout.write(f"{kind} {one.function} {one.source} {one.version}: {one.classes} classes\n")
    return int(any(one.changed for one in found))


def main(paths: list[str]) -> int:
    """Print what is unread in the files at *paths*; return 1 if a source has changed."""
    return report(line for path in paths for line in recorded.read(Path(path)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
