"""A function that is handed to something that calls it."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import call, global_, pickle, text, tuple_

from picklewatch.core.model import Level


def test_a_function_given_to_map_is_unsafe() -> None:
    """The call is hidden in an argument."""
    assert (
        levels(pickle(2, call("builtins", "map", global_("mylib", "run"), tuple_(text("x")))))["indirect-call"]
        is Level.UNSAFE
    )


def test_an_activation_kept_by_partial_is_not_reported() -> None:
    """Known functions of data are."""
    assert levels(pickle(2, call("functools", "partial", global_("torch.nn.functional", "relu")))) == {}
