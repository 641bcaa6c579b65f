"""The whole daemon on real directories, with a fake scanner in place of the sandbox."""

from __future__ import annotations

import hashlib
import itertools
import os
import signal
import time
from typing import TYPE_CHECKING

import pytest
from support.watching import Running, eventually

from picklewatch.core.errors import StateError
from picklewatch.core.state_layout import DATABASE
from picklewatch.quarantine.vault import Vault
from picklewatch.service import daemon_status
from picklewatch.store.jobs import Jobs
from picklewatch.store.lock import StateLock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from picklewatch.core.candidate import Candidate
    from picklewatch.store import Offered


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A directory to watch."""
    root = tmp_path / "root"
    root.mkdir()
    return root


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory that does not exist yet."""
    return tmp_path / "state"


UNSAFE = {"quarantine": {"level": "unsafe"}}


def old(path: Path, content: bytes) -> Path:
    """A file that was there long before."""
    path.write_bytes(content)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    return path


def test_new_files_are_judged_recorded_and_logged(state: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The main job."""
    with Running(state, root) as running:
        (root / "good.pt").write_bytes(b"good")
        (root / "bad.pt").write_bytes(b"evil")
        assert running.judges(root / "good.pt", "clean")
        assert running.judges(root / "bad.pt", "malicious")
        assert (root / "bad.pt").read_bytes() == b"evil"
    assert capsys.readouterr().out.count("file.scanned") == 2


def test_unchanged_files_are_not_scanned_again_after_a_restart(state: Path, root: Path) -> None:
    """A verdict is kept with the file's state and the engine's version."""
    old(root / "model.pt", b"good")
    with Running(state, root) as running:
        assert running.judges(root / "model.pt", "clean")
    with Running(state, root) as running:
        (root / "new.pt").write_bytes(b"good")
        assert running.judges(root / "new.pt", "clean")
        assert sum(scanner.scans for scanner in running.scanners) == 1


def test_a_changed_file_is_judged_anew(state: Path, root: Path) -> None:
    """Both outcomes are recorded."""
    with Running(state, root) as running:
        path = root / "model.pt"
        path.write_bytes(b"good")
        assert running.judges(path, "clean")
        path.write_bytes(b"evil")
        assert running.judges(path, "malicious")
        assert len(running.store.records.of_path(str(path))) == 2


def test_hard_links_are_judged_once_with_all_names(state: Path, root: Path) -> None:
    """One content, one record."""
    old(root / "a.pt", b"evil")
    os.link(root / "a.pt", root / "b.pt")
    with Running(state, root) as running:
        assert eventually(lambda: len(running.store.records) == 1 and not len(running.store.jobs))
        both = {str(root / "a.pt"), str(root / "b.pt")}
        assert eventually(lambda: {(r := running.store.records.latest()[0])["path"], *r["names"]} == both)
        assert len(running.store.records) == 1


def test_other_names_and_renames_are_told_apart(state: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second name is no rename, and a file in a renamed directory is where that is now; nothing is scanned twice."""
    deep = root / "dir/sub"
    deep.mkdir(parents=True)
    for name in ("linked.pt", "plain.pt"):
        old(deep / name, b"evil")
    with Running(state, root) as running:
        assert running.judges(deep / "plain.pt", "malicious")
        assert running.judges(deep / "linked.pt", "malicious")
        os.link(deep / "linked.pt", root / "link.pt")
        assert eventually(lambda: names(running) == {"linked.pt": [str(root / "link.pt")], "plain.pt": []})
        scans = sum(scanner.scans for scanner in running.scanners)
        (root / "dir").rename(root / "dir2")
        moved = [str(root / "dir2/sub" / name) for name in ("linked.pt", "plain.pt")]
        assert eventually(lambda: sorted(record["path"] for record in running.store.records.latest()) == moved)
        assert names(running) == {"linked.pt": [str(root / "link.pt")], "plain.pt": []}
        assert eventually(lambda: not len(running.store.jobs))
        assert len(running.store.records) == 2
        assert sum(scanner.scans for scanner in running.scanners) == scans
    logged = capsys.readouterr().out
    assert (logged.count("file.linked"), logged.count("file.renamed")) == (1, 2)


def names(running: Running) -> dict[str, list[str]]:
    """Return the other names of each file in the records."""
    records = running.store.records.latest()
    return {record["path"].rpartition("/")[2]: record["names"] for record in records}


def test_a_file_outside_that_a_link_leads_to_is_judged_and_never_moved(state: Path, root: Path, tmp_path: Path) -> None:
    """Nobody can have another's file moved by linking to it."""
    outside = tmp_path / "outside.pt"
    outside.write_bytes(b"evil")
    with Running(state, root, config=UNSAFE) as running:
        (root / "link.pt").symlink_to(outside)
        assert running.judges(outside, "malicious")
        assert eventually(lambda: running.store.intents.counts() == {"refused": 1})
        (record,) = running.store.records.latest()
        assert record["names"] == [str(root / "link.pt")]
    assert outside.read_bytes() == b"evil"


def test_unsafe_files_are_moved_where_the_operator_says_so(state: Path, root: Path) -> None:
    """The file is in the vault, a tombstone is in its place, and that is no reason to move again."""
    with Running(state, root, config=UNSAFE) as running:
        (root / "bad.pt").write_bytes(b"evil")
        assert eventually(lambda: running.store.intents.counts() == {"done": 1})
        assert b"QUARANTINED" in (root / "bad.pt").read_bytes()
        time.sleep(0.3)
        assert running.store.intents.counts() == {"done": 1}
    with Vault(state / "quarantine") as vault:
        (item,) = vault.items()
        assert item.path == str(root / "bad.pt")


def test_raising_the_level_moves_what_is_known_already(state: Path, root: Path) -> None:
    """The operator reads the reports first, then says "unsafe" and reloads."""
    with Running(state, root) as running:
        old(root / "bad.pt", b"evil")
        assert running.judges(root / "bad.pt", "malicious")
        running.config = dict(UNSAFE)
        running.daemon.reload()
        assert eventually(lambda: running.store.intents.counts() == {"done": 1})
        assert "RELOADING" in running.notifier.said()


def test_nothing_is_put_below_the_mount_point_of_a_vault_whose_disk_is_missing(state: Path, root: Path) -> None:
    """Not while it runs, nor after a restart, which watches all the same; it is made up for when the disk is there."""
    disk = root.with_name("disk")
    disk.mkdir()
    config = {"quarantine": {"level": "unsafe", "store": str(disk / "vault")}}
    with Running(state, root, config=config) as running:
        old(root / "first.pt", b"evil 1")
        assert eventually(lambda: running.store.intents.counts() == {"done": 1})
        away = disk.rename(root.with_name("away"))
        disk.mkdir()
        old(root / "second.pt", b"evil 2")
        assert running.judges(root / "second.pt", "malicious")
        assert eventually(lambda: "quarantine-store" in problems(running))
    with Running(state, root, config=config) as running:
        assert "quarantine-store" in problems(running)
        assert list(disk.iterdir()) == []
        old(root / "third.pt", b"evil 3")
        assert running.judges(root / "third.pt", "malicious")
        disk.rmdir()
        away.rename(disk)
        running.daemon.reload()
        assert eventually(lambda: running.store.intents.counts() == {"done": 3})
        assert eventually(lambda: "quarantine-store" not in problems(running))
    assert len([item for item in (disk / "vault").iterdir() if item.is_dir()]) == 3


def problems(running: Running) -> set[str]:
    """Return the problems that the daemon reports."""
    return {problem.what for problem in running.daemon.health.problems}


def test_a_move_that_a_crash_cut_off_is_made_at_the_next_start(state: Path, root: Path) -> None:
    """The intent is recorded with the verdict."""
    old(root / "bad.pt", b"evil")
    with Running(state, root) as running:
        assert running.judges(root / "bad.pt", "malicious")
        number = running.store.records.latest()[0]["id"]
        with running.store._database.transaction() as transaction:
            transaction.run("INSERT INTO intents (record, state, at) VALUES (?, 'wanted', 0)", (number,))
    with Running(state, root, config=UNSAFE) as running:
        assert eventually(lambda: running.store.intents.counts() == {"done": 1})
    with Vault(state / "quarantine") as vault:
        assert len(vault.items()) == 1


def test_a_move_that_was_made_but_not_noted_is_not_made_twice(state: Path, root: Path) -> None:
    """The crash came between the vault's step and our note of it."""
    with Running(state, root, config=UNSAFE) as running:
        (root / "bad.pt").write_bytes(b"evil")
        assert eventually(lambda: running.store.intents.counts() == {"done": 1})
        with running.store._database.transaction() as transaction:
            transaction.run("UPDATE intents SET state = 'wanted', item = NULL")
    with Running(state, root, config=UNSAFE) as running:
        assert running.store.intents.counts() == {"done": 1}
    with Vault(state / "quarantine") as vault:
        assert len(vault.items(history=True)) == 1


def test_a_line_that_a_crash_cut_off_is_written_at_the_next_start(
    state: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No judged file is missing from the log."""
    with Running(state, root) as running:
        (root / "a.pt").write_bytes(b"good")
        assert running.judges(root / "a.pt", "clean")
        assert eventually(lambda: running.store.records.unreported() == [])
        with running.store._database.transaction() as transaction:
            transaction.run("UPDATE records SET reported = 0")
    capsys.readouterr()
    with Running(state, root) as running:
        assert running.store.records.unreported() == []
    assert capsys.readouterr().out.count("file.scanned") == 1


def test_an_allowed_digest_is_let_be_at_once(state: Path, root: Path) -> None:
    """`quarantine restore` allows the digest in another process before the file comes back."""
    with Running(state, root, config=UNSAFE) as running:
        running.store.allowed.add(hashlib.sha256(b"evil").hexdigest(), "ours")
        (root / "ours.pt").write_bytes(b"evil")
        assert running.judges(root / "ours.pt", "allowed")
        assert running.store.records.latest()[0]["allowed"] == "ours"
    assert (root / "ours.pt").read_bytes() == b"evil"


def test_a_changed_allowlist_is_applied_to_what_was_judged(state: Path, root: Path) -> None:
    """After a reload, and after a restart with another configuration."""
    digest = hashlib.sha256(b"odd").hexdigest()
    path = old(root / "odd.pt", b"odd")
    with Running(state, root) as running:
        assert running.judges(path, "unverified")
        running.config = {"allow": {"digests": {digest: "known"}}}
        running.daemon.reload()
        assert running.judges(path, "allowed")
    with Running(state, root) as running:
        assert running.judges(path, "unverified")


def test_a_bad_configuration_keeps_the_old_one(state: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Why is logged; work goes on."""
    with Running(state, root) as running:
        running.config = {"quarantine": {"level": "everything"}}
        running.daemon.reload()
        (root / "bad.pt").write_bytes(b"evil")
        assert running.judges(root / "bad.pt", "malicious")
        assert (root / "bad.pt").read_bytes() == b"evil"
    assert "config.rejected" in capsys.readouterr().out


def test_stopping_finishes_the_file_in_hand_and_keeps_the_rest(state: Path, root: Path) -> None:
    """Exit status 0, nothing lost, nothing half done."""
    with Running(state, root, config={"scan": {"workers": 1}}) as running:
        for number in range(5):
            (root / f"{number}.pt").write_bytes(b"slow %d" % number)
        assert eventually(lambda: sum(scanner.scans for scanner in running.scanners) >= 1)
    with Running(state, root, config={"scan": {"workers": 4}}) as running:
        assert len(running.store.records) >= 1
        assert eventually(lambda: len(running.store.records) == 5)


def test_stopping_ends_the_scans_of_a_pool_that_a_reload_replaced(state: Path, root: Path) -> None:
    """It works on its last files meanwhile; no scanner outlives the daemon, and the file waits for the next."""
    with Running(state, root, config={"scan": {"workers": 1}}) as running:
        (root / "long.pt").write_bytes(b"stuck")
        assert eventually(lambda: running.scanners[0].scans == 1)
        running.config = {"scan": {"workers": 2}}
        running.daemon.reload()
        assert eventually(lambda: len(running.scanners) == 3)
    assert all(scanner.closed.is_set() for scanner in running.scanners)
    (root / "long.pt").write_bytes(b"short")
    with Running(state, root) as running:
        assert running.judges(root / "long.pt", "clean")


def test_a_bug_of_ours_costs_one_file_not_the_daemon(state: Path, root: Path) -> None:
    """The file is unscannable after three attempts, and the next one is judged."""
    with Running(state, root) as running:
        (root / "bug.pt").write_bytes(b"bug")
        (root / "good.pt").write_bytes(b"good")
        assert running.judges(root / "good.pt", "clean")
        assert running.judges(root / "bug.pt", "unscannable")
        assert len(running.store.jobs) == 0


def test_a_file_rewritten_all_the_time_does_not_starve_the_others(state: Path, root: Path) -> None:
    """One worker, one file written every few milliseconds: the others are judged, and not every state is scanned."""
    with Running(state, root, config={"scan": {"workers": 1}}) as running:
        busy = root / "busy.pt"
        numbers = itertools.count()

        def write() -> bool:
            busy.write_bytes(b"good %d" % next(numbers))
            return running.verdict(root / "other.pt") == "clean"

        for _ in range(50):
            write()
        (root / "other.pt").write_bytes(b"good")
        assert eventually(write)
        assert sum(scanner.scans for scanner in running.scanners) < next(numbers)
        assert eventually(lambda: len(running.store.jobs) == 0)


def test_a_file_that_can_not_be_queued_does_not_hold_up_the_others(
    state: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug of ours in the queue costs this file alone, whether it was announced or found by a walk."""
    for name in ("impossible-1.pt", "walked.pt"):
        old(root / name, b"good")
    offer = Jobs.offer

    def failing(jobs: Jobs, candidates: Sequence[Candidate], engine: str) -> Offered:
        if any("impossible" in candidate.path for candidate in candidates):
            raise OverflowError
        return offer(jobs, candidates, engine)

    monkeypatch.setattr(Jobs, "offer", failing)
    with Running(state, root) as running:
        assert running.judges(root / "walked.pt", "clean")
        for name in ("impossible-2.pt", "announced.pt"):
            (root / name).write_bytes(b"good")
        assert running.judges(root / "announced.pt", "clean")
        assert running.daemon.health.counts["watch-errors"] >= 2


def test_a_second_daemon_is_refused(state: Path, root: Path) -> None:
    """It says who holds the state."""
    with Running(state, root), pytest.raises(StateError, match=str(os.getpid())):
        StateLock(state)


def test_a_corrupt_database_is_rebuilt_by_the_walk(state: Path, root: Path) -> None:
    """The damage is set aside and shown until its user deletes it; every file gets its verdict again."""
    old(root / "bad.pt", b"evil")
    with Running(state, root) as running:
        assert running.judges(root / "bad.pt", "malicious")
    (state / DATABASE).write_bytes(b"garbage" * 4096)
    with Running(state, root) as running:
        assert running.judges(root / "bad.pt", "malicious")
        assert eventually(lambda: [p.what for p in daemon_status.read(state).problems] == ["store-rebuilt"])
        assert not daemon_status.read(state).healthy
        asides = list(state.glob("picklewatch.db.corrupt-*"))
        assert asides
        for aside in asides:
            aside.unlink()
        assert eventually(lambda: daemon_status.read(state).healthy)


def test_status_tells_what_is_going_on(state: Path, root: Path) -> None:
    """Running, healthy, verdicts, findings; and afterwards: not running."""
    with Running(state, root) as running:
        (root / "bad.pt").write_bytes(b"evil")
        (root / "good.pt").write_bytes(b"good")
        assert running.judges(root / "bad.pt", "malicious")
        assert running.judges(root / "good.pt", "clean")
        assert eventually(lambda: daemon_status.read(state).healthy)
        status = daemon_status.read(state)
        assert status.running
        assert status.pid == os.getpid()
        assert status.store is not None
        assert status.store.verdicts["malicious"] == 1
        assert [record["path"] for record in status.store.latest] == [str(root / "bad.pt")]
        assert status.daemon.roots[0].state == "watched"
    status = daemon_status.read(state)
    assert not status.running
    assert status.daemon.stopped


def test_systemd_hears_from_it_only_while_work_progresses(
    state: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stuck watching thread silences the beat, so that the manager restarts the service."""
    with Running(state, root) as running:
        daemon, heard = running.daemon, running.notifier.messages
        assert eventually(lambda: "WATCHDOG" in running.notifier.said())
        stuck, looks = daemon._stuck(time.monotonic() + 1000), list[float]()
        assert stuck is not None

        def find_stuck(now: float) -> str | None:
            looks.append(now)
            daemon._heartbeat._interval.expire()
            return stuck

        monkeypatch.setattr(daemon, "_stuck", find_stuck)
        assert eventually(lambda: "daemon-stuck" in problems(running))
        before = len(heard)
        assert eventually(lambda: len(looks) >= 3)
        assert [message for message in heard[before:] if "WATCHDOG" in message] == []
        monkeypatch.undo()
        assert eventually(lambda: "daemon-stuck" not in problems(running))
        assert eventually(lambda: any("WATCHDOG" in message for message in heard[before:]))
    assert "STOPPING" in running.notifier.said()


def test_a_full_disk_delays_and_loses_nothing(state: Path, root: Path) -> None:
    """The database can't grow for a while: degraded, then everything that came meanwhile is judged and recorded."""
    with Running(state, root) as running:
        (root / "before.pt").write_bytes(b"good")
        assert running.judges(root / "before.pt", "clean")
        database = running.store._database
        pages = database.query("PRAGMA page_count")[0][0]
        database.query(f"PRAGMA max_page_count = {pages}")
        for number in range(300):
            (root / f"{number}.pt").write_bytes(b"good %d" % number)
        assert eventually(lambda: any(p.what == "store-unwritable" for p in running.daemon.health.problems))
        database.query("PRAGMA max_page_count = 1000000000")
        assert eventually(lambda: len(running.store.records) == 301)
        assert eventually(lambda: running.daemon.health.problems == ())


def test_a_database_that_is_taken_away_is_begun_anew(state: Path, root: Path) -> None:
    """Somebody cleans up the state directory of a running daemon."""
    old(root / "bad.pt", b"evil")
    with Running(state, root) as running:
        assert running.judges(root / "bad.pt", "malicious")
        for path in state.glob("picklewatch.db*"):
            path.unlink()
        assert eventually(lambda: (state / DATABASE).exists() and running.verdict(root / "bad.pt") == "malicious")
        (root / "new.pt").write_bytes(b"good")
        assert running.judges(root / "new.pt", "clean")
    assert daemon_status.read(state).to_json()["verdicts"]["malicious"] == 1


def test_the_self_test_file_is_judged_like_any_other(state: Path, root: Path) -> None:
    """`picklewatch doctor` drops a file into the canary's directory, before the start or while it runs."""
    (state / "canary").mkdir(parents=True)
    (state / "canary" / "before.pt").write_bytes(b"evil")
    with Running(state, root) as running:
        (state / "canary" / "while.pt").write_bytes(b"evil")
        assert running.judges(state / "canary" / "before.pt", "malicious")
        assert running.judges(state / "canary" / "while.pt", "malicious")
        assert len(running.store.records) == 2


def test_the_daemon_ends_with_70_when_a_thread_of_its_own_is_dead(state: Path, root: Path) -> None:
    """Half a daemon is worse than none: the service manager starts a whole one."""
    with Running(state, root) as running:
        running.expected = 70
        running.daemon._watching._local.walker.stop()
        assert eventually(lambda: running.status is not None)


def test_a_vault_that_fails_costs_the_move_not_the_verdict(
    state: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is judged once and recorded; the move is made when the vault works again."""

    def broken(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("the vault has a bug")

    with Running(state, root, config=UNSAFE) as running:
        monkeypatch.setattr(Vault, "take", broken)
        (root / "bad.pt").write_bytes(b"evil")
        assert running.judges(root / "bad.pt", "malicious")
        assert eventually(lambda: running.daemon.health.counts.get("action-errors", 0) >= 1)
        assert running.store.intents.counts() == {"wanted": 1}
        monkeypatch.undo()
        running.daemon._moves_due.expire()
        assert eventually(lambda: running.store.intents.counts() == {"done": 1})
        assert len(running.store.records.of_path(str(root / "bad.pt"))) == 1


def test_links_into_the_vault_are_not_followed(state: Path, root: Path) -> None:
    """Nobody has what is in quarantine judged, or moved, again."""
    with Running(state, root, config=UNSAFE) as running:
        (root / "bad.pt").write_bytes(b"evil")
        assert eventually(lambda: running.store.intents.counts() == {"done": 1})
        (item,) = [
            path for path in (state / "quarantine").rglob("*") if path.is_file() and path.read_bytes() == b"evil"
        ]
        (root / "link.pt").symlink_to(item)
        (root / "dangerous.pt").symlink_to("/proc/self/mem")
        (root / "last.pt").write_bytes(b"good")
        assert running.judges(root / "last.pt", "clean")
        time.sleep(0.3)
        assert running.store.records.of_path(str(item)) == []


def test_a_second_signal_ends_it_at_once(state: Path, root: Path) -> None:
    """The scan at work is cancelled, its file stays queued, the status says which signal."""
    with Running(state, root, config={"scan": {"workers": 1}}) as running:
        running.expected = 128 + signal.SIGTERM
        (root / "long.pt").write_bytes(b"stuck")
        assert eventually(lambda: sum(scanner.scans for scanner in running.scanners) == 1)
        running.daemon.end()
        running.daemon.end()
        assert eventually(lambda: running.status is not None)
    status = daemon_status.read(state)
    assert status.store is not None
    assert status.store.queue == 1
    assert status.daemon.stopped


def test_an_allowed_import_that_does_harm_is_no_quiet_matter(
    state: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The daemon warns of it when it starts."""
    with Running(state, root, config={"allow": {"imports": {"os.system": "we must", "mylib.Net": "ours"}}}):
        pass
    shown = capsys.readouterr().out
    assert shown.count("config.allows-malicious") == 1
    assert "os.system is allowed, which can run programs or shell commands" in shown
