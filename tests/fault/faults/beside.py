"""Small files of one user beside all that another makes: how long they wait for their verdict.

``python tests/fault/table.py of_another_user`` measures all of it. Each load has the time from a small file's last
write until the log has its verdict, of sixty files; the targets are a median under 50 ms, and none over a second.
"""

from __future__ import annotations

import gzip
import math
import os
import shutil
import statistics
import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING

from fault.lab import PATIENCE, SkippedError
from support.daemon_process import BENIGN, HOSTILE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fault.faults.kinds import Fault
    from fault.lab import Lab

_GREEDY, _QUIET = 4001, 4002
"""Two users: numbers without names."""
_SECONDS = 15.0
_PAUSE = 0.25
_MEDIAN, _LATEST = 0.05, 1.0
"""The targets."""
_BOMB = gzip.compress(gzip.compress(b"\x80\x02" + b"N0" * (40 << 20) + b"N.", 9), 9)
_LARGE = 100 << 20
_REWRITTEN = 20
_RENAMED = 300


def _beside(lab: Lab, load: Callable[[Path, int], float | None]) -> None:
    """Put small files of one user while *load* makes those of another; it returns when to go on, None for never."""
    if os.geteuid() != 0:
        raise SkippedError("needs files of two users")
    lab.start()
    greedy, quiet = lab.root / "greedy", lab.root / "quiet"
    for directory, owner in ((greedy, _GREEDY), (quiet, _QUIET)):
        directory.mkdir()
        os.chown(directory, owner, owner)
    done = threading.Event()

    def make() -> None:
        while not done.is_set() and (pause := load(greedy, lab.injected)) is not None:
            lab.injected += 1
            done.wait(pause)

    maker = threading.Thread(target=make)
    maker.start()
    try:
        done.wait(2)
        closed = _put_small_files(lab, quiet)
    finally:
        done.set()
        maker.join()
    lab.seconds_until(lambda: closed.keys() <= _judged_at(lab).keys(), PATIENCE)
    judged = _judged_at(lab)
    latencies = sorted(judged.get(path, math.inf) - at for path, at in closed.items())
    median, latest = statistics.median(latencies), latencies[-1]
    lab.measured.append(f"{len(closed)} small files of another: median {median * 1e3:.0f} ms, at most {latest:.2f} s")
    assert median < _MEDIAN, lab.measured
    assert latest < _LATEST, lab.measured
    lab.seconds_until(lambda: _is_removed(greedy))


def _put_small_files(lab: Lab, directory: Path) -> dict[str, float]:
    """Put a small file every quarter of a second; return when each was written."""
    closed: dict[str, float] = {}
    for number in range(int(_SECONDS / _PAUSE)):
        path = lab.put(f"{directory.name}/{number}.bin")
        closed[str(path)] = time.time()
        os.chown(path, _QUIET, _QUIET)
        time.sleep(_PAUSE)
    return closed


def _judged_at(lab: Lab) -> dict[str, float]:
    """When the log first had each file, which is after its record."""
    judged: dict[str, float] = {}
    for event in lab.process.events("file.scanned"):
        judged.setdefault(event["path"], datetime.fromisoformat(event["timestamp"]).timestamp())
    return judged


def _is_removed(directory: Path) -> bool:
    """Remove *directory*; return True if it is gone: the daemon may be moving something in it."""
    shutil.rmtree(directory, ignore_errors=True)
    return not directory.exists()


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    for made in (path.parent, path):
        os.chown(made, _GREEDY, _GREEDY)


# --- the loads


def _bombs(greedy: Path, number: int) -> float:
    _put(greedy / f"{number}/bomb.bin", _BOMB + b"%d" % number)
    return 0.2


def _flood(greedy: Path, number: int) -> float:
    _put(greedy / f"{number}/small.bin", BENIGN + b"%d" % number)
    return 0.005


def _directories(greedy: Path, number: int) -> float | None:
    _put(greedy / f"{number}/small.bin", BENIGN + b"%d" % number)
    return 0.0 if number < 5_000 else None


def _hostile(greedy: Path, number: int) -> float:
    _put(greedy / f"{number}/bad.bin", HOSTILE + b"%d" % number)
    return 0.02


def _large(greedy: Path, number: int) -> float:
    content = b"\x80\x04B" + _LARGE.to_bytes(4, "little") + os.urandom(1 << 20) * (_LARGE >> 20) + b"."
    _put(greedy / f"{number % 8}/large.bin", content)  # written over: the disk is not the load
    return 0.2


def _rewrites(greedy: Path, number: int) -> float:
    _put(greedy / f"often/{number % _REWRITTEN}.bin", BENIGN + b"%d" % number)
    return 0.002


def _renames(greedy: Path, number: int) -> float:
    if number < _RENAMED:
        _put(greedy / f"name-0/{number}.bin", BENIGN + b"%d" % number)
        return 0.0
    turn = number - _RENAMED
    (greedy / f"name-{turn}").rename(greedy / f"name-{turn + 1}")
    return 0.1


def _holes(greedy: Path, number: int) -> float:
    _put(greedy / f"{number}/hole.bin", HOSTILE if number % 2 else b"")
    os.truncate(greedy / f"{number}/hole.bin", 1 << 40)
    return 0.1


_EVERYTHING: tuple[Callable[[Path, int], float | None], ...] = (
    _bombs,
    _flood,
    _hostile,
    _large,
    _rewrites,
    _renames,
    _holes,
)


def bombs_of_another_user(lab: Lab) -> None:
    """One user makes five slow files a second, in a directory each; another's small files do not wait for them."""
    _beside(lab, _bombs)


def flood_of_another_user(lab: Lab) -> None:
    """One user makes 200 small files a second, in a directory each: more than can be scanned; another's do not wait."""
    _beside(lab, _flood)


def directories_of_another_user(lab: Lab) -> None:
    """One user makes 5,000 directories with a file in each, as fast as can be; another's small files do not wait."""
    _beside(lab, _directories)


def hostile_files_of_another_user(lab: Lab) -> None:
    """One user makes 50 hostile files a second, which are moved; another's small files do not wait."""
    _beside(lab, _hostile)


def large_files_of_another_user(lab: Lab) -> None:
    """One user makes five honest files of 100 MB a second; another's small files do not wait."""
    _beside(lab, _large)


def rewrites_of_another_user(lab: Lab) -> None:
    """One user writes twenty files anew, as fast as can be; another's small files do not wait."""
    _beside(lab, _rewrites)


def renames_of_another_user(lab: Lab) -> None:
    """One user renames a directory of 300 files ten times a second; another's small files do not wait."""
    _beside(lab, _renames)


def holes_of_another_user(lab: Lab) -> None:
    """One user makes ten files of a terabyte of nothing a second, half with harm in front; another's do not wait."""
    _beside(lab, _holes)


def everything_of_another_user(lab: Lab) -> None:
    """One user does all of these at once; another's small files do not wait."""

    def load(greedy: Path, number: int) -> float:
        turn, kind = divmod(number, len(_EVERYTHING))
        _EVERYTHING[kind](greedy / _EVERYTHING[kind].__name__, turn)
        return 0.01

    _beside(lab, load)


FAULTS: tuple[Fault, ...] = (
    bombs_of_another_user,
    flood_of_another_user,
    directories_of_another_user,
    hostile_files_of_another_user,
    large_files_of_another_user,
    rewrites_of_another_user,
    renames_of_another_user,
    holes_of_another_user,
    everything_of_another_user,
)
