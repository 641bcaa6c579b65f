"""Honest files that real libraries write: how they are made, and what counts as a loss."""

from __future__ import annotations

import json
import pickle
from collections import OrderedDict
from typing import TYPE_CHECKING

from census import honest_files, real_files

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def record(path: Path, verdict: str) -> str:
    """Return the line that ``picklewatch scan --format json`` prints of *path*."""
    finding = {"rule": "unvouched-class", "summary": "nobody read it"}
    return json.dumps({"path": str(path), "verdict": verdict, "sha256": "00", "findings": [finding]})


def test_every_recipe_has_a_name_of_its_own_and_statements() -> None:
    """A name that occurs twice in a section would leave one file of two."""
    found = real_files.sections(real_files.RECIPES.read_text(encoding="utf-8"))
    for library, (_, files) in found.items():
        names = [name for name, _ in files]
        assert len(set(names)) == len(names), library
        assert all("." in name and statements for name, statements in files), library
    assert len(found) > 50
    assert sum(len(files) for _, files in found.values()) > 400


def test_a_library_writes_its_files_and_passes_over_what_it_can_not_make(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The ending of a name says the protocol, modules come by their names, and one failure stops nothing."""
    files = [
        ("two.p2.pkl", "collections.OrderedDict(a=one)"),
        ("bad.pkl", "collections.no_such_name()"),
        ("last.p5.pkl", "x = one + 1; [x]"),
    ]
    real_files.write_library("collections", ["one = 1"], files, tmp_path)
    assert pickle.loads((tmp_path / "two.p2.pkl").read_bytes()) == OrderedDict(a=1)
    assert (tmp_path / "two.p2.pkl").read_bytes()[:2] == b"\x80\x02"
    assert pickle.loads((tmp_path / "last.p5.pkl").read_bytes()) == [2]
    assert not (tmp_path / "bad.pkl").exists()
    assert "collections/bad.pkl: AttributeError" in capsys.readouterr().out


def test_a_clean_file_that_is_not_clean_any_more_is_told_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was unverified may stay so; what became worse, or wasn't scanned, fails the comparison."""
    root, records = tmp_path / "root", tmp_path / "records"
    (root / "numpy").mkdir(parents=True)
    (root / "numpy" / "VERSION").write_text("2.0\n", encoding="utf-8")
    kept, lost, package = root / "numpy" / "kept.pkl", root / "numpy" / "lost.pkl", root / "joblib-1.6.0" / "a.pkl"
    monkeypatch.setattr(honest_files, "LIST", tmp_path / "list.tsv")
    before = [record(kept, "unverified"), record(lost, "clean"), record(package, "clean")]
    records.write_text("\n".join(before), encoding="utf-8")
    assert honest_files.main(["--write", str(root), str(records)]) == 0
    assert "joblib-1.6.0/a.pkl\tjoblib\t1.6.0\t00\tclean" in honest_files.LIST.read_text(encoding="utf-8")
    assert "numpy/kept.pkl\tnumpy\t2.0\t00\tunverified" in honest_files.LIST.read_text(encoding="utf-8")
    assert honest_files.main([str(root), str(records)]) == 0
    after = [record(kept, "unverified"), record(lost, "unsafe"), record(package, "clean")]
    records.write_text("\n".join(after), encoding="utf-8")
    assert honest_files.main([str(root), str(records)]) == 1
    assert "clean -> unsafe: numpy/lost.pkl\n    unvouched-class: nobody read it" in capsys.readouterr().out
    records.write_text("\n".join(after[:2]), encoding="utf-8")
    assert honest_files.main([str(root), str(records)]) == 2
    assert "missing: joblib-1.6.0/a.pkl" in capsys.readouterr().out
