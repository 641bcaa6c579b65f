"""``picklewatch rules``: list the rules, or explain one."""

from __future__ import annotations

import difflib
import json
import shutil
import sys
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from picklewatch.cli.common import json_option
from picklewatch.core.errors import Error
from picklewatch.core.model import Level
from picklewatch.explain.record_text import paint
from picklewatch.telemetry.log.console import wants_colour

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from picklewatch.catalogue.rules import Rule

EPILOG = """\
\b
Examples:
  picklewatch rules                    every rule, the most harmful first
  picklewatch rules code-execution     what it means, and what to do
  picklewatch rules --json | jq        as JSON, for programs

The same pages are in docs/rules.

\b
Exit status:
  0  shown        2  there is no such rule
"""


@click.command(name="rules", epilog=EPILOG)
@click.argument("rule_id", metavar="[ID]", required=False)
@json_option
def command(*, rule_id: str | None, as_json: bool) -> None:
    """List the rules, or explain one.

    A rule is a kind of finding. Its level is the verdict that one such finding
    alone leads to; the worst finding of a file decides.
    """
    from picklewatch.catalogue.rules import RULES

    colour = wants_colour(sys.stdout)
    if rule_id is not None:
        if rule_id not in RULES:
            close = difflib.get_close_matches(rule_id, RULES, n=3, cutoff=0.5)
            hint = f"Did you mean {' or '.join(close)}?" if close else "`picklewatch rules` lists all."
            raise Error(f"there is no rule {rule_id!r}", hint)
        rule = RULES[rule_id]
        click.echo(
            json.dumps(asdict(rule), indent=2) if as_json else "\n".join(page(rule, colour=colour)), color=colour
        )
    elif as_json:
        click.echo(json.dumps([asdict(rule) for rule in RULES.values()], indent=2))
    else:
        click.echo("\n".join(listing(RULES.values(), colour=colour)), color=colour)


def listing(rules: Iterable[Rule], *, colour: bool) -> Iterator[str]:
    """Yield one line per rule, the most harmful level first."""
    all_rules = list(rules)
    width = max((len(rule.id) for rule in all_rules), default=0)
    for level in reversed(Level):
        of_level = [rule for rule in all_rules if rule.level is level]
        if of_level:
            yield paint(level.value, level.value, colour=colour)
            yield from (f"  {rule.id:<{width}}  {rule.title}" for rule in of_level)
            yield ""
    yield f"{len(all_rules)} rules. `picklewatch rules ID` explains one."


def page(rule: Rule, *, colour: bool, width: int | None = None) -> Iterator[str]:
    """Yield everything about one rule."""
    width = width or min(shutil.get_terminal_size().columns, 100)
    yield f"{rule.id} ({paint(rule.level.value, rule.level.value, colour=colour)}): {rule.title}"
    sections = {
        "What it means": rule.meaning,
        "Why it is dangerous": rule.danger,
        "Evidence looks like": rule.evidence,
        "What to do": rule.action,
        "How to allow it": rule.allow,
    }
    for title, text in sections.items():
        if text:
            yield ""
            yield title
            yield textwrap.indent(text, "    ") if title.startswith("Evidence") else _wrapped(text, width)


def _wrapped(text: str, width: int) -> str:
    paragraphs = text.split("\n\n")
    indent = "    "
    return "\n\n".join(
        textwrap.fill(
            paragraph,
            width,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for paragraph in paragraphs
    )
