"""The program's files replaced and removed under the running daemon."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from signal import SIGHUP, SIGKILL
from typing import TYPE_CHECKING

from e2e.machine import TREE
from fault.faults.service import on_unit, started
from fault.lab import CONFIG, PATIENCE, SkippedError
from fault.service_lab import UNIT, ServiceLab

import picklewatch
from picklewatch.core.state_layout import DATABASE

if TYPE_CHECKING:
    from fault.faults.kinds import Fault
    from fault.lab import Lab


def _install(lab: Lab, change: str = "") -> Path:
    """Copy the program to where the daemon of *lab* finds it from now on, with *change* at the end of its engine.

    In an environment of its own: root's daemon is isolated from ``PYTHONPATH``.
    """
    place = lab.root.with_name("program")
    package = place / "picklewatch"
    shutil.rmtree(package, ignore_errors=True)
    shutil.copytree(Path(picklewatch.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    engine = package / "analysis" / "content.py"
    engine.write_text(engine.read_text() + change)
    environment = lab.root.with_name("environment")
    if not environment.exists():
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
        (site,) = environment.glob("lib/python*/site-packages")
        libraries = [path for path in sys.path if path.endswith("site-packages")]
        (site / "program.pth").write_text("\n".join([str(place), *libraries]) + "\n")
    lab.process.python = str(environment / "bin" / "python")
    return package


def _is_installed(lab: Lab) -> bool:
    """Return True if the daemon of *lab* runs in the environment that `_install` made."""
    return Path(f"/proc/{lab.pid}/cmdline").read_bytes().startswith(os.fsencode(lab.process.python) + b"\0")


def _engines(lab: Lab) -> set[str]:
    """The engines by which the files that are in their places were judged."""
    connection = sqlite3.connect(f"file:{lab.state / DATABASE}?mode=ro", uri=True, timeout=1)
    there = {path.stat().st_ino for path in lab.root.iterdir()}
    with contextlib.closing(connection):
        return {engine for inode, engine in connection.execute("SELECT inode, engine FROM files") if inode in there}


def program_removed(lab: Lab) -> None:
    """Every file of the program is deleted while it reports; it is then told to move files, and given bad ones."""
    config = lab.process.home / "config.toml"
    config.write_text(CONFIG.replace('"unsafe"', '"off"'))
    package = _install(lab)
    lab.start()
    assert _is_installed(lab)
    lab.burst(20)
    shutil.rmtree(package)
    lab.injected += 1
    config.write_text("nonsense = 1\n")
    lab.signal([lab.pid], SIGHUP)
    assert lab.seconds_until(lambda: "config-rejected" in lab.problems()) < PATIENCE
    config.write_text(CONFIG)
    lab.signal([lab.pid], SIGHUP)
    lab.burst(50)
    assert lab.seconds_until(lab.settled) < PATIENCE, "something was imported late"
    lab.process.python = sys.executable
    lab.restart_after_kill()


def program_replaced(lab: Lab) -> None:
    """Another engine takes the place of the daemon's, and its sandboxes die: nothing is judged by a mixture of both."""
    _install(lab)
    lab.start()
    assert _is_installed(lab)
    lab.burst(20)
    assert lab.seconds_until(lab.settled) < PATIENCE
    before = _engines(lab)
    _install(lab, "# another\n")
    lab.signal(lab.warm(), SIGKILL)
    lab.injected += 1
    lab.burst(20)
    assert lab.seconds_until(lambda: "daemon-outdated" in lab.problems()) < PATIENCE, "it did not notice"
    time.sleep(3)
    assert _engines(lab) == before, "judged by a mixture"
    lab.restart_after_kill()
    again = lab.seconds_until(lambda: len(_engines(lab)) == 1 and _engines(lab) != before)
    assert again < PATIENCE, f"not judged again: {_engines(lab)}"


def _build(lab: ServiceLab) -> None:
    """Build wheels out here, where the build backend is: of this version, and of another with another engine."""
    wheels = lab.shared_srv / "wheels"
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for name in ("pyproject.toml", "README.md", "LICENSE", "COPYING", "config.example.toml"):
            shutil.copy(TREE / name, tree)
        shutil.copytree(TREE / "src", tree / "src", ignore=shutil.ignore_patterns("__pycache__"))
        for version in ("", "99.0"):
            if version:
                (tree / "src/picklewatch/__init__.py").write_text(f'__version__ = "{version}"\n')
                with (tree / "src/picklewatch/analysis/content.py").open("a") as source:
                    source.write("# another\n")
            command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
            command += ["-w", str(wheels), str(tree)]
            if subprocess.run(command, check=False).returncode:
                raise SkippedError("needs pip, and the build backend, to build wheels")


def _pip(lab: ServiceLab, wheel: str) -> None:
    program = "/opt/picklewatch/bin/pip install -q --no-index --no-deps --force-reinstall"
    lab.machine.shell(f"{program} {wheel}; find /opt/picklewatch -name '*.pyc' -path '*picklewatch/*' -delete")


@on_unit
def upgraded_under_it(lab: ServiceLab) -> None:
    """Pip installs another version while 200 files wait, and later the former one: the unit starts again by itself."""
    started(lab, "RestartSec=1s")
    _build(lab)
    for wheel in ("/srv/wheels/picklewatch-99.0-*.whl", "/srv/wheels/picklewatch-0*.whl"):
        before, engines = lab.show("NRestarts"), _engines(lab)
        lab.burst(200)
        _pip(lab, wheel)
        lab.injected += 1
        lab.burst(20)
        lab.wait(lambda was=before: lab.show("NRestarts") != was and lab.show("ActiveState") == "active")  # type: ignore[misc]
        lab.wait(lab.settled)
        lab.wait(lambda former=engines: len(_engines(lab)) == 1 and not _engines(lab) & former)  # type: ignore[misc]
    lab.machine.run("systemctl", "restart", UNIT)


FAULTS: tuple[Fault, ...] = (
    program_removed,
    program_replaced,
    upgraded_under_it,
)
LABS: dict[Fault, type[Lab]] = {upgraded_under_it: ServiceLab}
