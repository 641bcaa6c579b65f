"""An archive whose method can't be undone here."""

from __future__ import annotations

import pytest
from samples.containers import seven_zip
from samples.hostile import BENIGN
from samples.judging import levels

from picklewatch.core.model import Level


def test_ppmd_is_unscannable() -> None:
    """The interpreter has no decompressor for it."""
    assert levels(seven_zip({"a": BENIGN}, "ppmd"))["archive-not-readable"] is Level.UNSCANNABLE


@pytest.mark.parametrize("coders", ["copy", "lzma", "lzma2", "bcj"])
def test_what_the_interpreter_can_undo_is_read(coders: str) -> None:
    """Without any package."""
    assert levels(seven_zip({"a": BENIGN}, coders)) == {}
