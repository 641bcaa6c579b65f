"""A broken compressed stream."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from typing import TYPE_CHECKING

import pytest
from samples.hostile import BENIGN
from samples.judging import levels

from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zlib.compress])
def test_a_stream_cut_off_is_unscannable(pack: Callable[[bytes], bytes]) -> None:
    """Whatever packed it."""
    assert levels(pack(BENIGN * 50)[:-6])["malformed-stream"] is Level.UNSCANNABLE


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zlib.compress])
def test_a_whole_stream_is_not_reported(pack: Callable[[bytes], bytes]) -> None:
    """Down to its checksum."""
    assert levels(pack(BENIGN * 50)) == {}
