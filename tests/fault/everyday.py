"""A user's everyday work: downloads of every kind, renames, other contents, deletions, and files taken back."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fault.lab import HARMFUL, HARMLESS, UNJUDGED
from support.daemon_process import BENIGN, HOSTILE

if TYPE_CHECKING:
    import random

    from fault.lab import Lab


class Everyday:
    """A user who downloads and tidies up, at random; keeps the books of *lab*."""

    def __init__(self, lab: Lab, chance: random.Random) -> None:
        self.did: Counter[str] = Counter()
        self._lab = lab
        self._chance = chance
        self._stable: list[Path] = []
        self._made = 0
        self._everyday = (self.download, self.download, self.download_a_tree, self.rename, self.overwrite, self.delete)

    def everyday(self) -> None:
        """Do something usual."""
        self._do(self._chance.choice(self._everyday))

    @property
    def made(self) -> int:
        """Number of files, or trees of them, that it made."""
        return self._made

    def _do(self, act: object) -> None:
        assert callable(act)
        name = str(getattr(act, "__name__", act))
        self.did[name] += 1
        act()

    def download(self) -> None:
        """A file arrives as one of the usual clients writes it."""
        self._made += 1
        hostile = self._chance.random() < 0.2
        content = (HOSTILE if hostile else BENIGN) + b"soak %d" % self._made
        path = self._lab.root / f"d{self._chance.randrange(6)}" / f"{self._made}.bin"
        path.parent.mkdir(exist_ok=True)
        # a scan that is killed leaves its file unscannable: a true verdict
        self._lab.expect(path, content, (HARMFUL if hostile else HARMLESS) | UNJUDGED)
        suffix = self._chance.choice(("", ".incomplete", ".0123abcd.partial"))
        first = path.with_name(path.name + suffix)
        half = len(content) // 2
        with first.open("wb", buffering=0) as file:
            file.write(content[:half])
            file.write(content[half:])
        if suffix:
            first.rename(path)
        if not hostile:
            self._stable.append(path)

    def download_a_tree(self) -> None:
        """A tree that was unpacked elsewhere is moved in."""
        self._made += 1
        outside = self._lab.root.with_name(f"unpacked{self._made}")
        inside = self._lab.root / f"tree{self._made}"
        for index in range(5):
            content = BENIGN + b"tree %d %d" % (self._made, index)
            path = outside / f"e{index % 2}" / f"{index}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            target = inside / path.relative_to(outside)
            self._lab.expect(target, content, HARMLESS | UNJUDGED)
            self._stable.append(target)
        outside.rename(inside)

    def _take(self) -> Path | None:
        return self._stable.pop(self._chance.randrange(len(self._stable))) if self._stable else None

    def rename(self) -> None:
        """A harmless file gets another name."""
        if (path := self._take()) is not None:
            self._made += 1
            target = self._lab.root / f"renamed-{self._made}.bin"
            path.rename(target)
            self._lab.moved(path, target)
            self._stable.append(target)

    def overwrite(self) -> None:
        """A harmless file gets another content, in its place."""
        if (path := self._take()) is not None:
            self._made += 1
            content = BENIGN + b"again %d" % self._made
            path.write_bytes(content)
            self._lab.expect(path, content, HARMLESS | UNJUDGED)
            self._stable.append(path)

    def delete(self) -> None:
        """A harmless file goes."""
        if (path := self._take()) is not None:
            path.unlink()
            self._lab.forget(path)

    def restore(self) -> None:
        """Somebody vouches for a file in quarantine, and has it back."""
        items = self._quarantine("list")
        if not items:
            return
        item = self._chance.choice(items)
        if self._quarantine("restore", "--yes", item["id"]):
            # a database that is lost takes what was allowed with it: then the file is taken again
            path = Path(item["path"])
            self._lab.expect(path, path.read_bytes(), HARMLESS | HARMFUL | UNJUDGED)

    def purge(self) -> None:
        """Somebody makes room in quarantine."""
        for item in self._quarantine("purge", "--yes", "--max-items", "40"):
            with contextlib.suppress(KeyError):  # what the daemon kept without having judged it
                self._lab.forget(Path(item["path"]))

    def _quarantine(self, *words: str) -> list[dict[str, Any]]:
        command = [sys.executable, "-m", "picklewatch", "quarantine", *words]
        command += ["--json", "--state-dir", str(self._lab.state), "-c", str(self._lab.process.home / "config.toml")]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode:
            self.did[f"{words[0]}: not now"] += 1
            return []
        return [json.loads(line) for line in done.stdout.splitlines()]
