"""The laws of what the scanning process may say: any bytes give a report or the package's own error, within bounds."""

from __future__ import annotations

import contextlib
import json
import socket
import tracemalloc
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from picklewatch.core.model import Finding, Level, Limits, Policy, ScanReport, Verdict
from picklewatch.core.policy import decide
from picklewatch.sandbox import wire
from picklewatch.sandbox.answers import TOKEN, AnswerReader
from picklewatch.sandbox.endings import Ending
from picklewatch.sandbox.process import WarmProcess

if TYPE_CHECKING:
    from collections.abc import Iterable

LIMITS = Limits(findings=4, imports=3, evidence=30, output=1 << 16)
_RANK = {level: rank for rank, level in enumerate(Level)}

text = st.text(st.characters(codec=None), max_size=40)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), text)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
findings = st.fixed_dictionaries(
    {
        "rule": st.sampled_from(["a", "unsafe-import", "x" * 65]) | scalars,
        "level": st.sampled_from([*Level, "harmless"]) | scalars,
        "where": scalars,
        "summary": scalars,
        "evidence": scalars,
        "subject": st.sampled_from(["os.system", ""]) | scalars,
    }
)
sound = st.fixed_dictionaries(
    {
        "rule": st.sampled_from(["a", "b"]),
        "level": st.sampled_from(list(Level)),
        "where": st.just("0x0"),
        "summary": st.just("s"),
        "evidence": st.just(""),
        "subject": st.sampled_from(["", "os.system", "p.q"]),
    }
)
heads = st.fixed_dictionaries(
    {
        "format": st.just("pickle") | scalars,
        "complete": st.booleans() | scalars,
        "code_bearing": st.booleans(),
        "pickles": st.integers(-1, 9) | scalars,
        "opcodes": st.integers(0, 9),
    }
)
pairs = st.one_of(
    st.tuples(st.sampled_from(["finding", "seen"]), findings | sound),
    st.tuples(st.just("import"), scalars),
    st.tuples(st.just("report"), heads),
    st.tuples(st.text(max_size=8), values),
)
lines = pairs.map(lambda pair: json.dumps(pair).encode() + b"\n")
hostile = st.lists(lines | st.binary(max_size=60) | st.just(b"\n"), max_size=12).map(b"".join)


def understood(data: bytes, cuts: Iterable[int], status: int = 0) -> ScanReport:
    """Return the parent's reading of a child that says *data*, in pieces, and ends with *status*."""
    reader, builder, ending = wire.LineReader(LIMITS.output), wire.ReportBuilder(LIMITS), Ending(status=status)
    try:
        begin = 0
        for cut in (*sorted(cuts), len(data)):
            for kind, value in reader.feed(data[begin:cut]):
                builder.take(kind, value)
            begin = max(begin, cut)
        reader.finish()
        if not builder.done:
            ending.garbage = ending.garbage or "it ended without a report"
    except wire.GarbageError as error:
        ending.garbage = str(error)
    finding = ending.finding(LIMITS)
    if finding is not None:
        return builder.broken_report(finding, duration_ms=0.0, peak_kib=0)
    return builder.report(duration_ms=0.0, peak_kib=0)


@given(hostile, st.lists(st.integers(0, 400), max_size=4), st.sampled_from([0, 70, 71, -9, -11, -24, -31]))
def test_any_bytes_give_a_bounded_report(data: bytes, cuts: list[int], status: int) -> None:
    """However the bytes are cut and the child ends: a report within the limits, printable, clean only if whole."""
    report = understood(data, cuts, status)
    assert len(report.findings) <= LIMITS.findings * (1 + len(Level)) + 1
    assert len(report.imports) <= LIMITS.imports
    assert all(text.isprintable() for f in report.findings for text in (f.where, f.summary, f.evidence, f.rule))
    if status or not report.complete:
        assert decide(report, Policy()).verdict.rank >= Verdict.UNSCANNABLE.rank


@given(st.lists(sound, max_size=5), st.lists(sound, max_size=4), st.integers(0, 900), st.sampled_from([0, -11]))
def test_what_was_said_to_be_seen_is_never_lost(
    seen: list[dict[str, Any]], final: list[dict[str, Any]], cut: int, status: int
) -> None:
    """Whatever follows it, a report or a crash: all that arrived as seen is in the report."""
    head = {"format": "pickle", "complete": True, "code_bearing": True, "pickles": 1, "opcodes": 1}
    first = b"".join(json.dumps(["seen", finding]).encode() + b"\n" for finding in seen)
    rest = b"".join(json.dumps(["finding", finding]).encode() + b"\n" for finding in final)
    rest += json.dumps(["report", head]).encode() + b"\n"
    report = understood(first + rest[:cut], [], status)
    kept = {
        (finding.rule, finding.subject): finding.level.rank
        for finding in sorted(report.findings, key=lambda f: f.level.rank)
    }
    for finding in seen:
        assert kept[finding["rule"], finding["subject"]] >= Level(finding["level"]).rank


@given(st.binary(max_size=200), st.integers(1, 64))
@settings(max_examples=20)
def test_memory_is_bounded_whatever_is_reported(piece: bytes, size: int) -> None:
    """Eight megabytes of anything, in pieces of any size, are held as one line at most."""
    reader = wire.LineReader(8 << 20)
    block = (piece or b"x") * (size * 100)
    tracemalloc.start()
    try:
        with contextlib.suppress(wire.GarbageError):
            for _ in range((8 << 20) // len(block) + 1):
                for _pair in reader.feed(block):
                    pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * (wire.LINE + len(block)) + (1 << 20)


@given(st.binary(max_size=300) | values.map(lambda value: json.dumps(value).encode()))
def test_any_message_of_the_warm_process_is_an_object_or_none(message: bytes) -> None:
    """The control socket, too, gives an object or nothing, and an ending or `ValueError`."""
    process = WarmProcess.__new__(WarmProcess)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process._control = ours
    with ours, theirs:
        if message:
            theirs.send(message)
        else:
            theirs.close()
        got = process.message(5.0)
    assert got is None or isinstance(got, dict)
    with contextlib.suppress(ValueError):
        Ending().take(got or {})


@given(st.lists(st.builds(Finding, rule=st.sampled_from("ab"), level=st.sampled_from(Level), where=text, summary=text)))
def test_what_the_child_says_as_seen_is_taken(seen: list[Finding]) -> None:
    """The child's own spelling of what it sees is always understood."""
    data = b"".join(wire.encode_finding(finding, LIMITS, "seen") for finding in seen[: LIMITS.findings])
    report = understood(data, [], -11)
    assert {f.rule for f in report.findings} >= {f.rule for f in seen[: LIMITS.findings]}


_TOKENS = [bytes([number]) * TOKEN for number in range(3)]
_tokens = st.sampled_from([token.hex() for token in _TOKENS]) | scalars
_inert = st.builds(
    lambda head, token, imports: ["inert", {**head, "token": token, "imports": imports}],
    heads,
    _tokens,
    st.lists(text, max_size=4) | scalars,
)
_answers = st.one_of(_inert, st.builds(lambda token: ["alone", token], _tokens), pairs)


@given(st.lists(_answers, max_size=6))
def test_any_answers_about_a_batch_leave_only_whole_reports_of_the_first_contents(answers: list[list[Any]]) -> None:
    """One answer per content, in their order, by its token, read to its end and without findings; else garbage."""
    reader = AnswerReader(_TOKENS, LIMITS)
    taken = 0
    with contextlib.suppress(wire.GarbageError):
        for kind, value in json.loads(json.dumps(answers)):
            due = _TOKENS[min(taken, 2)].hex()
            token = value.get("token") if kind == "inert" and isinstance(value, dict) else value
            reader.take(kind, value)
            taken += 1
            assert token == due
    assert len(reader.answers) == taken <= len(_TOKENS)
    for report in reader.answers:
        assert report is None or (report.complete and not report.findings and len(report.imports) <= LIMITS.imports)
