"""Several zip archives in a row."""

from __future__ import annotations

from samples.hostile import EVIL
from samples.judging import levels
from samples.torch_checkpoint import checkpoint, torch_zip

from picklewatch.core.model import Level


def test_a_row_is_told_and_each_archive_judged() -> None:
    """As in torch's distributed checkpoints."""
    assert levels(checkpoint({"a": [1.0]}) + checkpoint({"b": [2.0]}))["zip-several-archives"] is Level.INFO
    assert "code-execution" in levels(torch_zip(EVIL) + checkpoint({"b": [2.0]}))


def test_one_archive_is_no_row() -> None:
    """A plain checkpoint."""
    assert levels(checkpoint({"a": [1.0]})) == {}
