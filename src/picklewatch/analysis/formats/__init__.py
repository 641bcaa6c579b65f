"""Finds what a loader would run in a content, whatever the content is called.

`read_content` asks each format in turn; the first that recognises the content judges it. Besides, every content is
judged as what `pickle.load` would make of it from its first byte, and as the archive that may end it: those two
readings need no agreement of the rest.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from picklewatch.analysis.formats import (
    inert,
    numpy_files,
    pickles,
    sevenzip,
    streams,
    tars,
    text_signs,
    unjudged,
    zips,
)
from picklewatch.analysis.formats.context import HEAD, Format, Scan
from picklewatch.analysis.formats.hidden_pickles import search
from picklewatch.analysis.formats.python_files import judge_code
from picklewatch.analysis.formats.text import is_text, judge_text, may_be_read, may_be_rendered
from picklewatch.core.tombstone import parse_tombstone

if TYPE_CHECKING:
    from picklewatch.analysis.formats.part import Part

_TOMBSTONE_LIMIT = 1024
_LETTERS = 24
"""Letters that all readers of texts together look through in the time of one unit of work."""

STRONG: tuple[Format, ...] = (
    *zips.FORMATS,
    *numpy_files.FORMATS,
    *streams.FORMATS,
    *sevenzip.FORMATS,
    *tars.FORMATS,
)
"""Containers, recognised by magic numbers or checksums."""

WEAK: tuple[Format, ...] = (inert.SAFETENSORS, *unjudged.FORMATS, *inert.FORMATS)
"""Recognised by a few bytes or by structure, so that they are tried after pickles."""


def read_content(scan: Scan, part: Part) -> str:
    """Judge *part* and return the name of its format, as in docs/formats.md."""
    data = part.data
    if not len(data):
        return "empty"
    if len(data) <= _TOMBSTONE_LIMIT and parse_tombstone(bytes(data)) is not None:
        return "tombstone"
    head = bytes(data[:HEAD])
    for form in STRONG:
        if form.matches(head, data):
            if form.name != "npy":
                scan.guarded(part.where, lambda: pickles.lead(scan, part))
            return form.read(scan, part) or form.name
    if not zips.tail_archive(scan, data):
        return _uncontained(scan, part, head)
    name = "other"

    def uncontained() -> None:
        nonlocal name
        name = _uncontained(scan, part, head)

    scan.guarded(part.where, uncontained, part.chunks)
    zips.read(scan, part)
    return name


def _uncontained(scan: Scan, part: Part, head: bytes) -> str:
    """Judge content that is no container."""
    data = part.data
    text = is_text(data)
    if text:
        scan.budget.charge(len(data) // _LETTERS)
    if pickles.in_letters(scan, part) if text else pickles.matches(head, data):
        name = pickles.read(scan, part)
        if text:
            judge_text(scan, part)
        return name
    # before the weak formats: a text that a loader runs may begin with the letters of an image or a model
    kinds = judge_text(scan, part) if text or may_be_read(data) else set()
    is_template = "chat-template" in kinds and bytes(data[:2]) in text_signs.TEMPLATES  # a set of sets to Python
    if text and not is_template and (code := judge_code(scan, part, text=True)) is not None:
        return code
    if not text:
        pickles.lead(scan, part)
    for form in WEAK:
        if form.matches(head, data):
            return form.read(scan, part) or form.name
    if not text:
        search(scan, part, place="in data of no known kind")
        if may_be_rendered(data) and (kinds := judge_text(scan, part)):
            return unjudged.read_kind(scan, part, kinds)
        return judge_code(scan, part, text=False) or "other"
    return unjudged.read_kind(scan, part, kinds)


_LATE = (
    "bz2", "codecs", "encodings.ascii", "encodings.cp437", "encodings.idna", "encodings.latin_1", "encodings.utf_16",
    "encodings.utf_16_be", "encodings.utf_16_le", "encodings.utf_32", "encodings.utf_32_be", "encodings.utf_32_le",
    "encodings.unicode_escape", "encodings.raw_unicode_escape", "gzip", "json", "lzma", "tarfile", "tomllib", "zlib",
)  # fmt: skip


def warm() -> None:
    """Import everything that a reader may need later: the locked-down child can open no files."""
    for name in _LATE:
        importlib.import_module(name)
    "x".encode("cp437").decode("cp437")
    for name in ("utf-16", "utf-16-be", "utf-16-le", "utf-32", "utf-32-be", "utf-32-le"):
        "x".encode(name).decode(name)
    text_signs.warm()
