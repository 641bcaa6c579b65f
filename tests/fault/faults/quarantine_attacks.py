"""The quarantine attacked: another user swaps names, parents and kinds of files under the daemon, which is root."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import stat
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fault.lab import HARMFUL, PATIENCE, SkippedError, regular
from fault.outside import Outside
from support.daemon_process import HOSTILE
from support.vaulting import NOBODY, Attacker

from picklewatch.cli.vault_access import Shared
from picklewatch.core.errors import QuarantineError
from picklewatch.quarantine import fs
from picklewatch.quarantine.place import Place
from picklewatch.quarantine.vault import Item, State, Vault
from picklewatch.service.daemon_status import read as read_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fault.faults.kinds import Fault
    from fault.lab import Lab


SECONDS = 25.0
"""How long the attackers go on."""
_STRANGER = 4321
_ONE, _TWO = b"one", b"two"


@dataclass
class _Arena:
    """Two names that are fought about: two names in a directory of the attackers', exchanged all the time."""

    path: Path
    hostile: dict[str, Path] = field(default_factory=dict)
    """SHA-256 → where it was put."""
    innocent: dict[bytes, os.stat_result] = field(default_factory=dict)
    """Content that must survive → how it was."""


def swapped_in_a_loop_by_another_user(lab: Lab) -> None:
    """Names, parents and kinds of files are exchanged without a pause, by two processes of another user, for 25 s."""
    _need_root()
    lab.process.home.chmod(0o755)
    lab.start()
    os.chown(lab.root, NOBODY, NOBODY)
    arenas: list[_Arena] = []
    with Outside(lab.process.home / "outside") as outside, _attackers(lab, 16):
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            arenas.append(_new_arena(lab, outside, len(arenas)))
            time.sleep(0.4)
            lab.injected += 1
    assert outside.changes == [], outside.changes
    assert lab.process.events("quarantine.refused"), "the attack was not felt"
    lab.seconds_until(lambda: _all_taken(lab, arenas), PATIENCE)
    _put_into_the_books(lab, arenas)
    _check_innocents(lab, arenas)


def restored_while_attacked(lab: Lab) -> None:
    """Items are given back while another user exchanges their places and parents for links and other files."""
    _need_root()
    lab.process.home.chmod(0o755)
    lab.start()
    os.chown(lab.root, NOBODY, NOBODY)
    tried: Counter[bool] = Counter()
    arenas: list[_Arena] = []
    with Outside(lab.process.home / "outside") as outside:
        with _attackers(lab, 16):
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                arenas.append(_new_arena(lab, outside, len(arenas)))
                time.sleep(0.4)
                tried.update(_try_to_restore(lab))
        assert outside.changes == [], outside.changes
        assert lab.seconds_until(lambda: _all_given_back(lab, arenas)) < PATIENCE, _held(lab)
    assert outside.changes == [], outside.changes
    assert tried[False], "the attack was not felt"
    lab.injected = tried.total()
    present = _in_place(lab)
    for arena in arenas:
        for digest in arena.hostile:
            places = present.get(digest, [])
            assert len(places) == 1, f"{arena.path.name} is in {places}"
            lab.expect(places[0], places[0].read_bytes(), frozenset({"allowed"}))
    _check_innocents(lab, arenas)


def _need_root() -> None:
    if os.geteuid() != 0:
        raise SkippedError("needs root")


@contextlib.contextmanager
def _attackers(lab: Lab, newest: int) -> Iterator[None]:
    """Exchange the two names of the newest arenas, as another user, while the context lasts."""
    root = os.open(lab.root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.ExitStack() as stack:
            for turn in range(2):
                stack.enter_context(Attacker(_exchanging(root, turn, newest), uid=NOBODY, seconds=SECONDS + PATIENCE))
            yield
    finally:
        os.close(root)


def _exchanging(root: int, turn: int, newest: int) -> Callable[[], None]:
    def act() -> None:
        for arena in sorted(os.listdir(root))[-newest:][turn::2]:
            with contextlib.suppress(OSError):
                directory = os.open(arena, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=root)
                try:
                    for _ in range(151):  # an odd number: left exchanged half of the time
                        fs._renameat2(directory, _ONE, directory, _TWO, fs._RENAME_EXCHANGE)
                finally:
                    os.close(directory)

    return act


def _new_arena(lab: Lab, outside: Outside, index: int) -> _Arena:
    """Build an arena beside the root, then move it in, as a hostile tree would come."""
    stage = lab.process.home / "stage"
    stage.mkdir()
    arena = _Arena(lab.root / f"{index:05d}")
    one, two = stage / "one", stage / "two"
    content = HOSTILE + b"arena %d" % index
    if index % 4 == 1:  # the parent
        one.mkdir()
        (one / "model.bin").write_bytes(content)
        two.symlink_to(outside.path)
        arena.hostile[_digest(content)] = arena.path / "one/model.bin"
    else:
        one.write_bytes(content)
        arena.hostile[_digest(content)] = arena.path / "one"
        _OTHERS[index % 4](two, arena, outside, index)
    for path in (stage, *stage.rglob("*")):
        if path.lstat().st_uid == 0:
            os.lchown(path, NOBODY, NOBODY)
    stage.rename(arena.path)
    return arena


def _innocent(two: Path, arena: _Arena, _outside: Outside, index: int) -> None:
    """Write a file of a third user's."""
    content = b"innocent %d" % index
    two.write_bytes(content)
    two.chmod(0o640)
    os.chown(two, _STRANGER, _STRANGER)
    arena.innocent[content] = two.lstat()


def _link(two: Path, _arena: _Arena, outside: Outside, _index: int) -> None:
    two.symlink_to(outside.path / "model.bin")


def _special(two: Path, _arena: _Arena, _outside: Outside, index: int) -> None:
    """Make a FIFO, a socket, or a device."""
    match index // 4 % 3:
        case 0:
            os.mkfifo(two)
        case 1:
            with contextlib.closing(socket.socket(socket.AF_UNIX)) as made, contextlib.chdir(two.parent):
                made.bind(two.name)
        case _:
            with contextlib.suppress(OSError):  # not in every container
                os.mknod(two, stat.S_IFCHR | 0o600, os.makedev(1, 3))
            if not two.exists():
                os.mkfifo(two)


_OTHERS = {0: _innocent, 2: _link, 3: _special}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _in_place(lab: Lab) -> dict[str, list[Path]]:
    """The regular files below the root, by their content."""
    found: dict[str, list[Path]] = {}
    for path in lab.root.rglob("*"):
        with contextlib.suppress(OSError):
            if not path.is_symlink():
                with regular(path) as opened:
                    found.setdefault(_digest(opened.read()), []).append(path)
    return found


def _held(lab: Lab) -> list[Item]:
    store = lab.state / "quarantine"
    if not store.is_dir():
        return []
    with Vault(store) as vault:
        return vault.items()


def _all_taken(lab: Lab, arenas: list[_Arena]) -> bool:
    _give_names_back(lab, arenas)
    held = {item.sha256 for item in _held(lab) if item.state is State.QUARANTINED}
    return all(digest in held for arena in arenas for digest in arena.hostile)


def _give_names_back(lab: Lab, arenas: list[_Arena]) -> None:
    """Do as an operator: a hostile file that lost its name while it was taken for another gets one, to be judged."""
    hostile = {digest: arena for arena in arenas for digest in arena.hostile}
    with Vault(lab.state / "quarantine") as vault:
        for item in vault.items():
            data = lab.state / "quarantine" / item.id / "data"
            if item.state is State.FOREIGN and stat.S_ISREG(data.lstat().st_mode):
                arena = hostile.get(_digest(data.read_bytes()))
                if arena is not None:
                    vault.restore(item.id, None, to=arena.path / f"kept-{item.id}", force=True)


def _put_into_the_books(lab: Lab, arenas: list[_Arena]) -> None:
    """Every hostile content has one truth: where it is now, wherever the attackers left it."""
    present = _in_place(lab)
    held: dict[str, list[Path]] = {}
    for item in _held(lab):
        if item.state is State.QUARANTINED and item.sha256 is not None:
            held.setdefault(item.sha256, []).append(Path(item.path))
    for arena in arenas:
        for digest, put in arena.hostile.items():
            places = [*held.get(digest, []), *present.get(digest, [])]
            assert len(places) <= 1, f"{put} is doubled: {places}"
            where = places[0] if places else put
            index = int(arena.path.name)
            lab.expect(where, HOSTILE + b"arena %d" % index, HARMFUL)


def _check_innocents(lab: Lab, arenas: list[_Arena]) -> None:
    """A file swapped in by the way is there with owner, mode and content: under some name, or kept in the vault."""
    present = _in_place(lab)
    foreign = {}
    for item in _held(lab):
        data = lab.state / "quarantine" / item.id / "data"
        if item.state is State.FOREIGN and stat.S_ISREG(data.lstat().st_mode):
            foreign[_digest(data.read_bytes())] = data
    for arena in arenas:
        for content, before in arena.innocent.items():
            places = [*present.get(_digest(content), [])]
            places += [foreign[_digest(content)]] if _digest(content) in foreign else []
            assert len(places) == 1, f"{content!r} is in {places}"
            now = places[0].lstat()
            told = (now.st_uid, now.st_gid, now.st_mode, now.st_ino, now.st_mtime_ns)
            assert told == (before.st_uid, before.st_gid, before.st_mode, before.st_ino, before.st_mtime_ns), places


def _try_to_restore(lab: Lab) -> list[bool]:
    """Give everything back that was judged, as the command does; whether that was done."""
    shared = Shared(lab.state, lab.state / "quarantine")
    done = []
    with Vault(shared.store) as vault:
        for item in vault.items():
            if item.state is State.QUARANTINED:
                try:
                    vault.restore(item.id, shared.allow, reason="tried")
                    done.append(True)
                except QuarantineError:
                    done.append(False)
    return done


def _waiting(lab: Lab) -> bool:
    """Return True if a file has not been judged yet, or may not have been found yet."""
    told = read_status(lab.state).to_json()
    return bool(told["queue"] or told["in_hand"] or not told["healthy"])


def _straighten(lab: Lab) -> None:
    """Where the last exchange took a tombstone from its place, undo it, as an operator would."""
    for item in _held(lab):
        straight = False
        with contextlib.suppress(OSError), Place.at(item.root, os.fsencode(item.relative)) as place:
            straight = place.is_tombstone(item.id)
        if not straight:
            arena = os.open(lab.root / item.relative.partition("/")[0], os.O_RDONLY | os.O_DIRECTORY)
            fs._renameat2(arena, _ONE, arena, _TWO, fs._RENAME_EXCHANGE)
            os.close(arena)


def _all_given_back(lab: Lab, arenas: list[_Arena]) -> bool:
    _straighten(lab)
    _give_names_back(lab, arenas)
    if _try_to_restore(lab) or _waiting(lab):
        return False
    time.sleep(3)  # what it says of itself is up to two seconds old
    return not (_waiting(lab) or any(item.state is State.QUARANTINED for item in _held(lab)))


FAULTS: tuple[Fault, ...] = (swapped_in_a_loop_by_another_user, restored_while_attacked)
