"""The real huggingface_hub client downloads into a cache that the real daemon watches."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from e2e.daemon import Daemon, environment
from samples.hub import COMMIT, Hub, hub
from samples.torch_checkpoint import checkpoint, torch_zip
from support.watching import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

BENIGN = checkpoint({"weight": [1.0, 2.0, 3.0], "bias": [0.5]})
HOSTILE = torch_zip(b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00echo\x85R.")
SAFETENSORS_HEADER = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
SAFETENSORS = len(SAFETENSORS_HEADER).to_bytes(8, "little") + SAFETENSORS_HEADER + b"\0\0\0\0"
FILES = {"model.safetensors": SAFETENSORS, "pytorch_model.bin": BENIGN, "training_args.bin": HOSTILE}
VERDICTS = {"model.safetensors": "skipped", "pytorch_model.bin": "clean", "training_args.bin": "malicious"}


@pytest.fixture(scope="module")
def served() -> Iterator[Hub]:
    """A hub that holds one repository with a benign, a hostile and a safetensors file."""
    with hub({"org/model": FILES}) as running:
        yield running


def download(home: Path, served: Hub) -> Path:
    """Run ``snapshot_download`` in a process of its own, as a researcher would; return the snapshot's folder."""
    code = "import huggingface_hub as h; print(h.snapshot_download('org/model'))"
    env = environment(home, HF_HOME=str(home / "hf"), HF_ENDPOINT=served.url, HF_HUB_DISABLE_TELEMETRY="1")
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    return Path(done.stdout.strip())


def verdicts(daemon: Daemon, count: int) -> dict[str, str]:
    """Map the human name of each of the *count* files judged to its verdict."""
    return {event["name"]: event["verdict"] for event in daemon.wait_for("file.scanned", count)}


def named(files: dict[str, str]) -> dict[str, str]:
    """*files* under the names that a person reads."""
    return {f"org/model@main: {name}": verdict for name, verdict in files.items()}


def test_a_snapshot_is_judged_under_names_that_a_person_understands(tmp_path: Path, served: Hub) -> None:
    """Three files arrive, three records come, each named by repository, revision and file, none moved."""
    with Daemon(tmp_path, env={"HF_HOME": str(tmp_path / "hf")}) as daemon:
        snapshot = download(tmp_path, served)
        assert verdicts(daemon, 3) == named(VERDICTS)
    assert len(daemon.events("file.scanned")) == 3
    assert {path.name: path.read_bytes() for path in snapshot.iterdir()} == FILES


def test_what_was_there_before_the_daemon_is_judged_too(tmp_path: Path, served: Hub) -> None:
    """A cache that was filled earlier is walked at the start, and not again after a restart."""
    download(tmp_path, served)
    with Daemon(tmp_path, env={"HF_HOME": str(tmp_path / "hf")}) as daemon:
        assert verdicts(daemon, 3) == named(VERDICTS)
    with Daemon(tmp_path, env={"HF_HOME": str(tmp_path / "hf")}) as daemon:
        time.sleep(1)
    assert len(daemon.events("file.scanned")) == 3


def test_a_hostile_blob_is_moved_and_stays_away(tmp_path: Path, served: Hub) -> None:
    """With quarantine on, the blob leaves a tombstone that refuses to load; the client does not fetch it again."""
    config = '[quarantine]\nlevel = "unsafe"\n'
    with Daemon(tmp_path, config=config, env={"HF_HOME": str(tmp_path / "hf")}) as daemon:
        snapshot = download(tmp_path, served)
        assert verdicts(daemon, 3) == named(VERDICTS)
        daemon.wait_for("quarantine.moved")
        fetched = served.downloads("training_args.bin")
        assert download(tmp_path, served) == snapshot
        assert served.downloads("training_args.bin") == fetched
        time.sleep(1)
    assert len(daemon.events("quarantine.moved")) == 1
    with (snapshot / "training_args.bin").open("rb") as tombstone, pytest.raises(Exception, match=r"(?i)quarantined"):
        pickle.load(tombstone)
    assert (snapshot / "pytorch_model.bin").read_bytes() == BENIGN
    assert (snapshot / "model.safetensors").read_bytes() == SAFETENSORS


def test_a_restored_file_stays(tmp_path: Path, served: Hub) -> None:
    """A file that the operator restores is there byte for byte, allowed from then on, and not moved again."""
    hf = {"HF_HOME": str(tmp_path / "hf")}
    config = '[quarantine]\nlevel = "unsafe"\n'
    with Daemon(tmp_path, config=config, env=hf) as daemon:
        snapshot = download(tmp_path, served)
        daemon.wait_for("quarantine.moved")
        (item,) = [json.loads(line) for line in picklewatch(tmp_path, "quarantine", "list", "--json").splitlines()]
        assert item["verdict"] == "malicious"
        picklewatch(tmp_path, "quarantine", "restore", item["id"], "--yes", "--reason", "our own")
        time.sleep(2)
    assert (snapshot / "training_args.bin").read_bytes() == HOSTILE
    assert len(daemon.events("quarantine.moved")) == 1


def picklewatch(home: Path, *arguments: str) -> str:
    """Run a picklewatch command of the daemon's user; return what it printed."""
    command = [sys.executable, "-m", "picklewatch", *arguments]
    return subprocess.run(
        command,
        env=environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    ).stdout


def test_the_revision_is_named_where_no_branch_points_at_it(tmp_path: Path, served: Hub) -> None:
    """Downloading a commit leaves no ``refs``; the name then says the commit, shortened or not."""
    code = f"import huggingface_hub as h; h.snapshot_download('org/model', revision={COMMIT!r})"
    env = environment(tmp_path, HF_HOME=str(tmp_path / "hf"), HF_ENDPOINT=served.url)
    with Daemon(tmp_path, env={"HF_HOME": str(tmp_path / "hf")}) as daemon:
        subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True, timeout=PATIENCE)
        names = verdicts(daemon, 3)
    assert all(name.startswith(f"org/model@{COMMIT[:7]}") for name in names)
