"""The page about logs is in step with the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src/picklewatch").rglob("*.py"))
LOGGED = re.compile(r'\b_?log\.(?:debug|info|warning|error|critical|exception)\(\s*"([a-z]+\.[a-z-]+)"')
LEVEL_LOGGED = re.compile(r'\b_?log\.log\(\s*[^"]+?"([a-z]+\.[a-z-]+)"', re.DOTALL)
PROBLEMS = re.compile(r'\b(?:degrade|incident)\(\s*"([a-z]+-[a-z-]+)"')


def found(pattern: re.Pattern[str]) -> set[str]:
    """Search all sources."""
    return {name for source in SOURCES for name in pattern.findall(source.read_text())}


@pytest.mark.parametrize("pattern", [LOGGED, LEVEL_LOGGED, PROBLEMS], ids=["events", "events by level", "problems"])
def test_every_event_and_problem_is_documented(pattern: re.Pattern[str]) -> None:
    """Each log event can be looked up in docs/logs.md."""
    page = (ROOT / "docs/logs.md").read_text()
    names = found(pattern)
    assert names
    assert {name for name in names if f"`{name}`" not in page} == set()


def test_every_documented_event_exists() -> None:
    """The table lists nothing that is no longer logged."""
    page = (ROOT / "docs/logs.md").read_text()
    rows = [line.split("|")[1] for line in page.split("## Events")[1].splitlines() if line.startswith("| `")]
    documented = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    areas = {problem.partition("-")[0] for problem in found(PROBLEMS)} | {"quarantine"}
    by_health = {f"{area}.{end}" for area in areas for end in ("degraded", "repaired", "incident")}
    by_log = {"file.scanned", "library.message", "thread.crashed", "log.dropped"}
    assert documented - found(LOGGED) - found(LEVEL_LOGGED) - by_health - by_log == set()
