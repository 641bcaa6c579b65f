"""Three hundred ways to keep a scanner from an attack, each told as what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from samples.evasions import EACH, kinds
from samples.judging import judged

from picklewatch.analysis.formats import last_look, unpacking
from picklewatch.analysis.pickle import report
from picklewatch.core.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

_SMALLER = 400
_KINDS = kinds(_SMALLER)


@pytest.fixture(autouse=True)
def _smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bombs of a 400th: the limits are lowered with them, and ``tests/bench/evasions.py`` has the full ones."""
    monkeypatch.setattr(report, "WORK", report.WORK // _SMALLER)
    monkeypatch.setattr(report, "MEMORY", report.MEMORY // _SMALLER)
    monkeypatch.setattr(unpacking, "HELD", unpacking.HELD // _SMALLER)
    monkeypatch.setattr(unpacking, "RATIO", 1)
    monkeypatch.setattr(last_look, "LOOK", last_look.LOOK // _SMALLER)


def test_there_are_ten_kinds_of_thirty() -> None:
    """No way gets lost by having another's name."""
    assert {kind: len(ways) for kind, ways in _KINDS.items()} == dict.fromkeys(_KINDS, EACH)
    assert len(_KINDS) == 10


@pytest.mark.parametrize("kind", _KINDS)
def test_no_evasion_hides_an_attack(kind: str) -> None:
    """Operators that move who moves what is unsafe."""
    assert hidden(_KINDS[kind]) == {}


def hidden(ways: dict[str, Callable[[], bytes]]) -> dict[str, tuple[str, ...]]:
    """The names of *ways* that come out below unsafe, with the rules that were found."""
    missed = {}
    for name, make in ways.items():
        found, verdict = judged(make())
        if verdict.rank < Verdict.UNSAFE.rank:
            missed[name] = (verdict.value, *(finding.rule for finding in found.findings))
    return missed
