"""Pointers made from raw bytes."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import APPEND, EMPTY_LIST, NONE, array, data, dtype, pickle, sizes

from picklewatch.core.model import Level


def test_objects_from_bytes_are_malicious() -> None:
    """The bytes would be taken for addresses."""
    found = levels(pickle(2, array(sizes(1), dtype("O8"), data(bytes(8)))))
    assert found["object-dtype-over-bytes"] is Level.MALICIOUS


def test_objects_from_a_list_are_not_reported() -> None:
    """As numpy itself pickles an array of objects."""
    assert levels(pickle(2, array(sizes(1), dtype("O8"), EMPTY_LIST + NONE + APPEND))) == {}
