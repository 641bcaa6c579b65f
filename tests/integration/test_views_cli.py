"""The commands that show a file's inside, as a person runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from samples import hostile
from samples.torch_checkpoint import checkpoint, torch_zip
from support.watching import PATIENCE, make_record

from picklewatch.core.model import FileId, Verdict
from picklewatch.store import Store


def run(*arguments: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run the real command."""
    return subprocess.run(
        [sys.executable, "-m", "picklewatch", *arguments],
        input=stdin if stdin is not None else b"",
        capture_output=True,
        check=False,
        timeout=PATIENCE,
        env={**os.environ, "COLUMNS": "100"},
    )


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Make a directory with a harmless checkpoint, a hostile one and a text."""
    (tmp_path / "good.pt").write_bytes(checkpoint({"w": [1.0]}))
    (tmp_path / "no-suffix").write_bytes(torch_zip(hostile.EVIL))
    (tmp_path / "notes.txt").write_text("hello")
    return tmp_path


@pytest.mark.parametrize("command", ["trace", "disassemble", "decompile"])
def test_a_piped_view_is_plain_text(models: Path, command: str) -> None:
    """No colours, no pager; the call is in it; the status is 0 however hostile the file is."""
    done = run(command, str(models / "no-suffix"))
    assert done.returncode == 0, done.stderr
    assert b"system('echo')" in done.stdout
    assert b"\x1b" not in done.stdout
    assert done.stderr == b""


@pytest.mark.parametrize("command", ["trace", "disassemble", "decompile"])
def test_json_is_one_object_a_line(models: Path, command: str) -> None:
    """Each line parses, has a kind, and the last one is the total."""
    done = run(command, "--json", "--member", "data.pkl", str(models / "no-suffix"))
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0]["kind"] == "pickle"
    assert lines[-1]["kind"] == "total"


def test_a_member_that_is_not_there_is_a_failure_that_names_those_that_are(models: Path) -> None:
    """A mistyped name must not look like a file without pickles."""
    done = run("trace", "--member", "nope", str(models / "no-suffix"))
    assert done.returncode == 2
    assert b"archive/data.pkl" in done.stdout
    assert run("trace", str(models / "notes.txt")).returncode == 0


def test_standard_input_is_shown_too() -> None:
    """``-`` reads it, from a pipe as well."""
    done = run("decompile", "-", stdin=hostile.EVIL)
    assert b"system('echo')" in done.stdout


@pytest.mark.parametrize("command", ["trace", "disassemble", "decompile", "explain"])
def test_what_can_not_be_opened_is_one_message(tmp_path: Path, command: str) -> None:
    """Status 2, a sentence, no traceback."""
    done = run(command, str(tmp_path / "missing"))
    assert done.returncode == 2
    assert b"no such file" in done.stderr
    assert b"Traceback" not in done.stderr


def test_explain_says_what_why_and_what_now(models: Path) -> None:
    """The status is that of the verdict; the text has every part; the JSON has them as fields."""
    done = run("explain", str(models / "no-suffix"))
    assert done.returncode == 1
    shown = done.stdout.decode()
    for part in ("MALICIOUS", "run the shell command 'echo'", "The lines that matter", "Why", "How sure", "rm -- "):
        assert part in shown
    told = json.loads(run("explain", "--json", str(models / "no-suffix")).stdout)
    assert told["record"]["verdict"] == "malicious"
    assert told["effects"] == ["run the shell command 'echo'"]
    clean = run("explain", str(models / "good.pt"))
    assert clean.returncode == 0
    assert b"only builds data" in clean.stdout


def test_check_takes_what_pytorch_check_took_and_tells_the_truth_by_its_status(models: Path) -> None:
    """``-t`` and ``-d`` show every file's pickles; content decides; 1 where something is unsafe, 0 where nothing is."""
    done = run("check", "-t", "-d", str(models))
    shown = done.stdout.decode()
    assert done.returncode == 1
    assert shown.count("--- Processing") == 3
    assert "# Trace" in shown
    assert "# Disassembly" in shown
    assert f"{models}/no-suffix is unsafe" in shown
    good = run("check", str(models / "good.pt"))
    assert good.returncode == 0
    assert run("check", str(models / "missing")).returncode == 2
    assert run("check", "-", stdin=hostile.EVIL).returncode == 1


def test_check_writes_json_and_one_member_only(models: Path) -> None:
    """Views and record of each file, one object a line."""
    done = run("check", "-d", "--member", "data.pkl", "--json", str(models))
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert {line["member"] for line in lines if line.get("kind") == "pickle"} <= {"archive/data.pkl"}
    assert sorted(Path(line["path"]).name for line in lines if "verdict" in line) == sorted(
        path.name for path in models.iterdir()
    )


def test_explain_of_one_member(models: Path) -> None:
    """The verdict stays the file's."""
    done = run("explain", "--member", "version", str(models / "no-suffix"))
    assert done.returncode == 1
    assert b"lies in this member" in done.stdout


def test_explain_takes_the_ids_and_allowances_of_a_named_state(tmp_path: Path) -> None:
    """As `findings --state-dir` shows them: the record's file is explained, by what is allowed in that state."""
    path, state = tmp_path / "model.pkl", tmp_path / "state"
    path.write_bytes(hostile.EVIL)
    state.mkdir(mode=0o700)
    with closing(Store(state)) as store:
        store.finish(None, make_record(str(path), FileId.of(path.stat()), Verdict.MALICIOUS))
        words = ("explain", "--state-dir", str(state), "--json", "r1")
        told = run(*words)
        assert told.returncode == 1, told.stderr
        assert json.loads(told.stdout)["record"]["path"] == str(path)
        store.allowed.add(sha256(path.read_bytes()).hexdigest(), "ours")
        allowed = run(*words)
    assert (allowed.returncode, json.loads(allowed.stdout)["record"]["outcome"]) == (0, "allowed")
