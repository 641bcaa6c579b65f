"""A harmful pickle where no loader starts."""

from __future__ import annotations

from samples.hostile import BENIGN, EVIL
from samples.judging import levels
from samples.torch_checkpoint import state_dict_pickle, torch_zip

from picklewatch.core.model import Level


def test_a_payload_in_a_tensor_is_malicious() -> None:
    """It waits for a second loader."""
    raw = EVIL + bytes(-len(EVIL) % 4)
    sample = torch_zip(state_dict_pickle({"w": [0.0] * (len(raw) // 4)}), {"0": raw})
    assert levels(sample)["hidden-pickle"] is Level.MALICIOUS


def test_a_pickle_of_data_in_a_tensor_is_not_reported() -> None:
    """torch.distributed keeps pickled objects in byte tensors."""
    raw = BENIGN + bytes(-len(BENIGN) % 4)
    assert levels(torch_zip(state_dict_pickle({"w": [0.0]}), {"0": raw})) == {}
