"""The table that ships is what the lines in git compile to, and each listed version is among them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from census import __main__ as tool
from census import compiled, recorded

from picklewatch.catalogue.classes import class_table

VERSIONS = Path(recorded.__file__).with_name("text_versions.txt")


def test_the_shipped_table_is_what_the_lines_compile_to() -> None:
    """If this fails: ``PYTHONPATH=src python tools/census compile``."""
    lines = [line for one in recorded.readings().values() for line in one]
    shipped = Path(class_table.__file__).with_name("classes.bin").read_bytes()
    assert compiled.table(compiled.names_of(lines)) == shipped


def test_each_version_that_is_read_as_text_has_its_lines() -> None:
    """Entries of the list were read, not only planned."""
    words = [line.partition("#")[0].split() for line in VERSIONS.read_text(encoding="utf-8").splitlines()]
    named = [one[0].rpartition("-") for one in words if one]
    listed = {re.sub(r"[-_.]+", "-", name).lower() + "-" + version for name, _, version in named}
    kept = {name.removeprefix("text-") for name in recorded.kept() if name.startswith("text-")}
    assert len(listed) > 60
    assert listed - kept == set()


def _lines(version: str, names: list[str], source: str = 16 * "0") -> list[dict[str, Any]]:
    """Return lines as a reading writes them, of a class with one hook."""
    of = {"library": "lib", "version": version}
    hook, init = "lib.m.C.__setattr__", "lib.m.C.__init__"
    known = {"kind": "active", "base": "object", "slots": False, "acts": {"__setattr__": [hook]}}
    return [
        {
            **of,
            **known,
            "class": "lib.m.C",
            "names": names,
            "hooks": {"__setattr__": hook, "__init__": "lib.m.C.__init__"},
        },
        {**of, "function": hook, "hook": "__setattr__", "does": "acts", "source": source, "text": "def …", "calls": []},
        {**of, "function": init, "hook": "__init__", "does": "acts", "source": source, "text": "def …"},
    ]


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(recorded, "FOLDER", tmp_path / "kept")
    return tmp_path


def _written(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_new_lines_are_kept_beside_the_others(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One command adds a library or a version: nothing of what was read before is lost."""
    for version in ("1.0+cpu", "2.0"):
        new = _written(folder / "lib.jsonl", _lines(version, ["lib.m.C"]))
        monkeypatch.setattr("sys.argv", ["census", "compile", "--out", str(folder / "classes.bin"), str(new)])
        assert tool.main() == 0
    assert sorted(recorded.readings()) == ["lib-1.0", "lib-2.0"]
    assert class_table.Table((folder / "classes.bin").read_bytes()).find("lib.m", "C") is not None


def test_another_reading_of_a_version_replaces_the_one_before(folder: Path) -> None:
    """A library that is read again is not there twice."""
    for source in (16 * "1", 16 * "2"):
        new = _written(folder / "lib.jsonl", _lines("1.0", ["lib.m.C"], source))
        assert recorded.keep(recorded.readings([new])) == ["lib-1.0"]
    assert recorded.keep(recorded.readings([new])) == []
    assert [line["source"] for line in recorded.readings()["lib-1.0"] if "source" in line] == [16 * "2"]


def test_what_the_table_does_not_need_is_not_kept() -> None:
    """The texts of sources, what constructors do, and names that another library borrowed."""
    cls, hook = recorded.short(_lines("1.0", ["lib.m.C", "lib.C", "other.C"]))
    assert cls["names"] == ["lib.m.C", "lib.C"]
    assert set(cls["hooks"]) == {"__setattr__"}
    assert set(hook) == {"function", "hook", "does", "source", "library", "version"}
