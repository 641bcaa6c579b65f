"""Disks: full, over quota, broken, read-only, and without power."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import shutil
import signal
import subprocess
import tempfile
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from fault.disk import CHANGES, EVERYTHING, Disk
from fault.lab import HARMFUL, PATIENCE, SkippedError
from fault.power import Tree, cuts, read
from support.daemon_process import HOSTILE
from support.watching import named

from picklewatch.core.tombstone import parse_tombstone
from picklewatch.quarantine.vault import State, Vault
from picklewatch.service.actions import Actions
from picklewatch.service.late_names import LateNames
from picklewatch.service.moves import Mover
from picklewatch.service.outcome_log import OutcomeLog
from picklewatch.service.quarantine_policy import QuarantinePolicy
from picklewatch.store import Store
from picklewatch.telemetry.health import Health

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fault.faults.kinds import Fault
    from fault.lab import Lab

ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)


def refused_once(lab: Lab) -> None:
    """Each step that changes the state folder is refused once, in turn: full, over quota, broken, read-only.

    A harmless and a hostile file are put for each: a few minutes in all.
    """
    disk = _ready(lab)
    for number in range(10_000):
        disk.refuse(EVERYTHING, ERRORS[number % len(ERRORS)], number, number)
        _put_both(lab)
        assert lab.seconds_until(lab.settled) < PATIENCE, (number, lab.problems())
        if not disk.counted()[1]:
            break
        lab.injected += 1
    disk.heal()


def refused_for_a_while(lab: Lab) -> None:
    """Each step, and then all that follow, are refused until the daemon says so; each in turn: some minutes."""
    disk = _ready(lab)
    for number in range(10_000):
        disk.refuse(EVERYTHING, ERRORS[number % len(ERRORS)], number)
        _put_both(lab)
        said = lab.seconds_until(lambda: bool(lab.problems()) or lab.settled())
        assert said < 10, f"step {number} was refused, and nothing said so for {said:.0f} s"
        refused = disk.counted()[1]
        disk.heal()
        assert lab.seconds_until(lab.settled) < PATIENCE, (number, lab.problems())
        if not refused:
            break
        lab.injected += 1


def killed_at_every_step(lab: Lab) -> None:
    """Kill -9 before each step that changes the state folder: of the first start, then of starts with work to do."""
    disk = Disk(lab.process.home, lab.state)
    lab.process.environment = disk.environment
    for number in range(10_000):  # the first start, each time from nothing
        shutil.rmtree(lab.state, ignore_errors=True)
        disk.kill(CHANGES, number)
        if not _killed(lab):
            break
        lab.injected += 1
    for number in range(10_000):
        disk.kill(CHANGES, number)
        _put_both(lab)
        if not _killed(lab):
            break
        lab.injected += 1
    disk.heal()
    lab.start()


def _killed(lab: Lab) -> bool:
    """Start the daemon, and wait until it is killed, or all is well (then it is ended)."""
    lab.process.launch()
    lab.seconds_until(lambda: lab.process.process.poll() is not None or lab.settled())
    if lab.process.process.poll() is None:
        lab.process.stop()
        return False
    said = lab.process._log.read_text().splitlines()[-1:]
    assert lab.process.process.returncode == -signal.SIGKILL, (lab.process.process.returncode, said)
    return True


def _ready(lab: Lab) -> Disk:
    disk = Disk(lab.process.home, lab.state)
    lab.process.environment = disk.environment
    lab.start()
    return disk


def _put_both(lab: Lab) -> None:
    lab.put()
    lab.put(hostile=True)


# --- real file systems


def remounted_read_only(lab: Lab) -> None:
    """The state's file system finds an error, and the kernel lets nobody write any more.

    First a repaired copy is mounted in its place, on another device, while the daemon runs. Then the daemon is stopped
    for the repair, as it must be to get the very same device mounted anew.
    """
    image = _ext4(lab, lab.state)
    lab.start()
    for stopped in (False, True):
        lab.burst(20)
        assert lab.seconds_until(lab.settled) < PATIENCE
        _forced_read_only(lab.state)
        lab.injected += 1
        lab.burst(20)
        assert lab.seconds_until(lambda: "store-unwritable" in lab.problems()) < 10, "nobody said so"
        if stopped:
            assert lab.process.stop() == 0
        _run("umount", *([] if stopped else ["-l"]), str(lab.state))
        if not stopped:
            image = Path(shutil.copyfile(image, image.with_name("copy")))
        _run("e2fsck", "-p", "-f", str(image), good=(0, 1))
        _mount_image(lab, image, lab.state)
        if stopped:
            lab.start()


def disk_breaks(lab: Lab) -> None:
    """Writes to the state's disk fail (EIO): it has no room where it said that it had. Mended, it is mounted again."""
    backing = lab.process.home / "backing"
    lab.mount(backing, "size=24m")
    image = _ext4(lab, lab.state, backing / "image", size="64M")
    lab.start()
    lab.burst(20)
    assert lab.seconds_until(lab.settled) < PATIENCE
    filler = backing / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(bytes(4096)) == 4096:
            pass
    lab.injected += 1
    for _ in range(20):
        lab.burst(20)
        if lab.seconds_until(lambda: "store-unwritable" in lab.problems(), 2) < 2:
            break
    else:
        raise AssertionError("the disk never failed")
    assert lab.process.stop() == 0
    filler.unlink()
    _run("umount", str(lab.state))
    _run("e2fsck", "-p", "-f", str(image), good=(0, 1))
    _mount_image(lab, image, lab.state)
    lab.start()


def _forced_read_only(point: Path) -> None:
    device = Path(_run("findmnt", "-n", "-o", "SOURCE", str(point)).strip()).name
    Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("1")


def _ext4(
    lab: Lab, point: Path, image: Path | None = None, *, size: str = "64M", options: str = "errors=remount-ro"
) -> Path:
    """Mount a new ext4 at *point*; its image."""
    if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
        raise SkippedError("needs root and ext4")
    image = image or lab.process.home / "image"
    _run("truncate", "-s", size, str(image))
    _run("mkfs.ext4", "-q", "-F", "-b", "1024", "-J", "size=1", str(image))
    point.mkdir(exist_ok=True)
    _mount_image(lab, image, point, options)
    return image


def _mount_image(lab: Lab, image: Path, point: Path, options: str = "errors=remount-ro") -> None:
    try:
        _run("mount", "-o", f"loop,{options}", str(image), str(point))
    except AssertionError as error:
        raise SkippedError("needs the right to mount") from error
    lab._cleanup.callback(subprocess.run, ["umount", "-l", str(point)], check=False, capture_output=True)


def _run(*command: str, good: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode in good, (command, done.stderr)
    return done.stdout


# --- power


def power_cut_at_every_step(lab: Lab) -> None:
    """The power is cut before each step of a small workload, on a real ext4 (which is replayed, as after a cut).

    Of what the daemon wrote, only what it synced is on the image then. The daemon goes on from each different image:
    some twenty-five, a few minutes in all.
    """
    home = lab.process.home
    config = (home / "config.toml").read_text()
    outside = Path(lab._cleanup.enter_context(tempfile.TemporaryDirectory()))
    image = _ext4(lab, home, outside / "image", size="24M", options="commit=600")
    (home / "config.toml").write_text(config)
    lab.root.mkdir()
    _put_both(lab)
    _put_both(lab)
    os.sync()
    images = _images(lab, image)
    for number, cut in enumerate(images):
        _run("umount", str(home))
        shutil.copyfile(cut, image)
        cut.unlink()
        _mount_image(lab, image, home)
        lab.start()
        assert lab.seconds_until(lab.settled) < PATIENCE, (number, lab.problems(), lab.account())
        account = lab.account()
        assert not account.doubled, account
        assert not lab.set_aside(), "the database was damaged"
        lab.injected += 1
        if number + 1 < len(images):
            lab.process.stop()


def _images(lab: Lab, image: Path) -> list[Path]:
    """Run the daemon until all is well, and stop it before each step: the different images of its disk."""
    control = Disk(image.parent, lab.root, lab.state)
    lab.process.environment = control.environment
    control.stop(EVERYTHING)
    lab.process.launch()
    pid, known, changed = lab.pid, set[str](), -1
    images: list[Path] = []
    while True:
        _, how = os.waitpid(pid, os.WUNTRACED)
        assert os.WIFSTOPPED(how), "the daemon ended"
        former, changed = changed, image.stat().st_mtime_ns
        digest = "" if changed == former else sha256(image.read_bytes()).hexdigest()
        if digest and digest not in known:
            known.add(digest)
            images.append(image.with_name(f"cut-{len(images)}"))
            _run("cp", "--sparse=always", str(image), str(images[-1]))
        done = lab.settled()
        if done:
            control.heal()
        os.kill(pid, signal.SIGCONT)
        if done:
            assert lab.process.stop() == 0
            lab.process.environment = {}
            return images


def unsynced_writes_by_chance(lab: Lab) -> None:
    """The power is cut after each step of a small workload; of what was not synced nothing, all, or anything is there.

    Also torn writes. The disk is rebuilt from what was written down, and recovered from as a start does.
    """
    disk = Disk(lab.process.home, lab.root, lab.state)
    lab.process.environment = disk.environment
    disk.record()
    contents = Counter(_put_some(lab))
    before = Tree.of(lab.root)
    before.names[lab.process.home.stat().st_ino] = {lab.root.name: lab.root.stat().st_ino}
    times = {path.stat().st_ino: path.stat().st_mtime_ns for path in lab.files}
    lab.start()
    assert lab.seconds_until(lab.settled) < PATIENCE
    assert lab.process.stop() == 0
    away = lab.process.home / "away"
    away.mkdir()
    lab.root.rename(away / "root")
    lab.state.rename(away / "state")
    steps = read(disk.log)
    top = lab.process.home.stat().st_ino
    for number, how, tree in cuts(before, steps, random.Random(1), 3):
        rebuilt = lab.process.home / "rebuilt"
        inodes = tree.write(top, rebuilt)
        for name in ("root", "state"):
            if (rebuilt / name).exists():
                (rebuilt / name).rename(lab.process.home / name)
        with _as_on_the_disk(inodes, times):
            wrong = _recover(lab, contents)
        assert not wrong, f"after step {number} of {len(steps)}, {how}: {wrong}"
        for path in (lab.root, lab.state, rebuilt):
            shutil.rmtree(path, ignore_errors=True)
        lab.injected += 1
    (away / "root").rename(lab.root)
    (away / "state").rename(lab.state)
    lab.process.environment = {}
    lab.start()


def _put_some(lab: Lab) -> Iterator[bytes]:
    for number in range(4):
        yield lab.put(hostile=number % 2 == 1).read_bytes()


@contextlib.contextmanager
def _as_on_the_disk(inodes: Mapping[int, int], times: Mapping[int, int]) -> Iterator[None]:
    """Let files have the numbers that they had before the cut: a journal names a file by its inode."""
    real = {name: getattr(os, name) for name in ("stat", "lstat", "fstat")}

    def told(name: str) -> object:
        def call(*args: object, **kwargs: object) -> os.stat_result:
            status = real[name](*args, **kwargs)
            inode = inodes.get(status.st_ino)
            if inode is None:
                return status  # type: ignore[no-any-return]
            values = list(status)
            values[1] = inode
            more = {key: getattr(status, key) for key in dir(status) if key.startswith("st_")}
            return os.stat_result(values, {**more, "st_mtime_ns": times.get(inode, status.st_mtime_ns)})

        return call

    for name in real:
        setattr(os, name, told(name))
    try:
        yield
    finally:
        for name, function in real.items():
            setattr(os, name, function)


def _recover(lab: Lab, contents: Counter[bytes]) -> str:
    """Start from the state as the daemon does; what is wrong then."""
    lab.state.mkdir(exist_ok=True)
    with structlog.testing.capture_logs(), contextlib.closing(Store(lab.state)) as store:
        if store.set_aside is not None:
            return "the database was damaged"
        with Vault(lab.state / "quarantine") as vault:
            policy = QuarantinePolicy(takes=lambda verdict: verdict.value in HARMFUL, trees=lambda: (named(lab.root),))
            mover = Mover(store, Health(), lambda: vault, lambda: policy)
            mover.recover()
            outcomes = OutcomeLog(store)
            Actions(outcomes, mover, LateNames(store, outcomes)).catch_up()
            items = [item for item in vault.items(history=True) if item.state is State.QUARANTINED]
            held = [(lab.state / "quarantine" / item.id / "data").read_bytes() for item in items]
        if len(items) > sum(store.intents.counts().values()):
            return "moved, and the intent was not on the disk"
        moved = {item for (item,) in store._database.query("SELECT item FROM intents WHERE state = 'done'")}
    there = [path.read_bytes() for path in lab.root.iterdir()]
    found = Counter(content for content in [*there, *held] if parse_tombstone(content) is None)
    if found != contents:
        return f"lost {contents - found}, doubled {found - contents}"
    if not moved <= {item.id for item in items}:
        return "recorded as moved, and not in quarantine"
    return "" if all(content.startswith(HOSTILE) for content in held) else "a harmless file was moved"


FAULTS: tuple[Fault, ...] = (
    refused_once,
    refused_for_a_while,
    killed_at_every_step,
    remounted_read_only,
    disk_breaks,
    power_cut_at_every_step,
    unsynced_writes_by_chance,
)
