"""Much of everything, and files that are strange."""

from __future__ import annotations

import contextlib
import functools
import gzip
import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from fault.faults.watching import judged_within
from fault.lab import HARMFUL, HARMLESS, PATIENCE, UNJUDGED, SkippedError
from support.daemon_process import BENIGN, HOSTILE

if TYPE_CHECKING:
    from fault.faults.kinds import Fault
    from fault.lab import Lab


def rewritten_all_the_time(lab: Lab) -> None:
    """A file is written anew every 10 ms for four seconds, the last time hostile, while others arrive."""
    lab.start()
    path = lab.root / "busy.bin"
    done = threading.Event()

    def write() -> None:
        while not done.wait(0.01):
            path.write_bytes(BENIGN + b"%d" % lab.injected)
            lab.injected += 1

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(20):
        lab.burst(5, "others/")
        time.sleep(0.2)
    done.set()
    writer.join()
    path.write_bytes(HOSTILE + b"last")
    lab.expect(path, HOSTILE + b"last", HARMFUL)


def sparse_terabyte(lab: Lab) -> None:
    """Two files of 1 TB that take no room, one of them with a hostile pickle at its start: that is taken, unread."""
    lab.start()
    for name, content in (("empty.bin", b""), ("pickle.bin", HOSTILE)):
        path = lab.root / name
        try:
            with path.open("wb") as file:
                file.write(content)
                file.truncate(1 << 40)
        except OSError as error:
            raise SkippedError(f"the file system says: {error.strerror}") from error
        lab.expect(path, None, HARMFUL if content else HARMLESS)
        lab.injected += 1
    lab.burst(20)


def deep_tree(lab: Lab) -> None:
    """Directories 200 deep, made at once and moved in, with files on the way down."""
    lab.start()
    for way in ("made", "moved"):
        base = lab.root if way == "made" else lab.root.with_name("elsewhere")
        for depth in range(20, 201, 20):
            path = base / Path(way, *["d"] * depth, f"{depth}.bin")
            path.parent.mkdir(parents=True)
            content = BENIGN + f"{way}{depth}".encode()
            path.write_bytes(content)
            lab.expect(lab.root / path.relative_to(base), content, HARMLESS)
        if way == "moved":
            (base / way).rename(lab.root / way)
        lab.injected += 1


def never_at_rest(lab: Lab) -> None:
    """Files that are appended to all the time, and downloads that never end, while others arrive (takes six minutes).

    What appeared and never rests is judged after five minutes as it is; a file that is closed after each line, and
    one whose writer is killed, sooner. In the end all have the verdict on what they came to.
    """
    lab.start()
    names = ("appended.bin", "closed-often.bin", "slow.bin.part", "killed.bin")
    paths = {name: lab.root / name for name in names}
    writers = [subprocess.Popen([sys.executable, "-c", _APPEND, str(path), name]) for name, path in paths.items()]
    began = time.monotonic()
    judged: dict[str, float] = {}
    slowest = 0.0
    try:
        while time.monotonic() - began < _NEVER_SECONDS:
            path = lab.put(hostile=lab.injected % 20 == 0)
            slowest = max(slowest, lab.seconds_until(functools.partial(_has_truth, lab, path)))
            lab.injected += 1
            if time.monotonic() - began > _KILLED_AFTER:
                writers[-1].kill()
            for name, there in paths.items():
                if name not in judged and lab.was_judged(there):
                    judged[name] = time.monotonic() - began
            time.sleep(2)
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    missing = [name for name in names if name not in judged]
    assert not missing, f"never judged: {missing}"
    lab.measured.append(f"others judged within {slowest:.1f} s")
    lab.measured += [f"{name} first after {seconds:.0f} s" for name, seconds in judged.items()]
    for path in paths.values():
        lab.expect(path, path.read_bytes(), HARMLESS)


_NEVER_SECONDS = 340.0
_KILLED_AFTER = 20.0
_APPEND = f"""
import sys, time
path, name = sys.argv[1:]
file = open(path, "wb", buffering=0)
file.write({BENIGN!r})
while True:
    file.write(bytes(100))
    if name == "closed-often.bin":
        file.close()
        time.sleep(0.05)
        file = open(path, "ab", buffering=0)
    time.sleep(0.05 if name != "slow.bin.part" else 0.5)
"""


def _has_truth(lab: Lab, path: Path) -> bool:
    """Return True if *path* was judged, or moved for what it is."""
    return lab.verdict(path) is not None or lab.was_judged(path)


def replaced_while_scanned(lab: Lab) -> None:
    """Another file takes the name of one that is being scanned; each record is about one of the contents, whole."""
    lab.start()
    contents: dict[str, bool] = {}
    for index in range(20):
        path = lab.root / f"replaced{index}.bin"
        first, second = (BENIGN, HOSTILE) if index % 2 else (HOSTILE, BENIGN)
        other = lab.root.with_name("other.bin")
        big = first + b"%d" % index + bytes(80 << 20)
        whole = lab.root.with_name("whole.bin")
        whole.write_bytes(big)
        other.write_bytes(second + b"other%d" % index)
        contents[hashlib.sha256(big).hexdigest()] = first is HOSTILE
        contents[hashlib.sha256(other.read_bytes()).hexdigest()] = second is HOSTILE
        expected = other.read_bytes()
        whole.rename(path)
        time.sleep(0.02 * index)
        other.rename(path)
        lab.expect(path, expected, HARMFUL if second is HOSTILE else HARMLESS)
        lab.injected += 1
    assert lab.seconds_until(lab.settled) < PATIENCE
    for path in lab.files:
        contents.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), False)  # our own mark for what was taken
    for judged, digest, verdict in lab.digests():
        assert digest is None or digest in contents, f"{judged}: a record of a content that never was"
        assert digest is None or (verdict in HARMFUL) == contents[digest], f"{judged}: {verdict} is another content's"


def download_before_the_start_up_walk(lab: Lab) -> None:
    """20,000 files are there when the daemon starts; what is downloaded meanwhile goes first."""
    for index in range(20_000):
        lab.put(f"models/{index // 200}/{index}.bin", hostile=index % 1000 == 0)
    time.sleep(2)
    lab.start()
    assert lab.seconds_until(lambda: (lab.waiting() or 0) > 10_000) < PATIENCE, "no queue"
    latencies = []
    for index in range(20):
        path = lab.put(f"downloads/{index}.bin")
        latencies.append(judged_within(lab, path))
        lab.injected += 1
    waiting = lab.waiting()
    assert waiting, "nothing waited any more"
    lab.measured.append(f"{waiting} still waited; downloads judged within {max(latencies):.1f} s")
    assert max(latencies) < _LATENCY
    took = lab.seconds_until(lambda: lab.waiting() == 0, 900)
    lab.measured.append(f"the rest after another {took:.0f} s; daemon at most {lab.peak_mib()} MiB")


def one_directory_at_full_speed(lab: Lab) -> None:
    """One directory gets new and rewritten files as fast as can be for 30 seconds; others are judged in time."""
    lab.start()
    writers = [subprocess.Popen([sys.executable, "-c", _FLOOD, str(lab.root / "flood"), kind]) for kind in "nr"]
    latencies: list[float] = []
    try:
        time.sleep(2)
        began = time.monotonic()
        while time.monotonic() - began < 28:
            path = lab.put(f"quiet/{len(latencies)}.bin")
            latencies.append(judged_within(lab, path))
            time.sleep(0.5)
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    lab.injected = sum(1 for _ in (lab.root / "flood").iterdir())
    waiting = lab.waiting()
    lab.measured.append(f"{len(latencies)} files elsewhere judged within {max(latencies):.1f} s, {waiting} waited")
    assert max(latencies) < _LATENCY
    for path in (lab.root / "flood").iterdir():
        lab.expect(path, None, HARMLESS)
    took = lab.seconds_until(lambda: lab.waiting() == 0, 900)
    lab.measured.append(f"the rest after another {took:.0f} s; daemon at most {lab.peak_mib()} MiB")


_LATENCY = 15.0
_FLOOD = f"""
import os, sys
place, kind = sys.argv[1:]
os.makedirs(place, exist_ok=True)
number = 0
while True:
    number += 1
    with open(f"{{place}}/{{kind}}{{number if kind == 'n' else number % 100}}.bin", "wb") as file:
        file.write({BENIGN!r} + b"%d" % number)
    if number >= 30000 and kind == 'n':
        break
"""


def slow_bombs_in_one_directory(lab: Lab) -> None:
    """200 files that take the whole time limit (5 s) lie in one directory; a download elsewhere does not wait long."""
    lab.start()
    bomb = gzip.compress(b"\x80\x02" + b"N0" * (40 << 20) + b"N.", 1)
    for index in range(200):
        path = lab.root / f"bombs/{index}.bin"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bomb + b"%d" % index)
        lab.injected += 1
    latencies: list[float] = []
    end = time.monotonic() + 30
    while time.monotonic() < end:
        path = lab.put(f"elsewhere/{len(latencies)}.bin")
        latencies.append(judged_within(lab, path))
        time.sleep(1)
    bombs, waiting = list((lab.root / "bombs").iterdir()), lab.waiting() or 0
    assert waiting > len(bombs) // 2, f"{waiting} bombs waited: they were not slow"
    lab.measured.append(
        f"{len(latencies)} files elsewhere judged within {max(latencies):.1f} s, {waiting} bombs waited"
    )
    assert max(latencies) < _LATENCY
    for path in bombs:  # their user deletes them; their end would take a quarter of an hour
        path.unlink()


def small_bombs_before_an_attack(lab: Lab) -> None:
    """24 files of 500 bytes that take long, in one directory, then in one each; hostile ones elsewhere do not wait.

    All are of one user. The bombs are judged in the end as well.
    """
    lab.start()
    bomb = gzip.compress(gzip.compress(b"\x80\x02" + b"N0" * (40 << 20) + b"N.", 9), 9)
    for turn in ("together", "apart"):
        for index in range(24):
            path = lab.root / turn / (f"{index}/bomb.bin" if turn == "apart" else f"{index}.bin")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bomb + b"%d" % index)
            lab.expect(path, bomb + b"%d" % index, UNJUDGED | HARMLESS | HARMFUL)
            lab.injected += 1
        began = time.monotonic()
        attacks = [lab.put(f"elsewhere-{turn}/{index}.bin", hostile=True) for index in range(8)]
        for path in attacks:
            assert lab.seconds_until(functools.partial(_has_truth, lab, path)) < PATIENCE
        seconds = time.monotonic() - began
        lab.measured.append(f"bombs {turn}: 8 attacks elsewhere judged within {seconds:.1f} s, {lab.waiting()} waited")
    took = lab.seconds_until(lambda: lab.waiting() == 0, 900)
    lab.measured.append(f"the bombs after another {took:.0f} s")


def strange_times(lab: Lab) -> None:
    """Files from 1901, 1970, 2106, 2262 and the year 3000 and later, as far as the file system keeps such times."""
    for turn in ("before", "after"):
        for year in (1901, 1970, 2038, 2107, 2263, 3000, 100_000):
            path = lab.put(f"{turn}/{year}.bin", hostile=year in (1970, 3000))
            with contextlib.suppress(OSError, OverflowError):
                os.utime(path, (0, (year - 1970) * 31_556_952))
                lab.injected += 1
        if turn == "before":
            lab.start()
    lab.burst(10)


FAULTS: tuple[Fault, ...] = (
    rewritten_all_the_time,
    never_at_rest,
    replaced_while_scanned,
    sparse_terabyte,
    deep_tree,
    strange_times,
    download_before_the_start_up_walk,
    one_directory_at_full_speed,
    slow_bombs_in_one_directory,
    small_bombs_before_an_attack,
)
