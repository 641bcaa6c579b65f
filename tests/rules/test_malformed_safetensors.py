"""A lying safetensors file."""

from __future__ import annotations

from samples.containers import safetensors
from samples.judging import levels

from picklewatch.core.model import Level


def test_tensors_that_overlap_are_unscannable() -> None:
    """The reference reader refuses them; others may not."""
    one, other = ({"dtype": "F32", "shape": [2], "data_offsets": [at, at + 8]} for at in (0, 4))
    assert levels(safetensors({"a": one, "b": other}, bytes(12)))["malformed-safetensors"] is Level.UNSCANNABLE


def test_tensors_side_by_side_are_not_reported() -> None:
    """A sane header."""
    one, other = ({"dtype": "F32", "shape": [2], "data_offsets": [at, at + 8]} for at in (0, 8))
    assert levels(safetensors({"a": one, "b": other}, bytes(16))) == {}
