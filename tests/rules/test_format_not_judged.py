"""A kind of model that is recognised and not judged yet."""

from __future__ import annotations

from samples.containers import safetensors
from samples.judging import levels

from picklewatch.core.model import Level


def test_a_keras_file_is_unverified() -> None:
    """Its layers can hold code."""
    assert levels(b"\x89HDF\r\n\x1a\n" + bytes(99)) == {"format-not-judged": Level.UNVERIFIED}


def test_safetensors_are_not_reported() -> None:
    """No loader runs any of it."""
    assert levels(safetensors({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(4))) == {}
