"""Another user links, renames and exchanges under a daemon that is root, so that it touches what is not theirs."""

from __future__ import annotations

import hashlib
import os
import time
from functools import partial
from typing import TYPE_CHECKING

from fault.lab import HARMFUL, PATIENCE, Lab, SkippedError
from fault.outside import Outside
from support.daemon_process import HOSTILE
from support.machine_users import MALLORY, Machine, can_isolate, is_taken

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fault.faults.kinds import Fault

TRIES = 1_000
"""Attempts to have a foreign file touched."""
_BATCH = 25
RACES = 200
"""Hostile files with a name outside first."""


class UsersLab(Lab):
    """A daemon of root's over the caches of a machine's users."""

    def __init__(self, home: Path, *, through: tuple[str, ...] = ()) -> None:
        super().__init__(home, through=through)
        self._is_possible = can_isolate()
        if not self._is_possible:
            return
        home.chmod(0o755)
        (home / "machine").mkdir()
        self.machine = Machine(home / "machine")
        self.process = self.machine.process
        self.state, self.root = self.process.state, self.machine.cache / "whisper"

    def start(self) -> None:
        """Start the daemon, where there are users."""
        self.check_possible()
        super().start()

    def check_possible(self) -> None:
        """Skip the fault where there can be no users."""
        if not self._is_possible:
            raise SkippedError("needs root, and the right to make a mount namespace")

    def bait(self, number: int) -> Path:
        """Put a hostile file of the attacker's own, which has to be taken."""
        content = b"bait %d" % number
        path = self.machine.put(self.root / f"{number}.pkl", content)
        self.expect(path, HOSTILE + content, HARMFUL)
        return path


def linked_to_by_another_user(lab: Lab) -> None:
    """A thousand tries: links at every level, roots and parents exchanged for links, hard links. None is touched."""
    assert isinstance(lab, UsersLab)
    lab.start()
    machine, base = lab.machine, lab.machine.base
    linked: list[Path] = []
    with Outside(base / "closed", b"secret") as closed, Outside(base / "open") as opened:
        opened.path.chmod(0o755)
        for start in range(0, TRIES, _BATCH):
            linked.append(_link_hard(machine, start))
            machine.as_mallory(partial(_batch, machine, closed.path, opened.path, start))
            time.sleep(1.2)  # what the last try left is looked at
            lab.injected += _BATCH
            bait = lab.bait(start)
            assert lab.seconds_until(partial(is_taken, bait), PATIENCE) < PATIENCE, bait
        machine.as_mallory(partial(_clear, machine.mallory))
    touched = [*closed.changes, *opened.changes]
    for number, path in enumerate(linked):
        if path.read_bytes() != HOSTILE + b"linked %d" % (number * _BATCH) or path.stat().st_nlink != 2:
            touched.append(str(path))
    assert not touched, touched
    for path in closed.path.iterdir():
        assert hashlib.sha256(path.read_bytes()).hexdigest() not in machine.log(), path
    foreign = [path for path in machine.moved() if not path.startswith(f"{lab.root}/")]
    assert not foreign, foreign
    lab.measured.append(f"{len(touched) + len(foreign)} foreign files touched in {lab.injected} tries")


def _link_hard(machine: Machine, number: int) -> Path:
    """Do as a user can where fs.protected_hardlinks is 0; return the file of root's that was linked."""
    victim = machine.base / f"linked/{number}"
    victim.parent.mkdir(exist_ok=True)
    victim.write_bytes(HOSTILE + b"linked %d" % number)
    directory = machine.cache / f"clip/{number}"
    machine.as_mallory(partial(directory.mkdir, parents=True))
    os.link(victim, directory / "linked.pkl")
    return victim


def _batch(machine: Machine, closed: Path, opened: Path, first: int) -> None:
    for number in range(first, first + _BATCH):
        target = (closed, opened)[number % 2]
        _clear(machine.mallory)
        _ACTS[number // 2 % len(_ACTS)](machine.mallory, target)
        time.sleep(number % 5 / 100)


def _clear(home: Path) -> None:
    """Take all links away, and put all directories back."""
    for name in (".cache/torch", ".cache/huggingface", ".keras", ".fastai", "step"):
        if (home / name).is_symlink():
            (home / name).unlink()
    for path in (home / ".cache/torch/hub").glob("*"):
        if path.is_symlink():
            path.unlink()


def _link_root(home: Path, target: Path) -> None:
    _make_room(home / ".cache/torch")
    (home / ".cache/torch").symlink_to(target)


def _link_by_steps(home: Path, target: Path) -> None:
    _make_room(home / ".cache/huggingface")
    (home / "step").symlink_to(os.path.relpath(target, home))
    (home / ".cache/huggingface").symlink_to("../step")


def _link_elsewhere(home: Path, target: Path) -> None:
    (home / ".keras").symlink_to(target)
    (home / ".fastai").symlink_to(target)


def _link_files(home: Path, target: Path) -> None:
    hub = _hub(home)
    for name in ("precious", "model.bin"):
        (hub / name).symlink_to(target / name)
    (hub / "directory").symlink_to(target)


def _exchange_root(home: Path, target: Path) -> None:
    _hub(home)
    top, kept, other = home / ".cache/torch", home / ".cache/kept", home / ".cache/other"
    other.symlink_to(target)
    for _ in range(50):
        top.rename(kept)
        other.rename(top)
        top.rename(other)
        kept.rename(top)
    other.unlink()


def _exchange_behind_a_link(home: Path, target: Path) -> None:
    """Exchange for a link what a link inside of a cache leads to, and was followed to: that one stays."""
    disk, kept, other = home / "disk", home / "kept-disk", home / "other-disk"
    link = home / ".cache/clip/behind"
    if not link.is_symlink():
        disk.mkdir()
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(disk)
        time.sleep(3.0)
    other.symlink_to(target)
    for number in range(20):
        disk.rename(kept)
        other.rename(disk)
        time.sleep(number % 5 / 100)
        disk.rename(other)
        kept.rename(disk)
    other.unlink()


def _exchange_parents(home: Path, target: Path) -> None:
    hub = _hub(home)
    for number in range(20):
        directory = hub / f"{number}-{time.monotonic_ns()}"
        directory.mkdir()
        (directory / "model.bin").write_bytes(b"\x80\x04N.")
        (directory / "precious").write_bytes(b"\x80\x04N.")
        directory.rename(hub / f"was-{directory.name}")
        directory.symlink_to(target)


def _hub(home: Path) -> Path:
    hub = home / ".cache/torch/hub"
    hub.mkdir(parents=True, exist_ok=True)
    return hub


def _make_room(path: Path) -> None:
    if path.is_dir():
        path.rename(path.with_name(f"{path.name}-{time.monotonic_ns()}"))


_ACTS: tuple[Callable[[Path, Path], None], ...] = (
    _link_root,
    _link_by_steps,
    _link_elsewhere,
    _link_files,
    _exchange_root,
    _exchange_parents,
    _exchange_behind_a_link,
)


def linked_outside_then_inside(lab: Lab) -> None:
    """A link to a name outside, and at once a hard link of it inside: none of the hostile files keeps that."""
    assert isinstance(lab, UsersLab)
    lab.start()
    machine = lab.machine
    lab.bait(-1)
    outside = machine.base / "outside"
    outside.mkdir()
    os.chown(outside, MALLORY, MALLORY)
    names = [f"{number}.pkl" for number in range(RACES)]
    for name in names:
        machine.put(outside / name, name.encode())

    def race() -> None:
        for number, name in enumerate(names):
            (lab.root / f"link-{name}").symlink_to(outside / name)
            time.sleep(number % 4 / 200)
            os.link(outside / name, lab.root / f"hard-{name}")

    machine.as_mallory(race)
    inside = [lab.root / f"hard-{name}" for name in names]
    lab.seconds_until(lambda: all(map(is_taken, inside)), PATIENCE)
    lab.injected = RACES
    stayed = [path.name for path in inside if not is_taken(path)]
    assert not stayed, f"{len(stayed)} stayed: {stayed[:5]}"


FAULTS: tuple[Fault, ...] = (linked_to_by_another_user, linked_outside_then_inside)
LABS: dict[Fault, type[Lab]] = dict.fromkeys(FAULTS, UsersLab)
