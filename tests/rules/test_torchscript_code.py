"""TorchScript."""

from __future__ import annotations

from samples.containers import script
from samples.judging import levels
from samples.torch_checkpoint import checkpoint

from picklewatch.core.model import Level


def test_a_scripted_model_is_unverified() -> None:
    """Inert pickles and plain TorchScript: not unsafe, and not proven either."""
    assert levels(script("x = torch.relu(y)\n")) == {"torchscript-code": Level.UNVERIFIED}


def test_a_checkpoint_is_not_reported_as_code() -> None:
    """It has no code."""
    assert levels(checkpoint({"w": [1.0]})) == {}
