"""``picklewatch scan`` as its users run it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import shlex
import signal
import socket
import sqlite3
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from support.commands import CLEAN, EVIL, Commands
from support.directories import bind
from support.watching import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def run(tmp_path: Path) -> Commands:
    """The command, with a home of its own."""
    (tmp_path / "home").mkdir()
    return Commands(tmp_path / "home")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A directory with a clean file, a hostile one, and a text."""
    folder = tmp_path / "models"
    (folder / "sub").mkdir(parents=True)
    (folder / "clean.pkl").write_bytes(CLEAN)
    (folder / "sub/evil.bin").write_bytes(EVIL)
    (folder / "readme").write_text("Just words.\n")
    return folder


def records(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """Read JSON lines."""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_directory_is_scanned_with_everything_below_it(run: Commands, models: Path) -> None:
    """One record a content; the worst one sets the exit status."""
    done = run("scan", "--format", "json", models)
    assert (done.returncode, done.stderr) == (1, "")
    found = {os.path.relpath(record["path"], models): record["verdict"] for record in records(done)}
    assert found == {"clean.pkl": "clean", "readme": "skipped", "sub/evil.bin": "malicious"}


def test_records_have_the_documented_keys(run: Commands, models: Path) -> None:
    """This is a contract, docs/records.md, to which keys are added, and none is taken away or renamed."""
    (record,) = records(run("scan", "--format", "json", models / "sub"))
    kept = [
        *("path", "name", "names", "size", "format", "verdict", "reasons", "allowed", "outcome", "findings", "pickles"),
        *("opcodes", "imports", "sha256", "duration_ms", "engine"),
    ]
    assert [key for key in record if key in kept] == kept
    assert (record["path"], record["name"], record["size"]) == (str(models / "sub/evil.bin"), None, len(EVIL))
    assert (record["format"], record["verdict"], record["imports"]) == ("pickle", "malicious", ["os.system"])
    assert list(record["findings"][0]) == ["rule", "level", "where", "summary", "evidence"]
    assert record["reasons"][0] in {finding["rule"] for finding in record["findings"]}
    assert record["opcodes"] > 0
    assert record["duration_ms"] > 0
    assert list(record["engine"]) == ["picklewatch", "fickling", "rules"]
    assert re.fullmatch(r"[0-9a-f]{64}", record["sha256"])


@pytest.mark.parametrize(("version", "word"), [(1, "older"), (99, "newer")])
def test_the_state_of_another_version_is_no_reason_not_to_scan(
    run: Commands, models: Path, tmp_path: Path, version: int, word: str
) -> None:
    """After an upgrade, say: only what was allowed there is not known, which is said."""
    with contextlib.closing(sqlite3.connect(tmp_path / "picklewatch.db")) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    done = run("scan", models / "sub", STATE_DIRECTORY=str(tmp_path))
    assert done.returncode == 1
    assert re.match(rf"picklewatch: the allowed contents are not known: .* {word} picklewatch .*\nhint: ", done.stderr)


def test_text_is_one_line_a_file_and_what_to_do_about_bad_ones(run: Commands, models: Path) -> None:
    """No colours and no progress in a pipe."""
    done = run("scan", models)
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"clean +pickle +\d+ B  .*/clean\.pkl", lines[0])
    assert re.fullmatch(r"skipped +text +12 B  .*/readme", lines[1])
    assert lines[2].startswith("malicious")
    assert f"    next  picklewatch explain {shlex.quote(str(models / 'sub/evil.bin'))}" in lines
    assert re.fullmatch(r"3 files in \d+\.\d s: 1 malicious, 1 clean, 1 skipped", lines[-1])
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_quiet_shows_only_what_is_not_clean(run: Commands, models: Path) -> None:
    """And no summary: nothing at all where all is well."""
    assert run("scan", "-q", models / "clean.pkl").stdout == ""
    shown = run("scan", "-q", models).stdout
    assert "evil.bin" in shown
    assert "clean.pkl" not in shown


@pytest.mark.parametrize(
    ("names", "options", "status"),
    [
        (["clean.pkl", "readme"], [], 0),
        (["clean.pkl", "sub"], [], 1),
        (["clean.pkl", "none"], [], 2),
        (["sub", "none"], [], 1),
        (["none"], ["--fail-on", "unscannable"], 1),
        (["none"], ["--fail-on", "malicious"], 2),
        (["sub"], ["--fail-on", "malicious"], 1),
        (["clean.pkl"], ["--fail-on", "unverified"], 0),
    ],
)
def test_the_exit_status_says_the_worst(
    names: list[str], options: list[str], status: int, run: Commands, models: Path
) -> None:
    """``--fail-on`` moves the line."""
    assert run("scan", *options, *(models / name for name in names)).returncode == status


def test_a_usage_error_is_2_and_a_bad_configuration_78(run: Commands, models: Path, tmp_path: Path) -> None:
    """Neither is mistaken for a verdict."""
    assert run("scan").returncode == 2
    assert run("scan", "--fail-on", "evil", models).returncode == 2
    bad = tmp_path / "bad.toml"
    bad.write_text("[scan]\nworker = 3\n")
    done = run("scan", "-c", bad, models)
    assert (done.returncode, done.stdout) == (78, "")
    assert f'{bad}:2: scan.worker: unknown key; did you mean "workers"?' in done.stderr
    assert run("scan", models, PICKLEWATCH_SCAN_WORKERS="x").returncode == 78
    assert run("scan", "--exclude", "a/b", models).returncode == 2


def test_every_path_is_answered_for(run: Commands, tmp_path: Path) -> None:
    """Missing, broken, special: a record each, at once, without a traceback."""
    folder = tmp_path / "odd"
    folder.mkdir()
    os.mkfifo(folder / "fifo")
    (folder / "broken").symlink_to("none")
    (folder / "loop").symlink_to("loop")
    listener = socket.socket(socket.AF_UNIX)
    bind(listener, folder / "sock")
    done = run("scan", "--format", "json", folder, folder / "none", folder / "fifo", "/dev/null", "/dev/tty")
    listener.close()
    reasons = {os.path.basename(record["path"]): record["reasons"] for record in records(done)}  # noqa: PTH119
    assert reasons.pop("tty") in (["not-a-regular-file"], ["not-readable"])
    assert reasons == {
        "broken": ["broken-link"],
        "fifo": ["not-a-regular-file"],
        "loop": ["broken-link"],
        "none": ["path-missing"],
        "null": ["not-a-regular-file"],
        "sock": ["not-a-regular-file"],
    }
    assert all(record["verdict"] == "unscannable" for record in records(done))
    assert (done.returncode, done.stderr) == (2, "")


def _may_execute(program: str, uid: int) -> bool:
    """Say whether the user *uid* can run *program*."""
    try:
        subprocess.run(
            [program, "-c", "import picklewatch, click"], user=uid, extra_groups=[], check=True, timeout=PATIENCE
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, which only root may")
def test_what_may_not_be_read_is_answered_for(run: Commands, models: Path) -> None:
    """A file and a directory of someone else."""
    (models / "clean.pkl").chmod(0o600)
    (models / "sub").chmod(0o700)
    for directory in (models, *models.parents[:3]):
        directory.chmod(0o755)
    line = run.line("scan", "--format", "json", ".")
    if not _may_execute(line[0], 65534):
        pytest.skip("another user can't run this interpreter")
    done = subprocess.run(
        line, capture_output=True, text=True, cwd=models, user=65534, group=65534, extra_groups=[], env=run.environ,
        check=False, timeout=PATIENCE,
    )  # fmt: skip
    found = {os.path.basename(record["path"]): record["reasons"] for record in records(done)}  # noqa: PTH119
    assert found == {"clean.pkl": ["not-readable"], "readme": [], "sub": ["not-readable"]}
    assert done.returncode == 2


def test_names_can_not_break_the_output(run: Commands, tmp_path: Path) -> None:
    """Neither a line of JSON, nor a terminal; the command to paste still names the file."""
    folder = tmp_path / "names"
    folder.mkdir()
    hostile = os.fsdecode(b"\xff\n\x1b[31m\xe2\x80\xaeevil'")
    (folder / hostile).write_bytes(EVIL)
    (record,) = records(run("scan", "--format", "json", folder))
    assert record["path"] == f"{folder}/\\xff\\x0a\\x1b[31m\\u202eevil'"
    shown = run("scan", folder).stdout
    assert all(line.isprintable() for line in shown.splitlines())
    command = next(line for line in shown.splitlines() if "explain" in line).split("explain ")[1]
    pasted = subprocess.run(["bash", "-c", f"cat {command}"], capture_output=True, check=True, timeout=PATIENCE)
    assert pasted.stdout == EVIL


def test_a_cache_is_shown_with_human_names(run: Commands, tmp_path: Path) -> None:
    """The blob once, with the snapshots that lead to it."""
    repository = tmp_path / "hub/models--org--model"
    (repository / "blobs").mkdir(parents=True)
    (repository / "snapshots/0123").mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text("0123")
    (repository / "blobs/abc").write_bytes(EVIL)
    (repository / "snapshots/0123/pytorch_model.bin").symlink_to("../../blobs/abc")
    hostile = [r for r in records(run("scan", "--format", "json", tmp_path / "hub")) if r["verdict"] == "malicious"]
    assert [(record["path"], record["name"], record["names"]) for record in hostile] == [
        (
            f"{repository}/blobs/abc",
            "org/model@main: pytorch_model.bin",
            [f"{repository}/snapshots/0123/pytorch_model.bin"],
        )
    ]
    by_link = records(run("scan", "--format", "json", repository / "snapshots"))
    assert [record["path"] for record in by_link] == [f"{repository}/blobs/abc"]


def test_standard_input(run: Commands, tmp_path: Path, models: Path) -> None:
    """From a pipe and from a file; it has no path but the dash."""
    (piped,) = records(run("scan", "--format", "json", "-", given=EVIL))
    assert (piped["path"], piped["name"], piped["verdict"], piped["size"]) == ("-", None, "malicious", len(EVIL))
    with (models / "sub/evil.bin").open("rb") as file:
        done = subprocess.run(
            run.line("scan", "--format", "json", "-"), stdin=file, capture_output=True, text=True, env=run.environ,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
    assert records(done)[0]["sha256"] == piped["sha256"]
    assert run("scan", "-", given=b"").returncode == 0


def test_a_digest_that_the_operator_allows_is_nothing_unsafe_and_not_clean(run: Commands, models: Path) -> None:
    """Exit status 0; the verdict stays, and the summary counts it apart."""
    (record,) = records(run("scan", "--format", "json", models / "sub"))
    config = run.home / "allow.toml"
    config.write_text(f'[allow.digests]\n{record["sha256"]} = "our own"\n')
    done = run("scan", "-c", config, models / "sub")
    assert done.returncode == 0
    assert "allowed although it is malicious: our own" in done.stdout
    assert ": 1 allowed" in done.stdout
    (allowed,) = records(run("scan", "--format", "json", "-c", config, models / "sub"))
    assert (allowed["verdict"], allowed["outcome"], allowed["allowed"]) == ("malicious", "allowed", "our own")


def test_a_reader_that_goes_away_is_no_error(run: Commands, tmp_path: Path) -> None:
    """``picklewatch scan … | head`` ends at once, without a word."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(600):
        (folder / f"{number}").write_bytes(CLEAN)
    with subprocess.Popen(
        run.line("scan", folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=run.environ
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(PATIENCE) == 141


@pytest.mark.parametrize(
    ("redirection", "status", "message"),
    [
        ("scan clean.pkl > /dev/full", 2, "picklewatch: error: the output can't be written: No space left on device"),
        ("scan sub >&-", 1, ""),
        ("scan none 2>&-", 2, ""),
        ("scan - <&-", 2, "picklewatch: error: standard input can't be read: Bad file descriptor"),
        ("config show > /dev/full", 2, "picklewatch: error: the output can't be written: No space left on device"),
        ("scan --no-such-option 2> /dev/full", 2, ""),
    ],
)
def test_streams_that_are_full_or_closed(
    redirection: str, status: int, message: str, run: Commands, models: Path
) -> None:
    """One message at most, no traceback; a descriptor that was free is never taken for an output."""
    line = f"{run.line()[0]} -I -m picklewatch {redirection}"
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, cwd=models, env=run.environ, check=False, timeout=PATIENCE
    )
    assert (done.returncode, done.stderr.strip()) == (status, message)


def test_ctrl_c_ends_at_once(run: Commands, tmp_path: Path) -> None:
    """With one word and the shell's status, and no child left behind."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(3000):
        (folder / f"{number}").write_bytes(CLEAN)
    with subprocess.Popen(
        run.line("scan", folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=run.environ, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(PATIENCE) == 130
        assert process.stderr.read().strip().endswith("picklewatch: interrupted")


def test_a_terminal_gets_colours_and_progress(run: Commands, tmp_path: Path) -> None:
    """The bar is gone at the end; what was printed is whole."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(300):
        (folder / f"{number:03}").write_bytes(CLEAN)
    (folder / "evil").write_bytes(EVIL)
    config = tmp_path / "config.toml"
    config.write_text("scan.batch = 1\n")  # a process for each: no machine is done before there is a bar
    main, terminal = pty.openpty()
    environ = {**run.environ, "TERM": "xterm"}
    with subprocess.Popen(
        run.line("scan", "-c", config, folder), stdout=terminal, stderr=terminal, env=environ
    ) as process:
        os.close(terminal)
        shown = b""
        while True:
            try:
                data = os.read(main, 65536)
            except OSError:
                break
            shown += data
        assert process.wait(PATIENCE) == 1
    os.close(main)
    text = shown.decode()
    assert "of 301 files" in text
    assert "\x1b[1;97;41mmalicious\x1b[0m" in text
    whole = re.sub(r"\r\x1b\[2K|\x1b\[[0-9;]*m", "", re.sub(r"\r\x1b\[2K[^\r\n]*?(?=\r\x1b\[2K)", "", text))
    assert len([line for line in whole.splitlines() if line.startswith("clean ")]) == 300


def test_code_is_told_once_for_each_repository(run: Commands, tmp_path: Path) -> None:
    """In a cache by its repository's name, in one's own folder as a number; a file that was named, by itself."""
    hub, own = tmp_path / "torch" / "hub" / "org_model_main", tmp_path / "src"
    for folder in (hub, own):
        folder.mkdir(parents=True)
        for name in ("a.py", "b.py"):
            (folder / name).write_text(f"import os  # {folder.name} {name}\n")
    text = run("scan", hub, own).stdout
    assert "2 files  torch.hub org_model_main: a.py, b.py" in text
    assert "2 files of source code" in text
    assert str(own) not in text
    assert str(own / "a.py") in run("scan", own / "a.py").stdout
    assert [record["format"] for record in records(run("scan", "--format", "json", hub, own))] == ["python"] * 4
