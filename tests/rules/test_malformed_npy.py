"""A broken NumPy array file."""

from __future__ import annotations

from samples.containers import npy
from samples.judging import levels

from picklewatch.core.model import Level


def test_a_shape_without_its_bytes_is_unscannable() -> None:
    """Numpy refuses it."""
    sample = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (9,), }", bytes(4))
    assert levels(sample)["malformed-npy"] is Level.UNSCANNABLE


def test_an_array_with_its_bytes_is_not_reported() -> None:
    """One float in four bytes."""
    assert levels(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", bytes(4))) == {}
