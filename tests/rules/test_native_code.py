"""A native library in a model."""

from __future__ import annotations

from samples.containers import zipped
from samples.judging import levels

from picklewatch.core.model import Level


def test_a_library_in_an_export_is_unsafe() -> None:
    """AOTInductor's is mapped and run."""
    members = {"e/archive_format": b"pt2", "e/data/aotinductor/model/model.so": b"\x7fELF" + bytes(64)}
    assert levels(zipped(members))["native-code"] is Level.UNSAFE


def test_an_export_of_weights_is_not_reported() -> None:
    """Tensors and a graph."""
    assert levels(zipped({"e/archive_format": b"pt2", "e/data/weights/weight_0": bytes(64)})) == {}
