"""What a file would do, why, how sure, what to do: in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from picklewatch.cli.explain import text_lines
from picklewatch.core.member_patterns import is_member, member_of
from picklewatch.core.model import EngineVersion, FileId, Finding, Level, Limits, Policy, Record, ScanReport, Verdict
from picklewatch.core.policy import decide
from picklewatch.explain.effects import PHRASES, effect
from picklewatch.explain.verdict_text import SHOWN_EFFECTS, SHOWN_LINES, explain, wanted
from picklewatch.explain.view_text import present

ENGINE = EngineVersion(picklewatch="1", fickling="2", rules="3")
CALL = Finding(
    rule="code-execution",
    level=Level.MALICIOUS,
    where="archive/data.pkl:0x1f",
    summary="calls os.system, which can run programs",
    evidence="os.system('id')",
    subject="os.system",
)
CLASS = Finding(rule="unvouched-class", level=Level.UNVERIFIED, where="0x3", summary="makes a", subject="lib.Thing")
ACT = {"kind": "act", "where": CALL.where, "what": "call", "name": "os.system", "text": "v1 = os.system('id')"}


def record(*findings: Finding, policy: Policy | None = None, **changes: Any) -> Record:
    """Make the record of a scan that found *findings*."""
    report = ScanReport(
        **{"format": "torch-zip", "complete": True, "code_bearing": True, "sha256": "ab" * 32, **changes},
        findings=findings,
    )
    return Record(
        path="/models/it's.bin",
        name="org/model@main: it's.bin",
        report=report,
        judgement=decide(report, policy or Policy()),
        size=9,
        engine=ENGINE,
        file=FileId(1, 2, 9, 3, 4),
    )


def text(it: Record, acts: list[dict[str, Any]] | None = None) -> str:
    """Explain *it* as the command prints it."""
    return "\n".join(text_lines(explain(it, acts or []), width=90, colour=False))


def test_a_malicious_file_is_told_in_plain_words_first() -> None:
    """What it would do, the line that does it with its place, the rule, the confidence, the commands."""
    shown = text(record(CALL), [{**ACT, "given": "'id'"}])
    assert shown.index("run the shell command 'id'") < shown.index("v1 = os.system('id')") < shown.index("Why")
    assert "archive/data.pkl:0x1f" in shown
    assert "code-execution" in shown
    assert "Very sure" in shown
    assert "rm -- '/models/it'\"'\"'s.bin'" in shown
    assert "hf download org/model --include '*.safetensors'" in shown
    assert "picklewatch allow '/models/it'\"'\"'s.bin' --reason \"why you vouch for it\"" in shown


def test_without_lines_of_its_own_the_findings_evidence_is_shown() -> None:
    """Findings about containers have no decompiled line."""
    assert "os.system('id')" in text(record(CALL))


def test_the_way_to_what_restoring_reaches_is_shown() -> None:
    """No line of the pickle calls it: the way is what the file would do, and stands with the reason."""
    way = "Adam.param_groups → DataLoader.collate_fn → torch.storage._load_from_bytes"
    reached = replace(CALL, rule="reached-callable", level=Level.UNSAFE, evidence=way, subject="")
    act = {**ACT, "what": "import", "given": "", "name": "torch.storage._load_from_bytes"}
    shown = " ".join(text(record(reached), [act]).split())
    assert shown.index(f"run what restoring reaches: {way}") < shown.index("import torch.storage") < shown.index("Why")
    assert way in shown[shown.index("Why") :]


@pytest.mark.parametrize(
    ("findings", "changes", "verdict", "words"),
    [
        ((), {}, Verdict.CLEAN, "only builds data"),
        ((), {"code_bearing": False}, Verdict.SKIPPED, "runs nothing"),
        ((CLASS,), {}, Verdict.UNVERIFIED, "lib.Thing, which nobody has vouched for"),
        ((), {"complete": False}, Verdict.UNSCANNABLE, "is unknown"),
        ((replace(CALL, level=Level.UNSAFE),), {}, Verdict.UNSAFE, "not what it seems"),
        ((CALL,), {"complete": False}, Verdict.MALICIOUS, "there may be more"),
        ((), {"format": "tombstone", "code_bearing": False}, Verdict.SKIPPED, "quarantined file was here"),
    ],
)
def test_every_verdict_has_its_words(
    findings: tuple[Finding, ...], changes: dict[str, Any], verdict: Verdict, words: str
) -> None:
    """Each verdict says what it means, how sure it is and what to do."""
    it = record(*findings, **changes)
    assert it.judgement.verdict is verdict
    assert words in text(it).replace("\n", " ").replace("  ", " ")
    explanation = explain(it, [])
    assert explanation.advice
    assert explanation.confidence


def test_imports_that_nobody_vouched_for_can_be_allowed_by_name() -> None:
    """Where only imports count, the advice is the exact configuration lines for them."""
    assert '[allow.imports]\n      "lib.Thing" = "why you vouch for it"' in text(record(CLASS))
    assert "[allow.imports]" not in text(record(CLASS, CALL))


def test_what_the_operator_allowed_is_reported() -> None:
    """The recorded reason stands in the first line."""
    policy = Policy(allowed_digests={"ab" * 32: "we trained it"})
    shown = text(record(CALL, policy=policy))
    assert "You vouched for this malicious file: we trained it" in shown
    assert "The verdict is malicious; it is your word that lets the file be." in shown


def test_the_json_has_the_same_parts() -> None:
    """Programs get the record and each part of the explanation."""
    shown = explain(record(CALL), [{**ACT, "given": "'id'"}]).to_json()
    assert shown["record"]["verdict"] == "malicious"
    assert shown["effects"] == ["run the shell command 'id'"]
    assert shown["lines"] == [{"where": CALL.where, "code": "v1 = os.system('id')"}]
    assert shown["reasons"][0]["rule"] == "code-execution"
    assert {"text", "command"} == set(shown["advice"][0])


def test_only_what_counts_is_asked_of_the_child() -> None:
    """Places and names come from findings that count, bounded so that they fit into one message."""
    many = [replace(CALL, where=f"m:{number:#x}", subject=f"m.f{number}") for number in range(500)]
    places, names = wanted(record(*many, replace(CALL, level=Level.INFO, where="info", subject="i.i")))
    assert 0 < len(places) <= 60
    assert 0 < len(names) <= 60
    assert "info" not in places
    long = replace(CALL, where="x" * 600, subject="y" * 600)
    assert wanted(record(long)) == ((), ())


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("os.system", "'id'", "run the shell command 'id'"),
        ("posix.system", "'id'", "run the shell command 'id'"),
        ("subprocess.Popen", "['id']", "start the program ['id']"),
        ("builtins.exec", "'import x'", "run the Python code 'import x'"),
        ("shutil.rmtree", "'/home'", "delete '/home' and everything below it"),
        ("socket.create_connection", "('1.2.3.4', 80)", "open a network connection: ('1.2.3.4', 80)"),
        ("bdb.Bdb.run", "'x'", "call bdb.Bdb.run('x'), which can run Python code"),
        ("somelib.Thing", "1", "call somelib.Thing(1), which nobody has vouched for"),
        ("collections.OrderedDict", "", "call collections.OrderedDict()"),
        ("somelib.\x1b[2J", "", "call somelib.\\x1b[2J(), which nobody has vouched for"),
    ],
)
def test_calls_are_said_in_plain_words(name: str, given: str, said: str) -> None:
    """Known functions by what they do, others by their judgement; never with terminal codes."""
    assert effect(name, given) == said


def test_long_arguments_are_cut_and_every_phrase_can_be_filled() -> None:
    """A phrase is one line, whatever it is given."""
    assert len(effect("os.system", "x" * 9000)) < 300
    for pattern, phrase in PHRASES:
        assert pattern
        assert phrase.format(given="it")


@pytest.mark.parametrize(
    ("where", "wanted_member", "found"),
    [
        ("archive/data.pkl", None, True),
        ("", None, True),
        ("archive/data.pkl", "data.pkl", True),
        ("archive/data.pkl", "archive/data.pkl", True),
        ("a.zip!x/data.pkl", "x/*.pkl", True),
        ("a.zip!x/data.pkl", "a.zip*", True),
        ("archive/mydata.pkl", "data.pkl", False),
        ("", "data.pkl", False),
    ],
)
def test_members_are_named_whole_by_their_end_or_by_a_pattern(
    where: str,
    wanted_member: str | None,
    found: bool,  # noqa: FBT001 - the expectation
) -> None:
    """The end must begin at a part of the name."""
    assert is_member(where, wanted_member) is found


@pytest.mark.parametrize(
    ("place", "member"),
    [("archive/data.pkl:0x1f", "archive/data.pkl"), ("archive/data.pkl", "archive/data.pkl"), ("0x1f", ""), ("", "")],
)
def test_a_finding_s_place_names_its_member(place: str, member: str) -> None:
    """Before the offset, if there is one."""
    assert member_of(place) == member


def test_one_member_can_be_explained() -> None:
    """Its reasons and lines alone; the verdict stays the file's."""
    here = replace(CALL, where="a/data.pkl:0x1")
    there = replace(CALL, where="b/data.pkl:0x2", rule="file-access", evidence="open('x')")
    told = explain(record(here, there), [], "a/data.pkl")
    assert [reason.rule for reason in told.reasons] == [CALL.rule]
    assert [where for where, _ in told.lines] == ["a/data.pkl:0x1"]
    nothing = explain(record(here, there), [], "c.pkl")
    assert (nothing.reasons, nothing.lines) == ((), ())
    assert "lies in this member" in nothing.headline
    assert nothing.record.judgement.verdict is Verdict.MALICIOUS


def test_what_is_left_out_is_counted() -> None:
    """More effects or lines than a person reads at once."""
    acts = [{**ACT, "where": f"0x{n}", "given": f"'{n}'", "text": f"os.system('{n}')"} for n in range(30)]
    told = explain(record(CALL), acts)
    assert told.effects[-1] == f"do {30 - SHOWN_EFFECTS} more things, which are not shown"
    assert told.lines[-1][1].startswith(f"# {30 - SHOWN_LINES} more lines are not shown")


def test_presented_lines_have_colours_only_where_asked_for() -> None:
    """Plain text when piped."""
    lines: list[dict[str, Any]] = [
        {"kind": "pickle", "where": "0x0", "member": "", "start": 0, "end": 4, "inert": True},
        {
            "kind": "op",
            "offset": 0,
            "depth": 0,
            "op": "GLOBAL",
            "argument": "os system",
            "acts": ["import"],
            "note": "n",
        },
        {"kind": "source", "by": "fickling", "text": ""},
        {"kind": "code", "text": "x = 1", "where": "0x1"},
        {"kind": "stuck", "where": "0x1", "text": "stops"},
        {"kind": "limit", "text": "no more"},
        {"kind": "total", "format": "pickle", "pickles": 1, "text": "the end"},
    ]
    assert not [line for line in present(lines, colour=False) if "\x1b" in line]
    assert "\x1b[" in "".join(present(lines, colour=True))
    assert "the file at 0x0, 4 bytes, builds nothing but data" in next(present(lines, colour=False))


def test_limits_of_the_views_come_from_the_configuration() -> None:
    """The default output limit leaves room for the views' default number of lines."""
    assert Limits().output >= 8 << 20


def test_a_function_without_a_name_is_said_as_it_is_written() -> None:
    """Imports by a number of copyreg's registry, and calls of what another call returned."""
    by_number = {**ACT, "what": "import", "name": "", "text": "copyreg extension 1", "given": ""}
    nameless = {**ACT, "name": "", "text": "v2 = v1('id')", "given": "'id'"}
    assert explain(record(CALL), [by_number, nameless]).effects == ("call v1('id')", "import copyreg extension 1")


def test_code_that_is_rebuilt_is_said_so_in_plain_words() -> None:
    """A pickled function's bytes are no argument that a person could read."""
    name = "numba.cloudpickle.cloudpickle._make_function"
    assert effect(name, "…") == f"rebuild Python code that the file carries (with {name})"
