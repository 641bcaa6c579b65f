"""`picklewatch status --metrics`: Prometheus' text format."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner
from support.watching import make_record

from picklewatch.cli import cli
from picklewatch.core.model import FileId, Verdict
from picklewatch.service import daemon_status
from picklewatch.store import Store
from picklewatch.store.lock import StateLock
from picklewatch.telemetry import metrics, process_memory
from picklewatch.telemetry.daemon_report import DaemonReport, DaemonStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+)\})? (-?[0-9.e+]+)')
"""A line of the format: a name, labels with escaped texts, a number."""
DOC = Path(__file__).parents[2] / "docs" / "metrics.md"


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[StateLock]:
    """The lock of a daemon that runs."""
    lock = StateLock(tmp_path)
    yield lock
    lock.release()


def run(state: Path) -> Result:
    """`picklewatch status --metrics` on *state*."""
    return CliRunner().invoke(cli, ["status", "--state-dir", str(state), "--metrics"], standalone_mode=False)


def write(state: Path, **more: object) -> None:
    """What this process would have written as the daemon that found one file."""
    store = Store(state)
    root = {"state": "watched"}
    run_of_it = {"version": "1.0", "started": 1.0, "pid": os.getpid(), "ready": True, "roots": [root]}
    store.put_state(
        daemon_status.KEY, {**run_of_it, "degraded": [], "scan_peak_kib": 70_000, **daemon_status.beat(), **more}
    )
    store.finish(None, make_record("/c/evil.pt", FileId(1, 2, 3, 4, 5), Verdict.MALICIOUS), quarantine=True)
    store.close()


def samples(text: str) -> dict[str, float]:
    """The samples of *text*, which must be well-formed: each metric described once, before its samples."""
    found: dict[str, float] = {}
    described: list[str] = []
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# "):
            _, word, name, about = line.split(" ", 3)
            assert about
            if word == "TYPE":
                assert about == ("counter" if name.endswith("_total") else "gauge")
                assert name not in described
                described.append(name)
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        assert match[1] == described[-1]
        key = line.rpartition(" ")[0]
        assert key not in found
        found[key] = float(match[3])
    return found


def test_a_running_daemon(tmp_path: Path, lock: StateLock) -> None:
    """What is wrong, what was repaired, what waits, what was found; the exit status is that of `status`."""
    problem = {"what": "watch-gap", "subject": "EACCES", "reason": "no", "hint": ""}
    faults = {"watch-gap": 3, "watch-lost": 1}
    write(tmp_path, degraded=[problem, problem], faults=faults, counts={"events": 7, "missed": 2, **faults}, engine="e")
    result = run(tmp_path)
    assert result.return_value == 1
    found = samples(result.output)
    expected = {
        "picklewatch_up": 1,
        "picklewatch_ready": 1,
        "picklewatch_healthy": 0,
        'picklewatch_problems{what="watch-gap"}': 2,
        'picklewatch_faults_total{what="watch-gap"}': 3,
        'picklewatch_faults_total{what="watch-lost"}': 1,
        'picklewatch_counts_total{what="events"}': 7,
        'picklewatch_counts_total{what="missed"}': 2,
        'picklewatch_files{verdict="malicious"}': 0,  # it is not there
        'picklewatch_away_files{where="gone"}': 1,
        'picklewatch_moves{state="wanted"}': 1,
        'picklewatch_roots{state="watched"}': 1,
        'picklewatch_memory_peak_bytes{process="scan"}': 70_000 * 1024,
        "picklewatch_queue_files": 0,
    }
    assert {name: found.get(name) for name in expected} == expected
    assert 'picklewatch_counts_total{what="watch-gap"}' not in found


def test_every_metric_is_documented(tmp_path: Path, lock: StateLock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page has a row for each, and for no other."""
    monkeypatch.setattr(process_memory, "NAME", Path("/proc/self/comm").read_text().strip())  # this process counts
    write(
        tmp_path,
        degraded=[{"what": "a", "subject": "", "reason": "", "hint": ""}],
        faults={"a": 1},
        counts={"b": 1},
        sinks=[{"name": "c"}],
    )
    shown = {name.partition("{")[0] for name in samples(run(tmp_path).output)}
    documented = set(re.findall(r"^\| `(picklewatch_\w+)", DOC.read_text(), re.MULTILINE))
    assert shown == documented


def test_no_daemon(tmp_path: Path) -> None:
    """It never ran, or ended: that is a metric too; the exit status says it as well."""
    result = run(tmp_path / "none")
    assert result.return_value == 3
    assert samples(result.output) == {"picklewatch_up": 0, "picklewatch_ready": 0, "picklewatch_healthy": 0}
    write(tmp_path)
    result = run(tmp_path)
    assert result.return_value == 3
    found = samples(result.output)
    assert found["picklewatch_up"] == found["picklewatch_ready"] == 0
    assert found['picklewatch_away_files{where="gone"}'] == 1
    assert "picklewatch_start_time_seconds" not in found


def test_a_label_can_not_break_a_line() -> None:
    """Whatever a name holds."""
    report = DaemonReport(version='1"\n\\', started=0.5, beat=1.0)
    found = samples(metrics.exposition(DaemonStatus(running=True, daemon=report)))
    assert found['picklewatch_info{version="1\\"\\n\\\\",engine=""}'] == 1


def test_two_forms_at_once_are_refused(tmp_path: Path) -> None:
    """JSON or metrics."""
    arguments = ["status", "--json", "--metrics", "--state-dir", str(tmp_path)]
    result = CliRunner().invoke(cli, arguments, standalone_mode=False)
    assert isinstance(result.exception, click.UsageError)
