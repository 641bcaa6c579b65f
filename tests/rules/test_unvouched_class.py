"""A class that nobody vouched for."""

from __future__ import annotations

import pytest
from samples.judged import judged
from samples.judging import levels
from samples.opcodes import call, global_, new, pickle

from picklewatch.core.model import Level


def test_an_instance_of_a_project_s_class_is_unverified() -> None:
    """No way to abuse it is known, and none is ruled out."""
    assert levels(pickle(2, new("mylib.nets", "Net"))) == {"unvouched-class": Level.UNVERIFIED}


def test_an_instance_of_a_listed_class_is_clean() -> None:
    """Torch's own modules are on the list."""
    assert levels(pickle(2, new("torch.nn.modules.linear", "Linear"))) == {}


@pytest.mark.parametrize("module", ["__main__", "src.models.net", "models.net"])
def test_a_class_of_ones_own_code_is_told_as_such(module: str) -> None:
    """Nobody but its author can vouch for it: that is no library which was not read yet."""
    for sample in (new(module, "Net"), call(module, "Net"), global_(module, "Net")):
        (found,) = judged(pickle(4, sample)).findings
        assert (found.rule, found.level) == ("unvouched-class", Level.UNVERIFIED)
        assert f"your own code: {module}.Net" in found.summary
