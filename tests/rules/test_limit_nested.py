"""More pickles within a pickle than are followed."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import NONE, POP, data, global_, pickle

from picklewatch.engine.notes import NESTED
from picklewatch.model import Level


def test_too_many_embedded_pickles_are_unscannable() -> None:
    """The rest was not looked at."""
    inner = pickle(2, global_("collections", "OrderedDict"))
    found = levels(pickle(4, *(data(inner) + POP for _ in range(NESTED + 1)), NONE))
    assert found["limit-nested"] is Level.UNSCANNABLE


def test_a_few_are_followed() -> None:
    """Each is judged."""
    inner = pickle(2, global_("collections", "OrderedDict"))
    assert levels(pickle(4, *(data(inner) + POP for _ in range(3)), NONE)) == {}
