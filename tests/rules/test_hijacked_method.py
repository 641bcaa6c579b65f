"""A method of its own that a pickle has the unpickler call."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import APPEND, BUILD, dict_, global_, new, pickle, text

from picklewatch.core.model import Level


def test_a_planted_method_is_malicious() -> None:
    """BUILD plants ``append``; the next APPEND calls it."""
    planted = new("collections", "OrderedDict"), dict_(append=global_("mylib", "run")), BUILD
    assert levels(pickle(2, *planted, text("x"), APPEND))["hijacked-method"] is Level.MALICIOUS


def test_an_attribute_that_nothing_calls_is_not_reported() -> None:
    """The state of an ordinary instance."""
    assert levels(pickle(2, new("collections", "OrderedDict"), dict_(name=text("x")), BUILD)) == {}
