"""No bound in the code that reads hostile bytes hides what lies beyond it: see `bounds.register`."""

from __future__ import annotations

import importlib
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from bounds import of_engine, of_formats, of_texts
from bounds.finder import find
from bounds.register import Kind
from bounds.table import REGISTER, SHOWN_FILES
from samples.judging import judged

from picklewatch.catalogue.imports.classify import _DENIED_MODULES, LONGEST_NAME
from picklewatch.catalogue.imports.denied import CODE_BEARING_MODULES
from picklewatch.core.model import Verdict

if TYPE_CHECKING:
    from bounds.register import Entry

_FOUND = {bound.key: bound for bound in find() if bound.file not in SHOWN_FILES}
_REGISTERED = [f"{file}:{place}" for file, entries in REGISTER.items() for entry in entries for place in entry.places]
_TOLD = [entry for entries in REGISTER.values() for entry in entries if entry.kind is Kind.TOLD]


def test_every_bound_is_registered() -> None:
    """Whoever adds one says what becomes of what lies beyond it."""
    missing = [
        f"{bound.key}   (line {bound.line}, {bound.kind})" for key, bound in _FOUND.items() if key not in _REGISTERED
    ]
    assert not missing, "\n".join(["not registered; docs/bounds.md says how:", *missing])


def test_every_entry_stands_for_a_bound() -> None:
    """An entry whose bound is gone, or was changed, is gone over again."""
    assert [place for place in _REGISTERED if place not in _FOUND] == []
    assert [place for place, times in Counter(_REGISTERED).items() if times > 1] == []
    assert len(REGISTER) == sum(len(part.BOUNDS) for part in (of_engine, of_formats, of_texts))
    assert set(SHOWN_FILES) <= {bound.file for bound in find()}


@pytest.mark.parametrize("entry", _TOLD, ids=lambda entry: f"{entry.rule}: {entry.places[0]}")
def test_a_bound_that_is_reached_is_reported(entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the bound there is no such finding; beyond it there is one, and the verdict is never clean or skipped."""
    assert entry.reached is not None
    case = entry.reached()
    for name, value in case.constants.items():
        module, _, constant = name.rpartition(".")
        monkeypatch.setattr(importlib.import_module(module), constant, value)
    within, _ = judged(case.within, case.relaxed or case.limits)
    beyond, verdict = judged(case.beyond, case.limits)
    assert entry.rule not in {finding.rule for finding in within.findings}
    assert entry.rule in {finding.rule for finding in beyond.findings}
    assert verdict not in (Verdict.CLEAN, Verdict.SKIPPED)


def test_lists_fit() -> None:
    """A name as long as `LONGEST_NAME` is looked up in no list: none has as long a one."""
    assert 0 < max(map(len, {*_DENIED_MODULES, *CODE_BEARING_MODULES})) < LONGEST_NAME
