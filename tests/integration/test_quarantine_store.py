"""The store is full, on another mount, shared, or large."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.vaulting import CONTENT, SHA256, Lab, lab, root_only
from support.watching import named

from picklewatch.core.errors import QuarantineError
from picklewatch.core.tombstone import tombstone
from picklewatch.quarantine import fs
from picklewatch.quarantine.vault import ChangedError, StoreFullError, Vault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of 256 KiB."""
    mount = tmp_path / "tiny"
    mount.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", mount], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("may not mount a small file system")
    try:
        yield mount
    finally:
        subprocess.run(["umount", "-l", mount], check=True)


@root_only
@pytest.mark.parametrize("free", [0, 1, 4096, 12288])
def test_store_full(tiny: Path, free: int) -> None:
    """Whatever room is left in a store that has none for a journal: a clear refusal, nothing changed, nothing lost."""
    with lab() as small:
        small.content = os.urandom(100_000)
        small.put()
        small.store = tiny / "store"
        with Vault(small.store) as vault:
            _fill(tiny / "ballast", free)
            with (
                small.suspect(sha256=hashlib.sha256(small.content).hexdigest()) as suspect,
                pytest.raises(StoreFullError) as caught,
            ):
                vault.quarantine(suspect)
            assert "purge" in caught.value.hint
            assert vault.recover() == []
            assert vault.items(history=True) == []
        assert small.path.read_bytes() == small.content
        small.check_books()


@root_only
def test_a_full_store_still_gives_back_and_deletes(tiny: Path) -> None:
    """The room for the journal's later lines was reserved: a full disk stops neither restoring nor deleting."""
    with lab() as small, Vault(tiny / "store") as vault:
        small.store = tiny / "store"
        first = small.quarantine(vault)
        small.relative = "second"
        small.put()
        second = small.quarantine(vault)
        _fill(tiny / "ballast", 0)
        vault.restore(first.id, small.allow)
        vault.removal.delete(second.id)
        small.check_books()


def _fill(path: Path, free: int) -> None:
    """Leave *free* bytes (in whole pages) on the file system of *path*."""
    with path.open("wb") as ballast:
        with contextlib.suppress(OSError):
            while True:
                os.write(ballast.fileno(), b"\0" * 4096)
        os.truncate(path, max(0, path.stat().st_size - free))


@root_only
def test_another_mount_of_the_same_file_system(small: Lab) -> None:
    """Where the store is another mount, as systemd makes one of each writable path, content is copied."""
    view = small.base / "view"
    view.mkdir()
    done = subprocess.run(["mount", "--bind", small.root, view], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("may not make a bind mount")
    try:
        with small.suspect() as suspect, Vault(small.store) as vault:
            item = vault.quarantine(replace(suspect, trees=(named(view),)))
            assert item.copied
            assert small.path.read_bytes() == tombstone(item.id)
            vault.restore(item.id, small.allow)
        assert small.path.read_bytes() == CONTENT
        small.check_books()
    finally:
        subprocess.run(["umount", "-l", view], check=True)


@root_only
def test_read_only(small: Lab) -> None:
    """Where the daemon may only read, as in systemd's sandbox without the drop-in, the refusal names the setting."""
    view = small.base / "view"
    view.mkdir()
    for words in (["--bind", str(small.root), str(view)], ["-o", "remount,bind,ro", str(view)]):
        if subprocess.run(["mount", *words], capture_output=True, check=False).returncode:
            pytest.skip("may not make a bind mount")
    try:
        with small.suspect() as suspect, Vault(small.store) as vault:
            with pytest.raises(QuarantineError, match="can't be written to") as caught:
                vault.quarantine(replace(suspect, trees=(named(view),)))
            assert "ReadWritePaths" in caught.value.hint
            assert vault.items(history=True) == []
            assert vault.recover() == []
        small.check_books()
        assert small.path.read_bytes() == CONTENT
    finally:
        subprocess.run(["umount", "-l", view], check=True)


def test_several_at_once(small: Lab) -> None:
    """Threads and processes share the vault: each file is taken once, and every item is whole."""
    for index in range(40):
        small.root.joinpath(f"file{index}").write_bytes(CONTENT)

    def take(index: int) -> None:
        with small.suspect(relative=f"file{index // 2}") as suspect, Vault(small.store) as vault:
            with contextlib.suppress(ChangedError):
                vault.quarantine(suspect)
            vault.items()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(take, range(80)))
    with Vault(small.store) as vault:
        held = [item for item in vault.items() if item.sha256 == SHA256]
        assert sorted(item.relative for item in held) == sorted(f"file{index}" for index in range(40))
    small.check_books()


def test_each_of_thousands_of_items_is_read_once_to_list_them(small: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two thousand items are listed with as many short reads."""
    with Vault(small.store) as vault:
        item = small.quarantine(vault)
        entry = small.store / item.id
        for index in range(2000):
            other = small.store / f"{index:012x}"
            other.mkdir(mode=0o700)
            (other / "journal").write_bytes((entry / "journal").read_bytes())
        read, reads = fs.read, itertools.count()

        def counted(directory: int, name: bytes, limit: int) -> bytes | None:
            next(reads)
            return read(directory, name, limit)

        monkeypatch.setattr(fs, "read", counted)
        assert len(vault.items()) == 2001
        assert next(reads) == 2001
