"""One pickle judged: the walk's observations put together."""

from __future__ import annotations

import contextlib
import gc
import sys
from itertools import chain
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks.unvouched import referenced
from picklewatch.analysis.pickle.report import Budget, Buffer, LimitReached, PickleReport, WalkFailed
from picklewatch.analysis.pickle.semantics.kept_functions import find_kept
from picklewatch.analysis.pickle.semantics.machine import Machine
from picklewatch.analysis.pickle.vm.interpreter import Walk
from picklewatch.analysis.pickle.vm.state import LaneMissedError
from picklewatch.analysis.pickle.vm.torch_storages import read_storage
from picklewatch.catalogue.imports.entries import Status
from picklewatch.core.model import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterable

    from picklewatch.analysis.pickle.vm.values import Import, Value


def judge_pickle(  # noqa: PLR0913 - the contract with the formats
    data: Buffer,
    start: int = 0,
    *,
    where: str = "",
    budget: Budget,
    persistent: bool = False,
    arrays: bool = True,
    most: int = sys.maxsize,
) -> PickleReport:
    """Judge the pickle that begins at *start* of *data*.

    *where* is the member it lies in. *persistent*: its loader gives persistent ids a meaning (torch), so they are
    storages to be checked. *arrays*: its loader may be joblib's, which reads arrays between the opcodes. *most*:
    opcodes after which the walk ends as if the pickle broke off there. Raises nothing but `LimitReached` and
    `WalkFailed`, which carry the report up to there.
    """
    before, collecting = (budget.work_left, budget.opcodes_left), gc.isenabled()
    gc.disable()
    try:
        if persistent and most == sys.maxsize:
            with contextlib.suppress(LaneMissedError):
                walk = _walk(data, start, where, budget, persistent=persistent, arrays=arrays, lane=True)
                report = report_of(walk)
                if report.inert or not walk.passed:
                    return report
            # what is found must be told of the values that are there, so the walk makes all of them
            budget.work_left, budget.opcodes_left = before
        walk = _walk(data, start, where, budget, persistent=persistent, arrays=arrays)
        walk.limit = most
        return report_of(walk)
    finally:
        if collecting:
            gc.enable()


def _walk(  # noqa: PLR0913 - as above
    data: Buffer, start: int, where: str, budget: Budget, *, persistent: bool, arrays: bool, lane: bool = False
) -> Walk:
    machine = Machine(where, budget, persistent=persistent, arrays_inline=arrays, read_storage=read_storage)
    return Walk(data, start, machine, lane=lane)


def report_of(walk: Walk) -> PickleReport:
    """Walk, and return the report; raises as `judge_pickle` does, and `LaneMissedError`."""
    report, machine, start = None, walk.machine, walk.position
    budget, before = machine.budget, machine.budget.work_left
    try:
        walk.run()
        machine.world.finish()
        find_kept(machine.imports.found.values(), chain((walk.result,), walk.memoized), budget)
        machine.kept_keys.finish()
        report = _report(walk, machine, start)
        # a walk that breaks off, as most do where no pickle begins, has not charged the opcodes of its last slice
        budget.charge(max(walk.opcodes - (before - budget.work_left), 0))
    except LaneMissedError:
        walk.forget()
        raise
    except LimitReached as limit:
        walk.forget()
        if limit.report is None:
            limit.report = report or _report(walk, machine, start, limited=True)
        raise
    except Exception as error:
        walk.forget()  # where memory was exhausted, it is needed again
        raise WalkFailed(_report(walk, machine, start, limited=True), error) from error
    else:
        return report


def _report(walk: Walk, machine: Machine, start: int, *, limited: bool = False) -> PickleReport:
    if not walk.stopped and not limited:
        machine.observations.finding(
            "malformed-pickle",
            Level.UNSCANNABLE,
            walk.position,
            f"the pickle cannot be read to its end: {walk.problem}",
        )
    indices = machine.observations.take_indices()
    noted = (*_about_imports(machine), *machine.observations.findings)
    findings = tuple(finding for finding in noted if finding.level is not Level.INFO)
    if (
        findings
        and not limited
        and walk.opcodes <= machine.budget.limits.fickling_opcodes
        and machine.budget.fickling_seconds_left > 0
    ):
        from picklewatch.analysis.pickle.fickling_evidence import enrich

        findings = enrich(findings, walk, start, machine.budget)
    return PickleReport(
        start=start,
        end=walk.position,
        stopped=walk.stopped,
        inert=walk.stopped and not findings and not indices,
        findings=findings,
        imports=tuple(imported.key for imported in machine.imports.found.values()),
        opcodes=walk.opcodes,
        nested=tuple(machine.observations.nested),
        storages=tuple(machine.persistent_ids.storages.values()),
        indices=indices,
        gaps=tuple(machine.observations.gaps),
        value=_shallow(walk.result) if walk.stopped and not limited else None,
    )


def _about_imports(machine: Machine) -> Iterable[Finding]:
    for imported in machine.imports.found.values():
        finding = _about(machine, imported)
        if finding is not None:
            yield finding


def _about(machine: Machine, imported: Import) -> Finding | None:
    judged = imported.judged
    level, rule, at = imported.level, imported.rule, imported.at
    summary, evidence = imported.summary, imported.evidence
    if (
        (imported.kept or not (imported.called or imported.made))
        and judged.level is not Level.INFO
        and (level is None or judged.level.rank > level.rank)
    ):
        level, rule, at = judged.level, judged.rule, imported.offset
        summary, evidence = referenced(imported), f"from {imported.module[:200]} import {imported.name[:200]}"
    carried = machine.imports.code_bearing and not machine.calls.indirect
    if judged.status is Status.DENIED and not imported.called and carried:
        level = Level.UNSAFE  # what a pickled function refers to; nothing here calls it
    if level is None or level is Level.INFO:
        return None
    return machine.observations.made(rule, level, at, summary, evidence, subject=imported.key)


def _shallow(value: Value) -> object:
    if value is None or type(value) in {bool, int, float, str, bytes}:
        return value
    if type(value) is list:
        return [item if type(item) in {bool, int, str} else None for item in value]
    if type(value) is dict:
        return {
            key: item if type(item) in {bool, int, str} else None for key, item in value.items() if type(key) is str
        }
    return None
