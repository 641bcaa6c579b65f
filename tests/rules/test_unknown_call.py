"""A call of a function that nobody vouched for."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import call, new, pickle, text

from picklewatch.core.model import Level


def test_a_call_of_a_library_s_function_is_unsafe() -> None:
    """With arguments of the author's choosing."""
    assert levels(pickle(2, call("mylib.tools", "restore", text("latest"))))["unknown-call"] is Level.UNSAFE


def test_an_instance_of_a_library_s_class_is_no_such_call() -> None:
    """NEWOBJ makes an instance and no more: unverified."""
    assert levels(pickle(2, new("mylib.nets", "Net"))) == {"unvouched-class": Level.UNVERIFIED}
