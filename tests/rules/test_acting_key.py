"""A key whose hash acts."""

from __future__ import annotations

from samples.closed import loader, made
from samples.judging import levels
from samples.opcodes import EMPTY_DICT, NONE, SETITEM, pickle, text

from picklewatch.core.model import Level


def test_a_metric_that_holds_a_loader_is_no_key() -> None:
    """``Metric.__hash__`` walks over its attributes."""
    key = made("torchmetrics.aggregation MeanMetric", v=loader())
    assert levels(pickle(2, EMPTY_DICT, key, NONE, SETITEM))["acting-key"] is Level.UNSAFE


def test_a_text_is_a_key() -> None:
    """As in any model."""
    assert levels(pickle(2, EMPTY_DICT, text("k"), NONE, SETITEM)) == {}
