"""The real huggingface_hub client and the real daemon with quarantine on: what moves, is shown, and comes again."""

from __future__ import annotations

import hashlib
import json
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from e2e.daemon import Daemon, environment
from samples.hub import COMMIT, Hub, hub
from samples.torch_checkpoint import torch_zip
from support.watching import PATIENCE, eventually

from picklewatch.core.tombstone import parse_tombstone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOSTILE = torch_zip(b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00echo\x85R.")
SHA256 = hashlib.sha256(HOSTILE).hexdigest()
NAMES = ("pytorch_model.bin", "copies/again.bin")
"""Two names of one blob."""
RETRIES = 20


@pytest.fixture(scope="module")
def served() -> Iterator[Hub]:
    """A hub with one hostile content under two names."""
    with hub({"org/model": dict.fromkeys(NAMES, HOSTILE)}) as running:
        yield running


class Researcher:
    """Somebody with a cache, a client, and a picklewatch."""

    def __init__(self, home: Path, served: Hub) -> None:
        self.home, self.served = home, served
        self.cache = home / "hf/hub/models--org--model"
        self.blob = self.cache / "blobs" / SHA256
        self.links = {str(self.cache / "snapshots" / COMMIT / name) for name in NAMES}

    def daemon(self) -> Daemon:
        """The daemon that watches the cache."""
        hf = {"HF_HOME": str(self.home / "hf")}
        return Daemon(self.home, config='[quarantine]\nlevel = "unsafe"\n', env=hf)

    def client(self, code: str, *, offline: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a program that uses the client, in a process of its own."""
        hf = {"HF_HOME": str(self.home / "hf"), "HF_ENDPOINT": self.served.url, "HF_HUB_DISABLE_TELEMETRY": "1"}
        env = environment(self.home, **hf, HF_HUB_OFFLINE=str(int(offline)))
        command = [sys.executable, "-c", f"import huggingface_hub as h, os, time, pickle\n{code}"]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=PATIENCE)

    def picklewatch(self, *arguments: str) -> str:
        """Run a quarantine command; what it printed."""
        command = [sys.executable, "-m", "picklewatch", "quarantine", *arguments]
        done = subprocess.run(
            command, env=environment(self.home), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
        )
        return done.stdout

    def items(self) -> list[dict[str, Any]]:
        """Everything that the quarantine knows, history too."""
        return [json.loads(line) for line in self.picklewatch("list", "--all", "--json").splitlines()]

    def only_item(self) -> dict[str, Any]:
        """Return the only item; the one of before goes a moment after its content was taken once more."""
        assert eventually(lambda: len(self.items()) == 1)
        return self.items()[0]

    def is_taken(self) -> bool:
        """Return True if the tombstone stands where the blob was."""
        return self.blob.is_file() and parse_tombstone(self.blob.read_bytes()) is not None

    def wait_until_taken(self) -> None:
        """Wait for that."""
        assert eventually(self.is_taken)


@pytest.fixture
def researcher(tmp_path: Path, served: Hub) -> Researcher:
    """Somebody with an empty cache."""
    return Researcher(tmp_path, served)


SNAPSHOT = "h.snapshot_download('org/model')"
FORCED = f"h.hf_hub_download('org/model', {NAMES[0]!r}, force_download=True)"


def test_every_name_of_the_blob_is_recorded_and_shown(researcher: Researcher) -> None:
    """The blob moves, not the links; the item, its log line and `show` name every snapshot path that led to it."""
    with researcher.daemon() as daemon:
        assert researcher.client(SNAPSHOT).returncode == 0
        (moved,) = daemon.wait_for("quarantine.moved")
        researcher.wait_until_taken()
        (item,) = researcher.items()
        assert (item["sha256"], item["path"]) == (SHA256, str(researcher.blob))
        assert item["name"] in {f"org/model@main: {name}" for name in NAMES}
        (shown,) = [json.loads(line) for line in researcher.picklewatch("show", item["id"], "--json").splitlines()]
        assert set(shown["names"]) == researcher.links
        assert moved["names"]
        assert set(moved["names"]) <= researcher.links
        text = researcher.picklewatch("show", item["id"])
        assert all(link in text for link in researcher.links)
    assert all((researcher.cache / "snapshots" / COMMIT / name).is_symlink() for name in NAMES)


@pytest.mark.parametrize("offline", [False, True], ids=["online", "offline"])
def test_loading_fails_with_the_reason_and_nothing_is_fetched(researcher: Researcher, offline: bool) -> None:  # noqa: FBT001
    """A program that gets its model as ever, and loads it, fails with words that name the item and what to run."""
    with researcher.daemon():
        assert researcher.client(SNAPSHOT).returncode == 0
        researcher.wait_until_taken()
    fetched = len(researcher.served.requests)
    code = f"pickle.load(open(h.hf_hub_download('org/model', {NAMES[0]!r}), 'rb'))"
    done = researcher.client(code, offline=offline)
    (item,) = researcher.items()
    assert done.returncode == 1
    assert f"QUARANTINED BY picklewatch (run: picklewatch quarantine show {item['id']})" in done.stderr
    assert not [line for line in researcher.served.requests[fetched:] if line.startswith("GET") and "resolve" in line]


def test_a_client_that_retries_at_once_makes_no_loop(researcher: Researcher) -> None:
    """Twenty forced downloads without a pause: the last is taken, one item counts all that were, one copy is kept."""
    with researcher.daemon() as daemon:
        code = f"import sys\nfor _ in range({RETRIES}):\n    {FORCED}\n"
        assert researcher.client(code).returncode == 0
        researcher.wait_until_taken()
        item = researcher.only_item()
        assert 1 <= item["times"] <= RETRIES
        assert item["times"] == len(daemon.events("quarantine.moved"))
    store = researcher.home / "state/picklewatch/quarantine"
    assert [path.name for path in store.iterdir() if path.name != "lock"] == [item["id"]]
    assert sum(path.lstat().st_size for path in store.rglob("*") if path.is_file()) < 2 * len(HOSTILE) + 65_536


@pytest.mark.parametrize("how", ["forced", "removed"])
def test_what_is_fetched_again_is_taken_again_and_counted(researcher: Researcher, how: str) -> None:
    """By ``force_download``, or because somebody removed the tombstone: the same item, found under its former ids."""
    with researcher.daemon() as daemon:
        assert researcher.client(SNAPSHOT).returncode == 0
        researcher.wait_until_taken()
        former = [item["id"] for item in researcher.items()]
        for times in range(2, 6):
            if how == "removed":
                researcher.blob.unlink()
            assert researcher.client(FORCED if how == "forced" else SNAPSHOT).returncode == 0
            daemon.wait_for("quarantine.moved", times)
            researcher.wait_until_taken()
            item = researcher.only_item()
            assert (item["times"], item["formerly"]) == (times, former)
            assert f"taken {times} times" in researcher.picklewatch("show", former[0])
            former.append(item["id"])
    with researcher.blob.open("rb") as tombstone, pytest.raises(ModuleNotFoundError, match=item["id"]):
        pickle.load(tombstone)
