"""Installed packages match the locks: versions with hashes, in step with ``pyproject.toml``; and the bill of them."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from sbom import Pinned, read_lock

import picklewatch

TREE = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((TREE / "pyproject.toml").read_text())
DEPENDENCIES: list[str] = PROJECT["project"]["dependencies"]
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
BUILD: list[str] = PROJECT["dependency-groups"]["build"]
ORACLE: list[str] = PROJECT["dependency-groups"]["oracle"]
LOCKS = {
    "requirements.lock": [*DEPENDENCIES, *BUILD],
    "requirements-notify.lock": [*DEPENDENCIES, *BUILD, *EXTRAS["notify"]],
    "requirements-test.lock": [*DEPENDENCIES, *BUILD, *EXTRAS["test"]],
    "requirements-fuzz.lock": [*DEPENDENCIES, *BUILD, *(each for extra in EXTRAS.values() for each in extra)],
    "requirements-oracle.lock": ORACLE,
}
"""Lock file → what of pyproject.toml it must hold."""
EACH_LOCK = pytest.mark.parametrize("name", list(LOCKS))


def locked(name: str) -> list[Pinned]:
    """Read the lock file *name*."""
    return read_lock(TREE / name)


@EACH_LOCK
def test_each_requirement_has_hashes(name: str) -> None:
    """A line that pip would take without one is no line of a lock; nor is one that names where to fetch from."""
    found = locked(name)
    assert found
    assert [each.name for each in found if not each.hashes or len(set(each.hashes)) != len(each.hashes)] == []
    lines = [line for line in (TREE / name).read_text().splitlines() if line and not line.lstrip().startswith("#")]
    assert lines[0] == "--only-binary :all:"  # what is built instead is built by what no hash was checked of
    assert [line for line in lines[1:] if not re.match(r"[a-z0-9]|    --hash=sha256:", line) or "://" in line] == []


@EACH_LOCK
def test_a_lock_is_in_step_with_pyproject(name: str) -> None:
    """Each dependency is there, in a version that it allows; `.ci/lock` was run after the last change."""
    found = locked(name)
    for wanted in map(Requirement, LOCKS[name]):
        pins = [each for each in found if canonicalize_name(each.name) == canonicalize_name(wanted.name)]
        assert pins, f"{wanted} is not in {name}: run .ci/lock"
        assert [pin.version for pin in pins if not wanted.specifier.contains(pin.version)] == []


def test_extras_that_packages_ask_of_others_are_locked_as_such() -> None:
    """Before 23.3, pip does not take ``coverage==7.17.3 --hash=…`` for the ``coverage[toml]`` that pytest-cov needs."""
    text = (TREE / "requirements-test.lock").read_text()
    for pin in locked("requirements-test.lock"):
        with contextlib.suppress(metadata.PackageNotFoundError):  # its marker says that it is not for here
            for asked in map(Requirement, metadata.requires(pin.name) or []):
                if asked.extras and (asked.marker is None or asked.marker.evaluate({"extra": ""})):
                    assert re.search(rf"(?m)^{canonicalize_name(asked.name)}\[.+\]==", text), f"{pin.name}: {asked}"


def test_the_build_backend_is_one_of_the_group() -> None:
    """What ``--no-build-isolation`` finds is what [build-system] asks for."""
    assert set(PROJECT["build-system"]["requires"]) <= set(BUILD)


def test_all_locks_agree() -> None:
    """What the tests passed with is what is installed; what the oracle loads is nobody else's."""
    largest = {(each.name, each.version) for each in locked("requirements-fuzz.lock")}
    for name in LOCKS.keys() - {"requirements-oracle.lock"}:
        assert [(each.name, each.version) for each in locked(name) if (each.name, each.version) not in largest] == []


def test_a_line_without_a_hash_is_refused(tmp_path: Path) -> None:
    """Whatever else pip would understand: options, addresses, versions that are not pinned."""
    lock = tmp_path / "requirements.lock"
    for line in ("click>=8.1", "--index-url https://example.org", "click @ https://example.org/click.whl", "-e ."):
        lock.write_text(f"{line}\n")
        with pytest.raises(ValueError, match="no requirement with hashes"):
            read_lock(lock)


@EACH_LOCK
def test_the_documentation_installs_by_locks_only(name: str) -> None:
    """Every command that fetches checks hashes, and the next one fetches nothing."""
    pages = [
        TREE / "README.md",
        *sorted((TREE / "docs").rglob("*.md")),
        *(TREE / "tests" / name / "README.md" for name in ("fuzz", "oracle")),
    ]
    commands = [line for page in pages for line in page.read_text().splitlines() if "pip install" in line]
    assert any(f"--require-hashes -r {name}" in line for line in commands)
    for line in commands:
        for command in line.split("pip install")[1:]:
            assert "--require-hashes -r requirements" in command or "--no-deps --no-build-isolation" in command, line


def bill(*options: str) -> dict[str, Any]:
    """Make the bill as a release does."""
    script = TREE / "tools" / "sbom.py"
    done = subprocess.run([sys.executable, str(script), *options], capture_output=True, text=True, check=True)
    found = json.loads(Path(done.stdout.strip()).read_text())
    assert isinstance(found, dict)
    return found


def test_the_bill_of_materials_is_cyclonedx(tmp_path: Path) -> None:
    """With what a reader needs to find each component, and no edge that leads nowhere."""
    wheel = tmp_path / "picklewatch.whl"
    wheel.write_bytes(b"wheel")
    found = bill("--wheel", str(wheel), "--out", str(tmp_path / "a.json"))
    assert (found["bomFormat"], found["specVersion"], found["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", found["serialNumber"])
    root, components = found["metadata"]["component"], found["components"]
    assert (root["name"], root["version"]) == ("picklewatch", picklewatch.__version__)
    assert len(root["hashes"]) == 1
    for each in [root, *components]:
        assert each["purl"] == each["bom-ref"] == f"pkg:pypi/{each['name']}@{each['version']}"
        assert each["type"] in ("application", "library")
        for digest in each["hashes"]:
            assert digest["alg"] == "SHA-256"
            assert re.fullmatch("[0-9a-f]{64}", digest["content"])
    names = [each["bom-ref"] for each in [root, *components]]
    assert len(set(names)) == len(names)
    edges = {each["ref"]: each["dependsOn"] for each in found["dependencies"]}
    assert sorted(edges) == sorted(names)
    reached = {root["bom-ref"]}
    while more := {below for each in reached for below in edges[each]} - reached:
        reached |= more
    assert reached == set(names)


def test_the_bill_names_what_runs_and_not_what_builds(tmp_path: Path) -> None:
    """Every dependency of the project, what those need, and neither the build backend nor the tests' libraries."""
    first = bill("--out", str(tmp_path / "a.json"))
    assert first == bill("--out", str(tmp_path / "b.json"))
    names = {each["name"] for each in first["components"]}
    assert {canonicalize_name(Requirement(each).name) for each in DEPENDENCIES} <= names
    assert "pydantic-core" in names
    assert not names & {"hatchling", "editables", "pytest", "numpy"}
    asked = [Requirement(each) for name in names for each in metadata.requires(name) or []]
    needed = {
        canonicalize_name(each.name) for each in asked if each.marker is None or each.marker.evaluate({"extra": ""})
    }
    assert needed <= names
