"""The report of a scan: never an exception, never a careless word."""

from __future__ import annotations

import mmap
import tempfile
from typing import TYPE_CHECKING

import pytest
from samples.hostile import BENIGN, EVIL
from samples.judging import judged

from picklewatch.analysis import content, formats
from picklewatch.analysis.content import scan_content
from picklewatch.core.model import DEFAULT_LIMITS, Level, Limits, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.analysis.formats.context import Scan
    from picklewatch.analysis.formats.part import Part


def test_a_fault_of_ours_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """With type and place, not with the error's text, which may quote hostile bytes."""

    def fault(*_: object) -> str:
        raise KeyError("secret")

    monkeypatch.setattr(content, "read_content", fault)
    report, level = judged(BENIGN)
    assert level is Verdict.UNSCANNABLE
    assert not report.complete
    (finding,) = report.findings
    assert finding.rule == "scan-error"
    assert finding.evidence.startswith("KeyError")
    assert "secret" not in str(finding)


@pytest.mark.parametrize(("error", "expected"), [(MemoryError, Verdict.UNSAFE), (RecursionError, Verdict.UNSCANNABLE)])
def test_exhausted_memory_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception], expected: Verdict
) -> None:
    """A few bytes that fill the memory are evasion; a fault of ours says nothing about the file."""

    def fault(*_: object) -> str:
        raise error

    monkeypatch.setattr(content, "read_content", fault)
    assert judged(BENIGN)[1] is expected


def test_what_could_not_be_judged_is_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault must not make a plain attack merely unscannable."""

    def fault(*_: object) -> str:
        raise ValueError

    monkeypatch.setattr(content, "read_content", fault)
    report, level = judged(EVIL)
    assert level is Verdict.MALICIOUS
    assert {finding.rule for finding in report.findings} == {"scan-error", "unread-import"}


def test_a_mapped_file_is_read() -> None:
    """The child maps the file that it is given."""
    with tempfile.TemporaryFile() as file:
        file.write(EVIL)
        file.flush()
        with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped, memoryview(mapped) as view:
            report = scan_content(view, DEFAULT_LIMITS)
    assert report.pickles == 1
    assert max(report.findings, key=lambda f: f.level is Level.MALICIOUS).level is Level.MALICIOUS


def test_time_runs_out() -> None:
    """A scan that takes too long is unscannable."""
    report, level = judged(BENIGN, Limits(seconds=-1.0))
    assert level is Verdict.UNSCANNABLE
    assert [finding.rule for finding in report.findings] == ["limit-time"]


def test_the_most_harmful_findings_stay() -> None:
    """Noise in front does not push the payload out."""
    noisy = b"".join(b"\x80\x02cpackage%d\nClass\n)\x81." % n for n in range(300)) + EVIL
    report, level = judged(noisy, Limits(findings=20))
    assert level is Verdict.MALICIOUS
    assert len(report.findings) == 20


def test_warming_imports_what_the_child_needs() -> None:
    """The locked child opens no files."""
    formats.warm()


def test_a_fault_keeps_what_was_found_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a fault at a doubtful place, whose own findings may be forgotten."""
    real = formats.read_content
    monkeypatch.setattr(content, "read_content", lambda state, part: _stumble(real, state, part))
    report, level = judged(EVIL + b"\0 and more")
    assert level is Verdict.MALICIOUS
    assert not report.complete
    assert "scan-error" in {finding.rule for finding in report.findings}


def _stumble(real: Callable[[Scan, Part], str], state: Scan, part: Part) -> str:
    name = real(state, part)

    def fault() -> None:
        raise IndexError

    state.only_harm(fault)
    return name
