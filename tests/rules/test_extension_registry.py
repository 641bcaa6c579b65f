"""An import by a number."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import global_, pickle

from picklewatch.core.model import Level


def test_an_extension_code_is_unsafe() -> None:
    """What it stands for depends on the process."""
    assert levels(pickle(2, b"\x82\x2a"))["extension-registry"] is Level.UNSAFE


def test_an_import_by_name_is_not_reported() -> None:
    """The same import, spelt out."""
    assert levels(pickle(2, global_("collections", "OrderedDict"))) == {}
