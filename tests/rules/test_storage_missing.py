"""A tensor without its bytes."""

from __future__ import annotations

from samples.judging import levels
from samples.torch_checkpoint import checkpoint, state_dict_pickle, torch_zip

from picklewatch.core.model import Level


def test_a_storage_without_a_record_is_unscannable() -> None:
    """The archive is incomplete."""
    assert levels(torch_zip(state_dict_pickle({"w": [1.0]}), {})) == {"storage-missing": Level.UNSCANNABLE}


def test_a_storage_with_its_record_is_not_reported() -> None:
    """As torch writes it."""
    assert levels(checkpoint({"w": [1.0]})) == {}
