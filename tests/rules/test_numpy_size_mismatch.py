"""An array that does not fit its bytes."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import array, data, dtype, pickle, sizes

from picklewatch.core.model import Level


def test_a_shape_larger_than_the_bytes_is_malicious() -> None:
    """Numpy refuses it, or reads on."""
    assert levels(pickle(2, array(sizes(3), dtype("f8"), data(bytes(16)))))["numpy-size-mismatch"] is Level.MALICIOUS


def test_a_shape_that_fits_is_not_reported() -> None:
    """Two doubles in sixteen bytes."""
    assert levels(pickle(2, array(sizes(2), dtype("f8"), data(bytes(16))))) == {}
