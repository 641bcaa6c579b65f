"""A torch archive whose pickle is none."""

from __future__ import annotations

import pytest
from samples.judging import levels
from samples.torch_checkpoint import checkpoint, torch_zip

from picklewatch.core.model import Level


@pytest.mark.parametrize("content", [b"", b"\0\1\2\3" * 9])
def test_a_data_pkl_that_is_no_pickle_is_unscannable(content: bytes) -> None:
    """What torch unpickles is missing."""
    assert levels(torch_zip(content))["malformed-torch"] is Level.UNSCANNABLE


def test_a_checkpoint_is_not_reported() -> None:
    """Its ``data.pkl`` is a pickle."""
    assert levels(checkpoint({"w": [1.0]})) == {}
