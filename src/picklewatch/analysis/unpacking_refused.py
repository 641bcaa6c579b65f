"""Keeps decompressors from a process that judges contents of many files: what is packed is judged in one of its own.

The native decompressors are the largest part of a scan that is not Python, and where a memory bug would take a process
over (CVE-2018-25032 of zlib, CVE-2019-12900 of bzip2). A batch is not worth that.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import NoReturn

from picklewatch.analysis.formats.codecs import DECODERS


class PackedError(Exception):
    """A reader asked for a decompressor; no kind of exception that a reader takes for broken bytes."""


class Refusal:
    """Stands in the place of every decompressor."""

    def __init__(self) -> None:
        self.asked = False
        """True once one was asked for, also where the reader went on without."""

    def __call__(self, *_arguments: object, **_named: object) -> NoReturn:
        """Refuse."""
        self.asked = True
        raise PackedError


def refuse_unpacking() -> Refusal:
    """Let this process decompress nothing any more, for good."""
    refusal = Refusal()
    DECODERS.update(dict.fromkeys(DECODERS, refusal))
    for module, name in _NATIVE:
        setattr(module, name, refusal)
    return refusal


_NATIVE = (
    (zlib, "decompressobj"), (zlib, "decompress"), (bz2, "BZ2Decompressor"), (lzma, "LZMADecompressor"),
)  # fmt: skip
