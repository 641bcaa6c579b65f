"""Every way to the bytes of a hostile file that is known: the guard holds it, or docs/guard.md names it as a limit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.guarding import Guard, disk

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTILE = b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R."
BENIGN = b"\x80\x02K\x01."
SCRIPT = Path(__file__).parents[1] / "support" / "guard_ways.py"
HELD = [
    "plain",
    "renamed",
    "exchanged",
    "mapping",
    "symbolic_link",
    "hard_link",
    "o_path",
    "handle",
    "tmpfile",
    "moved_in",
    "mount_namespace",
    "user_namespace",
    "overlay",
    "early_read",
    "sendfile",
    "copy_file_range",
    "written_after_judged",
    "own_writer",
    "written_through_a_mapping",
]
LIMITS = ["early_mapping", "mapping_from_before"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A guarded directory ``models``, an unguarded one ``outside``, and the two contents, on a disk of their own."""
    folder = tmp_path_factory.mktemp("gaps")
    make_reachable(folder)
    with disk(folder) as mounted:
        prepare(mounted)
        with Guard(folder, mounted / "models"):
            yield mounted


def make_reachable(folder: Path) -> None:
    """Let other users go through pytest's own folders above *folder*."""
    for each in (folder, *folder.parents):
        each.chmod(each.stat().st_mode | 0o011)
        if each.name.startswith("pytest-of-"):
            break


def prepare(mounted: Path) -> None:
    """Make the directories and the contents."""
    for name in ("models", "outside"):
        (mounted / name).mkdir(mode=0o755)
    (mounted / "hostile").write_bytes(HOSTILE)
    (mounted / "benign").write_bytes(BENIGN)


def command(mounted: Path, way: str) -> list[str]:
    """Return the command that tries *way*."""
    places = [mounted / "models", mounted / "outside", mounted / "hostile", mounted / "benign"]
    return [sys.executable, "-IS", str(SCRIPT), way, *map(str, places)]


def outcome(mounted: Path, way: str) -> str:
    """Try *way*; return ``held`` or ``through``."""
    done = subprocess.run(command(mounted, way), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("way", HELD)
def test_the_way_is_held(lab: Path, way: str) -> None:
    """Nobody gets the hostile bytes."""
    assert outcome(lab, way) == "held"


@pytest.mark.parametrize("way", HELD)
def test_the_way_leads_there_without_a_guard(tmp_path: Path, way: str) -> None:
    """The control: a way that leads nowhere would always be held."""
    make_reachable(tmp_path)
    with disk(tmp_path) as mounted:
        prepare(mounted)
        if way == "user_namespace" and outcome(mounted, way) == "held":
            pytest.skip("no user makes a namespace here")
        assert outcome(mounted, way) == "through"


@pytest.mark.parametrize("way", LIMITS)
def test_the_limit_is_one(lab: Path, way: str) -> None:
    """The kernel does not ask about mappings (FAN_PRE_ACCESS would, at 20 us for each write of a download)."""
    assert outcome(lab, way) == "through"


def test_what_was_opened_before_the_guard_started_is_a_limit(tmp_path: Path) -> None:
    """Since Linux 6.14 the kernel decides at the open whether reads are asked about."""
    if tuple(map(int, os.uname().release.split("-")[0].split(".")[:2])) < (6, 14):
        pytest.skip("an older kernel asks")
    way = "opened_before_the_guard"
    with disk(tmp_path) as mounted:
        prepare(mounted)
        with subprocess.Popen(
            command(mounted, way), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "opened\n"
            with Guard(tmp_path, mounted / "models"):
                assert process.communicate("go\n")[0] == "through\n"
