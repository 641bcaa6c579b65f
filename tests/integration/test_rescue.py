"""``picklewatch rescue`` as it is typed, in the real sandbox; and under a child that was taken over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from samples import opcodes as op
from samples.torch_checkpoint import checkpoint, torch_zip
from sandbox_acts.in_rescue import ACTS, JOB
from support.commands import Commands
from support.rescues import descriptor, names_in, planned, read_safetensors
from support.vaulting import lab

from picklewatch.core.errors import Error
from picklewatch.core.model import Limits, Verdict
from picklewatch.rescue.rescuing import rescue
from picklewatch.sandbox import Rescuer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GOOD = checkpoint({"b": [1.0, 2.0], "a": [3.0]})
EVIL = op.call("os", "system", op.text("true"))
TRANSPOSED = op.tensor(op.storage(), op.sizes(4, 4), op.sizes(1, 4))
MIXED = torch_zip(op.pickle(2, op.dict_(t=TRANSPOSED, n=op.number(1), evil=EVIL)), {"0": bytes(range(64))})


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    """Commands with a home of their own."""
    return Commands(tmp_path)


@pytest.fixture(scope="module")
def rescuer() -> Iterator[Rescuer]:
    """One sandbox for all honest rescues."""
    with Rescuer(Limits(seconds=30)) as it:
        yield it


@pytest.fixture(scope="module")
def taken_over() -> Iterator[Rescuer]:
    """A sandbox whose child does what the content names."""
    with Rescuer(Limits(seconds=30), job=JOB) as it:
        yield it


@pytest.mark.parametrize(
    ("content", "name", "status"),
    [
        (GOOD, "out.safetensors", 0),
        (GOOD, "out.pt", 0),
        (torch_zip(op.pickle(2, op.dict_(t=TRANSPOSED, n=op.number(1))), {"0": bytes(64)}), "out.safetensors", 0),
        (MIXED, "out.safetensors", 1),
        (MIXED, "out.ckpt", 1),
        (op.pickle(2, EVIL), "out.safetensors", 2),
        (op.pickle(2, EVIL), "out.pt", 2),
        (b"text", "out.safetensors", 2),
    ],
)
def test_the_exit_status_says_how_much_was_saved(
    tmp_path: Path, commands: Commands, content: bytes, name: str, status: int
) -> None:
    """All (0), some (1), nothing (2); what was saved is there."""
    source, target = tmp_path / "model.bin", tmp_path / name
    source.write_bytes(content)
    done = commands("rescue", source, target)
    assert (done.returncode, target.exists()) == (status, status < 2), done.stdout + done.stderr
    if name.endswith(".safetensors") and status < 2:
        assert read_safetensors(target) == planned(content).tensors
    if status < 2:
        assert commands("scan", "--fail-on", "unverified", target).returncode == 0


def test_json_has_all_of_it(tmp_path: Path, commands: Commands) -> None:
    """The new file, each tensor, all that is left out and why."""
    (tmp_path / "model.bin").write_bytes(MIXED)
    target = tmp_path / "out.safetensors"
    told = json.loads(commands("rescue", "--format", "json", tmp_path / "model.bin", target).stdout)
    tensor = {"name": "t", "dtype": "F32", "shape": [4, 4], "bytes": 64, "copied": False}
    assert told["tensors"] == [tensor]
    assert (told["out"], told["verdict"], told["size"]) == (str(target), "skipped", target.stat().st_size)
    assert (told["plain"], told["others"], told["renamed"]) == (1, 1, [])
    assert {left["name"]: left["plain"] for left in told["left"]} == {"n": True, "evil": False}


def test_everything_that_is_left_out_is_listed_on_request(tmp_path: Path, commands: Commands) -> None:
    """Otherwise plain values are counted only."""
    (tmp_path / "model.bin").write_bytes(MIXED)
    assert "n: int 1" in commands("rescue", "--left", tmp_path / "model.bin", tmp_path / "a.safetensors").stdout
    short = commands("rescue", tmp_path / "model.bin", tmp_path / "b.safetensors").stdout
    assert "n: int 1" not in short
    assert "evil: what a call would return of os.system" in short


def test_a_subtree_is_rescued_by_its_name(tmp_path: Path, commands: Commands) -> None:
    """A name that is not there saves nothing."""
    (tmp_path / "model.bin").write_bytes(torch_zip(op.pickle(2, op.dict_(sd=op.dict_(t=TRANSPOSED))), {"0": bytes(64)}))
    target = tmp_path / "out.safetensors"
    assert commands("rescue", "--only", "sd", tmp_path / "model.bin", target).returncode == 0
    assert list(read_safetensors(target)) == ["t"]
    assert commands("rescue", "--only", "x", tmp_path / "model.bin", tmp_path / "other.pt").returncode == 2


@pytest.mark.parametrize("words", [["a"], ["a", "b.safetensors", "c"], ["--item", "3f2a", "a", "b.pt"], ["a", "b.txt"]])
def test_wrong_words_are_a_usage_error(commands: Commands, words: list[str]) -> None:
    """Said before any work."""
    assert commands("rescue", *words).returncode == 2


def test_the_weights_of_a_quarantined_file_are_rescued(tmp_path: Path, commands: Commands) -> None:
    """By its id; the item stays where it is. The commands that tell of it name the way."""
    with lab() as made:
        made.store, made.content = made.base / "state" / "quarantine", MIXED
        made.put()
        item = made.quarantine(sha256=None)
        target = tmp_path / "out.safetensors"
        words: tuple[str | Path, ...] = ("rescue", "--item", item.id[:6], "--state-dir", made.store.parent)
        assert commands(*words, target).returncode == 1
        assert read_safetensors(target) == planned(MIXED).tensors
        assert [one.state.holds for one in made.items()] == [True]
        assert commands("rescue", "--item", "0" * 12, "--state-dir", made.store.parent, target).returncode == 2
        named = f"picklewatch rescue --item {item.id} weights.safetensors"
        assert named in commands("quarantine", "show", item.id, "--state-dir", made.store.parent).stdout
        assert named in commands("explain", made.path).stdout
        assert named in made.path.read_text("latin-1")


def test_explain_names_the_command(tmp_path: Path, commands: Commands) -> None:
    """Of a file that is unsafe and may have weights, with the name quoted; of others not."""
    for name, content, told in (("a b.bin", MIXED, True), ("clean.bin", GOOD, False), ("x.py", b"import os\n", False)):
        (tmp_path / name).write_bytes(content)
        shown = " ".join(commands("explain", tmp_path / name).stdout.split())
        assert (f"picklewatch rescue '{tmp_path / name}' weights.safetensors" in shown) == told


def test_a_rescue_uses_the_second_pipe_for_much(tmp_path: Path, rescuer: Rescuer) -> None:
    """Megabytes that have to be put in order arrive whole, and the sandbox serves again."""
    size = 3_000  # more than the child keeps of the file in its memory
    content = bytes(range(250)) * (size * size * 4 // 250)
    made = op.tensor(op.storage(elements=size * size), op.sizes(size, size), op.sizes(1, size))
    for number in range(2):
        target = tmp_path / f"{number}.safetensors"
        with descriptor(torch_zip(op.pickle(2, op.dict_(t=made)), {"0": content})) as fd:
            assert rescue(rescuer, fd, target).verdict is Verdict.SKIPPED
        (_, _, got) = read_safetensors(target)["t"]
        cells = memoryview(content).cast("I")
        assert got == b"".join(cells[column::size].tobytes() for column in range(size))


def test_a_sound_plan_of_another_child_is_taken(tmp_path: Path, taken_over: Rescuer) -> None:
    """The acts below fail for what they do."""
    target = tmp_path / "out.safetensors"
    with descriptor(b"sound\n") as fd:
        rescue(taken_over, fd, target)
    assert read_safetensors(target) == {"w": ("U8", "4", b"abcd")}


@pytest.mark.parametrize("name", [name for name in ACTS if name != "sound"])
def test_a_child_that_was_taken_over_gets_no_file_written(tmp_path: Path, taken_over: Rescuer, name: str) -> None:
    """Whatever it says: an error, no new file, nothing left behind, and the next rescue works."""
    with descriptor(name.encode() + b"\n") as fd, pytest.raises(Error):
        rescue(taken_over, fd, tmp_path / "out.safetensors")
    assert names_in(tmp_path) == []
    with descriptor(b"sound\n") as fd:
        assert rescue(taken_over, fd, tmp_path / "next.safetensors").verdict is Verdict.SKIPPED
