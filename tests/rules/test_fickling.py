"""A second opinion."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import call, pickle, text

from picklewatch.core.model import Level


def test_what_fickling_names_is_told_and_changes_nothing() -> None:
    """It stands beside our own findings."""
    found = levels(pickle(2, call("os", "system", text("true"))))
    assert found["fickling"] is Level.INFO
    assert found["code-execution"] is Level.MALICIOUS


def test_fickling_is_not_asked_about_data() -> None:
    """What is proven harmless needs no second opinion."""
    assert levels(pickle(2, call("collections", "OrderedDict"))) == {}
