"""A persistent id in a torch file that is no storage."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import BINPERSID, pickle, sizes, storage, tensor, text
from samples.torch_checkpoint import torch_zip

from picklewatch.model import Level


def test_a_text_in_place_of_a_storage_is_unsafe() -> None:
    """Torch's loaders know storages only."""
    assert levels(torch_zip(pickle(2, text("x"), BINPERSID)))["unusual-persistent-id"] is Level.UNSAFE


def test_a_storage_is_not() -> None:
    """What a tensor refers to."""
    assert levels(torch_zip(pickle(2, tensor(storage(), sizes(16), sizes(1))), {"0": bytes(64)})) == {}
