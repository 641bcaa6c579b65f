"""An import of what unpickles other data."""

from __future__ import annotations

from samples.hostile import BENIGN
from samples.judging import levels
from samples.opcodes import call, data, pickle

from picklewatch.core.model import Level


def test_a_loader_that_is_called_is_malicious() -> None:
    """``pickle.loads`` over bytes of the same file."""
    assert levels(pickle(2, call("pickle", "loads", data(BENIGN))))["nested-unpickling"] is Level.MALICIOUS


def test_torchs_nested_storages_are_not_reported() -> None:
    """``_load_from_bytes`` is what torch writes for tensors in other pickles: the bytes inside are judged instead."""
    assert levels(pickle(2, call("torch.storage", "_load_from_bytes", data(BENIGN)))) == {}
