"""Watching: the kernel, the roots and the directories below them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from fault.lab import HARMFUL, PATIENCE, SkippedError
from fault.preload import library
from support.daemon_process import HOSTILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fault.faults.kinds import Fault
    from fault.lab import Lab

BURST = 50_000
WITH_FEW_WATCHES = (
    *("unshare", "--user", "--map-root-user", "sh", "-c"),
    'echo 12 > /proc/sys/user/max_inotify_watches && exec "$@"',
    "sh",
)
WITHOUT_PRIVILEGES = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()


def overflow(lab: Lab) -> None:
    """More events than the kernel keeps (`max_queued_events`), of 2,000 files, while the daemon does not read."""
    kept = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    files = min(2000, max(200, kept // 8))
    if kept > 200_000:
        raise SkippedError(f"max_queued_events is {kept}")
    lab.start()
    lab.signal([lab.pid], signal.SIGSTOP)
    lab.burst(files)
    # each opening for writing is one more event; equal ones side by side would be one
    for _ in range(kept // files + 1):
        for path in lab.files:
            os.close(os.open(path, os.O_WRONLY))
    lab.signal([lab.pid], signal.SIGCONT)
    assert lab.seconds_until(lambda: lab.incidents()["overflows"] > 0) < 30, "no overflow"
    lab.injected += 1


def root_deleted_and_recreated(lab: Lab) -> None:
    """The watched directory is removed and made again, at once and after a while."""
    lab.start()
    for pause in (0.0, 1.5):
        path = lab.put("sub/x.bin")
        shutil.rmtree(lab.root)
        lab.forget(path)
        time.sleep(pause)
        lab.root.mkdir()
        lab.put("new.bin" if pause else "first.bin")
        lab.burst(10, f"after{pause}/")
        lab.injected += 1
        for gone in lab.files if not pause else ():
            assert lab.seconds_until(lab.settled) < PATIENCE
            lab.forget(gone)


def root_renamed_and_back(lab: Lab) -> None:
    """The watched directory is moved away, written to there, and moved back."""
    lab.start()
    lab.burst(10, "sub/")
    away = lab.root.with_name("away")
    for pause in (0.0, 1.5):
        lab.root.rename(away)
        (away / "sub" / "unseen.bin").write_bytes(HOSTILE + b"unseen")
        time.sleep(pause)
        (away / "sub" / "unseen.bin").unlink()
        away.rename(lab.root)
        lab.burst(10, f"sub/after{pause}/")
        lab.injected += 1


def root_replaced(lab: Lab) -> None:
    """Another directory, with files in it, takes the name of the watched one."""
    lab.start()
    lab.burst(5)
    assert lab.seconds_until(lab.settled) < PATIENCE
    other = lab.root.with_name("other")
    for path in lab.files:
        lab.forget(path)
    lab.root.rename(lab.root.with_name("old"))
    other.mkdir()
    other.rename(lab.root)
    lab.burst(10, "deep/er/")
    lab.injected += 1


def directories_moved_out_and_back(lab: Lab) -> None:
    """Trees move out of the watched directory and in again under other names, while files are put into them."""
    lab.start()
    for index in range(10):
        lab.burst(4, f"tree{index}/a/b/")
        tree = lab.root / f"tree{index}"
        outside = lab.root.with_name(f"outside{index}")
        tree.rename(outside)
        back = lab.root / f"back{index}"
        outside.rename(back)
        lab.moved(tree, back)
        lab.injected += 1


def directory_unreadable(lab: Lab) -> None:
    """A directory loses its permissions while files are in it, and gets them again (a daemon without privileges)."""
    _needs_setpriv()
    lab.start()
    secret = lab.root / "secret"
    lab.put("secret/in/before.bin")
    assert lab.seconds_until(lab.settled) < PATIENCE
    for index in range(2):
        secret.chmod(0)
        hidden = lab.root.with_name("hidden")
        entering = lab.root / f"entering{index}"
        path = hidden / "deep" / "x.bin"
        path.parent.mkdir(parents=True)
        path.write_bytes(HOSTILE + b"hidden%d" % index)
        lab.expect(entering / "deep" / "x.bin", path.read_bytes(), HARMFUL)
        hidden.chmod(0)
        hidden.rename(entering)
        assert lab.seconds_until(lambda: bool(lab.problems())) < PATIENCE, "not said"
        entering.chmod(0o755)
        secret.chmod(0o755)
        lab.injected += 2
        lab.burst(5, "secret/in/")
        lab.put(f"secret/later{index}/x.bin", hostile=True)


def judged_within(lab: Lab, path: Path) -> float:
    """The seconds until *path* has a verdict."""
    return lab.seconds_until(lambda: lab.verdict(path) is not None)


def _needs_setpriv() -> None:
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        raise SkippedError("root needs setpriv to go without its privileges")


def watch_limit(lab: Lab) -> None:
    """Thirty directories where the kernel allows ten watches (a user namespace of the daemon's own)."""
    if subprocess.run((*WITH_FEW_WATCHES, "true"), check=False, capture_output=True).returncode:
        raise SkippedError("needs user namespaces with their own limits")
    for index in range(30):
        lab.put(f"d{index}/before.bin")
    lab.start()
    lab.injected += 20
    for index in range(30):
        lab.put(f"d{index}/after.bin", hostile=index % 10 == 0)
    assert lab.seconds_until(lambda: not lab.account().missing) < PATIENCE
    assert "watch-gap" in lab.problems(), "the limit was not said"
    for index in range(10, 30):  # the user tidies up: healthy means that all is watched again
        for path in [path for path in lab.files if path.parent.name == f"d{index}"]:
            lab.forget(path)
        shutil.rmtree(lab.root / f"d{index}")


def unmounted_and_mounted(lab: Lab) -> None:
    """The file system of the watched directory goes, another one comes in its place; three times."""
    lab.mount(lab.root)
    lab.start()
    for _ in range(3):
        lab.burst(5)
        assert lab.seconds_until(lab.settled) < PATIENCE
        for path in lab.files:
            lab.forget(path)
        subprocess.run(["umount", str(lab.root)], check=True)
        time.sleep(0.5)
        lab.mount(lab.root)
        lab.injected += 1
    lab.burst(10, "sub/")


def burst_with_a_tiny_queue(lab: Lab) -> None:
    """50,000 files at once, in old and new directories, while the kernel keeps 16 events (takes minutes).

    The kernel reads the limit when the inotify instance is made; the machine's setting is restored at once.
    """
    for index in range(5):
        (lab.root / f"old{index}").mkdir()
    with tiny_queue():
        lab.start()
    began = time.monotonic()
    for index in range(BURST):
        place = f"old{index % 5}" if index % 2 else f"new{index // 5000}/deep"
        lab.put(f"{place}/{index}.bin", hostile=index % 1000 == 0)
    written = time.monotonic()
    lab.injected = lab.incidents()["overflows"]
    repaired = lab.seconds_until(lambda: "watch-overflow" not in lab.problems() and lab.known_to_store() >= BURST)
    assert repaired < PATIENCE, f"watching not repaired: {lab.known_to_store()} of {BURST} files known"
    lab.injected = lab.incidents()["overflows"]
    assert lab.injected, "no overflow"
    walks = lab.incidents()["overflow-walks"]
    assert walks <= 4 + (time.monotonic() - began) / 5, f"{walks} walks: a storm"
    judged = lab.seconds_until(lambda: lab.waiting() == 0, 1800)
    lab.measured += [
        f"burst of {written - began:.0f} s",
        f"{repaired:.0f} s until all were in the queue and watching was whole, {walks} walks",
        f"last verdict {repaired + judged:.0f} s after the burst",
        f"daemon at most {lab.peak_mib()} MiB",
    ]
    for index in range(10):
        lab.put(f"new{index}/deep/after.bin", hostile=True)


@contextlib.contextmanager
def tiny_queue() -> Iterator[None]:
    """Let inotify instances that are made meanwhile keep 16 events."""
    setting = Path("/proc/sys/fs/inotify/max_queued_events")
    before = setting.read_text()
    try:
        setting.write_text("16")
    except OSError as error:
        raise SkippedError("needs the right to set max_queued_events") from error
    try:
        yield
    finally:
        setting.write_text(before)


def hundred_thousand_directories(lab: Lab) -> None:
    """100,000 directories before the start: all are watched, and a file in the last is judged at once."""
    allowed = int(Path("/proc/sys/fs/inotify/max_user_watches").read_text())
    if allowed < 120_000:
        raise SkippedError(f"max_user_watches is {allowed}")
    for index in range(100_000):
        (lab.root / f"{index // 1000}" / f"{index % 1000}").mkdir(parents=True)
        lab.injected += 1
    began = time.monotonic()
    lab.start()
    started = time.monotonic() - began
    path = lab.put("99/999/last.bin", hostile=False)
    took = judged_within(lab, path)
    lab.measured += [f"ready after {started:.1f} s", f"a file in the last after {took:.1f} s"]
    lab.measured.append(f"daemon at most {lab.peak_mib()} MiB")
    for index in range(20):
        lab.put(f"{index * 5}/{index}/x.bin", hostile=index % 4 == 0)


def new_directories_at_full_speed(lab: Lab) -> None:
    """30,000 directories are made in seconds while the daemon watches, with a file in every tenth."""
    lab.start()
    for index in range(30_000):
        path = lab.root / f"{index // 300}" / f"{index}"
        path.mkdir(parents=True)
        lab.injected += 1
        if index % 10 == 0:
            lab.put(f"{index // 300}/{index}/x.bin", hostile=index % 1000 == 0)
    lab.seconds_until(lambda: lab.waiting() == 0 and not lab.problems(), 300)
    for index in range(0, 30_000, 1500):
        lab.put(f"{index // 300}/{index}/after.bin", hostile=True)


def watchdogs_reader_killed(lab: Lab) -> None:
    """What ends watchdog's own reader: a directory moved out, its name made and removed, the moved one purged."""
    lab.start()
    for index in range(20):
        (lab.root / "p" / "q").mkdir(parents=True)
        time.sleep(0.05)
        away = lab.root.with_name(f"away{index}")
        (lab.root / "p").rename(away)
        time.sleep(0.05)
        (lab.root / "p").mkdir()
        time.sleep(0.05)
        (lab.root / "p").rmdir()
        shutil.rmtree(away)
        lab.injected += 1
        lab.put(f"p{index}/x.bin", hostile=index % 5 == 0)
    assert not lab.incidents()["watch-silent"], "only the canary noticed"


def root_link_turned(lab: Lab) -> None:
    """The watched directory is a link that is turned to another directory and back, with files in both."""
    places = [lab.root.with_name(name) for name in ("one", "two")]
    for place in places:
        place.mkdir()
    link = lab.root
    link.rmdir()
    link.symlink_to(places[0])
    lab.start()
    for index in range(4):
        place = places[index % 2]
        lab.root = place
        lab.put(f"before{index}.bin", hostile=True)
        link.unlink(missing_ok=True)
        link.symlink_to(place)
        lab.put(f"sub/after{index}.bin", hostile=index % 2 == 0)
        time.sleep(1.5)
        lab.put(f"sub/later{index}.bin")
        assert lab.seconds_until(lambda: not lab.account(limit=1).missing) < PATIENCE, "not followed"
        lab.injected += 1


def root_missing_at_the_start(lab: Lab) -> None:
    """The watched directory is not there yet, nor is the one that it lies in; then it comes, files and all."""
    lab.root.rmdir()
    lab.start()
    made = lab.root.with_name("made")
    made.mkdir()
    lab.root = made
    lab.burst(10, "sub/")
    real = lab.process.root
    made.rename(real)
    lab.root = real
    lab.moved(made, real)
    lab.injected += 1
    time.sleep(1.5)
    lab.burst(10, "sub/deeper/")


def disk_of_the_caches_missing_at_the_start(lab: Lab) -> None:
    """The mount point is there and empty when the daemon starts; the disk with the caches comes later."""
    lab.start()
    time.sleep(1)
    lab.mount(lab.root)
    lab.burst(20, "models/")
    lab.injected += 1
    time.sleep(2)
    lab.burst(20, "models/")


def file_unreadable(lab: Lab) -> None:
    """Files may not be read when they are judged, and may be later (a daemon without privileges)."""
    _needs_setpriv()
    lab.start()
    lab.signal([lab.pid], signal.SIGSTOP)  # none is judged before it is closed
    paths = [lab.put(f"closed{index}.bin", hostile=index == 0) for index in range(5)]
    for path in paths:
        path.chmod(0)
    lab.signal([lab.pid], signal.SIGCONT)
    hidden = [lab.root.with_name(f"hidden{index}") for index in range(5)]
    for index, path in enumerate(hidden):
        path.write_bytes(HOSTILE + b"hidden%d" % index)
        lab.expect(lab.root / path.name, path.read_bytes(), HARMFUL)
        path.chmod(0)
        path.rename(lab.root / path.name)
        lab.injected += 1
    closed = [*paths, *(lab.root / path.name for path in hidden)]
    for path in closed:
        assert judged_within(lab, path) < PATIENCE, "not said"
        assert lab.verdict(path) == "unscannable"
    for path in closed:
        path.chmod(0o644)


def file_system_hangs(lab: Lab) -> None:
    """Opening files of one mount does not return for 25 seconds; those elsewhere are judged meanwhile."""
    dead = lab.root / "dead"
    lab.mount(dead)
    flag = dead.with_name("dead.hangs")
    lab.process.environment |= {"LD_PRELOAD": str(library("hang")), "PICKLEWATCH_HANG": str(dead)}
    lab.start()
    lab.burst(5, "dead/")
    assert lab.seconds_until(lab.settled) < PATIENCE
    flag.touch()
    for index in range(20):
        lab.put(f"dead/h{index}.bin", hostile=index % 5 == 0)
        lab.injected += 1
    latencies = []
    end = time.monotonic() + 25
    while time.monotonic() < end:
        path = lab.put()
        latencies.append(judged_within(lab, path))
    assert "scan-hangs" in lab.problems(), "not said"
    lab.measured.append(f"elsewhere judged within {max(latencies):.1f} s")
    flag.unlink()


def events_stop(lab: Lab) -> None:
    """Inotify says nothing any more, twice: the canary notices, and everything is watched anew and walked."""
    deaf = _deaf(lab)
    lab.start()
    lab.burst(10)
    assert lab.seconds_until(lab.settled) < PATIENCE
    for index in range(2):
        deaf.touch()
        lab.burst(20, f"silent{index}/")
        lab.injected += 1
        noticed = lab.seconds_until(lambda: "watch-silent" in lab.problems())
        assert noticed < PATIENCE, "not said"
        found = noticed + lab.seconds_until(lambda: not lab.account(limit=1).missing)
        assert found < PATIENCE, "not walked"
        lab.measured.append(f"said after {noticed:.0f} s, all judged after {found:.0f} s")
        deaf.unlink()
        assert lab.seconds_until(lab.settled) < PATIENCE


def events_lost_unnoticed(lab: Lab) -> None:
    """Inotify says nothing for less than a second, between two songs of the canary: the periodic walk counts it."""
    config = lab.process.home / "config.toml"
    config.write_text(f'{config.read_text()}[watch]\nrescan = "20s"\n')
    deaf = _deaf(lab)
    lab.start()
    for index in range(2):
        walks, missed = _rescans(lab), lab.incidents()["missed"]
        assert lab.seconds_until(lambda before=walks: _rescans(lab) > before) < PATIENCE  # type: ignore[misc]
        deaf.touch()
        lab.burst(20, f"lost{index}/")
        time.sleep(0.3)
        deaf.unlink()
        lab.injected += 1
        found = lab.seconds_until(lambda: not lab.account(limit=1).missing)
        assert found < PATIENCE, "not walked"
        time.sleep(4)  # it writes down every two seconds what it has counted
        counted = lab.incidents()["missed"] - missed
        assert counted or lab.incidents()["watch-silent"], "not counted"  # the canary may have sung just then
        lab.measured.append(f"all judged after {found:.0f} s, {counted} counted as missed")
        path = lab.put(f"lost{index}/later.bin")
        assert judged_within(lab, path) < 10, "a directory whose making was missed is not watched"


def _deaf(lab: Lab) -> Path:
    """The file while which is there the daemon hears nothing of inotify."""
    flag = lab.process.home / "deaf"
    lab.process.environment |= {"LD_PRELOAD": str(library("deaf")), "PICKLEWATCH_DEAF": str(flag)}
    return flag


def _rescans(lab: Lab) -> int:
    return sum(event["reason"] == "rescan" for event in lab.process.events("walk.done"))


FAULTS: tuple[Fault, ...] = (
    overflow,
    burst_with_a_tiny_queue,
    hundred_thousand_directories,
    new_directories_at_full_speed,
    watchdogs_reader_killed,
    events_stop,
    events_lost_unnoticed,
    root_deleted_and_recreated,
    root_renamed_and_back,
    root_replaced,
    root_link_turned,
    root_missing_at_the_start,
    disk_of_the_caches_missing_at_the_start,
    directories_moved_out_and_back,
    directory_unreadable,
    file_unreadable,
    watch_limit,
    unmounted_and_mounted,
    file_system_hangs,
)
THROUGH: dict[Fault, tuple[str, ...]] = {
    watch_limit: WITH_FEW_WATCHES,
    directory_unreadable: WITHOUT_PRIVILEGES,
    file_unreadable: WITHOUT_PRIVILEGES,
}
"""The command that runs the daemon, where that is part of the fault."""
