"""A class that nobody vouched for."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import new, pickle

from picklewatch.core.model import Level


def test_an_instance_of_a_project_s_class_is_unverified() -> None:
    """No way to abuse it is known, and none is ruled out."""
    assert levels(pickle(2, new("mylib.nets", "Net"))) == {"unvouched-class": Level.UNVERIFIED}


def test_an_instance_of_a_listed_class_is_clean() -> None:
    """Torch's own modules are on the list."""
    assert levels(pickle(2, new("torch.nn.modules.linear", "Linear"))) == {}
