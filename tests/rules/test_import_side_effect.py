"""An import of a module that acts when it is imported."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import global_, pickle

from picklewatch.core.model import Level


def test_the_import_alone_is_malicious() -> None:
    """``antigravity`` opens a browser; nothing is called."""
    assert levels(pickle(2, global_("antigravity", "geohash")))["import-side-effect"] is Level.MALICIOUS


def test_other_imports_act_when_called_at_most() -> None:
    """A class of data is only referred to."""
    assert levels(pickle(2, global_("collections", "OrderedDict"))) == {}
