"""A pickle that changes modules, classes or functions of the process."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import BUILD, NONE, call, dict_, global_, number, pickle, tuple_

from picklewatch.core.model import Level


def test_a_changed_class_is_malicious() -> None:
    """BUILD on an imported class changes it for the whole process."""
    state = tuple_(NONE, dict_(__init__=global_("mylib", "run")))
    assert (
        levels(pickle(2, global_("collections", "OrderedDict"), state, BUILD))["interpreter-state"] is Level.MALICIOUS
    )


def test_the_state_of_an_instance_is_not_reported() -> None:
    """BUILD is how every instance gets its state."""
    assert levels(pickle(2, call("collections", "OrderedDict"), dict_(version=number(1)), BUILD)) == {}
