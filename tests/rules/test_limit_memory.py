"""A pickle that takes more memory than a scan may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samples.hostile import BENIGN
from samples.judging import levels

from picklewatch.analysis.pickle import analyse
from picklewatch.analysis.pickle.vm.interpreter import Walk
from picklewatch.core.model import Level, Limits

if TYPE_CHECKING:
    import pytest


class _Full(Walk):
    """A walk in a process whose memory is used up."""

    def _slice(self, count: int) -> None:
        raise MemoryError


def test_memory_that_runs_out_is_unscannable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox grants no more, and the walk says so in place of dying."""
    monkeypatch.setattr(analyse, "Walk", _Full)
    assert levels(BENIGN, Limits(memory=64 << 20))["limit-memory"] is Level.UNSCANNABLE


def test_memory_that_a_few_bytes_use_up_is_evasion(monkeypatch: pytest.MonkeyPatch) -> None:
    """No honest file of a kilobyte makes a gigabyte of values."""
    monkeypatch.setattr(analyse, "Walk", _Full)
    assert levels(BENIGN)["scan-evasion"] is Level.UNSAFE


def test_a_scan_with_enough_memory_is_not_reported() -> None:
    """A small pickle."""
    assert levels(BENIGN) == {}
