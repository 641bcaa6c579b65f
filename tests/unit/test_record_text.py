"""Records as text for a person."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.watching import PATIENCE

from picklewatch.core.model import (
    EngineVersion,
    FileId,
    Finding,
    Judgement,
    Level,
    Outcome,
    Record,
    ScanReport,
    Verdict,
)
from picklewatch.explain.code_groups import CodeGroups
from picklewatch.explain.record_text import SHOWN_FINDINGS, record_lines, shell_quoted, summary_line, worst_first

ENGINE = EngineVersion(picklewatch="0", fickling="1", rules="2")


def finding(level: Level = Level.MALICIOUS, rule: str = "code-execution", **fields: Any) -> Finding:
    """Make a finding."""
    return Finding(**{"rule": rule, "level": level, "where": "data.pkl:0x1f", "summary": "Calls it.", **fields})


def record(*findings: Finding, verdict: Verdict = Verdict.MALICIOUS, **fields: Any) -> Record:
    """Make a record."""
    report = ScanReport(format="torch-zip", complete=True, code_bearing=True, findings=findings)
    return Record(
        **{
            "path": "/models/x.bin",
            "name": None,
            "report": report,
            "judgement": Judgement(verdict=verdict, reasons=()),
            "size": 1234,
            "engine": ENGINE,
            "file": FileId(1, 2, 1234, 4, 5),
            **fields,
        }
    )


def test_a_clean_file_is_one_aligned_line() -> None:
    """Its findings, if any, are only for information."""
    (line,) = record_lines(record(finding(Level.INFO), verdict=Verdict.CLEAN), colour=False)
    assert line == "clean        torch-zip        1.2 kB  /models/x.bin"


def test_a_bad_file_says_why_and_what_to_do() -> None:
    """With the real path below the human name."""
    lines = list(record_lines(record(finding(evidence="os.system('x')\n"), name="org/m@main: x.bin"), colour=False))
    assert lines == [
        "malicious    torch-zip        1.2 kB  org/m@main: x.bin",
        "    file  /models/x.bin",
        "    code-execution  data.pkl:0x1f: Calls it.",
        "        os.system('x')\\x0a",
        "    next  picklewatch explain /models/x.bin",
    ]


def test_only_the_worst_findings_are_shown() -> None:
    """The rest is counted."""
    many = [finding(Level.UNVERIFIED, f"r{number}") for number in range(9)]
    lines = list(record_lines(record(*many, finding(rule="worst")), colour=False))
    assert "worst" in lines[1]
    assert f"… and {10 - SHOWN_FINDINGS} more findings: --format json shows all" in lines[-2]
    assert [f.level for f in worst_first((finding(Level.INFO), finding(Level.UNSAFE), finding()))] == [
        "malicious",
        "unsafe",
    ]


def test_an_allowed_file_says_so() -> None:
    """Nothing is allowed silently."""
    judged = Judgement(
        verdict=Verdict.MALICIOUS, reasons=("code-execution",), allowed="our own", standing=Verdict.CLEAN
    )
    lines = list(record_lines(record(finding(), judgement=judged), colour=False))
    assert lines[0].startswith("malicious ")
    assert lines[1:] == ["    allowed although it is malicious: our own"]
    mild = Judgement(verdict=Verdict.CLEAN, reasons=(), allowed="our own")
    lines = list(record_lines(record(finding(Level.UNVERIFIED), judgement=mild), colour=False))
    assert lines[1:] == ["    allowed: our own"]


def test_colours_are_only_where_they_are_wanted() -> None:
    """And end where they began."""
    shown = list(record_lines(record(finding()), colour=True))
    assert shown[0].startswith("\x1b[1;97;41mmalicious\x1b[0m")
    assert "\x1b" not in "".join(record_lines(record(finding()), colour=False))


@given(st.text(), st.text(), st.text())
def test_no_text_reaches_a_terminal_unescaped(path: str, summary: str, evidence: str) -> None:
    """Whatever the file is called and holds."""
    lines = record_lines(record(finding(summary=summary, evidence=evidence), path=path), colour=False)
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("counts", "seconds", "text"),
    [
        ({Outcome.CLEAN: 1}, 0.25, "1 file in 0.2 s: 1 clean"),
        ({Outcome.CLEAN: 1200, Outcome.MALICIOUS: 3}, 75, "1,203 files in 1 min 15 s: 3 malicious, 1,200 clean"),
        ({Outcome.CLEAN: 1, Outcome.ALLOWED: 2}, 1, "3 files in 1.0 s: 2 allowed, 1 clean"),
        ({}, 0, "0 files in 0.0 s: nothing to scan"),
    ],
)
def test_the_summary_names_the_worst_first(counts: dict[Outcome, int], seconds: float, text: str) -> None:
    """In one line."""
    assert summary_line(Counter(counts), seconds, colour=False) == text


@pytest.mark.parametrize(
    "name", [b"plain", b"two words", b"it's", b"\xff\n\x1b\\'", "ü \u202e".encode(), b"$(touch x)", b"-x"]
)
def test_a_pasted_path_is_the_path(name: bytes) -> None:
    """In bash, whatever the bytes."""
    quoted = shell_quoted(os.fsdecode(name))
    assert quoted.isprintable()
    done = subprocess.run(["bash", "-c", f"printf %s {quoted}" if name[:1] != b"-" else f"printf -- {quoted}"],
                          capture_output=True, check=True, timeout=PATIENCE)  # fmt: skip
    assert done.stdout == name


CODE = Judgement(verdict=Verdict.UNVERIFIED, reasons=("python-code",))


def test_the_code_of_a_repository_is_one_line() -> None:
    """A model has dozens of files of it."""
    groups = CodeGroups()
    for name in ("d.py", "a.py", "b.py", "c.py"):
        assert groups.take(record(judgement=CODE, name=f"org/model@main: {name}"))
    line, advice = groups.lines(colour=False)
    assert line == "unverified   code            4 files  org/model@main: a.py, b.py, c.py and 1 more"
    assert "trust_remote_code" in advice


def test_source_code_in_a_folder_of_ones_own_is_only_counted() -> None:
    """It must not drown what matters."""
    groups = CodeGroups()
    assert groups.take(record(judgement=CODE))
    assert len(list(groups.lines(colour=False))) == 1
    assert list(groups.lines(colour=False, quiet=True)) == []


def test_code_with_another_finding_is_told_by_itself() -> None:
    """Harm, or content that was not read."""
    worse = Judgement(verdict=Verdict.UNSAFE, reasons=("python-harm", "python-code"))
    other = Judgement(verdict=Verdict.UNVERIFIED, reasons=("config-target", "python-code"))
    assert not CodeGroups().take(record(judgement=worse, name="org/model: a.py"))
    assert not CodeGroups().take(record(judgement=other, name="org/model: a.py"))
