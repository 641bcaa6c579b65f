"""Every rule that a finding may name, by its identifier."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from picklewatch.catalogue.rules import code_rules, config_rules, format_rules, pickle_rules, scan_rules
from picklewatch.catalogue.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["RULES", "Rule"]


def _merged(*groups: Iterable[Rule]) -> Mapping[str, Rule]:
    rules: dict[str, Rule] = {}
    for rule in (rule for group in groups for rule in group):
        rules.setdefault(rule.id, rule)
    return MappingProxyType(dict(sorted(rules.items())))


RULES: Mapping[str, Rule] = _merged(
    pickle_rules.RULES, format_rules.RULES, config_rules.RULES, code_rules.RULES, scan_rules.RULES
)
"""Rule identifier → rule, in the order of identifiers."""
