"""The standard library beyond data types."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import call, number, pickle

from picklewatch.core.model import Level


def test_a_function_beyond_the_list_is_unsafe() -> None:
    """Harmless as this one may be, no model needs it."""
    assert levels(pickle(2, call("platform", "machine")))["unlisted-stdlib"] is Level.UNSAFE


def test_a_data_type_is_not_reported() -> None:
    """Dates are data."""
    assert levels(pickle(2, call("datetime", "timedelta", number(1), number(0), number(0)))) == {}
