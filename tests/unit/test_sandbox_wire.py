"""The parent's checks of the child's answers."""

from __future__ import annotations

import contextlib
import json
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picklewatch.core.model import Finding, Level, Limits, ScanReport
from picklewatch.sandbox import wire
from picklewatch.sandbox.endings import Ending
from picklewatch.sandbox.protections import NOTHING, Protections

if TYPE_CHECKING:
    from collections.abc import Iterable

LIMITS = Limits(findings=5, imports=4, evidence=20)
FINDING = Finding(
    rule="unsafe-import", level=Level.UNSAFE, where="a:0x1", summary="s", evidence="e", subject="os.system"
)
REPORT = ScanReport(
    format="torch-zip",
    complete=True,
    code_bearing=True,
    findings=(FINDING,),
    pickles=1,
    opcodes=9,
    imports=("os.system",),
)

texts = st.text(st.characters(codec=None), max_size=60)
findings = st.builds(
    Finding,
    rule=st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,3}", fullmatch=True),
    level=st.sampled_from(list(Level)),
    where=texts,
    summary=texts,
    evidence=texts,
    subject=texts,
)
reports = st.builds(
    ScanReport,
    format=st.sampled_from(["pickle", "torch-zip", "other"]),
    complete=st.booleans(),
    code_bearing=st.booleans(),
    findings=st.lists(findings, max_size=8).map(tuple),
    pickles=st.integers(0, 1 << 40),
    opcodes=st.integers(0, 1 << 40),
    imports=st.lists(texts, max_size=6).map(tuple),
)


def read(data: bytes, *, pieces: int = 1 << 20, limit: int = 1 << 20) -> ScanReport:
    """Read *data* as the scanner does, in *pieces* of that many bytes."""
    reader, builder = wire.LineReader(limit), wire.ReportBuilder(LIMITS)
    for start in range(0, len(data), pieces):
        for kind, value in reader.feed(data[start : start + pieces]):
            builder.take(kind, value)
    reader.finish()
    return builder.report(duration_ms=0.0, peak_kib=0)


def said(*pairs: object) -> bytes:
    """Encode *pairs* as the child's lines."""
    return b"".join(json.dumps(pair).encode() + b"\n" for pair in pairs)


def head(**changes: object) -> list[object]:
    """Give the last line of a report, with *changes*."""
    fields = {"format": "pickle", "complete": True, "code_bearing": True, "pickles": 0, "opcodes": 0}
    return ["report", {**fields, **changes}]


def test_a_report_arrives_as_it_was_sent() -> None:
    """An ordinary report is the same on both sides."""
    assert read(b"".join(wire.encode_report(REPORT, LIMITS))) == REPORT


@given(reports, st.integers(1, 50))
def test_every_report_that_the_child_can_make_is_accepted(report: ScanReport, pieces: int) -> None:
    """Whatever texts a scan produces, in whatever pieces they arrive, the parent takes the clipped report.

    The most harmful findings stay and no text can break a line.
    """
    received = read(b"".join(wire.encode_report(report, LIMITS)), pieces=pieces)
    assert len(received.findings) == min(len(report.findings), LIMITS.findings)
    assert (received.complete, received.format) == (report.complete, report.format)
    assert all(text.isprintable() for f in received.findings for text in (f.where, f.summary, f.evidence))
    assert all(name.isprintable() for name in received.imports)
    levels = list(Level)
    if report.findings:
        assert max(levels.index(f.level) for f in received.findings) == max(
            levels.index(f.level) for f in report.findings
        )


def test_a_subject_too_long_for_the_line_matches_no_allowlist() -> None:
    """A clipped import name could equal one that was allowed; it is left out instead."""
    long = replace(FINDING, subject="a" * 1001)
    received = read(b"".join(wire.encode_report(replace(REPORT, findings=(long,)), LIMITS)))
    assert received.findings[0].subject == ""


@given(st.binary(max_size=300))
def test_no_bytes_can_do_more_than_be_called_garbage(data: bytes) -> None:
    """Reading arbitrary bytes gives a report or `GarbageError`, nothing else."""
    with contextlib.suppress(wire.GarbageError):
        reader, builder = wire.LineReader(1 << 20), wire.ReportBuilder(LIMITS)
        for kind, value in reader.feed(data):
            builder.take(kind, value)
        reader.finish()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


@given(st.sampled_from(["finding", "import", "report", "line", "failed", "x"]), json_values)
def test_no_json_can_do_more_than_be_called_garbage(kind: str, value: object) -> None:
    """Well-formed JSON of the wrong shape is garbage too, for scans and for views."""
    builder = wire.ReportBuilder(LIMITS)
    for accept in (builder.take, wire.view_line):
        with contextlib.suppress(wire.GarbageError):
            accept(kind, value)


@pytest.mark.parametrize(
    "pairs",
    [
        [head(format="\x1b[2J")],
        [head(format="x" * 41)],
        [head(pickles=-1)],
        [head(pickles=1 << 63)],
        [head(opcodes=True)],
        [head(opcodes=1.5)],
        [head(complete=1)],
        [head(sha256="0" * 64)],
        [head(findings=[])],
        [["report", {}]],
        [["report", None]],
        [head(), head()],
        [head(), ["import", "a.b"]],
        [["import", "x" * 1001], head()],
        [["import", None], head()],
        [*[["import", "a.b"]] * 5, head()],
        [["love", {}], head()],
        ["finding"],
        [["finding"]],
        [[1, 2]],
    ],
)
def test_a_report_that_no_sound_child_sends_is_garbage(pairs: list[object]) -> None:
    """Wrong types, wrong values, wrong counts, wrong order: nothing of it is believed."""
    with pytest.raises(wire.GarbageError):
        read(said(*pairs))


@pytest.mark.parametrize(
    "changes",
    [
        {"rule": "Upper"},
        {"rule": "a" * 65},
        {"rule": "a--b"},
        {"rule": ""},
        {"level": "harmless"},
        {"level": ["info"]},
        {"summary": "x" * 2001},
        {"evidence": "x" * 21},
        {"where": 7},
        {"subject": "x" * 1001},
        {"extra": ""},
    ],
)
def test_a_finding_that_no_sound_child_sends_is_garbage(changes: dict[str, object]) -> None:
    """Each field of a finding is checked."""
    fields = {"rule": "a", "level": "info", "where": "", "summary": "", "evidence": "", "subject": "", **changes}
    with pytest.raises(wire.GarbageError):
        read(said(["finding", fields], head()))


def test_the_whole_output_is_bounded() -> None:
    """More bytes than the limit are garbage, however well-formed."""
    with pytest.raises(wire.GarbageError, match="more than the limit"):
        read(said(head()), limit=10)


@pytest.mark.parametrize("data", [b"x" * (wire.LINE + 1), b"x" * (wire.LINE + 1) + b"\n", b'["report"'])
def test_lines_are_bounded_and_whole(data: bytes) -> None:
    """An endless line is refused before it is held, an unfinished one at the end."""
    with pytest.raises(wire.GarbageError):
        read(data)


def test_a_view_line_is_flat_and_printable() -> None:
    """Texts of a view can't carry terminal codes; nesting and big objects are refused."""
    line = {"kind": "op", "offset": 3, "text": "a\x1b[2J\n", "stack": ["x\x07"], "called": True, "note": None}
    assert wire.view_line("line", line) == {
        **line,
        "text": "a\\x1b[2J\\x0a",
        "stack": ["x\\x07"],
    }
    wrongs: tuple[object, ...] = ({"a": {"b": 1}}, {"a": [1]}, {"a": "x" * 9000}, {"a": 1.5}, [])
    for wrong in (*wrongs, {str(n): 1 for n in range(300)}):
        with pytest.raises(wire.GarbageError):
            wire.view_line("line", wrong)


@given(st.lists(st.sampled_from([Level.INFO, Level.UNSAFE, Level.MALICIOUS]), max_size=12))
def test_a_broken_report_keeps_what_was_seen_and_is_never_complete(levels: Iterable[Level]) -> None:
    """Observations before a crash stay; the crash is added; the report can't be clean or skipped."""
    builder = wire.ReportBuilder(Limits())
    seen = [replace(FINDING, level=level) for level in levels]
    for finding in seen:
        for _, value in [json.loads(wire.encode_finding(finding, Limits()))]:
            builder.take("finding", value)
    crash = replace(FINDING, rule="scan-crashed", level=Level.UNSCANNABLE)
    report = builder.broken_report(crash, duration_ms=1, peak_kib=2)
    assert report.findings == (*seen, crash)
    assert not report.complete
    assert report.code_bearing


@pytest.mark.parametrize(
    "ending",
    [
        Ending(status=-9, timed_out=True, cpu_seconds=54.0, size=100),
        Ending(status=-9, cpu_seconds=60.5, size=100),
        Ending(status=70, failed=("memory", ""), size=100),
    ],
)
def test_a_small_file_that_uses_everything_up_is_unsafe(ending: Ending) -> None:
    """A hundred bytes that keep a scanner busy for a minute, or fill a gigabyte, are made for it."""
    finding = ending.finding(Limits())
    assert finding is not None
    assert (finding.rule, finding.level) == ("scan-evasion", Level.UNSAFE)


@pytest.mark.parametrize(
    ("ending", "rule", "text"),
    [
        (Ending(status=0), "", ""),
        (Ending(status=-9, timed_out=True), "scan-timeout", "60 seconds"),
        (Ending(status=-9, garbage="it sang"), "scan-garbage", "it sang"),
        (Ending(status=-9), "scan-memory", "memory ran out"),
        (Ending(status=-9, cpu_seconds=60.5, size=64 << 20), "scan-cpu", "60 seconds of processor time"),
        (Ending(status=70, failed=("memory", ""), size=64 << 20), "scan-memory", "1024 MiB"),
        (Ending(status=70, failed=("error", "ValueError: x")), "scan-crashed", "ValueError: x"),
        (Ending(status=70), "scan-memory", "1024 MiB"),
        (Ending(status=71), "scan-crashed", "lock itself down"),
        (Ending(status=5), "scan-crashed", "exit status 5"),
        (Ending(status=-signal.SIGSEGV), "scan-crashed", "SIGSEGV"),
        (Ending(status=-signal.SIGBUS), "scan-crashed", "SIGBUS"),
        (Ending(status=-signal.SIGBUS, shrunk=True), "changed-while-scanned", "shorter"),
        (Ending(status=-signal.SIGSYS), "scan-forbidden-call", "no scan needs"),
        (Ending(status=-signal.SIGXCPU), "scan-cpu", "60 seconds of processor time"),
        (Ending(status=-250), "scan-crashed", "signal 250"),
    ],
)
def test_how_a_scan_ended_is_said_in_words(ending: Ending, rule: str, text: str) -> None:
    """Each kind of end has its rule, of level unscannable, and a sentence that names the limit or the signal."""
    finding = ending.finding(Limits())
    if not rule:
        assert finding is None
        return
    assert finding is not None
    assert (finding.rule, finding.level) == (rule, Level.UNSCANNABLE)
    assert text in finding.summary


def test_protections_say_whether_the_kernel_contains_the_child() -> None:
    """`require_sandbox` asks for the kernel's own walls; lesser lacks are only said."""
    full = Protections(
        no_new_privs=True, not_dumpable=True, capabilities_dropped=True, landlock_abi=3, seccomp=True, rlimits=True
    )
    assert full.complete
    assert full.contained
    weaker = replace(full, landlock_abi=0, missing=("no Landlock",))
    assert not weaker.contained
    assert not weaker.complete
    assert weaker.to_json()["missing"] == ["no Landlock"]
    assert not NOTHING.contained
