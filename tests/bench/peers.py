"""Other scanners, each in an environment of its own, made on first use and kept in a cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_ATTEMPTS = ("python3.13", "python3.12", "python3.11")
_UNDECLARED = {"fickling": ("typing_extensions",), "pytorch-check": ("typing_extensions",)}
"""fickling 0.1.12 imports it on Python 3.11 without declaring it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A scanner that is asked."""

    name: str
    """What `detection.adapters` calls it."""
    package: str
    """What the package index calls it."""
    extra: tuple[str, ...] = ()
    """What it needs and does not declare."""


PEERS = tuple(
    Peer(name=name, package=package, extra=_UNDECLARED.get(package, ()))
    for name, package in {
        "picklescan": "picklescan",
        "picklescan-strict": "picklescan",
        "modelscan": "modelscan",
        "modelaudit": "modelaudit",
        "modelaudit-picklescan": "modelaudit-picklescan",
        "fickling": "fickling",
        "pytorch-check": "pytorch-check",
        "hayward": "hayward",
        "modelwarden": "modelwarden",
        "pickleguard": "pickleguard",
        "aisbom-cli": "aisbom-cli",
        "weightguard": "weightguard",
        "pkl-inspector": "pkl-inspector",
        "nullsec-modelaudit": "nullsec-modelaudit",
    }.items()
)
"""Everything on the package index that says it finds hostile pickles in files, as of November 2026."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A peer that can be run, or why not."""

    peer: Peer
    python: Path | None
    version: str
    problem: str = ""


def cache_folder(given: Path | None) -> Path:
    """Where environments and corpora are kept."""
    if given is not None:
        return given
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "picklewatch-bench"


def install(peer: Peer, cache: Path) -> Installed:
    """Make *peer*'s environment if it is not there; an attempt with each interpreter, newest last resort first."""
    folder = cache / "venvs" / peer.package
    python = folder / "bin" / "python"
    problem = ""
    if not _version(python, peer.package):
        for interpreter in _interpreters():
            shutil.rmtree(folder, ignore_errors=True)
            problem = _make(interpreter, folder, [peer.package, *peer.extra])
            if not problem:
                break
    version = _version(python, peer.package)
    if not version:
        return Installed(peer=peer, python=None, version="", problem=problem or "not installed")
    return Installed(peer=peer, python=python, version=version)


def _interpreters() -> list[str]:
    found = [sys.executable]
    for name in _ATTEMPTS:
        path = shutil.which(name)
        if path is not None and _works(path):
            found.append(path)
    return found


def _works(interpreter: str) -> bool:
    return subprocess.run([interpreter, "-c", ""], capture_output=True, check=False).returncode == 0


def _make(interpreter: str, folder: Path, packages: list[str]) -> str:
    for command in (
        [interpreter, "-m", "venv", str(folder)],
        [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages],
    ):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        except subprocess.TimeoutExpired:
            return "installing took longer than ten minutes"
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            return lines[-1] if lines else f"status {done.returncode}"
    return ""


def _version(python: Path, package: str) -> str:
    if not python.exists():
        return ""
    code = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))"
    done = subprocess.run([str(python), "-c", code, package], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
