"""Output and exit status of `picklewatch status`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from support.watching import make_record

from picklewatch.cli import cli
from picklewatch.core.errors import StateError
from picklewatch.core.model import FileId, Verdict
from picklewatch.service import daemon_status
from picklewatch.store import Store
from picklewatch.store.lock import StateLock
from picklewatch.telemetry.daemon_report import DaemonReport, RootReport
from picklewatch.telemetry.health_problem import HealthProblem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result


def run(state: Path, *arguments: str) -> Result:
    """`picklewatch status` on *state*."""
    return CliRunner().invoke(cli, ["status", "--state-dir", str(state), *arguments], standalone_mode=False)


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[StateLock]:
    """The lock of a daemon that runs."""
    lock = StateLock(tmp_path)
    yield lock
    lock.release()


def told(silent: float = 0.0, **more: object) -> dict[str, object]:
    """What this process would have written as the daemon, *silent* seconds ago."""
    now = time.time()
    beat = daemon_status.beat()
    root = {"wanted": "/c", "label": "PyTorch", "path": "/real/c", "state": "watched", "reason": ""}
    return {
        "version": "1.0",
        "started": now - 90,
        **beat,
        "beat_running": beat["beat_running"] - silent,
        "pid": os.getpid(),
        "ready": True,
        "degraded": [],
        "roots": [root],
        "counts": {"missed": 2},
        "per_second": 3.5,
        "in_hand": 1,
        "quarantine": "off",
        "peak_kib": 50_000,
        "scan_peak_kib": 70_000,
        "walking": "/c",
        **more,
    }


def write(state: Path, **more: object) -> None:
    """A state directory in which something was found."""
    store = Store(state)
    store.put_state(daemon_status.KEY, told(**more))  # type: ignore[arg-type]
    store.finish(None, make_record("/c/evil\x1b.pt", FileId(1, 2, 3, 4, 5), Verdict.MALICIOUS), quarantine=True)
    store.close()


def test_nothing_ever_ran(tmp_path: Path) -> None:
    """Says so and what to do, and creates nothing."""
    result = run(tmp_path / "none")
    assert result.return_value == 3
    assert "never ran" in result.output
    assert "picklewatch run" in result.output
    assert list(tmp_path.iterdir()) == []
    assert json.loads(run(tmp_path / "none", "--json").output)["running"] is False


def test_running_and_healthy(tmp_path: Path, lock: StateLock) -> None:
    """Exit status 0; everything a person wants to know."""
    write(tmp_path)
    result = run(tmp_path)
    assert result.return_value == 0
    for words in (
        "running and healthy",
        str(os.getpid()),
        "/c -> /real/c",
        "1 not there any more",
        "1 to be moved",
        "report only",
        "48 MiB at most in the daemon's own process, 68 MiB in a scan",
    ):
        assert words in result.output
    assert "2 files were found by the periodic walk" in result.output
    assert "\x1b" not in result.output


def test_what_was_repaired_is_shown(tmp_path: Path, lock: StateLock) -> None:
    """What went wrong and is over, and a missing directory that somebody asked for; caches come and go."""
    roots = [
        {"wanted": wanted, "label": label, "path": None, "state": "waiting", "reason": ""}
        for wanted, label in (("/asked", "watch.roots"), ("/given", "command line"), ("/c", "PyTorch, of root"))
    ]
    write(tmp_path, faults={"watch-lost": 1, "watch-root-gone": 2}, roots=roots)
    result = run(tmp_path)
    assert result.return_value == 0
    for words in (
        "2 watch-root-gone, 1 watch-lost, since the start",
        "/asked  (watch.roots; not there, watched as soon as it is)",
        "/given  (command line; not there",
    ):
        assert words in result.output
    assert "1 more that do not exist yet" in result.output


def test_what_is_known_and_not_watched_is_named_with_the_reason(tmp_path: Path, lock: StateLock) -> None:
    """Apart from what is watched; a link shows where it leads."""
    link = {"wanted": "/c/hub", "label": "Torch, by a link", "path": "/big", "state": "watched", "reason": ""}
    refused = {"wanted": "/c/x", "label": "Torch, by a link", "path": None, "state": "waiting"}
    write(tmp_path, roots=[link, refused | {"reason": "/c/x is not followed: it leads to /"}])
    shown = run(tmp_path).output
    watched, not_watched = shown.index("/c/hub -> /big  (Torch, by a link; watched)"), shown.index("Not watched:")
    assert watched < not_watched < shown.index("/c/x  (Torch, by a link): not followed: it leads to /")


def test_running_and_degraded(tmp_path: Path, lock: StateLock) -> None:
    """Exit status 1; what is wrong and what to do."""
    problem = {"what": "watch-limit", "subject": "/c", "reason": "no watches left", "hint": "Raise it."}
    write(tmp_path, degraded=[problem])
    result = run(tmp_path)
    assert result.return_value == 1
    assert "running and degraded" in result.output
    assert "watch-limit: /c: no watches left" in result.output
    assert "Raise it." in result.output


def test_a_silent_daemon_is_not_called_healthy(tmp_path: Path, lock: StateLock) -> None:
    """It holds the lock and has not written for a minute."""
    write(tmp_path, silent=60.0)
    result = run(tmp_path, "--json")
    assert result.return_value == 1
    assert [problem["what"] for problem in json.loads(result.output)["degraded"]] == ["daemon-silent"]


def test_a_clock_that_was_set_makes_no_daemon_silent(tmp_path: Path, lock: StateLock) -> None:
    """The time of day has nothing to do with how long ago it wrote; nor does it hide that it hangs."""
    for beat in (0.0, time.time() + 1e6):
        write(tmp_path, beat=beat)
        assert run(tmp_path).return_value == 0
        write(tmp_path, beat=beat, silent=60.0)
        assert "daemon-silent" in run(tmp_path).output


def test_a_daemon_of_a_former_version_has_the_time_of_day_alone(tmp_path: Path, lock: StateLock) -> None:
    """It was not started again after an upgrade."""
    store = Store(tmp_path)
    for ago, found in ((0, False), (60, True)):
        store.put_state(daemon_status.KEY, {"pid": os.getpid(), "ready": True, "beat": time.time() - ago})
        assert ("daemon-silent" in run(tmp_path).output) is found
    store.close()


def test_what_another_version_wrote_is_read(tmp_path: Path, lock: StateLock) -> None:
    """What it has otherwise counts as not written, what it has besides is passed on; nothing ends in a traceback."""
    problem = {"what": "watch-limit", "subject": "/c", "reason": "no watches left", "hint": "", "since": 7}
    write(
        tmp_path,
        walking=5,
        per_second="fast",
        roots={"/c": "watched"},
        counts=[1],
        peak_kib=None,
        degraded=[problem, {"why": "no"}, 3],
        unprotected="nothing",
        newer={"key": [1]},
    )
    for option in ("--json", "--metrics"):
        assert run(tmp_path, option).return_value == 1
    assert "watch-limit: /c: no watches left" in run(tmp_path).output
    shown = json.loads(run(tmp_path, "--json").output)
    assert (shown["newer"], [each["what"] for each in shown["degraded"]]) == ({"key": [1]}, ["watch-limit"])


def test_a_report_is_read_as_it_was_written() -> None:
    """Through JSON: every field, the nested ones too."""
    problem = HealthProblem("watch-limit", "/c", "no watches left")
    root = RootReport(wanted="/c", label="PyTorch", path="/real/c", state="watched")
    report = DaemonReport(
        version="1.0", pid=7, started=1.5, ready=True, degraded=(problem,), counts={"missed": 2}, per_second=3,
        walking="/c", peak_kib=1, unprotected=("no Landlock",), roots=(root,), quarantine="off", beat=2.5, boot="b",
    )  # fmt: skip
    assert DaemonReport.of(json.loads(json.dumps(asdict(report)))) == report


@pytest.mark.parametrize(
    "former", [{"pid": os.getpid() + 1}, {"boot": "another"}, {"stopped": 1.0}], ids=["process", "boot", "stopped"]
)
def test_what_a_former_daemon_wrote_is_not_called_healthy(
    tmp_path: Path, lock: StateLock, former: dict[str, object]
) -> None:
    """One that was killed left word that all is well; the next one has not written yet."""
    problem = {"what": "watch-limit", "subject": "/c", "reason": "no watches left", "hint": "Raise it."}
    write(tmp_path, degraded=[problem], silent=60.0, **former)
    result = run(tmp_path)
    assert result.return_value == 1
    assert "running and starting" in result.output
    for words in ("watch-limit", "Watched:", "report only", "for 0 s"):
        assert words not in result.output, "that is not known yet"
    assert "1 not there any more" in result.output


@pytest.mark.parametrize("blind", ["daemon", "reader"])
def test_where_nobody_can_tell_the_boot_its_daemon_is_believed(
    tmp_path: Path, lock: StateLock, monkeypatch: pytest.MonkeyPatch, blind: str
) -> None:
    """There is no /proc where it runs, or where it is asked."""
    write(tmp_path, **({"boot": ""} if blind == "daemon" else {}))
    if blind == "reader":
        monkeypatch.setattr(daemon_status, "_BOOT", tmp_path / "none")
    assert run(tmp_path).return_value == 0


def test_what_could_not_be_written_is_not_called_healthy(tmp_path: Path, lock: StateLock) -> None:
    """The disk is full: what the daemon wrote last says that all is well."""
    write(tmp_path)
    lock.note("the database can't be used: database or disk is full")
    result = run(tmp_path)
    assert result.return_value == 1
    assert "store-unwritable: the database can't be used: database or disk is full" in result.output
    write(tmp_path, silent=60.0)
    assert "daemon-silent" not in run(tmp_path).output, "it is said why it has not written"
    write(tmp_path)
    lock.note("")
    assert run(tmp_path).return_value == 0


def test_not_running_any_more(tmp_path: Path) -> None:
    """Exit status 3; what was found is still shown."""
    write(tmp_path)
    result = run(tmp_path)
    assert result.return_value == 3
    assert "not running (last seen" in result.output
    assert "malicious" in result.output


def test_still_starting(tmp_path: Path, lock: StateLock) -> None:
    """The lock is taken and nothing is written yet."""
    result = run(tmp_path)
    assert result.return_value == 1
    assert "starting" in result.output


def test_a_state_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Says whose it is, in place of a traceback."""

    def refused(_state: Path) -> dict[str, object]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(daemon_status, "read", refused)
    result = run(tmp_path)
    assert isinstance(result.exception, StateError)
    assert "may not be read" in result.exception.message


def test_a_damaged_state_is_explained(tmp_path: Path) -> None:
    """No traceback for garbage in place of the database."""
    (tmp_path / "picklewatch.db").write_bytes(b"garbage" * 1000)
    result = run(tmp_path)
    assert isinstance(result.exception, StateError)


def test_the_memory_is_our_own_and_not_that_of_who_started_us() -> None:
    """The kernel's count for a process may include its parent's at the time."""
    ours = "from picklewatch.service.daemon_status import peak_kib; print(peak_kib())"
    then = f"subprocess.run([sys.executable, '-c', {ours!r}], check=True)"
    parents = f"import subprocess, sys; large = bytearray(b'x') * (400 << 20); {then}"
    said = subprocess.run([sys.executable, "-c", parents], check=True, capture_output=True, text=True).stdout
    assert 5_000 < int(said) < 200_000


def test_findings_say_when_their_file_is_gone(tmp_path: Path) -> None:
    """A deleted file's finding is shown as history, also of one whose name is shown escaped."""
    (tmp_path / "state").mkdir()
    store = Store(tmp_path / "state")
    (tmp_path / "there.pt").write_bytes(b"")
    there_now = FileId.of((tmp_path / "there.pt").stat())
    for name, file in (
        ("there.pt", there_now),
        ("gone.pt", FileId(1, 1, 3, 4, 5)),
        ("odd\x1b.pt", FileId(1, 2, 3, 4, 5)),
    ):
        store.finish(None, make_record(str(tmp_path / name), file, Verdict.MALICIOUS))
    store.close()
    lines = run(tmp_path / "state").stdout.splitlines()
    (there,), (missing,), (odd_one,) = (
        [line for line in lines if name in line] for name in ("there.pt", "gone.pt", "odd")
    )
    assert missing.endswith(" ago, not there any more")
    assert there.endswith(" ago")
    assert odd_one.endswith(" ago, not there any more")
