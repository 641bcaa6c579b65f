"""``picklewatch doctor`` as its users run it, and what it says about machines that are not well."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.commands import Commands
from support.watching import PATIENCE

from picklewatch import doctor
from picklewatch.config.schema import load
from picklewatch.core.self_test_file import CONTENT
from picklewatch.doctor import CheckResult, Grade, machine_checks, self_test, service_checks

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def run(tmp_path: Path) -> Commands:
    """The command, with a home of its own."""
    return Commands(tmp_path)


def checks(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """Read the checks by name; of several with one name the worst."""
    order = ["good", "remark", "bad"]
    found: dict[str, dict[str, Any]] = {}
    for check in json.loads(done.stdout)["checks"]:
        known = found.setdefault(check["name"], check)
        if order.index(check["state"]) > order.index(known["state"]):
            found[check["name"]] = check
    return found


@contextmanager
def daemon(run: Commands, config: Path) -> Iterator[list[dict[str, Any]]]:
    """Run a daemon until the end of the block; then the list has the events that it logged."""
    events: list[dict[str, Any]] = []
    with subprocess.Popen(
        run.line("run", "-c", config), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=run.environ, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if '"watch.ready"' in line:
                break
        try:
            yield events
        finally:
            process.send_signal(signal.SIGTERM)
            events += [json.loads(line) for line in process.stderr]
        assert process.wait(PATIENCE) == 0


def test_without_a_daemon_a_temporary_one_proves_the_path(run: Commands) -> None:
    """And nothing of it remains."""
    before = set(Path(os.environ.get("TMPDIR", "/tmp")).glob("picklewatch-self-test-*"))
    done = run("doctor", "--json")
    found = checks(done)
    assert found["self-test"]["state"] == "good"
    assert found["self-test"]["facts"]["daemon"] == "temporary"
    assert found["daemon"]["state"] == "remark"
    assert found["versions"]["facts"]["fickling"].startswith("0.1.")
    assert {
        "interpreter",
        "sandbox",
        "caches",
        "inotify-watches",
        "state",
        "configuration",
        "quarantine",
        "systemd",
    } <= set(found)
    bad = [check for check in found.values() if check["state"] == "bad"]
    assert done.returncode == (1 if bad else 0)
    assert json.loads(done.stdout)["good"] is not bad
    assert set(Path(os.environ.get("TMPDIR", "/tmp")).glob("picklewatch-self-test-*")) == before


@pytest.mark.parametrize("level", ["off", "unsafe"])
def test_a_running_daemon_is_tested_itself(level: str, run: Commands, tmp_path: Path) -> None:
    """Its quarantine, too, where it moves files. It keeps no trace: no record, number, refusal, metric or item.

    Else three checks of an empty machine would be three malicious files, and ring the alarm of docs/metrics.md.
    """
    config = tmp_path / "c.toml"
    config.write_text(f'[quarantine]\nlevel = "{level}"\n[log]\nlevel = "debug"\n')
    state = tmp_path / "state/picklewatch"
    with daemon(run, config) as events:
        before = traces(run)
        done = run("doctor", "-c", config)
        shown = " ".join(done.stdout.split())
        assert "The running daemon judged the harmless self-test file malicious" in shown
        assert ("moved it to quarantine" in shown) is (level == "unsafe")
        assert [path.name for path in (state / "canary").iterdir() if path.name != ".alive"] == []
        assert traces(run) == before
    vault = state / "quarantine"
    assert [path.name for path in vault.glob("*") if path.name != "lock"] == []
    told = [event for event in events if "self-test" in json.dumps(event)]
    assert [(event["event"], event["level"]) for event in told] == [("daemon.self-test", "debug")]
    assert told[0]["verdict"] == "malicious"


def traces(run: Commands) -> tuple[Any, ...]:
    """Return the counts and lists of `status`, and the metrics less what time or watching changes."""
    status = json.loads(run("status", "--json").stdout)
    kept = {key: status[key] for key in ("verdicts", "latest", "moves", "refusals", "judged", "counts", "faults")}
    passing = ("_time_seconds", "picklewatch_ready", "picklewatch_healthy", "memory")
    lines = run("status", "--metrics").stdout.splitlines()
    return kept, [line for line in lines if not any(word in line for word in passing)]


def test_text_is_for_people(run: Commands) -> None:
    """A mark, a name, a sentence, and what to do."""
    done = run("doctor")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("ok   versions ")
    assert any(line.startswith("note daemon ") for line in lines)
    assert any("-> Start it:" in line for line in lines)
    assert "\x1b" not in done.stdout


def test_a_bad_configuration_is_status_78(run: Commands, tmp_path: Path) -> None:
    """The checks that need none are still made."""
    bad = tmp_path / "bad.toml"
    bad.write_text("[scan]\nworker = 3\n")
    done = run("doctor", "--json", "-c", bad)
    found = checks(done)
    assert done.returncode == 78
    assert found["configuration"]["state"] == "bad"
    assert "did you mean" in found["configuration"]["text"]
    assert "versions" in found
    assert "self-test" not in found


def test_a_configuration_that_others_can_write_is_bad(tmp_path: Path) -> None:
    """Whoever writes it decides what is clean."""
    path = tmp_path / "c.toml"
    path.write_text("")
    path.chmod(0o666)
    _, found = service_checks.configuration(path)
    assert [check.state for check in found] == [Grade.GOOD, Grade.BAD]
    assert "chmod" in found[1].hint


def test_limits_of_inotify_that_are_too_low_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that raises them."""
    for name, value in (("max_user_watches", 5), ("max_user_instances", 128), ("max_queued_events", 100)):
        (tmp_path / name).write_text(f"{value}\n")
    for number in range(10):
        (tmp_path / f"models/{number}").mkdir(parents=True)
    monkeypatch.setattr(machine_checks, "INOTIFY", tmp_path)
    config = tmp_path / "c.toml"
    config.write_text(f'[watch]\ncaches = false\nroots = ["{tmp_path}/models"]\n')
    places = machine_checks.places(load(config, {}), tmp_path / "state")
    found = {check.name: check for check in machine_checks.inotify(places)}
    assert found["inotify-watches"].state is Grade.BAD
    assert "sysctl" in found["inotify-watches"].hint
    assert found["inotify-watches"].facts["directories"] == 11
    assert found["inotify-queue"].state is Grade.REMARK
    (tmp_path / "max_user_watches").write_text("100000")
    assert next(iter(machine_checks.inotify(places))).state is Grade.GOOD
    (tmp_path / "max_user_watches").unlink()
    assert next(iter(machine_checks.inotify(places))).state is Grade.BAD


def test_what_links_lead_to_is_found_and_what_is_not_watched_is_named(tmp_path: Path) -> None:
    """Also without a daemon: those inside of roots, in chains; one that leads nowhere may still come."""
    for name in ("models", "disk", "deep"):
        (tmp_path / name).mkdir()
    (tmp_path / "models/hub").symlink_to(tmp_path / "disk")
    (tmp_path / "disk/next").symlink_to(tmp_path / "deep")
    (tmp_path / "models/all").symlink_to("/")
    (tmp_path / "models/later").symlink_to(tmp_path / "nothing")
    config = tmp_path / "c.toml"
    config.write_text(f'[watch]\ncaches = false\nroots = ["{tmp_path}/models"]\n')
    found = list(machine_checks.caches(machine_checks.places(load(config, {}), tmp_path / "state")))
    assert f"{tmp_path}/disk/next -> {tmp_path}/deep" in found[0].text
    links = {check.state: check.text for check in found if check.name == "caches-link"}
    assert "models/all is not followed: it leads to /" in links[Grade.BAD]
    assert "models/later leads to nothing" in links[Grade.REMARK]


def test_a_root_in_which_nothing_is_looked_at_is_named(tmp_path: Path) -> None:
    """One that the operator excludes, and one in picklewatch's own state: neither is among those that are watched."""
    for name in ("state/models", "left-out", "models"):
        (tmp_path / name).mkdir(parents=True)
    places = [str(tmp_path / name) for name in ("state/models", "left-out", "models")]
    config = tmp_path / "c.toml"
    config.write_text(f'[watch]\ncaches = false\nroots = {json.dumps(places)}\nexclude = ["left-out"]\n')
    found = machine_checks.places(load(config, {}), tmp_path / "state")
    assert [root.wanted for root in found.not_watched] == places[:2]
    assert [root.wanted for root in found.roots] == places[2:]
    assert all("exclude" in root.reason for root in found.not_watched)


def test_counting_directories_ends(tmp_path: Path) -> None:
    """Links are not followed, and time is bounded."""
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/up").symlink_to("..")
    assert machine_checks.count_directories([str(tmp_path), str(tmp_path / "a")]) == (3, True)
    assert machine_checks.count_directories([str(tmp_path)], seconds=-1) == (0, False)


def test_a_state_directory_that_others_can_write_is_bad(tmp_path: Path) -> None:
    """The files found could be changed."""
    state = tmp_path / "state"
    assert next(service_checks.state(state)).state is Grade.GOOD
    state.mkdir(mode=0o700)
    assert next(service_checks.state(state)).state is Grade.GOOD
    state.chmod(0o777)
    assert next(service_checks.state(state)).state is Grade.BAD


def test_a_check_that_can_not_be_made_does_not_end_the_others() -> None:
    """Such as of a state directory in somebody else's home."""

    def failing() -> Iterator[CheckResult]:
        yield from ()
        raise PermissionError(13, "Permission denied", "/root/x")

    (check,) = doctor._made("state", failing())
    assert (check.name, check.state) == ("state", Grade.BAD)
    assert "Permission denied: /root/x" in check.text
    assert "sudo" in check.hint


def test_a_quarantine_that_others_can_read_is_bad(tmp_path: Path) -> None:
    """Hostile files should lie where nobody loads them by accident."""
    config = tmp_path / "c.toml"
    config.write_text('[quarantine]\nlevel = "unsafe"\n')
    loaded = load(config, {})
    assert next(service_checks.quarantine(loaded, tmp_path)).state is Grade.GOOD
    (tmp_path / "quarantine").mkdir()
    (tmp_path / "quarantine").chmod(0o755)  # whatever the umask
    assert next(service_checks.quarantine(loaded, tmp_path)).state is Grade.BAD


def test_a_daemon_that_hangs_fails_the_self_test(
    run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock alone is no proof of work."""
    monkeypatch.setattr(self_test, "JUDGE_SECONDS", 1.0)
    config = tmp_path / "c.toml"
    config.write_text("")
    state = tmp_path / "state/picklewatch"
    with subprocess.Popen(
        run.line("run", "-c", config), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=run.environ, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if '"watch.ready"' in line:
                break
        process.send_signal(signal.SIGSTOP)
        try:
            (check,) = service_checks.self_test(state)
        finally:
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
            process.stderr.read()
    assert check.state is Grade.BAD
    assert "did not judge" in check.text
    assert [path.name for path in (state / "canary").iterdir() if path.name != ".alive"] == []


def test_the_self_test_file_is_what_the_engine_knows() -> None:
    """Both spell the name alike; nobody has to load it to see that."""
    from picklewatch.catalogue.imports.denied import SELF_TEST

    assert SELF_TEST.encode() in CONTENT
    assert CONTENT[3] == len(SELF_TEST)
