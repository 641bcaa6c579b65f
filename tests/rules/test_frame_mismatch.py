"""Frames that readers read differently."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import frame, pickle, text

from picklewatch.core.model import Level


def test_an_opcode_across_the_end_of_its_frame_is_malicious() -> None:
    """C's reader runs it, others read something else."""
    assert levels(pickle(4, frame(text("weights"), 3)))["frame-mismatch"] is Level.MALICIOUS


def test_frames_that_hold_whole_opcodes_are_not_reported() -> None:
    """As the standard pickler writes them."""
    assert levels(pickle(4, frame(text("weights")))) == {}
