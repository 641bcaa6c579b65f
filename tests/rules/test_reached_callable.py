"""A hook of a restored object that reaches something that acts."""

from __future__ import annotations

from samples.closed import loader, made
from samples.judging import levels
from samples.opcodes import pickle, text

from picklewatch.core.model import Level


def test_a_loader_below_an_optimizer_is_unsafe() -> None:
    """``Adam.__setstate__`` walks over its groups."""
    assert levels(pickle(2, made("torch.optim.adam Adam", param_groups=loader())))["reached-callable"] is Level.UNSAFE


def test_data_below_an_optimizer_is_not_reported() -> None:
    """Texts are data."""
    assert levels(pickle(2, made("torch.optim.adam Adam", param_groups=text("x")))) == {}
