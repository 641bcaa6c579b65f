"""Disks after a power cut: rebuilt from the steps that native/disk.c wrote down.

A write, or a change of a file's size, is safe once that file was synced; before, it may be there, be missing, or be
torn at any 512 bytes. A name (made, moved, removed) is safe once its directory was synced, both of them for a move;
before, names are as they were at some moment between the last safe one and the cut: that is what file systems with
a journal promise, and SQLite relies on no more.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_HEAD: Final = struct.Struct("=c7xQQQQQII")
_SECTOR: Final = 512
_EXCHANGE: Final = 2
NAMES: Final = frozenset("clrum")
GENERATION: Final = 1 << 48
"""Added to an inode's number each time that it is used again."""


@dataclass(frozen=True, slots=True)
class Step:
    """One change, as it was written down."""

    letter: str
    inode: int
    directory: int
    other: int
    """The second directory of a move."""
    offset: int
    """Of a write; the flags of a move."""
    size: int
    name: str
    other_name: str
    data: bytes


def read(log: Path) -> list[Step]:
    """The steps of a run."""
    content = log.read_bytes()
    steps: list[Step] = []
    known: dict[int, int] = {0: 0}
    at = 0
    while at < len(content):
        letter, inode, directory, other, offset, size, first, second = _HEAD.unpack_from(content, at)
        at += _HEAD.size
        texts = content[at : at + first], content[at + first : at + first + second]
        at += first + second
        data = content[at : at + size] if letter == b"w" else b""
        at += len(data)
        if letter in b"cm":  # a freed inode is used again: another file
            known[inode] = known[inode] + GENERATION if inode in known else inode
        here, there = (known.setdefault(one, one) for one in (directory, other))
        name, other_name = (text.decode(errors="surrogateescape") for text in texts)
        steps.append(Step(letter.decode(), known.get(inode, inode), here, there, offset, size, name, other_name, data))
    return steps


@dataclass
class Tree:
    """Directories and files, by inode."""

    names: dict[int, dict[str, int]] = field(default_factory=dict)
    """Directory → name → inode."""
    contents: dict[int, bytearray] = field(default_factory=dict)

    @classmethod
    def of(cls, *tops: Path) -> Tree:
        """Return the tree below *tops* now."""
        tree = cls()
        for top in tops:
            tree._take(top)
        return tree

    def _take(self, path: Path) -> int:
        inode = path.lstat().st_ino
        if path.is_dir():
            self.names[inode] = {}
            self.names[inode] |= {child.name: self._take(child) for child in path.iterdir()}
        else:
            self.contents[inode] = bytearray(path.read_bytes())
        return inode

    def copy(self) -> Tree:
        """Another one like it."""
        names = {inode: dict(entries) for inode, entries in self.names.items()}
        return Tree(names, {inode: bytearray(content) for inode, content in self.contents.items()})

    def rename(self, step: Step) -> None:
        """Make, move or remove a name."""
        here = self.names.setdefault(step.directory, {})
        if step.letter in "clm":
            here[step.name] = step.inode
            if step.letter == "m":
                self.names.setdefault(step.inode, {})
            else:
                self.contents.setdefault(step.inode, bytearray())
        elif step.letter == "u":
            here.pop(step.name, None)
        else:
            there = self.names.setdefault(step.other, {})
            moved, former = here.pop(step.name), there.get(step.other_name)
            there[step.other_name] = moved
            if step.offset == _EXCHANGE and former is not None:
                here[step.name] = former

    def change(self, step: Step, sectors: Iterable[int] | None = None) -> None:
        """Change a content: all of the step, or only *sectors* of a write."""
        content = self.contents.setdefault(step.inode, bytearray())
        if step.letter == "t":
            del content[step.size :]
            content.extend(bytes(step.size - len(content)))
            return
        for sector in range((len(step.data) + _SECTOR - 1) // _SECTOR) if sectors is None else sectors:
            part = step.data[sector * _SECTOR : (sector + 1) * _SECTOR]
            start = step.offset + sector * _SECTOR
            content.extend(bytes(max(0, start - len(content))))
            content[start : start + len(part)] = part

    def write(self, top: int, path: Path) -> dict[int, int]:
        """Put what is below the directory *top* into *path*; new inode → the one that it stands for."""
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        inodes = {path.stat().st_ino: top % GENERATION}
        for name, inode in self.names[top].items():
            if inode in self.names:
                inodes |= self.write(inode, path / name)
            else:
                (path / name).write_bytes(self.contents[inode])
                inodes[(path / name).stat().st_ino] = inode % GENERATION
        return inodes


def cuts(before: Tree, steps: list[Step], chance: random.Random, variants: int) -> Iterator[tuple[int, str, Tree]]:
    """Yield the possible disks after a power cut at each step: its number, how it was chosen, and the disk.

    First with nothing that was not synced, then with all, then *variants* by chance.
    """
    for number in range(len(steps) + 1):
        done = steps[:number]
        safe = _safe(done)
        yield number, "only what was synced", _rebuild(before, done, safe, None)
        yield number, "everything", _rebuild(before, done, set(range(number)), None)
        for _ in range(variants):
            yield number, "by chance", _rebuild(before, done, safe, chance)


def _safe(done: list[Step]) -> set[int]:
    """The steps that a cut after them can't take back."""
    safe: set[int] = set()
    synced: set[int] = set()
    for index in range(len(done) - 1, -1, -1):
        step = done[index]
        if step.letter == "s":
            synced.add(step.inode)
        elif step.letter in NAMES:
            if {step.directory, step.other or step.directory} <= synced:
                safe |= {earlier for earlier in range(index + 1) if done[earlier].letter in NAMES}
        elif step.inode in synced:
            safe.add(index)
    return safe


def _rebuild(before: Tree, done: list[Step], safe: set[int], chance: random.Random | None) -> Tree:
    tree = before.copy()
    names = [index for index, step in enumerate(done) if step.letter in NAMES]
    unsafe = [index for index in names if index not in safe]
    kept = safe | set(unsafe[: chance.randrange(len(unsafe) + 1)] if chance else ())
    for index, step in enumerate(done):
        if step.letter in NAMES:
            if index in kept:
                tree.rename(step)
        elif step.letter == "s":
            continue
        elif index in safe:
            tree.change(step)
        elif chance and (luck := chance.random()) < _LUCK:
            sectors = range((len(step.data) + _SECTOR - 1) // _SECTOR)
            tree.change(step, None if luck < _LUCK / 2 else [one for one in sectors if chance.random() < _LUCK])
    return tree


_LUCK: Final = 0.6
