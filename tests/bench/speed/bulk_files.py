"""Texts, archives and packages of the sizes that people download, streamed to disk in blocks."""

from __future__ import annotations

import gzip
import importlib
import io
import json
import sys
import tarfile
import zipfile
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MB = 1_000_000
_WORDS = [
    "the", "of", "and", "to", "in", "is", "for", "on", "that", "with", "as", "it", "this", "are", "be",
    "from", "or", "by", "an", "at", "was", "which", "not", "we", "can", "have", "model", "data", "layer",
    "weight", "train", "token", "image", "text", "value", "score", "result", "number", "point", "time",
    "people", "language", "question", "answer", "water",
]  # fmt: skip


def _sentence(rng: Random) -> str:
    return " ".join(rng.choices(_WORDS, k=rng.randrange(8, 20))).capitalize() + "."


def _json_lines(rng: Random) -> Iterator[bytes]:
    number = 0
    while True:
        number += 1
        record = {
            "id": number,
            "url": f"https://example.org/pages/{number}?lang=en",
            "text": f"{_sentence(rng)} {_sentence(rng)}\n{_sentence(rng)}",
            "score": rng.random(),
            "labels": rng.choices(_WORDS, k=2),
        }
        yield json.dumps(record).encode() + b"\n"


def _block(rng: Random, size: int) -> bytes:
    """Return at least *size* bytes of whole lines."""
    lines, length = [], 0
    for line in _json_lines(rng):
        lines.append(line)
        length += len(line)
        if length >= size:
            break
    return b"".join(lines)


def json_lines(path: Path) -> None:
    """Write 20 MB of records, a line each."""
    path.write_bytes(_block(Random(1), 20 * _MB))


def long_text(path: Path) -> None:
    """Write 1 GB of such records."""
    block = _block(Random(1), 20 * _MB)
    with path.open("wb") as file:
        for _ in range(50):
            file.write(block)


def table(path: Path) -> None:
    """Write a compressed table of numbers and words, 35 MB of gzip."""
    rng = Random(1)
    rows = [f"{rng.choice(_WORDS)},{rng.random():.6f},{rng.randrange(10_000)},2026-11-30\n" for _ in range(100_000)]
    block = "".join(rows).encode()
    with gzip.GzipFile(path, "wb", compresslevel=1, mtime=0) as file:
        while path.stat().st_size < 35 * _MB:
            file.write(block)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def tensors(path: Path) -> None:
    """Write 300 MB of random numbers and some texts, as a tar compressed by gzip."""
    rng = Random(1)
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for number in range(30):
            _add(archive, f"model/shard-{number:02}.bin", rng.randbytes(10 * _MB))
            _add(archive, f"model/notes-{number:02}.jsonl", _block(rng, 100_000))


def _source(rng: Random, lines: int) -> bytes:
    made = []
    for number in range(lines):
        name = rng.choice(_WORDS)
        made.append(f"def {name}_{number}(self, {rng.choice(_WORDS)}, other=None):\n")
        made.append(f'    """{_sentence(rng)}"""\n    return self.{name}[{number}] if other is None else other\n\n')
    return "".join(made).encode()


def layer(path: Path) -> None:
    """Write a layer of an image of 100 MB: programs, libraries and sources, as a tar compressed by gzip."""
    rng = Random(1)
    with tarfile.open(path, "w:gz", compresslevel=6) as archive:
        number = 0
        while path.stat().st_size < 100 * _MB:
            number += 1
            _add(archive, f"usr/lib/python3/pkg{number}/module.py", _source(rng, 120))
            _add(archive, f"usr/share/doc/pkg{number}/README", _block(rng, 10_000))
            if number % 10 == 0:
                program = (
                    b"\x7fELF\x02\x01\x01"
                    + bytes(9)
                    + b"".join(rng.randbytes(600) + bytes(rng.randrange(400)) for _ in range(600))
                )
                _add(archive, f"usr/lib/lib{number}.so", program)


def conda(path: Path) -> None:
    """Write a conda package of 20 MB: a zip of two tars compressed by zstd."""
    zstd = importlib.import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
    rng = Random(1)
    package = io.BytesIO()
    with tarfile.open(fileobj=package, mode="w") as archive:
        for number in range(400):
            _add(archive, f"lib/python3.11/site-packages/x/module{number}.py", _source(rng, 120))
        for number in range(4):
            _add(archive, f"lib/lib{number}.so", b"\x7fELF\x02\x01\x01" + bytes(9) + rng.randbytes(4 * _MB))
    info = io.BytesIO()
    with tarfile.open(fileobj=info, mode="w") as archive:
        _add(archive, "info/index.json", json.dumps({"name": "x", "version": "1.0", "depends": ["python"]}).encode())
    with zipfile.ZipFile(path, "w") as outer:
        outer.writestr("metadata.json", '{"conda_pkg_format_version": 2}')
        outer.writestr("pkg-x-1.0-0.tar.zst", zstd.compress(package.getvalue()))
        outer.writestr("info-x-1.0-0.tar.zst", zstd.compress(info.getvalue()))
