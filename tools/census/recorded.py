"""The lines that the table is compiled of, as git has them: ``lines/LIBRARY-VERSION.jsonl.xz``, one file per reading.

What the table does not need is left out: the texts of sources, of which the digest says which one was read, and names
that another library borrowed. A reading of the same library and version replaces the one before.
"""

from __future__ import annotations

import json
import lzma
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from census.hooks import ONLY_RECORDED
from census.merge import own_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FOLDER = Path(__file__).with_name("lines")
_END = ".jsonl.xz"
_VERSIONED = re.compile(r"-\d[^-]*\Z")
_OF_A_FUNCTION = ("function", "hook", "does", "source", "library", "version")

_STRAY = frozenset({"bin", "integrations", "pl_examples", "pylint_plugins"})
"""Top folders that a wheel installs by mistake: anybody's own module may have that name."""


def read(path: Path) -> list[dict[str, Any]]:
    """Return the lines in *path*, compressed or not."""
    content = path.read_bytes()
    text = (lzma.decompress(content) if path.suffix == ".xz" else content).decode()
    return [json.loads(line) for line in text.splitlines()]


def kept() -> dict[str, Path]:
    """Return the files of the readings that are kept, by name."""
    return {path.name.removesuffix(_END): path for path in sorted(FOLDER.glob("*" + _END))}


def readings(new: Iterable[Path] = ()) -> dict[str, list[dict[str, Any]]]:
    """Return the lines of each reading by its name: those of the files *new*, and those that are kept beside them."""
    fresh = [short(read(path)) for path in sorted(new)]
    named = {_named(path, lines): lines for path, lines in zip(sorted(new), fresh, strict=True)}
    return {name: read(path) for name, path in kept().items() if name not in named} | named


def _named(path: Path, lines: list[dict[str, Any]]) -> str:
    """Return the name of a reading: that of its file, with the version that most classes are of."""
    stem = path.name.removesuffix(".xz").removesuffix(".jsonl")
    if _VERSIONED.search(stem):
        return stem
    versions = Counter(line["version"] for line in lines if "function" not in line)
    return f"{stem}-{versions.most_common(1)[0][0] if versions else 'unknown'}"


def short(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what the table needs of *lines*, in order."""
    return sorted(_shortened(lines), key=lambda line: json.dumps(line, sort_keys=True))


def _shortened(lines: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for line in lines:
        line["version"] = line["version"].partition("+")[0]  # 2.13.0+cpu
        if line["library"] in _STRAY:
            continue
        if "class" in line:
            hooks = {hook: name for hook, name in line["hooks"].items() if hook not in ONLY_RECORDED}
            yield {**line, "names": own_names(line), "hooks": hooks}
        elif "function" not in line:
            yield line
        elif line["hook"] not in ONLY_RECORDED:
            yield {key: line[key] for key in _OF_A_FUNCTION}


def keep(found: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Write the readings that are not kept yet, or differently; return their names."""
    FOLDER.mkdir(exist_ok=True)
    written = []
    for name, lines in found.items():
        path = FOLDER / (name + _END)
        if path.exists() and read(path) == lines:
            continue
        text = "".join(json.dumps(line, sort_keys=True, separators=(",", ":")) + "\n" for line in lines)
        path.write_bytes(lzma.compress(text.encode(), preset=6))
        written.append(name)
    return written
