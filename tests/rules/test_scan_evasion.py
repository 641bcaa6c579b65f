"""Content that would keep a scanner from reading on."""

from __future__ import annotations

import bz2
import gzip

import pytest
from samples.containers import zipped
from samples.hostile import BENIGN, EVIL
from samples.judging import levels, verdict
from samples.opcodes import NONE, POP, pickle

from picklewatch.analysis.formats import unpacking
from picklewatch.analysis.pickle import report
from picklewatch.core.model import Level, Verdict

_NO_OPS = pickle(2, (NONE + POP) * 200_000, NONE)


@pytest.fixture(autouse=True)
def _smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bombs of a tenth of a second."""
    monkeypatch.setattr(report, "WORK", 200_000)
    monkeypatch.setattr(unpacking, "HELD", 4 << 20)
    monkeypatch.setattr(unpacking, "RATIO", 1)


def test_no_ops_out_of_proportion_are_evasion() -> None:
    """Before the attack that a loader reads on to."""
    assert levels(gzip.compress(_NO_OPS))["scan-evasion"] is Level.UNSAFE


def test_padding_behind_an_attack_hides_nothing() -> None:
    """The attack begins the stream, what follows is more than a scan may hold."""
    assert verdict(bz2.compress(EVIL + b"ab" * (3 << 20))) is Verdict.MALICIOUS


def test_a_costly_member_hides_no_other() -> None:
    """Each member has its own share."""
    members = {f"a{number}": _NO_OPS for number in range(5)} | {"z": EVIL}
    found = levels(zipped(members, deflated=True))
    assert found["scan-evasion"] is Level.UNSAFE
    assert found["code-execution"] is Level.MALICIOUS


def test_as_many_opcodes_as_bytes_are_not_reported() -> None:
    """An honest list."""
    assert levels(pickle(2, b"](" + b"K\1" * 50_000 + b"e")) == {}
    assert levels(gzip.compress(BENIGN)) == {}
