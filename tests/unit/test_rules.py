"""Every finding's rule is registered, explained, and has its page."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from rule_pages import main

from picklewatch.catalogue.rules import RULES, config_rules, format_rules, pickle_rules, scan_rules
from picklewatch.catalogue.rules.rule_text import pages

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "picklewatch").rglob("*.py"))
PAGES = ROOT / "docs" / "rules"
GROUPS = (pickle_rules.RULES, format_rules.RULES, config_rules.RULES, scan_rules.RULES)
TESTS = ROOT / "tests" / "rules"


def named_rules(path: Path) -> set[str]:
    """Literals that are given as a rule: the first argument of ``finding`` and ``LimitReached``, or ``rule=``."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        values = [keyword.value for keyword in node.keywords if keyword.arg == "rule"]
        if name in {"finding", "LimitReached"}:
            values += node.args[:1]
        found |= {value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)}
    return found


def test_every_rule_that_the_source_names_is_registered() -> None:
    """A finding without a page explains nothing."""
    named = {rule for path in SOURCES for rule in named_rules(path)}
    assert len(named) > 20
    assert named - set(RULES) == set()


def test_no_rule_is_registered_twice() -> None:
    """Each has one owner."""
    registered = [rule.id for group in GROUPS for rule in group]
    assert len(registered) == len(set(registered))


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_every_rule_is_explained(rule: object) -> None:
    """In full sentences, under a kebab-case name."""
    texts = {name: getattr(rule, name) for name in ("title", "meaning", "danger", "evidence", "action", "allow")}
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", getattr(rule, "id", ""))
    assert all(texts.values())
    for name in ("meaning", "danger", "action", "allow"):
        assert texts[name].rstrip("`)").endswith((".", "!", "?")), (name, texts[name])


def test_every_rule_has_its_tests() -> None:
    """A file of its own, which names it, with a hostile sample and a benign neighbour at least."""
    files = {path.stem.removeprefix("test_").replace("_", "-"): path for path in TESTS.glob("test_*.py")}
    assert set(files) == set(RULES)
    for rule, path in files.items():
        text = path.read_text(encoding="utf-8")
        assert f'"{rule}"' in text, path
        assert text.count("def test_") > 1, path


def test_the_pages_are_in_step() -> None:
    """``python tools/rule_pages.py docs/rules`` was run after the last change."""
    kept = {path.name: path.read_text(encoding="utf-8") for path in PAGES.glob("*.md")}
    assert kept == pages()


def test_the_pages_are_written(tmp_path: Path) -> None:
    """Stale pages go, others are written."""
    (tmp_path / "gone.md").write_text("old")
    assert main([str(tmp_path)]) == 0
    assert not (tmp_path / "gone.md").exists()
    assert (tmp_path / "README.md").exists()
    assert main([]) == 2
