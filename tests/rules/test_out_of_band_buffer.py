"""Buffers that are not in the file."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import NEXT_BUFFER, data, pickle

from picklewatch.core.model import Level


def test_a_buffer_from_elsewhere_is_unverified() -> None:
    """Protocol 5 keeps it apart; ``pickle.load`` stops there."""
    assert levels(pickle(5, NEXT_BUFFER)) == {"out-of-band-buffer": Level.UNVERIFIED}


def test_a_buffer_in_the_file_is_not_reported() -> None:
    """Bytes in band."""
    assert levels(pickle(5, data(bytes(16)))) == {}
