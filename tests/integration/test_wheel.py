"""Whoever builds a release again gets the same bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

TREE = Path(__file__).parents[2]
FILES = (
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "COPYING",
    "CHANGELOG.md",
    "config.example.toml",
    "requirements.lock",
)
FOLDERS = ("src", "tests", "tools", "systemd", "docs")


def build(folder: Path, *, umask: int, when: int, **environ: str) -> dict[str, bytes]:
    """Copy the source into *folder*, with times and permissions of its own, and build wheel and sdist there."""
    folder.mkdir(parents=True)
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    for name in FOLDERS:
        shutil.copytree(TREE / name, folder / name, ignore=ignored)
    for name in FILES:
        shutil.copy(TREE / name, folder)
    for path in sorted(folder.rglob("*"), reverse=True):
        path.chmod((0o777 if path.is_dir() or path.stat().st_mode & 0o100 else 0o666) & ~umask)
        os.utime(path, (when, when))
    done = subprocess.run(
        ["sh", "-c", f'umask {umask:o}; exec "$@"', "sh", sys.executable, "-m", "hatchling", "build"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_bytes() for path in (folder / "dist").iterdir()}


def test_a_wheel_and_an_sdist_are_reproducible(tmp_path: Path) -> None:
    """Another directory, umask, time, time zone, language and order of hashes change no byte."""
    one = build(tmp_path / "one", umask=0o022, when=1_500_000_000, TZ="UTC", LANG="C", PYTHONHASHSEED="1")
    other = build(
        tmp_path / "another" / "place", umask=0o077, when=1_700_000_001, TZ="Asia/Kathmandu", PYTHONHASHSEED="2"
    )
    assert sorted(one) == sorted(other)
    assert [name.rpartition(".")[2] for name in sorted(one)] == ["whl", "gz"]
    assert [name for name in one if one[name] != other[name]] == []
    (wheel,) = (tmp_path / "one" / "dist").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "picklewatch/__main__.py" in names
    assert [name for name in names if name.endswith(".pyc") or name.startswith("tests")] == []
