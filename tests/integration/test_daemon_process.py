"""The real daemon in a process of its own, with the real sandbox: bursts of files, kills, signals."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.daemon_process import BENIGN, HOSTILE, Process, children
from support.watching import PATIENCE, eventually

from picklewatch.store import Store
from picklewatch.store.lock import holder

if TYPE_CHECKING:
    from collections.abc import Callable

FILES = int(os.environ.get("PICKLEWATCH_TEST_FILES", "60"))
"""How many files are copied in; the issue's number is 5000."""


def make_source(directory: Path) -> list[str]:
    """A tree of small pickles; their paths in it."""
    names = [f"d{number % 20}/e{number % 7}/f{number}.bin" for number in range(FILES)]
    for number, name in enumerate(names):
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(BENIGN + str(number).encode())
    return names


def copy(source: Path, target: Path) -> None:
    """As `cp -r`."""
    subprocess.run(["cp", "-r", str(source), str(target)], check=True)


def move(source: Path, target: Path) -> None:
    """As `mv` of a tree."""
    shutil.move(source, target)


def untar(source: Path, target: Path) -> None:
    """As `tar x`."""
    with tarfile.open(source.with_suffix(".tar"), "w") as tar:
        tar.add(source, target.name)
    subprocess.run(["tar", "xf", str(source.with_suffix(".tar")), "-C", str(target.parent)], check=True)


@pytest.mark.parametrize(("way", "kills"), [(copy, 0), (copy, 2), (move, 0), (untar, 0)])
def test_every_file_of_a_burst_is_recorded_once(tmp_path: Path, way: Callable[[Path, Path], None], kills: int) -> None:
    """Copied, moved or unpacked in while the daemon runs, and is killed: none missing, none doubled.

    What a killed daemon left is found by a walk, however it came: one way is enough for the kills.
    """
    names = make_source(tmp_path / "source")
    daemon = Process(tmp_path, "[scan]\nworkers = 2\n")
    daemon.start()
    way(tmp_path / "source", daemon.root / "in")
    for number in range(1, kills + 1):
        assert eventually(lambda n=number: daemon.judged() >= FILES * n // (kills + 1))  # type: ignore[misc]
        daemon.kill()
        daemon.start()
    assert eventually(lambda: daemon.judged() >= FILES and not daemon.waiting())
    assert daemon.stop() == 0
    wanted = {str(daemon.root / "in" / name) for name in names}
    store = Store(daemon.state)
    told = store.records.latest(limit=FILES * 2)
    assert Counter(record["path"] for record in told) == dict.fromkeys(wanted, 1)
    assert len(store.jobs) == 0
    assert store.records.unreported() == []
    store.close()
    logged = Counter(event["path"] for event in daemon.events("file.scanned"))
    assert set(logged) == wanted
    assert sum(logged.values()) <= FILES + kills * (os.cpu_count() or 1)  # a line may be written again after a crash


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_status_0(tmp_path: Path, number: signal.Signals) -> None:
    """As systemd does, and as Ctrl-C does."""
    daemon = Process(tmp_path)
    daemon.start()
    (daemon.root / "m.pt").write_bytes(HOSTILE)
    assert eventually(lambda: len(daemon.events("file.scanned")) == 1)
    assert daemon.stop(number) == 0
    assert [event["queue"] for event in daemon.events("daemon.stopped")] == [0]
    assert holder(daemon.state) is None


def test_ctrl_c_to_the_whole_group_is_no_crash(tmp_path: Path) -> None:
    """A terminal sends the signal to the sandbox's processes, too."""
    daemon = Process(tmp_path)
    daemon.start()
    for number in range(30):
        (daemon.root / f"{number}.pt").write_bytes(HOSTILE + b"%d" % number)
    group = children(daemon.process.pid)
    daemon.process.send_signal(signal.SIGINT)
    for child in group:
        with contextlib.suppress(ProcessLookupError):  # a scan of a small file is over at once
            os.kill(child, signal.SIGINT)
    assert daemon.process.wait(PATIENCE) == 0
    verdicts = {event["verdict"] for event in daemon.events("file.scanned")}
    assert verdicts <= {"malicious"}
    with daemon:
        assert eventually(lambda: daemon.judged() == 30)
    assert {event["verdict"] for event in daemon.events("file.scanned")} == {"malicious"}


def test_the_first_output_says_what_is_watched_and_that_nothing_moves(tmp_path: Path) -> None:
    """Before anything else, on standard output."""
    (tmp_path / "there").mkdir()
    command = [sys.executable, "-m", "picklewatch", "run", "--state-dir", str(tmp_path / "state")]
    command += [str(tmp_path / "there"), str(tmp_path / "later")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        process.terminate()
    text = "".join(lines)
    assert str(tmp_path / "there") in text
    assert "waits for 1 more" in text
    assert "only reports" in text
    assert 'level = "unsafe"' in text


def test_the_line_that_says_ready_lists_what_is_watched(tmp_path: Path) -> None:
    """Directories of a hundred tools that are not installed are a number, not a page."""
    config = f"[watch]\ncaches = false\nroots = ['{tmp_path}/root', '{tmp_path}/later']\n"
    with Process(tmp_path, config, ()) as daemon:
        (ready,) = daemon.events("watch.ready")
        assert (ready["roots"], ready["waiting"]) == ([str(daemon.root)], 1)
        (started,) = daemon.events("daemon.started")
        assert "roots" not in started


def test_a_full_disk_below_its_output_does_not_keep_it_from_starting(tmp_path: Path) -> None:
    """Its work comes first; what it says at the start is not worth it."""
    (tmp_path / "root").mkdir()
    command = [
        sys.executable,
        "-m",
        "picklewatch",
        "run",
        "--state-dir",
        str(tmp_path / "state"),
        str(tmp_path / "root"),
    ]
    with (
        Path("/dev/full").open("wb") as full,
        subprocess.Popen(command, stdout=full, stderr=subprocess.PIPE, text=True) as process,
    ):
        assert process.stderr is not None
        assert any('"watch.ready"' in line for line in process.stderr)
        process.terminate()
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def test_a_second_daemon_exits_with_78_and_names_the_first(tmp_path: Path) -> None:
    """One daemon a state directory."""
    with Process(tmp_path) as daemon:
        command = [sys.executable, "-m", "picklewatch", "run", "--state-dir", str(daemon.state), str(daemon.root)]
        second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
        assert second.returncode == 78
        assert str(daemon.process.pid) in second.stderr
        assert "Traceback" not in second.stderr


def test_a_reload_changes_the_level_and_a_bad_one_does_not(tmp_path: Path) -> None:
    """SIGHUP reads the configuration again."""
    with Process(tmp_path) as daemon:
        path = daemon.root / "m.pt"
        path.write_bytes(HOSTILE)
        assert eventually(lambda: len(daemon.events("file.scanned")) == 1)
        (tmp_path / "config.toml").write_text("[quarantine]\nlevel = 'all'\n")
        daemon.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: len(daemon.events("config.rejected")) == 1)
        assert path.read_bytes() == HOSTILE
        (tmp_path / "config.toml").write_text("[quarantine]\nlevel = 'unsafe'\n")
        daemon.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: len(daemon.events("quarantine.moved")) == 1)
        assert path.read_bytes() != HOSTILE


def test_the_sandbox_dying_between_files_is_no_loss(tmp_path: Path) -> None:
    """The warm processes are killed: others take their place."""
    with Process(tmp_path) as daemon:
        for child in children(daemon.process.pid):
            os.kill(child, signal.SIGKILL)
        (daemon.root / "m.pt").write_bytes(HOSTILE)
        assert eventually(lambda: [e["verdict"] for e in daemon.events("file.scanned")] == ["malicious"])
