"""``picklewatch config`` as its users run it."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

import pytest
from support.commands import Commands

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def run(tmp_path: Path) -> Commands:
    """The command, with a home of its own."""
    return Commands(tmp_path)


def test_a_good_configuration_is_called_good(run: Commands, tmp_path: Path) -> None:
    """With remarks on what deserves a second look."""
    path = tmp_path / "c.toml"
    path.write_text(f'[watch]\nroots = ["{tmp_path}/later"]\n[quarantine]\nlevel = "unverified"\n')
    done = run("config", "check", "-c", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"The configuration is valid: {path}, environment.",
        f"note: {tmp_path}/later does not exist yet; the daemon waits for it",
        'note: quarantine.level = "unverified" moves honest files, too',
    ]


def test_a_bad_one_is_told_all_at_once(run: Commands, tmp_path: Path) -> None:
    """On standard error, with status 78; as JSON on standard output."""
    path = tmp_path / "c.toml"
    path.write_text("[scan]\nworkers = 'x'\nlimit = 3\n")
    done = run("config", "check", "-c", path)
    assert (done.returncode, done.stdout) == (78, "")
    assert f"{path}:2: scan.workers" in done.stderr
    assert f'{path}:3: scan.limit: unknown key; did you mean "limits"?' in done.stderr
    as_json = run("config", "check", "--json", "-c", path)
    assert as_json.returncode == 78
    assert json.loads(as_json.stdout)["valid"] is False
    assert len(json.loads(as_json.stdout)["problems"]) == 2


def test_the_effective_values_can_be_copied_into_a_file(run: Commands, tmp_path: Path) -> None:
    """They are TOML, and say where each comes from."""
    done = run("config", "show", PICKLEWATCH_SCAN_WORKERS="3")
    data = tomllib.loads(done.stdout)
    assert data["scan"]["workers"] == 3
    assert "workers = 3" in done.stdout
    assert "# environment" in next(line for line in done.stdout.splitlines() if line.startswith("workers"))
    as_json = json.loads(run("config", "show", "--json").stdout)
    assert as_json["watch.users"] == {"value": "self", "from": "environment"}


def test_a_file_that_is_missing_is_an_error_only_if_it_was_named(run: Commands, tmp_path: Path) -> None:
    """Both by option and by variable."""
    assert run("config", "check").returncode == 0
    assert run("config", "check", "-c", tmp_path / "none").returncode == 78
    done = run("config", "check", PICKLEWATCH_CONFIG=str(tmp_path / "none"))
    assert done.returncode == 78
    assert "No such file" in done.stderr


def test_the_schema_is_json(run: Commands) -> None:
    """For editors."""
    assert json.loads(run("config", "schema").stdout)["title"] == "picklewatch configuration"


def test_the_example_comes_with_the_command(run: Commands, tmp_path: Path) -> None:
    """Errors name it, so it must be at hand wherever picklewatch is installed; as it is it changes nothing."""
    done = run("config", "example")
    assert (done.returncode, done.stderr) == (0, "")
    assert "# roots = []" in done.stdout
    path = tmp_path / "c.toml"
    path.write_text(done.stdout)
    assert run("config", "check", "-c", path).returncode == 0


def test_an_allowed_import_that_does_harm_is_said_loudly(run: Commands, tmp_path: Path) -> None:
    """It is the operator's to decide, and never quiet."""
    path = tmp_path / "c.toml"
    path.write_text('[allow.imports]\n"os.system" = "we must"\n"mylib.Net" = "ours"\n')
    notes = run("config", "check", "-c", path).stdout.splitlines()[1:]
    assert notes == [
        "note: DANGER: os.system can run programs or shell commands, and is allowed: files with it pass: we must",
        "note: mylib.Net is allowed: ours",
    ]
