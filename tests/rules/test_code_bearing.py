"""A pickle of functions, as cloudpickle and dill write it."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import call, global_, pickle, text

from picklewatch.core.model import Level


def test_a_function_as_byte_code_is_unsafe_and_no_more() -> None:
    """Such a file is a program; without an attack in it, it is not malicious."""
    found = levels(pickle(4, call("cloudpickle.cloudpickle", "_builtin_type", text("CodeType"))))
    assert found["code-bearing"] is Level.UNSAFE
    assert Level.MALICIOUS not in found.values()


def test_a_function_by_its_name_is_not_reported() -> None:
    """The standard pickler refers to functions."""
    assert levels(pickle(4, global_("mylib.nets", "relu"))) == {"unvouched-class": Level.UNVERIFIED}
