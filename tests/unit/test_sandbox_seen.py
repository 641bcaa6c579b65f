"""Harm is said when it is seen, so that nothing that happens to the scanning process later takes it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples.hostile import EVIL, all_but_bombs

from picklewatch.analysis import content
from picklewatch.analysis.content import scan_content
from picklewatch.analysis.formats.context import worst
from picklewatch.core.model import DEFAULT_LIMITS, Finding, Level, Limits, uncovered

if TYPE_CHECKING:
    from picklewatch.analysis.formats.context import Scan
    from picklewatch.analysis.formats.part import Part

SAMPLES = all_but_bombs()


def seen_in(data: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[Level, Level]:
    """The worst that is said on the way through *data*, and the worst of the report."""
    seen: list[Finding] = []
    report = scan_content(data, limits, seen.append)
    return worst(seen), worst(report.findings)


@pytest.mark.parametrize("name", SAMPLES)
def test_all_harm_is_said_on_the_way(name: str) -> None:
    """What the report calls harmful was said to be harmful before, and nothing worse than the report says."""
    seen, reported = seen_in(SAMPLES[name])
    assert Level.UNSAFE.rank <= seen.rank <= reported.rank


@given(st.sampled_from(sorted(SAMPLES)), st.integers(0, 1 << 16), st.binary(max_size=4), st.integers(0, 3))
def test_nothing_is_said_that_the_report_takes_back(name: str, place: int, new: bytes, cut: int) -> None:
    """However a file is damaged: the parent distrusts a report that is milder than what was said before it."""
    data = SAMPLES[name]
    place %= len(data)
    seen, reported = seen_in(data[:place] + new + data[place + cut :], Limits(seconds=20))
    assert seen.rank <= reported.rank


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("a fault"), RecursionError()])
def test_a_fault_in_the_middle_of_a_pickle_keeps_what_was_seen(
    monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """What fails after an attack was seen does not make the file merely unscannable."""

    def fails(running: Scan, part: Part) -> str:
        running.pickle(part)
        raise error

    monkeypatch.setattr(content, "read_content", fails)
    report = scan_content(EVIL, DEFAULT_LIMITS)
    assert not report.complete
    assert worst(report.findings) is Level.MALICIOUS


def test_a_flood_of_harm_is_said_within_bounds() -> None:
    """Each rule and import is said once, and not more of them than a report may have, so it costs next to nothing."""
    many = b"".join(b"cos\nsystem%d\n0" % number for number in range(2_000))
    again = (EVIL[2:-1] + b"0") * 1_000
    seen: list[Finding] = []
    scan_content(b"\x80\x04" + again + many + b"N.", DEFAULT_LIMITS, seen.append)
    assert 1 < len(seen) <= 2 * (DEFAULT_LIMITS.findings + 1)
    assert len({(finding.level, finding.rule, finding.subject) for finding in seen}) == len(seen)


def test_what_is_unsaid_is_what_no_finding_says_as_badly() -> None:
    """A milder finding about the same import does not stand for the worse."""
    mild = Finding(rule="a", level=Level.UNSAFE, where="", summary="", subject="os.system")
    bad = Finding(rule="a", level=Level.MALICIOUS, where="", summary="", subject="os.system")
    other = Finding(rule="a", level=Level.UNSAFE, where="", summary="", subject="os.popen")
    assert uncovered([mild, bad, other], [bad]) == [other]
    assert uncovered([mild, bad], [mild]) == [bad]
