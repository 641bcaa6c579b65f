"""A field of a record is declared once: wire, JSON and documentation follow."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pytest
from support.watching import make_record

from picklewatch.core.model import FileId, Finding, Judgement, Level, Limits, ScanReport, Verdict
from picklewatch.core.record_fields import (
    HIDDEN,
    OUTCOME,
    Choice,
    Count,
    Exact,
    Flag,
    Text,
    Word,
    child_fields,
    outcome_fields,
    shown_fields,
)
from picklewatch.sandbox import wire

if TYPE_CHECKING:
    from picklewatch.core.record_fields import Rule

DOC = Path(__file__).parents[2] / "docs" / "records.md"
FINDING = Finding(rule="a-rule", level=Level.UNSAFE, where="m:0x1", summary="s", evidence="e", subject="os.system")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A record with a field of each kind."""

    members: Annotated[int, Count()] = 0
    secret: Annotated[bool, Flag(), HIDDEN] = False
    told: Annotated[str, Text(3), OUTCOME] = ""
    parent: int = 0


def accepted_by(rule: Rule) -> object:
    """A value within the bounds of *rule* that is no default."""
    match rule:
        case Flag():
            return True
        case Count():
            return 7
        case Text() | Exact():
            return "name"
        case Word():
            return "pickle"
        case Choice():
            return list(rule.of)[-1]


def test_an_annotation_is_the_whole_declaration() -> None:
    """What the child computes, what is shown and what makes another record; the rest is the parent's."""
    assert child_fields(Sample) == {"members": Count(), "secret": Flag(), "told": Text(3)}
    assert shown_fields(Sample) == ("members", "told", "parent")
    assert outcome_fields(Sample) == ("told",)


def test_every_field_that_the_child_computes_arrives() -> None:
    """A field that is declared needs no line of the protocol to be sent and to be received."""
    computed = {name: accepted_by(rule) for name, rule in child_fields(ScanReport).items()}
    sent = replace(ScanReport(complete=False, code_bearing=False), **computed)  # type: ignore[arg-type]
    builder = wire.ReportBuilder(Limits())
    for line in wire.encode_report(sent, Limits()):
        builder.take(*json.loads(line))
    received = builder.report(duration_ms=0.0, peak_kib=0)
    assert {name: getattr(received, name) for name in computed} == computed


@pytest.mark.parametrize("name", sorted({field.name for field in fields(ScanReport)} - set(child_fields(ScanReport))))
def test_no_other_field_is_taken_from_the_child(name: str) -> None:
    """The digest, say, by which contents are allowed: a report that brings one is garbage."""
    head = {name: accepted_by(rule) for name, rule in child_fields(ScanReport).items()}
    wire.ReportBuilder(Limits()).take("report", head)
    with pytest.raises(wire.GarbageError):
        wire.ReportBuilder(Limits()).take("report", {**head, name: 1})


def test_every_field_that_is_not_hidden_is_in_the_json() -> None:
    """Of the report, the judgement and each finding; what is hidden is not."""
    record = make_record("/x", FileId(1, 2, 3, 4, 5), Verdict.MALICIOUS)
    record = replace(record, report=replace(record.report, findings=(FINDING,)))
    shown = record.to_json()
    assert {*shown_fields(ScanReport), *shown_fields(Judgement)} <= set(shown)
    assert not {"complete", "code_bearing", "peak_kib"} & set(shown)
    assert shown["findings"] == [
        {"rule": "a-rule", "level": "unsafe", "where": "m:0x1", "summary": "s", "evidence": "e"}
    ]


def test_the_documentation_names_every_key() -> None:
    """The table of docs/records.md, in the order of the JSON."""
    shown = make_record("/x", FileId(1, 2, 3, 4, 5), Verdict.CLEAN).to_json()
    table = DOC.read_text().partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \| (?:text|number|list|object)", table, re.MULTILINE) == list(shown)
