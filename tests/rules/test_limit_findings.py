"""More findings about different things than are kept."""

from __future__ import annotations

import pytest
from samples.judging import judged, levels
from samples.opcodes import NONE, POP, call, global_, pickle

from picklewatch.core.kept_findings import kept
from picklewatch.core.model import Finding, Level, Limits, Outcome, Policy, ScanReport, Verdict
from picklewatch.core.policy import decide
from picklewatch.sandbox.wire import encode_report

_FEW = Limits(findings=3)


def _names(*names: str) -> bytes:
    return pickle(4, *(global_("lib", name) + POP for name in names), NONE)


def test_what_is_not_listed_argues_all_the_same() -> None:
    """A fourth import has no room among three."""
    found = levels(_names("A", "B", "C", "D"), _FEW)
    assert found["limit-findings"] is Level.UNVERIFIED


def test_as_many_as_are_kept_are_listed() -> None:
    """Each is told by itself."""
    assert set(levels(_names("A", "B", "C"), _FEW)) == {"unvouched-class"}


def test_the_same_thing_again_and_again_takes_no_room() -> None:
    """Of each rule and import one finding is enough; all others are left out without a loss."""
    report, _ = judged(_names("A") * 20 + _names("B"), _FEW)
    assert {finding.subject for finding in report.findings} == {"lib.A", "lib.B"}


@pytest.mark.parametrize("others", [1, 2, 3, 50])
def test_what_an_operator_allows_pushes_out_nothing_else(others: int) -> None:
    """The operator decides after the cut: what is not allowed must be left to decide about."""
    allowed = {f"lib.load{number}": "ours" for number in range(3)}
    calls = b"".join(pickle(4, call("lib", name.removeprefix("lib."))) for name in allowed)
    other = b"".join(pickle(4, call("lib", f"other{number}")) for number in range(others))
    report, _ = judged(calls * 20 + other, _FEW)
    assert decide(report, Policy(allowed_imports=allowed)).verdict is Verdict.UNSAFE


def test_allowed_imports_alone_are_clean() -> None:
    """However often they are used."""
    report, _ = judged(pickle(4, call("lib", "load")) * 50, _FEW)
    assert decide(report, Policy(allowed_imports={"lib.load": "ours"})).outcome is Outcome.ALLOWED


def test_the_most_harmful_of_what_is_left_out_counts() -> None:
    """A level that none of those listed has is not lost, and those listed keep their order."""
    noted = [Finding(rule="a", level=Level.UNSAFE, where="0x0", summary="", subject=f"lib.{n}") for n in range(5)]
    noted.append(Finding(rule="b", level=Level.MALICIOUS, where="0x9", summary=""))
    chosen = kept(noted, 3)
    assert [finding.level for finding in chosen] == [Level.UNSAFE, Level.MALICIOUS, Level.UNSAFE]
    assert [finding.rule for finding in chosen] == ["a", "b", "limit-findings"]
    assert kept(chosen, 3) == chosen


def test_the_wire_cuts_in_the_same_way() -> None:
    """What the child says is cut for the parent, too."""
    findings = tuple(
        Finding(rule="a", level=Level.UNSAFE, where=hex(number), summary="", subject="lib.a" if number < 9 else "lib.b")
        for number in range(10)
    )
    report = ScanReport(format="pickle", complete=True, code_bearing=True, findings=findings, pickles=1, opcodes=1)
    assert b"lib.b" in b"".join(encode_report(report, _FEW))


def test_imports_that_are_not_called_hide_none_that_is() -> None:
    """A text that is no whole pickle is judged by what it calls: so many decoys before the call came out as prose."""
    decoys = b"".join(b"cnt\nspawn%d\n0" % number for number in range(300))
    assert "code-execution" in levels(decoys + b"cos\nposix_spawnp\n(S'/bin/sh'\ntR\nand so on")
