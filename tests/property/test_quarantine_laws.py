"""Laws of the quarantine: any name comes back, any torn journal tells an earlier truth, any path stays below."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.vaulting import CONTENT, lab

from picklewatch.access import paths
from picklewatch.core.tombstone import parse_tombstone, tombstone
from picklewatch.quarantine.item import State
from picklewatch.quarantine.journal import Entry
from picklewatch.quarantine.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Sequence

names = st.binary(min_size=1, max_size=255).filter(
    lambda name: name not in {b".", b".."} and b"\0" not in name and b"/" not in name
)
texts = st.text(max_size=50)


@given(names=st.lists(names, min_size=1, max_size=4), others=st.lists(names, max_size=3), shown=st.none() | texts)
@settings(max_examples=60)
def test_any_name_is_taken_and_given_back(names: Sequence[bytes], others: Sequence[bytes], shown: str | None) -> None:
    """Every byte but ``/`` and NUL, up to 255 of them; what is shown of it is printable, and JSON."""
    with lab() as made, Vault(made.store) as vault:
        made.relative = os.fsdecode(b"/".join(names))
        made.put()
        told = tuple(os.fsdecode(b"/" + other) for other in others)
        with made.suspect() as suspect:
            item = vault.quarantine(replace(suspect, name=shown, names=told))
        again = vault.show(item.id)
        assert (again.relative, again.names, again.name) == (made.relative, told, shown)
        described = json.loads(json.dumps(again.to_json(), ensure_ascii=False))
        assert all(value.isprintable() for value in described.values() if isinstance(value, str))
        assert made.path.read_bytes() == tombstone(item.id)
        vault.restore(item.id, made.allow)
        assert made.path.read_bytes() == CONTENT
        made.check_books()


@given(cut=st.integers(min_value=0, max_value=2000), garbage=st.binary(max_size=40))
@settings(max_examples=150)
def test_a_torn_journal_tells_an_earlier_state(cut: int, garbage: bytes) -> None:
    """Cut at any byte, with anything behind it, the journal says what it said at one of its steps, or nothing."""
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", lambda: 1.5)  # of the same length each time
        vault = os.open(directory, os.O_RDONLY)
        try:
            with Entry.create(vault, {"state": "moving", "size": 7}) as entry:
                ends = [(entry.fields["state"], entry._end)]
                for state in (State.QUARANTINED, State.RESTORING, State.QUARANTINED):
                    entry.append(state, note="x" * 100)
                    ends.append((state.value, entry._end))
                journal = Path(directory, entry.id, "journal")
                data = journal.read_bytes()
                cut = min(cut, ends[-1][1])
                journal.write_bytes(data[:cut] + garbage)
                whole = cut + garbage.startswith(b"\n")
                known = [state for state, end in ends if end <= whole]
                loaded = entry.load()
                assert loaded == bool(known)
                if loaded:
                    assert entry.fields["state"] == known[-1]
                    entry.append(State.DELETING)
                    assert entry.load()
                    assert entry.item.state is State.DELETING
        finally:
            os.close(vault)


components = st.lists(st.sampled_from(["a", "b", "..", ".", "", "link", "a\0", "up"]), max_size=5)


@pytest.mark.parametrize("openat2", [True, False], ids=["openat2", "walk"])
@given(path=components)
@settings(max_examples=150)
def test_no_path_leaves_its_directory(path: list[str], openat2: bool) -> None:  # noqa: FBT001 - a parameter
    """Whatever the path, what is opened lies below the directory, and no link was followed."""
    with tempfile.TemporaryDirectory() as base, pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "has_openat2", lambda: openat2)
        below = Path(base, "below")
        (below / "a/b/a").mkdir(parents=True)
        (below / "b").mkdir()
        (below / "link").symlink_to("a")
        (below / "up").symlink_to("..")
        directory = os.open(below, os.O_RDONLY)
        try:
            try:
                opened = paths.open_beneath(directory, os.fsencode("/".join(path)), os.O_PATH | os.O_DIRECTORY)
            except OSError as error:
                assert error.errno in {errno.EINVAL, errno.ENOENT, errno.ELOOP, errno.ENOTDIR}  # noqa: PT017 - a set
                return
            try:
                assert os.readlink(f"/proc/self/fd/{opened}") == os.path.join(below, *path).rstrip("/")  # noqa: PTH115, PTH118
            finally:
                if opened != directory:
                    os.close(opened)
        finally:
            os.close(directory)


@given(st.binary(max_size=300))
def test_only_tombstones_are_tombstones(data: bytes) -> None:
    """Parsing is the inverse of writing, and total."""
    item_id = parse_tombstone(data)
    assert item_id is None or tombstone(item_id) == data


@given(st.from_regex(r"[0-9a-f]{12}", fullmatch=True))
def test_every_tombstone_is_parsed(item_id: str) -> None:
    """Whatever the id."""
    assert parse_tombstone(tombstone(item_id)) == item_id
