"""The quarantine at its limits: full, elsewhere, large, shared, and fed with every name and kind of file."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import random
import socket
import stat
import struct
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from fault.lab import HARMFUL, HARMLESS, PATIENCE, SkippedError
from support.daemon_process import HOSTILE

from picklewatch.core.tombstone import parse_tombstone
from picklewatch.quarantine.vault import Item, State, Vault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fault.faults.kinds import Fault
    from fault.lab import Lab

THOUSANDS = 5_000
_PATH_MAX = 4096


def store_full(lab: Lab) -> None:
    """A store of its own is full while hostile files come: nothing is lost, it is said, and done when there is room."""
    store = _store(lab, "size=2m")
    lab.start()
    for index in range(30):
        _put_large(lab, f"{index}.bin")
    assert lab.seconds_until(lambda: "quarantine-full" in lab.problems(), 30) < PATIENCE, "not said"
    assert lab.account().lost == 0
    lab.injected += len(_waiting(lab))
    assert 0 < lab.injected < len(lab.files)
    lab.restart_after_kill()
    assert "quarantine-full" in lab.problems(), "not said again"
    subprocess.run(["mount", "-o", "remount,size=64m", str(store)], check=True)


def store_on_another_file_system(lab: Lab) -> None:
    """Contents, some with hard links, are copied to the store; the daemon is killed five times meanwhile."""
    _store(lab, "size=256m")
    lab.start()
    for turn in range(5):
        for index in range(12):
            path = _put_large(lab, f"{turn}-{index}.bin")
            if index % 4 == 3:
                (lab.process.home / f"link-{turn}-{index}").hardlink_to(path)
        time.sleep(0.2)
        lab.restart_after_kill()
        lab.injected += 1
    assert lab.seconds_until(lambda: not _waiting(lab)) < PATIENCE
    assert all(item.copied for item in held(lab))


def attributes_of_a_copied_file(lab: Lab) -> None:
    """Extended attributes and an access list go with a content into a store elsewhere, and come back with it."""
    _store(lab, "size=64m")
    lab.start()
    kept: dict[str, dict[str, bytes]] = {}
    for index in range(10):
        part = lab.process.home / "part"
        part.write_bytes(HOSTILE + b"%d" % index)
        try:
            os.setxattr(part, "user.origin", b"https://example.org/%d" % index)
            os.setxattr(part, "user.empty", b"")
            os.setxattr(part, "system.posix_acl_access", _ACCESS_LIST)
        except OSError as error:
            raise SkippedError(f"the file system says: {error.strerror}") from error
        path = part.rename(lab.root / f"{index}.bin")
        kept[str(path)] = _attributes(path)
        lab.expect(path, path.read_bytes(), HARMFUL)
    assert lab.seconds_until(lambda: not _waiting(lab)) < PATIENCE
    for item in held(lab):
        assert item.copied
        copy = lab.process.home / f"copy-{item.id}"
        command(lab, "restore", "--yes", "--no-allow", "--to", str(copy), item.id)
        lab.injected += _attributes(copy) == kept[item.path]
    lab.measured.append(f"{lab.injected} of {len(kept)} came back with all of {len(kept[item.path])} attributes")
    assert lab.injected == len(kept), lab.measured


def _attributes(path: Path) -> dict[str, bytes]:
    return {name: os.getxattr(path, name) for name in os.listxattr(path)}


_ACCESS_LIST = struct.pack(
    "<I" + 5 * "HHI", 2, 1, 6, 2**32 - 1, 2, 4, 4321, 4, 4, 2**32 - 1, 16, 4, 2**32 - 1, 32, 0, 2**32 - 1
)
"""acl(5) as the kernel stores it: the file's owner, user 4321, group, mask, others."""


def strange_names(lab: Lab) -> None:
    """Names of every byte, of 255 bytes, of up to 4,095 bytes with their directories; shown, they are harmless."""
    lab.start()
    everything = bytes(set(range(1, 256)) - {0x2F})
    names = [
        everything[:127],
        everything[127:],
        b"\n",
        b"-rf",
        b"%s%n$(id)`id`;'\"",
        b"\x1b[2J\x1b]0;x\x07",
        b"x" * 255,
    ]
    names += ["\u202egnp.exe".encode(), b"\xff\xfe", b"   ", b"...", b" .", b"a\\x0a", b".picklewatch-" + b"0" * 12]
    for name in names:
        lab.put(os.fsdecode(name), hostile=True)
        lab.put(os.fsdecode(b"dir-" + name[:250]) + "/good")
    room = _PATH_MAX - 1 - len(os.fsencode(lab.root))
    deep = ("d" * 254 + "/") * ((room - 2) // 255)
    lab.put(deep + "e" * min(255, room - 1 - len(deep)), hostile=True)
    lab.injected = len(lab.files)
    assert lab.seconds_until(lab.settled) < PATIENCE, lab.account()
    for words in (["list"], ["list", "--json"], ["show", *(item.id for item in held(lab))]):
        shown = command(lab, *words)
        assert all(line.isprintable() for line in shown.split("\n")), words
        assert len(shown.split("\n")) > len(names)
    for line in (lab.process.home / "log").read_bytes().split(b"\n")[:-1]:
        assert line.decode().isprintable()


def too_deep_for_a_path(lab: Lab) -> None:
    """Directories nested beyond what a path can say: that is said, the rest goes on; moved up, the file is taken."""
    name, content = "d" * 250, HOSTILE + b"deep"
    with contextlib.ExitStack() as stack:
        lab.start()
        at = [os.open(lab.root, os.O_RDONLY)]
        for _ in range(3 * _PATH_MAX // 2 // len(name)):
            os.mkdir(name, dir_fd=at[-1])
            at.append(os.open(name, os.O_RDONLY, dir_fd=at[-1]))
        for descriptor in at:
            stack.callback(os.close, descriptor)
        file = os.open("evil.bin", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=at[-1])
        os.write(file, content)
        os.close(file)
        lab.burst(20)
        assert lab.seconds_until(lambda: "watch-unlistable" in lab.problems(), 30) < PATIENCE / 2, "not said"
        lab.injected += 1
        steps = len(at) // 2
        os.rename(name, "up", src_dir_fd=at[steps], dst_dir_fd=at[0])
    up = "/".join(["up", *[name] * (3 * _PATH_MAX // 2 // len(name) - steps - 1), "evil.bin"])
    lab.expect(lab.root / up, content, HARMFUL)


def strange_kinds_of_file(lab: Lab) -> None:
    """FIFOs, sockets, devices and link circles lie about; hostile files are set-id, or have hard links."""
    lab.start()
    os.mkfifo(lab.root / "fifo")
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as made, contextlib.chdir(lab.root):
        made.bind("socket")
    with contextlib.suppress(OSError):  # not in every container, not for every user
        os.mknod(lab.root / "device", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    (lab.root / "circle").symlink_to("circle")
    (lab.root / "to-fifo").symlink_to("fifo")
    before = {path: path.lstat().st_mode for path in lab.root.iterdir()}
    stage = lab.process.home / "stage"
    stage.mkdir()
    for index, mode in enumerate([0o4755, 0o2755, 0o6777, 0o000, 0o1777]):
        content = HOSTILE + b"mode %d" % index
        path = lab.root / f"mode-{mode:04o}"
        (stage / "file").write_bytes(content)
        (stage / "file").chmod(mode)
        (stage / "file").rename(path)
        lab.expect(path, content, HARMFUL)
        lab.injected += 1
    inside, outside = lab.root / "linked-inside", lab.process.home / "linked-outside"
    for other in (inside, outside):
        path = lab.put(f"bad-{other.name}", hostile=True)
        with contextlib.suppress(FileNotFoundError):  # it may be gone by now
            other.hardlink_to(path)
        lab.injected += 1
    assert lab.seconds_until(lab.settled) < PATIENCE, lab.account()
    for item in held(lab):
        data = lab.state / "quarantine" / item.id / "data"
        assert stat.S_IMODE(data.lstat().st_mode) == 0o400
    assert {path: path.lstat().st_mode for path in before} == before
    for other in (inside, outside):
        assert not other.exists() or parse_tombstone(other.read_bytes()), f"{other} still leads to the content"


def thousands_of_items(lab: Lab) -> None:
    """5,000 hostile files are taken; listing, showing, starting and purging stay quick. Takes some minutes."""
    for index in range(THOUSANDS):
        lab.put(f"{index // 100}/{index}.bin", hostile=True)
    lab.injected = THOUSANDS
    lab.measured.append(f"taken in {_seconds(lambda: _take_all(lab)):.0f} s")
    newest = held(lab)[-1]
    for words in (["list"], ["show", newest.id], ["purge", "--max-items", "100", "--dry-run"]):
        seconds = _seconds(functools.partial(command, lab, *words))
        lab.measured.append(f"{words[0]} {seconds:.1f} s")
        assert seconds < PATIENCE / 2, words
    seconds = _seconds(lab.restart_after_kill)
    lab.measured.append(f"start {seconds:.1f} s")
    assert seconds < PATIENCE / 2
    would = command(lab, "purge", "--max-items", "1000", "--dry-run", "--json").splitlines()
    gone: list[str] = []
    seconds = _seconds(lambda: gone.extend(command(lab, "purge", "--max-items", "1000", "--json", "-y").splitlines()))
    lab.measured.append(f"purged {len(gone)} in {seconds:.0f} s")
    assert [json.loads(line)["id"] for line in gone] == [json.loads(line)["id"] for line in would]
    by_path = {item.path for item in held(lab)}
    assert len(by_path) == 1000
    for path in lab.files:
        if str(path) not in by_path:
            lab.forget(path)


def downloaded_again_and_again(lab: Lab) -> None:
    """A client fetches its file again as soon as it is gone: one item counts that, and the disk stays as it was."""
    lab.start()
    path, content = lab.root / "model.bin", HOSTILE + bytes(100_000)
    lab.expect(path, content, HARMFUL)
    sizes = []
    for turn in range(30):
        if turn % 2:
            path.unlink(missing_ok=True)
        part = lab.process.home / "model.part"
        part.write_bytes(content)
        part.rename(path)
        lab.injected += 1
        assert lab.seconds_until(lambda: parse_tombstone(path.read_bytes()) is not None) < PATIENCE, "not taken again"
        sizes.append(_size(lab.state / "quarantine"))
    assert lab.seconds_until(lambda: len(held(lab, history=True)) == 1) < PATIENCE, "not merged"
    (item,) = held(lab, history=True)
    assert (item.times, len(item.formerly)) == (lab.injected, lab.injected - 1)
    assert max(sizes) <= 2 * min(sizes), sizes
    assert item.id in command(lab, "show", item.formerly[0])


def two_administrators(lab: Lab) -> None:
    """Items are copied out, restored, deleted and purged by several commands at once, while the daemon takes others."""
    lab.start()
    random_ = random.Random(4)
    taken: set[Path] = set()
    end = time.monotonic() + 20
    running: list[subprocess.Popen[str]] = []
    while time.monotonic() < end or running:
        if time.monotonic() < end:
            taken.update(lab.put(hostile=True) for _ in range(3))
            ids = [item.id for item in held(lab)]
            if ids and len(running) < 3:
                running.append(_administrator(lab, random_.choice(ids), random_.randrange(4)))
                lab.injected += 1
        for process in [process for process in running if process.poll() is not None]:
            running.remove(process)
            told = process.communicate()[1]
            assert process.returncode in {0, 2}, told
            assert "Traceback" not in told, told
        time.sleep(0.05)
    assert lab.seconds_until(lambda: not _told(lab)["queue"]) < PATIENCE
    lab.restart_after_kill()
    items = held(lab, history=True)
    for path in taken:
        (item,) = [item for item in items if item.path == str(path)]  # each was taken once, and has one end
        if item.state is State.DELETED:
            lab.forget(path)
        elif item.state is State.RESTORED:
            lab.expect(path, path.read_bytes(), HARMLESS)
    assert any(item.state.history for item in items)


def _administrator(lab: Lab, item_id: str, act: int) -> subprocess.Popen[str]:
    words = [
        ["restore", item_id, "--yes"],
        ["delete", item_id, "--yes"],
        ["purge", "--max-items", "20", "--yes"],
        ["restore", item_id, "--yes", "--no-allow", "--to", str(lab.process.home / f"copy-{lab.injected}")],
    ][act]
    return subprocess.Popen(
        _line(lab, *words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def _line(lab: Lab, *words: str) -> list[str]:
    config = ["-c", str(lab.process.home / "config.toml"), "--state-dir", str(lab.state)]
    return [sys.executable, "-m", "picklewatch", "quarantine", words[0], *config, *words[1:]]


def command(lab: Lab, *words: str) -> str:
    """Run ``picklewatch quarantine`` with *words* on the lab's state; what it says."""
    done = subprocess.run(_line(lab, *words), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _store(lab: Lab, options: str) -> Path:
    """Mount a file system for the store alone."""
    lab.state.mkdir(mode=0o700, exist_ok=True)
    lab.mount(lab.state / "quarantine", f"{options},mode=0700")
    return lab.state / "quarantine"


def _put_large(lab: Lab, name: str) -> Path:
    """Write a hostile file of 300 kB of its own content."""
    content = HOSTILE + hashlib.sha256(name.encode()).digest() * 9_375
    part = lab.process.home / "part"
    part.write_bytes(content)
    path = part.rename(lab.root / name)
    lab.expect(path, content, HARMFUL)
    return path


def held(lab: Lab, *, history: bool = False) -> list[Item]:
    """Return the items in the vault, with *history* former ones, too."""
    with Vault(lab.state / "quarantine") as vault:
        return vault.items(history=history)


def _waiting(lab: Lab) -> set[Path]:
    """The files of the books that are not in the vault, though they should be."""
    taken = {item.path for item in held(lab) if item.state is State.QUARANTINED}
    return {path for path in lab.files if str(path) not in taken}


def _told(lab: Lab) -> dict[str, int]:
    from picklewatch.service import daemon_status

    return daemon_status.read(lab.state).to_json()


def _seconds(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def _size(directory: Path) -> int:
    return sum(path.lstat().st_blocks * 512 for path in directory.rglob("*"))


def _take_all(lab: Lab) -> None:
    lab.start()
    store = lab.state / "quarantine"
    assert lab.seconds_until(lambda: store.is_dir() and len(list(store.iterdir())) > THOUSANDS, 900) < 900
    assert lab.seconds_until(lambda: not _told(lab)["queue"] and not _waiting(lab)) < PATIENCE


def disk_of_the_store_missing(lab: Lab) -> None:
    """The store's disk is gone while hostile files come, and at a start; nothing is put below its mount point."""
    store = _store(lab, "size=64m")
    kept = lab.root.with_name("kept")
    kept.mkdir()
    lab.start()
    for turn in range(3):
        lab.burst(10, f"before{turn}/")
        assert lab.seconds_until(lab.settled) < PATIENCE
        subprocess.run(["mount", "--bind", str(store), str(kept)], check=True)
        subprocess.run(["umount", "-l", str(store)], check=True)
        lab.burst(10, f"meanwhile{turn}/")
        if turn == 1:
            lab.restart_after_kill()
        assert lab.seconds_until(lambda: "quarantine-store" in lab.problems()) < PATIENCE, "not said"
        assert not list(store.iterdir()), "something was put below the mount point"
        subprocess.run(["mount", "--bind", str(kept), str(store)], check=True)
        subprocess.run(["umount", "-l", str(kept)], check=True)
        lab.injected += 1


FAULTS: tuple[Fault, ...] = (
    store_full,
    disk_of_the_store_missing,
    store_on_another_file_system,
    attributes_of_a_copied_file,
    strange_names,
    too_deep_for_a_path,
    strange_kinds_of_file,
    thousands_of_items,
    downloaded_again_and_again,
    two_administrators,
)
