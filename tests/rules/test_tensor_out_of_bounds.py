"""A tensor that reaches outside its storage."""

from __future__ import annotations

import pytest
from samples.judging import levels
from samples.opcodes import BUILD, new, number, pickle, sizes, storage, tensor, tuple_
from samples.torch_checkpoint import torch_zip

from picklewatch.core.model import Level


@pytest.mark.parametrize(("size", "offset"), [(17, 0), (16, 1)])
def test_a_view_beyond_the_storage_is_malicious(size: int, offset: int) -> None:
    """By its size or by where it starts."""
    sample = pickle(2, tensor(storage(elements=16), sizes(size), sizes(1), offset))
    assert levels(torch_zip(sample, {"0": bytes(64)}))["tensor-out-of-bounds"] is Level.MALICIOUS


def test_a_view_up_to_the_end_is_not_reported() -> None:
    """The last element is the storage's last."""
    sample = pickle(2, tensor(storage(elements=16), sizes(15), sizes(1), 1))
    assert levels(torch_zip(sample, {"0": bytes(64)})) == {}


@pytest.mark.parametrize("name", [("torch", "Tensor"), ("torchmetrics.classification.accuracy", "Tensor")])
def test_a_view_that_build_sets_is_within_its_storage(name: tuple[str, str]) -> None:
    """A tensor takes one as its state, by whatever name its class came."""
    for offset, worst in ((0, Level.UNVERIFIED), (1 << 20, Level.MALICIOUS)):
        sample = pickle(2, new(*name), tuple_(storage(elements=16), number(offset), sizes(16), sizes(1)), BUILD)
        found = levels(torch_zip(sample, {"0": bytes(64)}))
        assert max(found.values(), key=list(Level).index) is worst
