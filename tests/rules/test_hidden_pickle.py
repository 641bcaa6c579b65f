"""A harmful pickle where no loader starts."""

from __future__ import annotations

from samples.containers import compiled
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


def test_a_pickle_in_compiled_python_is_unverified() -> None:
    """Numpy's tests hold some, as constants: nothing loads them from there."""
    assert levels(compiled(f"x = {EVIL!r}")) == {"hidden-pickle": Level.UNVERIFIED}
    assert levels(compiled(f"x = {BENIGN!r}")) == {}
    assert levels(compiled("x = 1") + EVIL)["hidden-pickle"] is Level.MALICIOUS
