"""The rules as pages of documentation. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.catalogue.rules import RULES

if TYPE_CHECKING:
    from picklewatch.catalogue.rules import Rule

_NOTE = "<!-- Generated from the rules: python tools/rule_pages.py docs/rules -->\n\n"


def pages() -> dict[str, str]:
    """Return file name → text for every rule's page and the index."""
    found = {f"{rule.id}.md": page(rule) for rule in RULES.values()}
    found["README.md"] = index()
    return found


def page(rule: Rule) -> str:
    """Return one rule's page."""
    parts = (
        ("Meaning", rule.meaning),
        ("Danger", rule.danger),
        ("Example of the evidence", f"```\n{rule.evidence}\n```"),
        ("Next steps", rule.action),
        ("Allowing it", rule.allow),
    )
    body = "\n".join(f"## {title}\n\n{text}\n" for title, text in parts)
    return f"{_NOTE}# `{rule.id}`: {rule.title}\n\nUsual level: **{rule.level.value}**\n\n{body}"


def index() -> str:
    """Return the list of all rules."""
    rows = "".join(f"| [`{rule.id}`]({rule.id}.md) | {rule.level.value} | {rule.title} |\n" for rule in RULES.values())
    table = f"| rule | usual level | title |\n|---|---|---|\n{rows}"
    return f"{_NOTE}# Rules\n\nEvery finding names one of these.\n\n{table}"
