"""The command line itself: what is loaded when, how failures look, help texts."""

from __future__ import annotations

import importlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from support.commands import CLEAN, Commands
from support.watching import PATIENCE

from picklewatch import __main__ as first_steps
from picklewatch import __version__, cli
from picklewatch.cli import COMMANDS, common, invoke
from picklewatch.config import sources
from picklewatch.core.errors import ConfigError, Error, ExitStatus, StateError
from picklewatch.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

GOLDEN = Path(__file__).parent / "help"
"""Help texts as they should be; ``PICKLEWATCH_GOLDEN=1 pytest tests/unit/test_cli.py`` writes them anew."""


def load(name: str) -> click.Command:
    """Import a command."""
    command = importlib.import_module(f"picklewatch.cli.{name}").command
    assert isinstance(command, click.Command)
    return command


def pages() -> Iterator[tuple[str, ...]]:
    """Give every command and sub-command."""
    yield ()
    for name in COMMANDS:
        yield (name,)
        command = load(name)
        if isinstance(command, click.Group):
            yield from ((name, below) for below in sorted(command.commands))


@pytest.mark.parametrize("words", list(pages()), ids=lambda words: " ".join(words) or "picklewatch")
def test_help_reads_as_it_should(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A change of a help text is a change of this golden file, seen in review."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("shutil.get_terminal_size", lambda *_: os.terminal_size((80, 24)))
    assert invoke([*words, "--help"]) == 0
    shown = capsys.readouterr().out
    golden = GOLDEN / f"{'-'.join(words) or 'picklewatch'}.txt"
    if os.environ.get("PICKLEWATCH_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(shown)
    assert shown == golden.read_text()


@pytest.mark.parametrize("words", list(pages()), ids=lambda words: " ".join(words) or "picklewatch")
def test_paths_that_can_not_be_read_are_answered_for_by_the_command(words: tuple[str, ...]) -> None:
    """By a record, or by status 78: a usage error would leave the other paths of the line unscanned."""
    command: click.Command = load(words[0]) if words else cli.cli
    if len(words) > 1:
        assert isinstance(command, click.Group)
        command = command.commands[words[1]]
    assert [each.name for each in command.params if isinstance(each.type, click.Path) and each.type.readable] == []


@pytest.mark.parametrize("name", list(COMMANDS))
def test_the_table_of_commands_is_in_step(name: str) -> None:
    """The list shows the same sentence as the command's own help."""
    first, *_ = (load(name).help or "").split("\n\n")
    assert " ".join(first.split()) == COMMANDS[name]


def test_the_list_of_commands_loads_none_of_them() -> None:
    """Nor any library that only some commands need: the answer comes at once."""
    heavy = (
        "pydantic",
        "watchdog",
        "structlog",
        "fickling",
        "picklewatch.config.schema",
        "picklewatch.sandbox",
    )
    code = (
        "import sys\nfrom picklewatch.cli import invoke\ninvoke(['--help'])\n"
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    assert done.stderr.strip() == "[]"
    assert "doctor" in done.stdout


def test_a_scan_without_configuration_loads_no_pydantic() -> None:
    """A hook or a CI job that scans one file should not wait for it."""
    code = (
        "import sys\nfrom picklewatch.cli import common\n"
        "common.state_dir = lambda _given=None: __import__('pathlib').Path('/none')\n"
        "import picklewatch.cli.scan, picklewatch.config.sources as f\nf.SYSTEM_FILE = common.state_dir()\n"
        "common.scan_settings(None)\nprint('pydantic' in sys.modules)"
    )
    environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE, env=environ
    )
    assert done.stdout.strip() == "False"


def test_a_status_loads_little(tmp_path: Path) -> None:
    """Scripts ask every few seconds: nothing that watches, scans, moves or asks a socket is loaded to read a state."""
    heavy: tuple[str, ...] = (
        "pydantic",
        "structlog",
        "picklewatch.watch",
        "picklewatch.scanning",
        "picklewatch.quarantine",
    )
    heavy += ("picklewatch.access", "picklewatch.ipc", "picklewatch.config.schema", "ctypes")
    Store(tmp_path).close()
    code = (
        f"import sys\nfrom picklewatch.cli import invoke\nprint(invoke(['status', '--state-dir', {str(tmp_path)!r}]))\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    assert done.stdout.splitlines()[-2:] == ["3", "[]"]


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """As other tools do it."""
    assert invoke(["--version"]) == 0
    assert capsys.readouterr().out == f"picklewatch, version {__version__}\n"


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """It is a usage error."""
    assert invoke([]) == 2
    assert "Commands:" in capsys.readouterr().err


def test_an_unknown_command_is_answered_with_the_one_that_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    """Or with where to find them; whatever was typed can't reach the terminal unescaped."""
    assert invoke(["scna"]) == 2
    assert "Did you mean 'scan'?" in capsys.readouterr().err
    assert invoke(["\x1b[31mxyz"]) == 2
    shown = capsys.readouterr().err
    assert "\x1b" not in shown
    assert "--help" in shown


def run_failing(failure: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a command that fails with *failure*."""

    def fail(**_: object) -> None:
        raise failure

    monkeypatch.setattr(load("rules"), "callback", fail)
    return invoke(["rules"])


@pytest.mark.parametrize(
    ("failure", "status", "message"),
    [
        (Error("it is\nbroken", "mend it"), 2, "picklewatch: error: it is\\x0abroken\nhint: mend it\n"),
        (StateError("held by 7"), 78, "picklewatch: error: held by 7\n"),
        (ConfigError("2 mistakes:", ("one", "two")), 78, "picklewatch: error: 2 mistakes:\n  one\n  two\n"),
        (KeyboardInterrupt(), 130, "picklewatch: interrupted\n"),
        (BrokenPipeError(), 141, ""),
        (OSError(28, "No space left on device", "/tmp/x"), 75, "picklewatch: error: No space left on device: /tmp/x\n"),
        (PermissionError(13, "Permission denied", "/x\x1b"), 2, "picklewatch: error: Permission denied: /x\\x1b\n"),
        (MemoryError(), 75, "picklewatch: error: memory ran out\n"),
        (sqlite3.OperationalError("disk I/O error"), 75, "picklewatch: error: the database can't be used: disk I/O"),
    ],
)
def test_failures_that_a_user_can_mend_are_one_message(
    failure: BaseException,
    status: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """With their exit status, and no traceback."""
    monkeypatch.setattr(cli, "_discard", lambda _stream: None)
    assert run_failing(failure, monkeypatch) == status
    shown = capfd.readouterr().err
    assert shown.startswith(message)
    assert "Traceback" not in shown
    assert shown == message or shown.splitlines()[-1].startswith("hint: ")


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """It should be reported, with all there is to know; its status is not that of an unsafe file."""
    assert run_failing(ZeroDivisionError("x"), monkeypatch) == ExitStatus.INTERNAL
    shown = capfd.readouterr().err
    assert "Traceback" in shown
    *_, message, hint = shown.splitlines()
    assert (message, hint[:20]) == ("picklewatch: error: internal error: ZeroDivisionError: x", "hint: This is a bug:")


@pytest.mark.parametrize(
    ("environ", "uid", "expected"),
    [
        ({"STATE_DIRECTORY": "/var/lib/a:/var/lib/b", "XDG_STATE_HOME": "/x"}, 1000, "/var/lib/a"),
        ({"XDG_STATE_HOME": "/x"}, 1000, "/x/picklewatch"),
        ({"XDG_STATE_HOME": "x"}, 1000, "/h/.local/state/picklewatch"),
        ({}, 1000, "/h/.local/state/picklewatch"),
        ({}, 0, "/var/lib/picklewatch"),
    ],
)
def test_the_state_directory_follows_option_service_and_user(
    environ: dict[str, str], uid: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon and the commands that ask about it find the same directory."""
    for name in ("STATE_DIRECTORY", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/h", **environ}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("os.geteuid", lambda: uid)
    assert common.state_dir() == Path(expected)
    assert common.state_dir(Path("/given")) == Path("/given")


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (ModuleNotFoundError("No module named 'click'", name="click"), 78),
        (ModuleNotFoundError("No module named 'picklewatch.x'", name="picklewatch.x"), 70),
        (SyntaxError("invalid syntax"), 70),
        (OSError(24, "Too many open files"), 75),
    ],
)
def test_picklewatch_that_can_not_be_loaded_says_so(
    failure: Exception, status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """Such as in the middle of an upgrade: not with a traceback and the status of an unsafe file."""
    assert first_steps._not_loaded(failure) == status
    message, hint = capfd.readouterr().err.splitlines()
    assert message.startswith("picklewatch: error: ")
    assert hint.startswith("hint: ")


def test_a_user_without_a_home_has_the_root_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers run as any number: there is no configuration of such a user, and files can be scanned."""

    def unknown(_uid: int) -> None:
        raise KeyError

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    assert sources.home() == Path("/")
    assert sources.home({"HOME": "/h"}) == Path("/h")


def test_a_state_directory_that_leads_nowhere_is_refused() -> None:
    """With a message, not a traceback."""
    with pytest.raises(StateError):
        common.state_dir(Path("~nobody-has-this-name/x"))


def test_files_are_scanned_from_a_directory_that_is_gone(tmp_path: Path) -> None:
    """A shell may stay in it after somebody removed it; no import, path or sandbox needs it."""
    (tmp_path / "ok.pkl").write_bytes(CLEAN)
    gone = tmp_path / "gone"
    gone.mkdir()
    scan = Commands(tmp_path)
    script = f'cd "{gone}" && rmdir "{gone}" && exec "$@"'
    line = ["sh", "-c", script, "sh", *scan.line("scan", tmp_path / "ok.pkl")]
    done = subprocess.run(line, capture_output=True, text=True, env=scan.environ, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_exit_status_is_documented() -> None:
    """docs/exit-status.md has a row for each."""
    page = (Path(__file__).parents[2] / "docs/exit-status.md").read_text()
    for status in (*ExitStatus, cli.INTERRUPTED, cli.BROKEN_PIPE):
        assert f"| {int(status)} |" in page
