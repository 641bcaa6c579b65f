"""Root runs no code but the installation's, wherever it is started and whatever ``PYTHON*`` variables say."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.commands import CLEAN, EVIL, Commands
from support.watching import PATIENCE

import picklewatch
from picklewatch import __main__ as first_steps
from picklewatch.core.errors import ExitStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Way = Callable[[Path], tuple["Started", set[str]]]

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root is protected from its own environment")
SCRIPT = Path(sys.executable).with_name("picklewatch")
OTHERS = ("click", "fickling", "pydantic", "pydantic_core", "pyseccomp", "structlog", "watchdog")
"""The names of what picklewatch installs with itself."""
FOREIGN = "import os\nwith open({note!r}, 'a') as note: note.write(__name__ + ' ' + str(os.geteuid()) + '\\n')\n"


class Started(Commands):
    """Runs picklewatch as its users do, not as the other tests do: by *words*, with no option of the interpreter."""

    def __init__(self, home: Path, words: list[str], folder: Path, **environ: str) -> None:
        super().__init__(home)
        self.environ |= environ
        self._words = words
        self.folder = folder

    def line(self, *arguments: str | Path) -> list[str]:
        """Return the whole command line, which changes to the hostile folder first."""
        return ["env", "-C", str(self.folder), *self._words, *map(str, arguments)]


def loaded_by_python() -> set[str]:
    """Name what Python, and the script that pip writes, import before any of our code can run."""
    code = "import re, sys; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def fill(folder: Path, names: set[str]) -> Path:
    """Lay modules of *names* into *folder* that note when they are run; return where."""
    folder.mkdir()
    note = folder / "note"
    for name in names:
        (folder / f"{name}.py").write_text(FOREIGN.format(note=str(note)))
    return note


def by_script(tmp_path: Path) -> tuple[Started, set[str]]:
    """Start the script, with every module that can be shadowed shadowed, by PYTHONPATH and the working directory."""
    hostile = tmp_path / "hostile"
    names = {*sys.stdlib_module_names, *OTHERS} - loaded_by_python()
    return Started(tmp_path, [str(SCRIPT)], hostile, PYTHONPATH=f"{hostile}:"), names


def by_module(tmp_path: Path) -> tuple[Started, set[str]]:
    """Start ``python -m picklewatch`` in a folder with other packages; Python's own modules it loads before ours."""
    return Started(tmp_path, [sys.executable, "-m", "picklewatch"], tmp_path / "hostile"), {"__future__", *OTHERS}


WAYS = pytest.mark.parametrize("way", [by_script, by_module])


@AS_ROOT
@WAYS
def test_root_imports_nothing_from_where_others_write(way: Way, tmp_path: Path) -> None:
    """No module in PYTHONPATH or in the working directory is run, whatever its name, and the command works."""
    run, names = way(tmp_path)
    note = fill(run.folder, names)
    (tmp_path / "evil").write_bytes(EVIL)
    assert run("--version").stdout == f"picklewatch, version {picklewatch.__version__}\n"
    assert run("status").returncode == 3
    done = run("scan", "--format", "json", tmp_path / "evil")
    assert (done.returncode, json.loads(done.stdout)["verdict"]) == (1, "malicious")
    assert not note.exists(), note.read_text()


@AS_ROOT
@WAYS
def test_a_daemon_of_root_imports_nothing_from_where_others_write(way: Way, tmp_path: Path) -> None:
    """The sandbox is started with the daemon, and a file is judged in it. The process stays the same one."""
    run, names = way(tmp_path)
    note = fill(run.folder, names)
    root = tmp_path / "models"
    root.mkdir()
    (root / "evil").write_bytes(EVIL)
    with subprocess.Popen(
        run.line("run", root), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=run.environ
    ) as daemon:
        assert daemon.stderr is not None
        try:
            events = read_until(daemon.stderr, "file.scanned")
            name = Path(f"/proc/{daemon.pid}/comm").read_text().strip()
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.stderr.read()
        assert daemon.wait(PATIENCE) == 0
    assert events[-1]["verdict"] == "malicious"
    assert name == "picklewatch"
    assert not note.exists(), note.read_text()


def read_until(stream: Iterator[bytes], event: str) -> list[dict[str, str]]:
    """Read lines of the log up to *event*."""
    found = []
    for line in stream:
        found.append(json.loads(line))
        if found[-1]["event"] == event:
            break
    return found


@AS_ROOT
def test_the_shadowing_works_where_nobody_defends_against_it(tmp_path: Path) -> None:
    """Without the first steps, the same modules are run: the tests above would see it."""
    run, names = by_script(tmp_path)
    note = fill(run.folder, names)
    words = [sys.executable, "-c", "from picklewatch.cli import main; main()", "--version"]
    subprocess.run(words, cwd=run.folder, env=run.environ, capture_output=True, check=False)
    assert note.read_text().splitlines()[0] == "__future__ 0"


@AS_ROOT
def test_arguments_and_statuses_pass_through(tmp_path: Path) -> None:
    """Names that are no text, too; a usage error is one, and standard input is read."""
    run = Started(tmp_path, [str(SCRIPT)], tmp_path)
    odd = tmp_path / os.fsdecode(b"-\xff \n'$x")
    odd.write_bytes(CLEAN)
    done = run("scan", "--format", "json", odd)
    assert (done.returncode, json.loads(done.stdout)["verdict"]) == (0, "clean")
    assert run("scan", "").returncode == 2
    assert run("nonsense").returncode == 2
    assert run("scan", "-", given=EVIL).returncode == 1


@AS_ROOT
def test_what_only_pythonpath_holds_is_missed_in_one_sentence(tmp_path: Path) -> None:
    """With what to do, and the status that keeps a service manager from trying again."""
    assert int(ExitStatus.CONFIG) == first_steps.EX_CONFIG
    base = str(sys._base_executable)  # type: ignore[attr-defined]
    if subprocess.run([base, "-I", "-c", "import picklewatch"], capture_output=True, check=False).returncode == 0:
        pytest.skip("picklewatch is installed for the interpreter that the virtual environment was made from")
    source = str(Path(picklewatch.__file__).parents[1])
    done = Started(tmp_path, [base, "-m", "picklewatch"], tmp_path, PYTHONPATH=source)("status")
    assert done.returncode == ExitStatus.CONFIG
    assert done.stderr.startswith("picklewatch: error: No module named 'picklewatch'")
    assert "virtual environment" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_first_steps_import_what_is_loaded_already() -> None:
    """Not even ``__future__``, which is a file that ``PYTHONPATH`` can hold."""
    for path in (Path(picklewatch.__file__), Path(first_steps.__file__)):
        found = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
        assert {name.name for node in found for name in node.names} <= {"os", "sys"}
