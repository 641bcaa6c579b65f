"""A persistent id where plain `pickle.load` has no way to resolve it."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import BINPERSID, pickle, text
from samples.torch_checkpoint import checkpoint

from picklewatch.core.model import Level


def test_a_reference_outside_of_torch_is_unverified() -> None:
    """Some loader of its own would supply the object."""
    assert levels(pickle(2, text("weights"), BINPERSID)) == {"persistent-id": Level.UNVERIFIED}


def test_a_storage_in_a_checkpoint_is_not_reported() -> None:
    """Torch supplies it."""
    assert levels(checkpoint({"w": [1.0]})) == {}
