"""What is opened in a guarded tree is judged first; everything else is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from samples.torch_checkpoint import torch_zip
from support.guarding import BENIGN, HOSTILE, READ, REFUSED, Guard, disk, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

ARRIVALS = 100
_RENAME_AND_OPEN = """
import os, sys
folder, kind = sys.argv[1:]
counts = {"read": 0, "refused": 0}
content = sys.stdin.buffer.read()
for number in range(100):
    path = f"{folder}/{kind}-{number}.pt"
    with open(path + ".part", "wb") as file:
        file.write(content + str(number).encode())
    os.rename(path + ".part", path)
    try:
        with open(path, "rb", 0) as file:
            file.read()
        counts["read"] += 1
    except PermissionError:
        counts["refused"] += 1
print(counts["read"], counts["refused"])
"""


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A file system with a directory ``models`` to guard, and ``outside`` beside it."""
    with disk(tmp_path) as root:
        (root / "models").mkdir()
        (root / "outside").mkdir()
        yield root


def arrive(folder: Path, content: bytes, kind: str) -> tuple[int, int]:
    """Write, rename and at once open a hundred files; return how many were read, and how many refused."""
    command = [sys.executable, "-IS", "-c", _RENAME_AND_OPEN, str(folder), kind]
    done = subprocess.run(command, input=content, capture_output=True, check=True)
    read, refused = done.stdout.split()
    return int(read), int(refused)


def test_no_hostile_file_is_opened_as_soon_as_it_is_there(tmp_path: Path, mounted: Path) -> None:
    """A download is renamed into place and opened at once, a hundred times: torch.hub's way."""
    with Guard(tmp_path, mounted / "models") as guard:
        assert arrive(mounted / "models", HOSTILE, "hostile") == (0, ARRIVALS)
        assert arrive(mounted / "models", BENIGN, "benign") == (ARRIVALS, 0)
        denied = guard.wait_for("guard.denied")[0]
    assert denied["path"] == str(mounted / "models" / "hostile-0.pt")
    assert (denied["verdict"], denied["uid"], denied["program"]) == ("malicious", 0, "python")


def test_what_lies_outside_is_not_held(tmp_path: Path, mounted: Path) -> None:
    """A hostile file beside the tree is none of the guard's; a link into the tree leads inside."""
    (mounted / "outside" / "hostile.pt").write_bytes(HOSTILE)
    (mounted / "models" / "hostile.pt").write_bytes(HOSTILE + b"2")
    (mounted / "outside" / "link.pt").symlink_to(mounted / "models" / "hostile.pt")
    (mounted / "outside" / "hard.pt").hardlink_to(mounted / "models" / "hostile.pt")
    with Guard(tmp_path, mounted / "models"):
        assert opened(mounted / "outside" / "hostile.pt") == READ
        assert opened(mounted / "outside" / "link.pt") == REFUSED
        assert opened(mounted / "outside" / "hard.pt") == REFUSED


def test_a_judged_file_is_judged_again_when_it_changes(tmp_path: Path, mounted: Path) -> None:
    """A verdict is about one state: what is written over a benign file is refused, and the other way round."""
    path = mounted / "models" / "model.pt"
    path.write_bytes(BENIGN)
    with Guard(tmp_path, mounted / "models"):
        assert opened(path) == READ
        path.write_bytes(HOSTILE)
        assert opened(path) == REFUSED
        path.unlink()
        path.write_bytes(BENIGN)
        assert opened(path) == READ


def test_a_download_is_resumed(tmp_path: Path, mounted: Path) -> None:
    """A client that appends to its own unfinished file gets it, whatever a part of a checkpoint is."""
    part = mounted / "models" / "model.pt.incomplete"
    with Guard(tmp_path, mounted / "models", config='deny = "unscannable"'):
        for piece in (BENIGN[:100], BENIGN[100:200], BENIGN[200:]):
            with part.open("ab") as file:
                file.write(piece)
        part.rename(mounted / "models" / "model.pt")
        assert opened(mounted / "models" / "model.pt") == READ


def test_special_files_hold_nobody(tmp_path: Path, mounted: Path) -> None:
    """A FIFO without a writer, a directory and an empty file are no contents: the guard does not wait for them."""
    os.mkfifo(mounted / "models" / "fifo")
    (mounted / "models" / "empty").touch()
    with Guard(tmp_path, mounted / "models"):
        fifo = os.open(mounted / "models" / "fifo", os.O_RDONLY | os.O_NONBLOCK)
        os.close(fifo)
        assert opened(mounted / "models" / "empty") == READ
        (mounted / "models" / "hostile.pt").write_bytes(HOSTILE)
        assert opened(mounted / "models" / "hostile.pt") == REFUSED


def test_a_tree_that_appears_later_is_guarded(tmp_path: Path, mounted: Path) -> None:
    """A cache that is made, removed and made again by its tool is the same tree; so is one that was moved away."""
    tree = mounted / "outside" / "cache"
    with Guard(tmp_path, tree):
        tree.mkdir()
        (tree / "first.pt").write_bytes(HOSTILE)
        assert opened(tree / "first.pt") == REFUSED
        tree.rename(mounted / "outside" / "aside")
        tree.mkdir()
        (tree / "second.pt").write_bytes(torch_zip(b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00echo\x85R."))
        assert opened(tree / "second.pt") == REFUSED


def test_an_allowed_content_is_opened(tmp_path: Path, mounted: Path) -> None:
    """What the operator has vouched for by its digest is not refused."""
    from hashlib import sha256

    path = mounted / "models" / "ours.pt"
    path.write_bytes(HOSTILE)
    allowed = f'[allow.digests]\n"{sha256(HOSTILE).hexdigest()}" = "ours"'
    with Guard(tmp_path, mounted / "models", config=allowed):
        assert opened(path) == READ


def test_without_the_right_to_hold_opens_it_says_so(tmp_path: Path, mounted: Path) -> None:
    """Exit status 78, and what is missing: a guard that guards nothing must not look as if it did."""
    if subprocess.run(["setpriv", "--version"], check=False, capture_output=True).returncode:
        pytest.skip("there is no setpriv")
    command = ["setpriv", "--bounding-set", "-sys_admin", sys.executable, "-I", "-m", "picklewatch", "guard", "run"]
    done = subprocess.run([*command, str(mounted / "models")], check=False, capture_output=True, text=True)
    assert done.returncode == 78, done.stderr
    assert "CAP_SYS_ADMIN" in done.stderr


def test_a_guard_that_is_off_says_so(tmp_path: Path) -> None:
    """Without a directory and without `guard.mode = "on"` nobody shall think that something is guarded."""
    configuration = tmp_path / "config.toml"
    configuration.write_text('[guard]\nmode = "off"\n')
    command = [sys.executable, "-I", "-m", "picklewatch", "guard", "run", "-c", str(configuration)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 78, done.stderr
    assert 'guard.mode is "off"' in done.stderr


def test_it_runs_with_the_units_rights_alone(tmp_path: Path, mounted: Path) -> None:
    """No root: the user of the unit with its four capabilities. The judge, and what it starts, has none of them."""
    user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs"]
    # by a shell: setpriv itself starts programs with the rights that it had
    nothing = ["sh", "-c", 'exec "$0" -c "import picklewatch"', sys.executable]
    if subprocess.run([*user, *nothing], check=False, capture_output=True).returncode:
        pytest.skip("another user can't start this interpreter, or there is no setpriv")
    tmp_path.chmod(0o777)
    (mounted / "models" / "hostile.pt").write_bytes(HOSTILE)
    guard = Guard(tmp_path, mounted / "models")
    rights = "+sys_admin,+dac_read_search,+lease,+ipc_lock"
    guard.command = [
        *user,
        "--bounding-set",
        f"-all,{rights}",
        "--inh-caps",
        rights,
        "--ambient-caps",
        rights,
        *guard.command,
    ]
    with guard:
        assert opened(mounted / "models" / "hostile.pt") == REFUSED
        for pid in (guard.judge, *guard.scanners()):
            assert capabilities(pid) == {"CapInh": 0, "CapPrm": 0, "CapEff": 0, "CapAmb": 0}
        assert capabilities(guard.answerer)["CapEff"] != 0


def capabilities(pid: int) -> dict[str, int]:
    """Return the sets of capabilities of *pid*, its bounding set left out."""
    lines = (Path("/proc") / str(pid) / "status").read_text().splitlines()
    fields = dict(line.split(":\t", 1) for line in lines if line.startswith("Cap"))
    return {name: int(text, 16) for name, text in fields.items() if name != "CapBnd"}
