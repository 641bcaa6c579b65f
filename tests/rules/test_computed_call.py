"""A call of what another call returned."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import EMPTY_TUPLE, REDUCE, call, global_, number, pickle, text, tuple_

from picklewatch.core.model import Level


def test_a_call_of_a_result_is_unsafe() -> None:
    """What runs can't be read off the file."""
    assert levels(pickle(2, call("mylib", "make"), EMPTY_TUPLE, REDUCE))["computed-call"] is Level.UNSAFE


def test_what_zoneinfo_writes_is_not_reported() -> None:
    """A time zone fetches its own unpickler and calls it."""
    fetched = call("builtins", "getattr", global_("zoneinfo", "ZoneInfo"), text("_unpickle"))
    assert levels(pickle(2, fetched, tuple_(text("Europe/Berlin"), number(1)), REDUCE)) == {}
