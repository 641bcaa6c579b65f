"""No shape of hostile pickle passes, and none harms the scanner, through the real command and the real sandbox."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from e2e.daemon import Daemon
from samples import hostile
from samples.scanning import explained, scan

if TYPE_CHECKING:
    from collections.abc import Mapping

SHAPES = hostile.all_but_bombs()
BOMBS = hostile.bombs()
LIMITS = '[scan.limits]\ntime = 20\nmemory = "512MiB"\nopcodes = 5000000\n'
MEMORY_NOISE = 12 << 20


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write *files* into *folder*."""
    for name, content in files.items():
        (folder / name).write_bytes(content)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The records of all shapes but the bombs."""
    folder = tmp_path_factory.mktemp("hostile")
    write(folder, SHAPES)
    return scan(folder)


def test_there_are_enough_shapes() -> None:
    """Sixty were asked for."""
    assert len(SHAPES) >= 60


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_is_at_least_unsafe(name: str, records: dict[str, dict[str, Any]]) -> None:
    """However it is spelt, framed, nested or packed."""
    assert records[name]["verdict"] in {"unsafe", "malicious"}, explained(records[name])
    assert records[name]["findings"]


def test_the_daemon_is_not_moved(tmp_path: Path) -> None:
    """It judges every shape and bomb once, within the limits; its own memory stays what it was."""
    watched = tmp_path / "downloads"
    watched.mkdir()
    with Daemon(tmp_path, str(watched), config=LIMITS) as daemon:
        (watched / "first").write_bytes(hostile.BENIGN)
        daemon.wait_for("file.scanned")
        before = resident(daemon.pid)
        write(watched, SHAPES | BOMBS)
        events = daemon.wait_for("file.scanned", 1 + len(SHAPES) + len(BOMBS))
        grown = resident(daemon.pid) - before
        time.sleep(0.5)
        assert len(daemon.events("file.scanned")) == len(events)
    verdicts = {Path(event["path"]).name: event["verdict"] for event in events}
    assert verdicts.keys() == {"first", *SHAPES, *BOMBS}
    assert {name for name in SHAPES if verdicts[name] not in {"unsafe", "malicious"}} == set()
    assert {name for name in BOMBS if verdicts[name] in {"clean", "skipped", "unverified"}} == set()
    assert grown < MEMORY_NOISE


def resident(pid: int) -> int:
    """Bytes of memory that are *pid*'s own: not shared with files."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon:"))
