"""Read a library's modules out of a wheel or sdist; nothing in it is unpacked, imported or run."""

from __future__ import annotations

import ast
import io
import re
import tarfile
import tokenize
import warnings
import zipfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

_WHEEL = re.compile(r"(?P<name>[A-Za-z0-9_.]+)-(?P<version>[^-]+)-.*\.whl")
_SDIST = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)-(?P<version>\d[^-]*?)(\.tar\.\w+|\.tgz|\.zip)")
_COMPILED = re.compile(r"\.(so|pyd|dylib|pyx|pxd)$")
_MAX_SOURCE = 20_000_000
"""Bytes of one module; generated tables of libraries reach 5 MB."""


@dataclass
class Module:
    """One module of a library, as text."""

    name: str
    is_package: bool
    raw: bytes

    @cached_property
    def text(self) -> str:
        """The source with universal newlines, as `inspect` shows it; empty if it can't be decoded."""
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(self.raw).readline)
            return self.raw.decode(encoding).removeprefix("\ufeff").replace("\r\n", "\n")
        except (SyntaxError, UnicodeError, LookupError):
            return ""

    @cached_property
    def lines(self) -> list[str]:
        """Its lines with their ends."""
        return self.text.splitlines(keepends=True) if "\f" not in self.text else self.text.split("\n")

    @cached_property
    def tree(self) -> ast.Module | None:
        """Its syntax tree; None for what this Python can't parse, as Python 2's ``print x``."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(self.text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None

    @property
    def package(self) -> str:
        """Return the package that relative imports start from."""
        return self.name if self.is_package else self.name.rpartition(".")[0]


@dataclass
class Library:
    """A distribution's modules."""

    name: str
    version: str
    modules: dict[str, Module] = field(default_factory=dict)
    compiled: set[str] = field(default_factory=set)
    """Modules of which only machine code, or Cython's source, is there."""

    @property
    def tops(self) -> set[str]:
        """The names under which it is imported."""
        return {name.partition(".")[0] for name in (*self.modules, *self.compiled)}


def load(path: Path) -> Library:
    """Return the modules of the wheel or sdist *path*."""
    match = _WHEEL.fullmatch(path.name) or _SDIST.fullmatch(path.name)
    if match is None:
        raise ValueError(f"{path.name} is no wheel and no sdist by its name")
    library = Library(re.sub(r"[-_.]+", "-", match["name"]).lower(), match["version"])
    wheel = path.suffix == ".whl"
    for name, raw in _members(path):
        parts = PurePosixPath(name).parts
        _add(library, parts if wheel else _within_sdist(parts), raw)
    return library


def _members(path: Path) -> list[tuple[str, bytes]]:
    if path.suffix in {".whl", ".zip"}:
        with zipfile.ZipFile(path) as archive:
            wanted = [one for one in archive.infolist() if _is_wanted(one.filename) and one.file_size <= _MAX_SOURCE]
            return [(one.filename, archive.read(one) if one.filename.endswith(".py") else b"") for one in wanted]
    found = []
    with tarfile.open(path) as archive:
        for one in archive:
            if not one.isfile() or not _is_wanted(one.name):
                continue
            stream = archive.extractfile(one) if one.name.endswith(".py") and one.size <= _MAX_SOURCE else None
            found.append((one.name, stream.read() if stream else b""))
    return found


def _is_wanted(name: str) -> bool:
    return name.endswith(".py") or _COMPILED.search(name) is not None


def _within_sdist(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the path below the sdist's own folder, and below ``src`` or ``lib``."""
    parts = parts[1:]
    return parts[1:] if parts[:1] in {("src",), ("lib",)} else parts


def _add(library: Library, parts: tuple[str, ...], raw: bytes) -> None:
    if not parts or any(part.endswith((".data", ".dist-info", ".libs")) for part in parts[:1]):
        return
    stem = parts[-1].partition(".")[0]
    folders = parts[:-1]
    if not all(part.isidentifier() for part in (*folders, stem)):
        return
    is_package = stem == "__init__"
    name = ".".join(folders if is_package else (*folders, stem))
    if not name:
        return
    if parts[-1].endswith(".py"):
        library.modules[name] = Module(name, is_package, raw)
    else:
        library.compiled.add(name)
