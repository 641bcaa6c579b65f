"""Ways for a hostile file to keep its name longer: what follows its harm, and what is being copied."""

from __future__ import annotations

import functools
import os
import statistics
import subprocess
import threading
import time
from typing import TYPE_CHECKING

from fault.faults.quarantining import command, held
from fault.lab import HARMFUL, PATIENCE, SkippedError
from support.daemon_process import HOSTILE

from picklewatch.core.tombstone import TOMBSTONE_LENGTH, parse_tombstone
from picklewatch.quarantine.vault import State

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fault.faults.kinds import Fault
    from fault.lab import Lab

_HOLE = 60 << 30
_PADDING = 4_000 << 20
_BLOCK = 1 << 20
_GONE = 1.0
"""The target: seconds."""
_LARGE = 400 << 20
_SMALL = 12
_LINKED = 200 << 20
_THEIRS = 4001, 4001


def hole_behind_harm(lab: Lab) -> None:
    """A hostile pickle, alone, before a hole of 60 GiB, and before 4 GB of padding: each name is gone within a second.

    The time is that from the file's name to the name's end, which begins before the harm is known.
    """
    lab.start()
    lab.burst(3)
    for kind, tries, behind in (("alone", 20, 0), ("holed", 20, _HOLE), ("padded", 3, _PADDING)):
        seconds = [_until_gone(lab, f"{kind}-{number}", behind) for number in range(tries)]
        lab.measured.append(f"{kind}: median {statistics.median(seconds):.2f} s, at most {max(seconds):.2f} s")
        assert max(seconds) < _GONE, lab.measured


def _until_gone(lab: Lab, name: str, behind: int) -> float:
    """Put harm with *behind* bytes behind it; return the seconds until its name is gone, and delete it."""
    part = lab.process.home / name
    with part.open("wb") as file:
        file.write(HOSTILE + name.encode())
        for index in range(behind // _BLOCK if behind == _PADDING else 0):
            file.write(b"%08d" % index * (_BLOCK // 8))
        file.truncate(max(file.tell(), behind))
    began, place = time.monotonic(), part.rename(lab.root / name)
    lab.injected += 1
    while not _is_gone(place) and time.monotonic() - began < PATIENCE:
        time.sleep(0.001)
    seconds = time.monotonic() - began
    assert lab.seconds_until(lambda: bool(held(lab)), 600) < 600, f"{name} is not held"
    lab.seconds_until(lambda: all(item.state is State.QUARANTINED for item in held(lab)), 600)
    for item in held(lab):  # 60 GiB need not be read for the books
        command(lab, "delete", "--yes", item.id)
    return seconds


def large_copy(lab: Lab) -> None:
    """400 MB are copied into a store on another file system, then again, killed twice: all names go at once."""
    lab.state.mkdir(mode=0o700, exist_ok=True)
    lab.mount(lab.state / "quarantine", "size=900m,mode=0700")
    lab.start()
    lab.burst(3)
    large, began = _put_large(lab, "large.bin"), time.monotonic()
    assert lab.seconds_until(lambda: _is_gone(large)) < PATIENCE, "it kept its name"
    first = time.monotonic() - began
    small, began = [lab.put(f"small-{index}.bin", hostile=True) for index in range(_SMALL)], time.monotonic()
    assert lab.seconds_until(lambda: all(map(_is_gone, small))) < PATIENCE, "they kept their names"
    lab.measured.append(f"large: {first:.1f} s; {_SMALL} small ones after it: {time.monotonic() - began:.1f} s")
    again = _put_large(lab, "again.bin")
    for _ in range(2):
        assert lab.seconds_until(lambda: _is_gone(again)) < PATIENCE, "it kept its name"
        lab.restart_after_kill()
        lab.injected += 1
    assert lab.seconds_until(lambda: all(item.state is State.QUARANTINED for item in held(lab))) < PATIENCE


def linked_again_and_again(lab: Lab) -> None:
    """Another user's hostile file, small or of 200 MB, is linked into a watched directory again and again.

    Each name goes at once, also while the scan goes on, and the file stays what it is.
    """
    if os.geteuid() != 0:
        raise SkippedError("needs a file of another user")
    lab.start()
    for kind, padding in (("small", 0), ("large", _LINKED)):
        theirs = lab.process.home / kind
        theirs.write_bytes(HOSTILE + kind.encode() + b"%08d" % 0 * (padding // 8))
        os.chown(theirs, *_THEIRS)
        for number in range(4):
            path = lab.root / f"{kind}-{number}.bin"
            began = time.monotonic()
            os.link(theirs, path)
            lab.expect(path, theirs.read_bytes(), HARMFUL)
            lab.injected += 1
            assert lab.seconds_until(functools.partial(_is_gone, path)) < PATIENCE, f"{path.name} kept its name"
            lab.measured.append(f"{path.name}: {time.monotonic() - began:.1f} s")
        assert theirs.read_bytes().startswith(HOSTILE)
        assert theirs.stat().st_uid == _THEIRS[0]


def immutable_file(lab: Lab) -> None:
    """A hostile file may not be moved (chattr +i): that is said until it may be, and it is taken then."""
    path = lab.put("stays.bin", hostile=True)
    if subprocess.run(["chattr", "+i", str(path)], capture_output=True, check=False).returncode:
        raise SkippedError("no file can be made immutable here")
    try:
        lab.start()
        lab.burst(10)
        lab.injected = 1
        assert lab.seconds_until(lambda: "quarantine-refused" in lab.problems()) < PATIENCE, "not said"
    finally:
        subprocess.run(["chattr", "-i", str(path)], check=True)
    assert lab.seconds_until(lambda: _is_gone(path)) < PATIENCE, "not tried again"


def touched_all_the_time(lab: Lab) -> None:
    """The times of a small hostile file, and of one before 60 GiB of nothing, always change: both are taken."""
    _never_at_rest(lab, lambda descriptor: os.utime(descriptor, (0, lab.injected)), os.O_RDONLY)


def written_all_the_time(lab: Lab) -> None:
    """The same files are open for writing as well, and a byte behind their harm always changes: both are taken."""
    _never_at_rest(lab, lambda descriptor: os.pwrite(descriptor, b"%d" % (lab.injected % 10), 1_000), os.O_RDWR)


def _never_at_rest(lab: Lab, change: Callable[[int], object], flags: int) -> None:
    """Have a small hostile file, and one before 60 GiB of nothing, *change* every millisecond."""
    lab.start()
    paths = [lab.process.home / name for name in ("small", "holed")]
    for path, size in zip(paths, (2_000, _HOLE), strict=True):
        path.write_bytes(HOSTILE)
        os.truncate(path, size)
    descriptors = [os.open(path, flags) for path in paths]
    done = threading.Event()

    def keep_changing() -> None:
        while not done.wait(0.001):
            for descriptor in descriptors:
                change(descriptor)
            lab.injected += 1

    changing = threading.Thread(target=keep_changing)
    changing.start()
    try:
        began = time.monotonic()
        places = [path.rename(lab.root / path.name) for path in paths]
        for place in places:
            assert lab.seconds_until(functools.partial(_is_gone, place)) < PATIENCE, f"{place.name} kept its name"
            lab.measured.append(f"{place.name}: {time.monotonic() - began:.1f} s")
    finally:
        done.set()
        changing.join()
        for descriptor in descriptors:
            os.close(descriptor)
    assert lab.seconds_until(lambda: all(item.state is State.QUARANTINED for item in held(lab))) < PATIENCE
    for item in held(lab):  # 60 GiB need not be read for the books, and the other was written to in the vault, too
        command(lab, "delete", "--yes", item.id)


def text_before_a_zero(lab: Lab) -> None:
    """A YAML that runs a command, and a zero where no parser has come yet when it does: each place is judged."""
    lab.start()
    document = b"a: !!python/object/apply:os.system [echo]\n---\n".ljust(4096, b"#")
    for length in (4096, 4097, 20_000, 65_000, 200_000):
        content = document.ljust(length, b"#") + b"\0" + bytes(100)
        path = lab.root / f"{length}.yaml"
        path.write_bytes(content)
        lab.expect(path, content, HARMFUL)
        lab.injected += 1


def _put_large(lab: Lab, name: str) -> Path:
    """Write a hostile file of its own content."""
    content = HOSTILE + os.urandom(1 << 20) * (_LARGE >> 20)
    part = lab.process.home / "part"
    part.write_bytes(content)
    path = part.rename(lab.root / name)
    lab.expect(path, content, HARMFUL)
    return path


def _is_gone(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return parse_tombstone(file.read(TOMBSTONE_LENGTH + 1)) is not None
    except OSError:
        return False


FAULTS: tuple[Fault, ...] = (
    hole_behind_harm,
    large_copy,
    linked_again_and_again,
    immutable_file,
    touched_all_the_time,
    written_all_the_time,
    text_before_a_zero,
)
