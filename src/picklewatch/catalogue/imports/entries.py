"""How the lists are written down."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Imports that are harmless for the same reason, by exact name."""

    reason: str
    uses: str
    """What may be done with them: ``R`` be referenced; ``N`` be instantiated by ``__new__`` and given any state by BUILD;
    ``C`` be called with any arguments; ``E`` be called with one plain literal (an enumeration's value)."""
    kind: str = "object"
    """What comes of calling them: decides which further opcodes are for it."""
    check: str = ""
    """A check of the arguments (`picklewatch.analysis.pickle.checks.registry`) that every call must pass as well."""
    names: dict[str, str] = field(default_factory=dict)
    """Module → names, separated by blanks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Classes of a library that are harmless for the same reason, by pattern."""

    reason: str
    uses: str
    module: str
    """A regular expression that the whole module name matches."""
    name: str = r"_?[A-Z][A-Za-z0-9_]*"
    """A regular expression that the whole name matches; as usual: what looks like a class."""
    kind: str = "object"
    check: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """Imports that no model needs, for the same reason."""

    rule: str
    reason: str
    """Ends the sentence "… can be called to": what calling it does."""
    modules: str = ""
    """Whole modules with all below them, separated by blanks."""
    names: dict[str, str] = field(default_factory=dict)
    """Module → names, separated by blanks."""
