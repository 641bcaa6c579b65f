"""A path of attributes in place of a name."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import EMPTY_TUPLE, NEWOBJ, pickle, stack_global

from picklewatch.core.model import Level


def test_a_walk_over_attributes_is_unsafe() -> None:
    """Any module that another one imports can be reached so."""
    assert levels(pickle(4, stack_global("mylib.io", "reader._backend.run")))["dotted-import"] is Level.UNSAFE


def test_a_nested_class_is_not_reported() -> None:
    """Classes within classes have dotted names too."""
    assert "dotted-import" not in levels(pickle(4, stack_global("mylib.nets", "Outer.Inner"), EMPTY_TUPLE, NEWOBJ))
