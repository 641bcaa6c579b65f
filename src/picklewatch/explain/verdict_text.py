"""Explanations of verdicts: what a file would do, why the verdict, how certain, what to do next. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from picklewatch.catalogue.rules import RULES
from picklewatch.core.member_patterns import is_member, member_of
from picklewatch.core.model import Level, Outcome, Verdict, printable
from picklewatch.explain.effects import effect
from picklewatch.explain.record_text import shell_quoted, worst_first

if TYPE_CHECKING:
    from collections.abc import Iterable

    from picklewatch.core.model import Finding, Record

SHOWN_EFFECTS = 12
SHOWN_LINES = 20
SHOWN_NAMES = 12
RESTORING = frozenset({"reached-callable", "acting-key", "foreign-state"})
"""Rules about what no line of the pickle calls; their evidence is the way there."""
_PLACES = 60
"""Places and names asked for, each; a job's header is one small message."""
_PLACE_LENGTH = 500
_HUB = re.compile(r"(?P<id>[\w.-]+(?:/[\w.-]+)?)@\S+: ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One rule that counts against the file."""

    rule: str
    title: str
    meaning: str
    danger: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One thing to do now."""

    text: str
    command: str = ""
    """Text to paste: a shell command or configuration lines; may be empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One record, explained."""

    record: Record
    headline: str
    effects: tuple[str, ...]
    """The effects of loading, each a phrase that follows "it would"."""
    lines: tuple[tuple[str, str], ...]
    """The decompiled lines that matter: place, Python."""
    reasons: tuple[Reason, ...]
    confidence: str
    advice: tuple[Advice, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the explanation as the documented object (docs/views.md)."""
        return {
            "record": self.record.to_json(),
            "headline": self.headline,
            "effects": list(self.effects),
            "lines": [{"where": where, "code": code} for where, code in self.lines],
            "reasons": [
                {"rule": reason.rule, "title": reason.title, "meaning": reason.meaning, "danger": reason.danger}
                for reason in self.reasons
            ],
            "confidence": self.confidence,
            "advice": [{"text": advice.text, "command": advice.command} for advice in self.advice],
        }


def wanted(record: Record) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the places and the imports in *record* whose lines a view of kind ``explain`` should show."""
    findings = worst_first(record.report.findings)
    places = dict.fromkeys(f.where for f in findings if 0 < len(f.where) <= _PLACE_LENGTH)
    names = dict.fromkeys(f.subject for f in findings if 0 < len(f.subject) <= _PLACE_LENGTH)
    return tuple(places)[:_PLACES], tuple(names)[:_PLACES]


def explain(
    record: Record, acts: Iterable[dict[str, Any]], member: str | None = None, *, item: str | None = None
) -> Explanation:
    """Explain *record*, or what lies in one *member* of it; *acts* are the lines of the view that `wanted` asks for.

    *item* is the quarantined item whose tombstone the file is, if it is one.
    """
    view = list(acts)
    acts = [line for line in view if line["kind"] == "act"]
    ends = tuple((line["where"], f"# {line['text']}") for line in view if line["kind"] == "stuck")
    findings = [f for f in worst_first(record.report.findings) if is_member(member_of(f.where), member)]
    reasons = _reasons(record, findings, member)
    effects = _effects(record, acts, findings)
    elsewhere = member is not None and not reasons and bool(record.judgement.reasons)
    return Explanation(
        record=record,
        headline=_ELSEWHERE if elsewhere else _headline(record, effects),
        effects=effects,
        lines=(*_lines(findings, acts), *ends[:SHOWN_LINES]),
        reasons=reasons,
        confidence=_confidence(record),
        advice=tuple(_advice(record, item)),
    )


def _effects(record: Record, acts: list[dict[str, Any]], findings: list[Finding]) -> tuple[str, ...]:
    if record.judgement.verdict.rank < Verdict.UNSCANNABLE.rank:
        return ()
    called = [_called(act) for act in acts if act["what"] == "call"]
    named = {act["name"] for act in acts if act["what"] == "call"}
    imported = [
        f"import {printable(act['name']) or act['text']}"
        for act in acts
        if act["what"] == "import" and (not act["name"] or act["name"] not in named)
    ]
    harm = [f for f in findings if f.rule in RESTORING and f.level.rank >= Level.UNSAFE.rank]
    reached = [f"run what restoring reaches: {printable(f.evidence)}" for f in harm if f.evidence]
    phrases = tuple(dict.fromkeys((*called, *reached, *imported)))
    more = len(phrases) - SHOWN_EFFECTS
    return phrases if more <= 0 else (*phrases[:SHOWN_EFFECTS], f"do {more} more things, which are not shown")


def _called(act: dict[str, Any]) -> str:
    """Return what the call *act* does; a function without a name is shown as it is written."""
    if act["name"]:
        return effect(act["name"], act["given"])
    return f"call {act['text'].partition(' = ')[2] or act['text']}"


def _headline(record: Record, effects: tuple[str, ...]) -> str:
    report, verdict = record.report, record.judgement.verdict
    if report.format == "tombstone":
        return (
            "A quarantined file was here. This is the note that picklewatch left in its place; loading it only fails."
        )
    if record.judgement.outcome is Outcome.ALLOWED:
        what = "malicious file" if verdict is Verdict.MALICIOUS else "content"
        return f"You vouched for this {what}: {printable(record.judgement.allowed or '')}"
    if verdict is Verdict.UNVERIFIED:
        return f"Loading this file uses {_names(record)}, which nobody has vouched for. No way to abuse that is known."
    if verdict in _HEADLINES:
        return _HEADLINES[verdict]
    return "If this file were loaded, it would:" if effects else "This file is not what it seems to be."


_ELSEWHERE = "Nothing that counts against this file lies in this member."
_HEADLINES = {
    Verdict.SKIPPED: "Loading this file runs nothing: by its bytes, it holds nothing that a loader would run as code.",
    Verdict.CLEAN: (
        "Loading this file only builds data. All that it calls is listed, and what restoring runs by itself was read."
    ),
    Verdict.UNSCANNABLE: "It is unknown what this file would do: the scan did not reach its end.",
}


def _names(record: Record) -> str:
    subjects = dict.fromkeys(f.subject for f in worst_first(record.report.findings) if f.subject)
    if not subjects:
        return "content of a kind that picklewatch does not judge yet"
    shown = ", ".join(printable(name) for name in list(subjects)[:SHOWN_NAMES])
    return shown + (f" and {len(subjects) - SHOWN_NAMES} more" if len(subjects) > SHOWN_NAMES else "")


def _lines(findings: list[Finding], acts: list[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    lines = tuple(dict.fromkeys((act["where"], act["text"]) for act in acts))
    if not lines:
        lines = tuple(dict.fromkeys((f.where, f.evidence) for f in findings if f.evidence))
    more = len(lines) - SHOWN_LINES
    if more <= 0:
        return lines
    return (*lines[:SHOWN_LINES], ("", f"# {more} more lines are not shown; `picklewatch decompile` shows all"))


def _reasons(record: Record, findings: list[Finding], member: str | None) -> tuple[Reason, ...]:
    named = (_reason(rule, tuple(f for f in findings if f.rule == rule)) for rule in record.judgement.reasons)
    return tuple(reason for reason in named if reason.findings or member is None)


def _reason(name: str, findings: tuple[Finding, ...]) -> Reason:
    rule = RULES.get(name)
    if rule is None:  # a record of another version
        return Reason(rule=name, title=name, meaning="", danger="", findings=findings)
    return Reason(rule=name, title=rule.title, meaning=rule.meaning, danger=rule.danger, findings=findings)


_SURE = {
    Verdict.SKIPPED: "Sure: the format can't carry code that a loader runs, and its structure is sound.",
    Verdict.CLEAN: (
        "Sure: every instruction was followed. Nothing is called that is not listed, and no method that restoring runs "
        "finds anything but data where it looks (docs/threat-model.md)."
    ),
    Verdict.UNVERIFIED: (
        "Fairly sure that it is harmless: no import that is known to be dangerous, but picklewatch can't speak for the "
        "libraries named."
    ),
    Verdict.UNSCANNABLE: "Not sure of anything. A file that keeps a scanner from its end is never called clean.",
    Verdict.UNSAFE: (
        "Sure that it is more than data; whether it is meant to harm can't be seen from outside. Ordinary models don't "
        "need this."
    ),
    Verdict.MALICIOUS: "Very sure: this is a known way to attack whoever loads it, and no ordinary model contains it.",
}


def _confidence(record: Record) -> str:
    verdict = record.judgement.verdict
    if record.judgement.outcome is Outcome.ALLOWED:
        return f"As sure as you are. The verdict is {verdict}; it is your word that lets the file be."
    more = ""
    if not record.report.complete and verdict.rank > Verdict.UNSCANNABLE.rank:
        more = " The scan did not reach the end, so there may be more."
    return _SURE[verdict] + more


_RESCUE = "Save its weights, without running anything in it:"
_WITH_WEIGHTS = frozenset(
    {"torch-zip", "torch-legacy", "torchscript", "torch-package", "pickle", "joblib", "joblib-zfile", "npy", "npz"}
    | {"gzip", "zlib", "bzip2", "xz", "lzma", "zstd", "lz4"}
)
"""Formats that `picklewatch rescue` reads."""


def _advice(record: Record, item: str | None) -> Iterable[Advice]:
    verdict = record.judgement.effective
    if record.report.format == "tombstone":
        command = f"picklewatch quarantine show {item}" if item else "picklewatch quarantine list"
        yield Advice(text="See what was moved and why, and how to get it back:", command=command)
        if item:
            yield Advice(text=_RESCUE, command=f"picklewatch rescue --item {item} weights.safetensors")
        return
    if verdict.rank < Verdict.UNVERIFIED.rank:
        yield Advice(text="Nothing to do.")
        return
    action = next((RULES[rule].action for rule in record.judgement.reasons if rule in RULES), "")
    action = action.removeprefix("Look at `picklewatch explain FILE`. ")  # that is what the reader does
    yield Advice(text=action or "Don't load it.")
    if record.file is not None and record.report.format in _WITH_WEIGHTS:
        command = f"picklewatch rescue {shell_quoted(record.path)} weights.safetensors"
        yield Advice(text=_RESCUE, command=command)
    if verdict.rank >= Verdict.UNSCANNABLE.rank:
        yield from _get_rid(record, action)
    yield from _allow(record)


def _get_rid(record: Record, action: str) -> Iterable[Advice]:
    if record.file is not None and record.judgement.effective.rank >= Verdict.UNSAFE.rank:
        yield Advice(text="Delete it:", command=f"rm -- {shell_quoted(record.path)}")
    hub = _HUB.match(record.name or "")
    if hub:
        command = f"hf download {hub['id']} --include '*.safetensors'"
        yield Advice(
            text="Fetch the same weights in a format that can't carry code, if they are offered:", command=command
        )
    elif "safetensors" not in action:
        yield Advice(text="Ask the publisher for the same weights as safetensors, a format that can't carry code.")


def _allow(record: Record) -> Iterable[Advice]:
    """Yield how to vouch for the content, or for its imports if nothing else counts against it."""
    counted = [f for f in record.report.findings if f.level is not Level.INFO]
    subjects = dict.fromkeys(f.subject for f in counted)
    if record.judgement.effective is Verdict.UNVERIFIED and subjects and all(subjects):
        names = "\n".join(f'"{name}" = "why you vouch for it"' for name in subjects)
        yield Advice(
            text="If you trust these imports in every file, say so in config.toml:",
            command=f"[allow.imports]\n{printable_lines(names)}",
        )
    if record.file is not None:
        yield Advice(
            text="If you know exactly this file and answer for it, allow its content (--until DATE for a while):",
            command=f'picklewatch allow {shell_quoted(record.path)} --reason "why you vouch for it"',
        )
    elif record.report.sha256 is not None:
        yield Advice(
            text="If you know exactly this file and answer for it, allow its content in config.toml:",
            command=f'[allow.digests]\n"{record.report.sha256}" = "why you vouch for it"',
        )


def printable_lines(text: str) -> str:
    """Return *text* with each of its lines made printable."""
    return "\n".join(printable(line) for line in text.split("\n"))
