"""The project's own engine as judge, and a judge without the rule of the closed world, to test the oracle itself."""

from __future__ import annotations

import importlib
from typing import Any

from picklewatch.analysis.content import scan_content
from picklewatch.core.model import Level, Limits

CLOSED_WORLD = frozenset({"reached-callable", "foreign-state", "acting-key"})
"""The rules that ask what restoring reaches. Without them the engine judges names only."""
_YOUNGER = frozenset({"config-target"})
"""Rules that refuse one of the known chains for another reason: texts that a loader resolves."""
_LIMITS = Limits(seconds=1e6, fickling_seconds=0.0)
"""By counts alone: a clock says how busy the machine is."""


class Judge:
    """Says which pickles are clean."""

    def __init__(self, *, rule: bool = True) -> None:
        self.rule = rule
        """False if only names are judged."""
        self._ignored = frozenset() if rule else CLOSED_WORLD | _YOUNGER
        if not rule:
            _allow_calls_with_a_literal()
            _take_any_argument()

    def clean(self, data: bytes) -> bool:
        """Return True if *data* would be ``clean``."""
        report = scan_content(data, _LIMITS)
        return report.complete and all(
            finding.level is Level.INFO or finding.rule in self._ignored for finding in report.findings
        )


def _take_any_argument() -> None:
    """Let functions of the lists be given any object, as before the rule: only what calls it names is judged."""
    taken = importlib.import_module("picklewatch.analysis.pickle.semantics.taken_arguments").TakenArguments
    taken._look = taken._only_data = lambda *_given: None


def _allow_calls_with_a_literal() -> None:
    """Take every vouched class that is called with one literal for an enumeration, in this process only."""
    unvouched = importlib.import_module("picklewatch.analysis.pickle.checks.unvouched")
    signs = importlib.import_module("picklewatch.analysis.pickle.checks.argument_signs")
    concern = importlib.import_module("picklewatch.analysis.pickle.checks.concern").Concern
    judged = unvouched._vouched_call

    def allowed(callee: Any, args: Any, how: Any, observations: Any) -> Any:
        member = how.name == "CALL" and isinstance(args, tuple) and len(args) == 1 and unvouched._literal(args[0])
        if member and not signs.sign(args, observations):
            return concern("unvouched-class", Level.INFO, f"calls {callee.key}")
        return judged(callee, args, how, observations)

    unvouched._vouched_call = allowed  # type: ignore[attr-defined]
