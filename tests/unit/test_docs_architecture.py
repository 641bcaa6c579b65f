"""The pages for developers name the source as it is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "picklewatch"
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PAGES = [
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    ROOT / "docs" / "architecture.md",
    *(ROOT / "docs" / "decisions").glob("*.md"),
]
PATH = re.compile(r"`([\w./-]+\.(?:py|md|toml|lock|yml))`")


def test_every_package_has_its_row() -> None:
    """A newcomer finds each package in the table, by its path, with its responsibility."""
    packages = {path.parent.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("__init__.py")} - {"."}
    rows = set(re.findall(r"^\| `([\w/]+)` \| \S", ARCHITECTURE, re.MULTILINE))
    assert packages - rows == set()


def test_the_layers_are_the_contract() -> None:
    """The picture shows the order that lint-imports checks."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    picture = re.search(r"<!-- layers -->\n(.*?)<!-- /layers -->", ARCHITECTURE, re.DOTALL)
    assert picture is not None
    assert picture[1].split("\n")[:-1] == [f"    {layer.replace('picklewatch.', '')}" for layer in layers]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page: Path) -> None:
    """A path in backquotes starts at the root or at src/picklewatch; a bare name is a file anywhere in the tree."""
    tracked = {path.name for top in ("src", "tests", "tools", "docs") for path in (ROOT / top).rglob("*")}
    missing = [
        name
        for name in PATH.findall(page.read_text(encoding="utf-8"))
        if not ((ROOT / name).exists() or (SOURCE / name).exists() or ("/" not in name and name in tracked))
    ]
    assert missing == []
