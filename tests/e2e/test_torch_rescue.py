"""The real torch writes; what picklewatch rescues is bit by bit what torch itself would have loaded."""

from __future__ import annotations

import io
import pickle
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fickling.fickle import Pickled
from samples import opcodes as op
from support.rescues import descriptor, read_safetensors

from picklewatch.core.model import Limits, Verdict
from picklewatch.rescue.rescuing import rescue
from picklewatch.sandbox import Rescuer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning"),  # torch's about itself
]

EVIL = op.call("os", "system", op.text("true"))
NAMES = {
    "torch.float64": "F64", "torch.float32": "F32", "torch.float16": "F16", "torch.bfloat16": "BF16",
    "torch.float8_e4m3fn": "F8_E4M3", "torch.float8_e5m2": "F8_E5M2", "torch.float8_e4m3fnuz": "F8_E4M3FNUZ",
    "torch.float8_e5m2fnuz": "F8_E5M2FNUZ", "torch.float8_e8m0fnu": "F8_E8M0", "torch.int64": "I64",
    "torch.int32": "I32", "torch.int16": "I16", "torch.int8": "I8", "torch.uint64": "U64", "torch.uint32": "U32",
    "torch.uint16": "U16", "torch.uint8": "U8", "torch.bool": "BOOL", "torch.complex64": "C64",
    "torch.complex128": "C128",
}  # fmt: skip


@pytest.fixture(scope="module")
def rescuer() -> Iterator[Rescuer]:
    """One sandbox for all."""
    with Rescuer(Limits(seconds=60)) as it:
        yield it


def kinds() -> dict[str, Any]:
    """A tensor of every type."""
    import torch

    whole = torch.arange(24).reshape(4, 6)
    return {name: whole.to(getattr(torch, name.removeprefix("torch."))) for name in NAMES}


def shapes() -> dict[str, Any]:
    """Views of every sort, tied and empty ones, and the values around them."""
    import torch

    base = torch.randn(100, 50)
    return {
        "base": base,
        "transposed": base.t(),
        "slice": base[10:20, 5:25],
        "steps": base[::2, ::3],
        "flat": base.view(-1),
        "channels": torch.randn(4, 3, 8, 8).to(memory_format=torch.channels_last),
        "permuted": torch.randn(2, 3, 4, 5).permute(3, 1, 0, 2),
        "empty": torch.empty(0),
        "empties": torch.empty(3, 0, 2),
        "scalar": torch.tensor(3.5),
        "half": torch.randn(7, 5).half().t(),
        "complex": torch.randn(4, 3, dtype=torch.complex64).t(),
        "parameter": torch.nn.Parameter(torch.randn(2, 2)),
        "tied": [base, {"again": (base,)}],
        "array": np.arange(12.0).reshape(3, 4),
        "fortran": np.asfortranarray(np.arange(12, dtype="f4").reshape(3, 4)),
        "big": np.arange(5, dtype=">i4"),
        "text": "hi",
        "number": 1 << 70,
        "none": None,
    }


def module() -> Any:
    """A pickled model: its state_dict is what matters."""
    import torch

    return torch.nn.Sequential(torch.nn.Linear(6, 3), torch.nn.BatchNorm1d(3), torch.nn.Conv2d(3, 8, 3))


def saved(value: Any, **options: Any) -> bytes:
    """What ``torch.save`` makes of *value*."""
    import torch

    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


def deflated(value: Any) -> bytes:
    """The same with members that are packed."""
    return rewritten(saved(value), lambda pickled: pickled, zipfile.ZIP_DEFLATED)


def rewritten(content: bytes, change: Callable[[bytes], bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """An archive with another ``data.pkl``."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", method) as new:
        for name in old.namelist():
            member = old.read(name)
            new.writestr(name, change(member) if name.endswith("data.pkl") else member)
    return file.getvalue()


WRITERS: dict[str, Callable[[Any], bytes]] = {
    "zip": saved,
    "protocol 4": lambda value: saved(value, pickle_protocol=4),
    "legacy": lambda value: saved(value, _use_new_zipfile_serialization=False),
    "deflated": deflated,
    "pickle": pickle.dumps,
}


def flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every tensor in *value* by its name."""
    import torch

    if isinstance(value, torch.nn.Module):
        value = value.state_dict()
    if isinstance(value, np.ndarray):
        value = torch.from_numpy(value.astype(value.dtype.newbyteorder("=")))
    if isinstance(value, torch.Tensor):
        yield name, value.detach()
    elif isinstance(value, dict | list | tuple):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, one in pairs:
            yield from flat(one, f"{name}.{key}" if name else str(key))


def stored(tensor: Any) -> tuple[str, str, bytes]:
    """Type, shape and bytes, as a safetensors file has them."""
    import torch

    raw = bytes(tensor.contiguous().reshape(-1).view(torch.uint8).numpy()) if tensor.numel() else b""
    return NAMES[str(tensor.dtype)], ",".join(map(str, tensor.shape)), raw


def expected(value: Any) -> dict[str, tuple[str, str, bytes]]:
    """What is to be saved of *value*."""
    return {name: stored(tensor) for name, tensor in flat(value)}


def as_safetensors(rescuer: Rescuer, content: bytes, directory: Path) -> dict[str, tuple[str, str, bytes]]:
    """Rescue *content*, and read what came of it."""
    target = directory / "out.safetensors"
    target.unlink(missing_ok=True)
    with descriptor(content) as fd:
        assert rescue(rescuer, fd, target).verdict is Verdict.SKIPPED
    return read_safetensors(target)


def as_checkpoint(rescuer: Rescuer, content: bytes, directory: Path) -> Any:
    """Rescue *content* as a checkpoint, and load it as torch does today."""
    import torch

    target = directory / "out.pt"
    target.unlink(missing_ok=True)
    with descriptor(content) as fd:
        assert rescue(rescuer, fd, target).verdict is Verdict.CLEAN
    return torch.load(target, weights_only=True)


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("make", [kinds, shapes, module])
def test_every_tensor_is_bit_by_bit_what_torch_wrote(
    rescuer: Rescuer, tmp_path: Path, writer: str, make: Callable[[], Any]
) -> None:
    """Of every type, view and container; in both kinds of new file."""
    if make is kinds and writer == "legacy":
        pytest.skip("torch's legacy files know no types without a class of storages")
    value = make()
    content = WRITERS[writer](value)
    wanted = expected(value)
    whole = {name: kept for name, kept in wanted.items() if kept[0] != "C128"}
    assert as_safetensors(rescuer, content, tmp_path) == whole
    again = as_checkpoint(rescuer, content, tmp_path)
    assert expected(again) == wanted


def test_a_checkpoint_made_anew_keeps_structure_strides_and_sharing(rescuer: Rescuer, tmp_path: Path) -> None:
    """The same texts, numbers and lists; what shared memory shares it, what was channels-last stays so."""
    value = shapes()
    again = as_checkpoint(rescuer, saved(value), tmp_path)
    assert list(again) == list(value)
    assert (again["text"], again["number"], again["none"]) == ("hi", 1 << 70, None)
    assert isinstance(again["tied"][1]["again"], tuple)
    one = again["base"].untyped_storage().data_ptr()
    for name in ("transposed", "slice", "steps", "flat"):
        assert again[name].untyped_storage().data_ptr() == one
        assert again[name].stride() == value[name].stride()
    assert again["tied"][0].untyped_storage().data_ptr() == one
    assert again["channels"].stride() == value["channels"].stride()


def test_an_optimizers_state_is_whole(rescuer: Rescuer, tmp_path: Path) -> None:
    """Keys that are numbers, and numbers beside tensors."""
    import torch

    model = torch.nn.Linear(4, 2)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    value = {"optimizer": optimizer.state_dict(), "model": model.state_dict(), "epoch": 3}
    again = as_checkpoint(rescuer, saved(value), tmp_path)
    assert expected(again) == expected(value)
    assert again["optimizer"]["param_groups"] == value["optimizer"]["param_groups"]
    model.load_state_dict(again["model"])
    optimizer.load_state_dict(again["optimizer"])


def test_torchscript_gives_its_state_dict(rescuer: Rescuer, tmp_path: Path) -> None:
    """Parameters and buffers, of submodules too."""
    import torch

    class Net(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.inner = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.BatchNorm1d(4))
            self.register_buffer("counts", torch.arange(3))

        def forward(self, given: torch.Tensor) -> torch.Tensor:
            made: torch.Tensor = self.inner(given)
            return made

    script = torch.jit.trace(Net().eval(), torch.ones(2, 5))
    file = io.BytesIO()
    torch.jit.save(script, file)
    wanted = expected(dict(script.state_dict()))
    assert as_safetensors(rescuer, file.getvalue(), tmp_path) == wanted
    assert expected(as_checkpoint(rescuer, file.getvalue(), tmp_path)) == wanted


def test_what_has_no_dense_numbers_is_said(rescuer: Rescuer, tmp_path: Path) -> None:
    """Sparse, quantised and expanded tensors; a conjugate's bytes are not its values."""
    import torch

    value = {
        "sparse": torch.eye(3).to_sparse(),
        "expanded": torch.randn(1, 4).expand(60, 4),
        "conjugate": torch.randn(3, dtype=torch.complex64).conj(),
        "good": torch.ones(2),
    }
    target = tmp_path / "out.safetensors"
    with descriptor(saved(value)) as fd:
        done = rescue(rescuer, fd, target)
    assert set(read_safetensors(target)) == {"good"}
    assert {left.name for left in done.plan.left} == {"sparse", "expanded", "conjugate"}
    again = as_checkpoint(rescuer, saved(value), tmp_path)
    assert again["expanded"].stride() == (0, 1)
    assert (again["sparse"], again["conjugate"]) == (None, None)


def _before(pickled: bytes) -> bytes:
    return pickled[:2] + EVIL + op.POP + pickled[2:]


def _inside(pickled: bytes) -> bytes:
    return pickled[:-1] + op.text("evil") + EVIL + op.SETITEM + op.STOP


def _beside(pickled: bytes) -> bytes:
    return pickled[:2] + EVIL + pickled[2:-1] + op.TUPLE2 + op.STOP


def _after(pickled: bytes) -> bytes:
    return pickled[:-1] + EVIL + op.POP + op.STOP


def _around(pickled: bytes) -> bytes:
    return pickled[:2] + op.global_("os", "system") + pickled[2:-1] + op.TUPLE1 + op.REDUCE + op.STOP


def _by_fickling(pickled: bytes) -> bytes:
    injected = Pickled.load(pickled)
    injected.insert_python_exec("true")
    return bytes(injected.dumps())


HOSTILE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "before": (_before, ""),
    "inside": (_inside, ""),
    "beside": (_beside, "1."),
    "after": (_after, ""),
    "around": (_around, "args.0."),
    "by fickling": (_by_fickling, ""),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("writer", ["zip", "deflated", "pickle"])
def test_hostile_copies_give_the_same_weights(rescuer: Rescuer, tmp_path: Path, name: str, writer: str) -> None:
    """Wherever the call stands, and whoever injected it; the new checkpoint runs nothing."""
    change, prefix = HOSTILE[name]
    value = {key: one for key, one in shapes().items() if key != "number"}
    content = WRITERS[writer](value)
    if writer == "pickle":
        content = change(pickle.dumps(value, 2))
    else:
        content = rewritten(content, change, zipfile.ZIP_DEFLATED if writer == "deflated" else zipfile.ZIP_STORED)
    wanted = {f"{prefix}{key}": kept for key, kept in expected(value).items()}
    assert as_safetensors(rescuer, content, tmp_path) == wanted
    if name != "around":  # the whole is what the call would return: only its arguments are there
        assert expected(as_checkpoint(rescuer, content, tmp_path)) == wanted


def test_safetensors_reads_what_is_written(rescuer: Rescuer, tmp_path: Path) -> None:
    """The library takes the file: header, alignment, types."""
    safetensors = pytest.importorskip("safetensors.torch")
    value = shapes()
    as_safetensors(rescuer, saved(value), tmp_path)
    again = safetensors.load_file(tmp_path / "out.safetensors")
    assert expected(again) == expected(value)
