"""A day of a workstation's work, time compressed: what the daemon holds does not grow with what it did."""

from __future__ import annotations

import os
import random
import shutil
import signal
import statistics
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Final

from fault.costs import descriptors, private_mib, threads
from fault.everyday import Everyday
from fault.lab import CONFIG, HARMFUL, HARMLESS, PATIENCE, Lab
from support.daemon_process import BENIGN, HOSTILE, Process

if TYPE_CHECKING:
    from pathlib import Path

    from fault.faults.kinds import Fault

_HOURS: Final = 24
_ACTS: Final = 80
"""Of the usual kind in an hour, which are about a hundred files; and a twentieth of it of each other kind."""
_GUESTS: Final = 5
"""Roots that come and go."""
_ALLOWED: Final = (4.0, 4.0, 2, 2, 1, 0)
"""What the last quarter of the day may have more than the second: see `_Sample`. The first one is for warming up.

A day has 4,000 files: a kilobyte kept of each in the half of it that is compared is 2 MiB. What is remembered up to a
bound (docs/watching.md, "Costs") is not full before the second quarter, and the heap has its holes: hence twice that.
"""


@dataclass(frozen=True, slots=True)
class _Sample:
    """Return the resources held while nothing happens, in the order of the table's figures."""

    daemon_mib: float
    warm_mib: float
    descriptors: int
    warm_descriptors: int
    threads: int
    processes: int


class _DayLab(Lab):
    """A daemon that watches roots beside its usual one, which come and go."""

    def __init__(self, home: Path, *, through: tuple[str, ...] = ()) -> None:
        super().__init__(home, through=through)
        self.guests = [home / "guests" / f"{number}" for number in range(_GUESTS)]
        paths = (str(self.root), *map(str, self.guests))
        self.process = Process(home, f'{CONFIG}[watch]\nrescan = "20s"\n', paths, through=through)

    def sample(self) -> _Sample:
        """Wait until nothing is left to do, and see what it needs then."""
        assert self.seconds_until(lambda: self.waiting() == 0, PATIENCE) < PATIENCE, f"{self.waiting()} wait"
        self.seconds_until(lambda: len(self.scanning()) == len(self.warm()) and not self.waiting(), 5.0)
        warm = self.warm()
        return _Sample(
            private_mib(self.pid),
            sum(map(private_mib, warm)) / len(warm),
            len(descriptors(self.pid)),
            max(len(descriptors(pid)) for pid in warm),
            threads(self.pid),
            len(warm),
        )


class _Workday(Everyday):
    """The user of a workstation, hour by hour."""

    def __init__(self, lab: _DayLab, chance: random.Random) -> None:
        super().__init__(lab, chance)
        self._day_lab = lab
        self._seldom = (self.download_a_model, self.save_again_and_again, self.turn_a_link, self.guest)

    def hour(self, number: int) -> None:
        """Work for an hour."""
        acts = [self.everyday] * _ACTS + [act for act in self._seldom for _ in range(_ACTS // 20)]
        self._chance.shuffle(acts)
        for act in acts:
            act() if act == self.everyday else self._do(act)
        self._do(self.reload)
        if number % 2:
            self._do(self.restore)
            self._do(self.purge)

    def download_a_model(self) -> None:
        """A model of four files, as Hugging Face's client does: blobs, and links to them."""
        self._made += 1
        model = self._lab.root / f"models--a--{self._made}"
        for directory in (model / "blobs", model / "snapshots" / "1"):
            directory.mkdir(parents=True)
        for number in range(4):
            content = (HOSTILE if not number else BENIGN) + b"model %d %d" % (self._made, number)
            blob = model / "blobs" / f"{self._made:060x}{number:04x}"
            self._lab.expect(blob, content, HARMLESS if number else HARMFUL)
            unfinished = blob.with_name(blob.name + ".incomplete")
            unfinished.write_bytes(content)
            unfinished.rename(blob)
            (model / "snapshots/1" / f"{number}.bin").symlink_to(os.path.relpath(blob, model / "snapshots/1"))

    def save_again_and_again(self) -> None:
        """A training writes its checkpoint over the last one."""
        path = self._lab.root / "run" / f"last-{self._chance.randrange(3)}.pt"
        path.parent.mkdir(exist_ok=True)
        for _ in range(10):
            self._made += 1
            content = BENIGN + b"step %d" % self._made
            path.write_bytes(content)
            self._lab.expect(path, content, HARMLESS)

    def turn_a_link(self) -> None:
        """A link to a directory elsewhere leads to another one; what is there is in no books."""
        self._made += 1
        target = self._lab.root.with_name(f"disk{self._made % 7}")
        target.mkdir(exist_ok=True)
        (target / f"{self._made % 50}.bin").write_bytes(BENIGN + b"elsewhere %d" % self._made)
        new = self._lab.root / "new-link"
        new.symlink_to(target)
        new.replace(self._lab.root / f"link{self._chance.randrange(3)}")

    def guest(self) -> None:
        """A root comes, with files, or goes, with them."""
        guest = self._chance.choice(self._day_lab.guests)
        if guest.exists():
            for path in [path for path in self._lab.files if path.is_relative_to(guest)]:
                self._lab.forget(path)
            shutil.rmtree(guest)
            return
        guest.mkdir(parents=True)
        for number in range(5):
            self._made += 1
            content = BENIGN + b"guest %d" % self._made
            path = guest / f"{number}.bin"
            path.write_bytes(content)
            self._lab.expect(path, content, HARMLESS)

    def reload(self) -> None:
        """The configuration is read again; now and then with other limits, which makes new workers."""
        limit = self._chance.choice((5, 5, 6))
        text = CONFIG.replace("5s", f"{limit}s") + f'[watch]\nrescan = "{self._chance.choice((15, 20))}s"\n'
        (self._lab.process.home / "config.toml").write_text(text)
        self._lab.signal([self._lab.pid], signal.SIGHUP)


def day_of_work(lab: Lab) -> None:
    """Downloads, rewrites, moves, links turned, roots that come and go, reloads and walks, for 24 hours."""
    assert isinstance(lab, _DayLab)
    lab.start()
    day = _Workday(lab, random.Random(10))
    samples = []
    for number in range(_HOURS):
        day.hour(number)
        samples.append(lab.sample())
    lab.injected = sum(day.did.values())
    quarter = _HOURS // 4
    before, after = _median(samples[quarter : 2 * quarter]), _median(samples[-quarter:])
    figures = ", ".join(f"{name} {old:.4g} -> {new:.4g}" for name, old, new in zip(_NAMES, before, after, strict=True))
    disk = sum(path.stat().st_size for path in lab.state.glob("*") if path.is_file()) >> 10
    lab.measured.append(f"{day.made} files made; {figures}; records {disk} KiB")
    grown = [name for name, old, new, most in zip(_NAMES, before, after, _ALLOWED, strict=True) if new - old > most]
    assert not grown, lab.measured


def _median(samples: list[_Sample]) -> list[float]:
    return [statistics.median(column) for column in zip(*map(astuple, samples), strict=True)]


_NAMES: Final = ("MiB", "MiB a warm process", "descriptors", "of a warm process", "threads", "warm processes")

FAULTS: tuple[Fault, ...] = (day_of_work,)
LABS: dict[Fault, type[Lab]] = dict.fromkeys(FAULTS, _DayLab)
