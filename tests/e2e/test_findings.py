"""A person asks a machine what is unsafe on it now, and what became of everything that was judged."""

from __future__ import annotations

import csv
import io
import json
import os
from typing import TYPE_CHECKING

from support.commands import Commands
from support.daemon_process import BENIGN, HOSTILE, Process
from support.watching import eventually

if TYPE_CHECKING:
    from pathlib import Path


def test_a_person_asks_what_is_unsafe_now(tmp_path: Path) -> None:
    """A listed file can be explained by its id and by the name that was shown; one that went is history alone."""
    (tmp_path / "root").mkdir()
    for name, content in (("a.pt", HOSTILE), ("gone.pt", HOSTILE + b"0"), ("b.pt", BENIGN)):
        (tmp_path / "root" / name).write_bytes(content)
    run = Commands(tmp_path)
    run.environ["STATE_DIRECTORY"] = str(tmp_path / "state")
    with Process(tmp_path) as daemon:
        assert eventually(lambda: len(daemon.events("file.scanned")) == 3)
        logged = {event["path"]: event["id"] for event in daemon.events("file.scanned")}
        assert run("explain", logged[str(tmp_path / "root/a.pt")]).returncode == 1
        (tmp_path / "root/gone.pt").unlink()

        listed = run("findings")
        assert listed.returncode == 1
        assert "a.pt" in listed.stdout
        assert "gone.pt" not in listed.stdout
        assert "b.pt" not in listed.stdout
        assert "posix.system" in listed.stdout  # it says what the file does
        (command,) = (line.split("next", 1)[1] for line in listed.stdout.splitlines() if " next " in line)

        explained = run(*command.split()[1:])
        assert explained.returncode == 1
        assert "run the shell command" in explained.stdout

        past = [json.loads(line) for line in run("history", "--json").stdout.splitlines()]
        assert {each["path"].rsplit("/", 1)[1]: each["where"] for each in past} == {
            "a.pt": "there",
            "b.pt": "there",
            "gone.pt": "gone",
        }
        (gone,) = (each for each in past if each["where"] == "gone")
        recorded = run("explain", gone["id"])
        assert recorded.returncode == 1
        assert "not there any more" in recorded.stdout

        assert run("status").stdout.startswith("! 1 unsafe file is there now: `picklewatch findings`")
        assert run("status").returncode == 4
        assert "picklewatch_unsafe_now_files 1" in run("status", "--metrics").stdout

        rows = list(csv.DictReader(io.StringIO(run("findings", "--csv").stdout)))
        assert [row["verdict"] for row in rows] == ["malicious"]
        assert run("findings", "--path", str(tmp_path / "root/b.pt")).returncode == 0
        (tmp_path / "root/a.pt").unlink()
        assert run("status").returncode == 0
        assert "there are more" in run("history", "--limit", "1").stderr


def test_names_that_lead_nowhere_say_so(tmp_path: Path) -> None:
    """Without a state, a missing record, and a name that may be two things: each error tells what to do."""
    run = Commands(tmp_path)
    for words in (("findings",), ("explain", "r12")):
        ended = run(*words)
        assert ended.returncode == 78
        assert "hint: " in ended.stderr
    (tmp_path / "root").mkdir()
    with Process(tmp_path):
        run.environ["STATE_DIRECTORY"] = str(tmp_path / "state")
        missing = run("explain", "r999")
        assert (missing.returncode, "there is no record r999" in missing.stderr) == (2, True)
        assert run("findings", "--since", "soon").returncode == 2
        assert run("findings", "--user", "nobody-of-that-name").returncode == 2
        assert run("findings", "--json", "--csv").returncode == 2


def test_a_person_allows_a_content_and_takes_it_back(tmp_path: Path) -> None:
    """It is no finding at once and shown as allowed, never clean; the verdict stays, and comes back."""
    path = tmp_path / "root/a.pt"
    path.parent.mkdir()
    path.write_bytes(HOSTILE)
    run = Commands(tmp_path)
    run.environ["STATE_DIRECTORY"] = str(tmp_path / "state")
    with Process(tmp_path):
        assert eventually(lambda: run("findings").returncode == 1)
        assert run("allow", "r1").returncode == 2  # without a reason
        for when in ("2020-01-01", "soon", "0"):
            assert run("allow", "r1", "--reason", "ours", "--until", when).returncode == 2
        assert run("allow", "r1", "--reason", "our \x1b own", "--until", "2100-12-31").returncode == 0
        assert "until 2101-01-01 00:00" in run("allow", "list").stdout
        assert run("findings").returncode == 0
        assert run("status").returncode == 0
        (entry,) = map(json.loads, run("allow", "list", "--json").stdout.splitlines())
        assert (entry["reason"], entry["size"]) == ("our \x1b own", len(HOSTILE))
        assert "\x1b" not in run("allow", "list").stdout
        scanned = run("scan", "--format", "json", path)
        (record,) = map(json.loads, scanned.stdout.splitlines())
        assert (scanned.returncode, record["verdict"], record["outcome"]) == (0, "malicious", "allowed")
        assert run("allow", "remove", "r1").returncode == 0
        assert run("findings").returncode == 1
        assert run("allow", "remove", "r1").returncode == 2

        path.write_bytes(HOSTILE + b"0")
        refused = run("allow", "r1", "--reason", "ours")
        assert (refused.returncode, "is not what was judged" in refused.stderr) == (2, True)
        assert run("allow", path, "--reason", "looked at it").returncode == 0
        assert run("allow", "remove", json.loads(run("allow", "list", "--json").stdout)["sha256"][:10]).returncode == 0


def test_a_moved_file_is_shown_restored_and_deleted_by_its_records_id(tmp_path: Path) -> None:
    """And by its path as it is typed; a record whose file was not moved says so."""
    (tmp_path / "root").mkdir()
    for name, content in (("a.pt", HOSTILE), ("b.pt", HOSTILE + b"0"), ("c.pt", BENIGN)):
        (tmp_path / "root" / name).write_bytes(content)
    run = Commands(tmp_path)
    run.environ["STATE_DIRECTORY"] = str(tmp_path / "state")
    with Process(tmp_path, '[quarantine]\nlevel = "unsafe"\n'):

        def moved() -> dict[str, str]:
            past = map(json.loads, run("history", "--json").stdout.splitlines())
            return {each["path"][-4:]: each["id"] for each in past if each["where"] == "quarantined"}

        assert eventually(lambda: moved().keys() == {"a.pt", "b.pt"})
        ids = moved()
        assert str(tmp_path / "root/a.pt") in run("quarantine", "show", ids["a.pt"]).stdout
        relative = os.path.relpath(tmp_path / "root/a.pt")
        assert str(tmp_path / "root/a.pt") in run("quarantine", "show", relative).stdout
        assert run("quarantine", "restore", ids["a.pt"], "--yes", "--reason", "ours").returncode == 0
        assert (tmp_path / "root/a.pt").read_bytes() == HOSTILE
        assert run("quarantine", "delete", ids["b.pt"], "--yes").returncode == 0
        assert run("quarantine", "list").stdout == "Nothing is in quarantine.\n"
        kept = json.loads(run("history", "--path", str(tmp_path / "root/c.pt"), "--json").stdout)["id"]
        refused = run("quarantine", "show", kept)
        assert (refused.returncode, "was not moved to quarantine" in refused.stderr) == (2, True)
        assert run("quarantine", "show", "r999").returncode == 2
