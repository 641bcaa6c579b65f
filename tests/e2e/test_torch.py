"""The real torch writes, downloads and loads; picklewatch judges."""

from __future__ import annotations

import io
import pickle
import random
import subprocess
import sys
import warnings
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from e2e.daemon import Daemon, environment
from samples.foreign import lightning_checkpoint, pretending, training_arguments
from samples.hub import Hub, hub
from samples.scanning import explained, scan
from samples.torch_checkpoint import checkpoint, torch_zip
from support.watching import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.torch

HOSTILE = torch_zip(b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00echo\x85R.")


def saved(value: Any, **options: Any) -> bytes:
    """Return *value* as ``torch.save`` writes it."""
    import torch

    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


def tensors_only() -> dict[str, bytes]:
    """Files that hold nothing but tensors, numbers and text."""
    import torch

    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten())
    state = model.state_dict()
    whole = torch.arange(12.0)
    with warnings.catch_warnings(action="ignore"):  # these layouts are in beta
        compressed = [torch.eye(4).to_sparse_csr(), torch.eye(4).to_sparse_bsc((2, 2))]
        nested = torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(4, 3)])
    kinds = {
        "half": torch.ones(2, dtype=torch.float16),
        "bfloat": torch.ones(2, dtype=torch.bfloat16),
        "complex": torch.ones(2, dtype=torch.complex64),
        "bool": torch.tensor([True]),
        "long": torch.tensor(3),
        "float8": torch.ones(2).to(torch.float8_e4m3fn),
        "views": [whole[:4], whole[4:].reshape(2, 4).t()],
        "sparse": [torch.eye(4).to_sparse(), *compressed],
        "nested": nested,
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "shape": torch.Size([1, 2]),
        "dtype": torch.float32,
        "device": torch.device("cpu"),
    }
    return {
        "state_dict.pt": saved(state),
        "state_dict-protocol-5.pt": saved(state, pickle_protocol=5),
        "state_dict-legacy.pt": saved(state, _use_new_zipfile_serialization=False),
        "kinds.pt": saved(kinds),
        "kinds-legacy.pt": saved(kinds, _use_new_zipfile_serialization=False),
        "by-hand.pt": checkpoint({"weight": [1.0, 2.0]}),
    }


def training() -> dict[str, bytes]:
    """The files that training leaves behind."""
    import torch

    model = torch.nn.Linear(3, 2)
    adam = torch.optim.AdamW(model.parameters())
    momentum = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for optimizer in (adam, momentum):
        model(torch.ones(1, 3)).sum().backward()
        optimizer.step()
    schedule = torch.optim.lr_scheduler.StepLR(momentum, 10)
    rng = {
        "python": random.getstate(),
        "numpy": np.random.get_state(),  # noqa: NPY002 - what Trainer saves
        "cpu": torch.random.get_rng_state(),
    }
    files = {
        "optimizer.pt": saved(adam.state_dict()),
        "optimizer-sgd.pt": saved(momentum.state_dict()),
        "scheduler.pt": saved(schedule.state_dict()),
        "rng_state.pth": saved(rng),
        "model.pt": saved(model),
        "model-legacy.pt": saved(model, _use_new_zipfile_serialization=False),
    }
    with pretending():
        tensors = {"state_dict": model.state_dict(), "optimizer_states": [adam.state_dict()]}
        files["lightning.ckpt"] = saved(lightning_checkpoint(**tensors))
        files["training_args.bin"] = saved(training_arguments(device=torch.device("cpu")))
    return files


def test_tensors_alone_are_clean(tmp_path: Path) -> None:
    """Every kind of tensor, in both formats, is proven harmless; but for legacy files with sparse and nested ones."""
    files = tensors_only()
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    records = scan(tmp_path)
    assert records.keys() == files.keys()
    wanted = {name: "unverified" if name == "kinds-legacy.pt" else "clean" for name in files}
    wrong = [explained(records[name]) for name in files if records[name]["verdict"] != wanted[name]]
    assert not wrong, "\n".join(wrong)


def test_what_training_leaves_is_never_unsafe(tmp_path: Path) -> None:
    """Optimizers, random states, whole modules and trainers' arguments are clean or unverified; plain data is clean."""
    files = training()
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    records = scan(tmp_path)
    assert records.keys() == files.keys()
    wrong = [explained(record) for record in records.values() if record["verdict"] not in {"clean", "unverified"}]
    assert not wrong, "\n".join(wrong)
    plain = ("optimizer.pt", "optimizer-sgd.pt", "scheduler.pt", "rng_state.pth")
    wrong = [explained(records[name]) for name in plain if records[name]["verdict"] != "clean"]
    assert not wrong, "\n".join(wrong)


def test_torchscript_is_not_called_unsafe(tmp_path: Path) -> None:
    """A scripted module's pickles hold classes of its own archive, which are not imports from this machine."""
    import torch

    with pytest.warns(DeprecationWarning, match="torch.jit"):
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / "scripted.pt")
    record = scan(tmp_path)["scripted.pt"]
    assert record["verdict"] in {"clean", "unverified"}, explained(record)
    assert record["pickles"] > 0


def test_checkpoints_made_by_hand_are_what_torch_writes() -> None:
    """The tests that run without torch use the layout of the real one, byte for byte, and torch loads them."""
    import torch

    real = saved(torch.arange(3.0))
    with zipfile.ZipFile(io.BytesIO(real)) as archive:
        members = {name.removeprefix("archive/"): archive.read(name) for name in archive.namelist()}
    storages = {name.removeprefix("data/"): members[name] for name in members if name.startswith("data/")}
    made = torch_zip(members["data.pkl"], storages)
    identity = members[".data/serialization_id"]
    assert _without_checksum(real, identity) == _without_checksum(made, b"0" * 40)
    loaded = torch.load(io.BytesIO(checkpoint({"weight": [1.0, 2.5]})), weights_only=True)
    assert loaded["weight"].tolist() == [1.0, 2.5]


def _without_checksum(archive: bytes, identity: bytes) -> bytes:
    return archive.replace(identity, b"").replace(zlib.crc32(identity).to_bytes(4, "little"), b"")


@pytest.fixture
def served() -> Iterator[Hub]:
    """A server of plain downloads with one benign and one hostile file."""
    files = {"benign.pth": checkpoint({"weight": [1.0, 2.0]}), "hostile.pth": HOSTILE}
    with hub({"org/model": files}) as running:
        yield running


def load_from_url(home: Path, url: str) -> subprocess.CompletedProcess[str]:
    """Download and load by ``torch.hub`` in a process of its own, with ``weights_only``: nothing hostile ever runs."""
    code = f"import torch; print(torch.hub.load_state_dict_from_url({url!r}, weights_only=True, progress=False))"
    env = environment(home, TORCH_HOME=str(home / "torch"))
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False, timeout=PATIENCE
    )


def test_downloads_of_torch_hub_are_judged(tmp_path: Path, served: Hub) -> None:
    """Two files, two records: the benign one loads, the hostile one is moved and not fetched again."""
    config = '[quarantine]\nlevel = "unsafe"\n'
    with Daemon(tmp_path, config=config, env={"TORCH_HOME": str(tmp_path / "torch")}) as daemon:
        benign = load_from_url(tmp_path, served.raw("org/model", "benign.pth"))
        hostile = load_from_url(tmp_path, served.raw("org/model", "hostile.pth"))
        daemon.wait_for("quarantine.moved")
        verdicts = {event["name"]: event["verdict"] for event in daemon.wait_for("file.scanned", 2)}
        again = load_from_url(tmp_path, served.raw("org/model", "hostile.pth"))
    assert verdicts == {"torch.hub: benign.pth": "clean", "torch.hub: hostile.pth": "malicious"}
    assert "tensor([1., 2.])" in benign.stdout, benign.stderr
    assert hostile.returncode != 0
    assert again.returncode != 0
    assert "quarantined" in again.stderr.lower()
    assert served.downloads("hostile.pth") == 1
    assert len(daemon.events("quarantine.moved")) == 1


def test_torch_refuses_a_tombstone_in_words(tmp_path: Path) -> None:
    """Whichever way torch loads what stands in a moved file's place, it fails with the name of who moved it."""
    import torch

    from picklewatch.core.tombstone import tombstone

    (tmp_path / "model.pt").write_bytes(tombstone("0123456789ab"))
    for weights_only in (True, False):
        with pytest.raises((pickle.UnpicklingError, ModuleNotFoundError), match=r"(?i)quarantined"):
            torch.load(tmp_path / "model.pt", weights_only=weights_only)
