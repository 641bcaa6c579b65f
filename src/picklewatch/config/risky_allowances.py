"""Allowances of the operator that are worth a second thought."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def malicious_imports(allowed: Mapping[str, str]) -> dict[str, str]:
    """Return those of *allowed* (``module.name`` → reason) that are known for harm, each with the harm."""
    if not allowed:
        return {}
    from picklewatch.catalogue.imports.classify import judge
    from picklewatch.catalogue.imports.entries import Status
    from picklewatch.core.model import Level

    found: dict[str, str] = {}
    for subject in allowed:
        module, _, name = subject.rpartition(".")
        judged = judge(module, name)
        if judged.level is Level.MALICIOUS:
            found[subject] = judged.reason if judged.status is Status.DENIED else "blind picklewatch's self-test"
    return found
