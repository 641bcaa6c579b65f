"""The files that a pickle comes in, as real writers and as attackers make them."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import struct
import tarfile
import zipfile
import zlib
from typing import TYPE_CHECKING

from samples.torch_checkpoint import checkpoint, state_dict_pickle, torch_zip

from bench.detection.sevenzip import seven_zip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Container = Callable[[bytes], bytes]

_GOOD = state_dict_pickle({})
_BENIGN = b"\x80\x04}\x94\x8c\x02lr\x94K\x01s."


def npy(pickle: bytes) -> bytes:
    """A NumPy array of objects (numpy.lib.format, version 1)."""
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header + pickle


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive as `zipfile` writes it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content, method)
    return file.getvalue()


def tarred(members: Mapping[str, bytes], mode: str = "w") -> bytes:
    """A tar archive; *mode* as `tarfile.open` takes it."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def _archive(evil: bytes, **more: bytes) -> dict[str, bytes]:
    return {"archive/data.pkl": evil, "archive/version": b"3\n", **more}


def _lied(
    evil: bytes, *, central: Mapping[str, object] | None = None, local_name: bytes | None = None, flags: int = 0
) -> bytes:
    """A torch zip whose headers are changed after the fact."""
    data = bytearray(zipped(_archive(evil)))
    directory = data.rindex(b"PK\1\2archive"[:4], 0, data.rindex(b"PK\5\6"))
    first = data.index(b"PK\1\2")
    for offset, (form, value) in {
        {"flags": 8, "method": 10, "crc": 16, "compressed": 20, "size": 24}[key]: (
            "<I" if key in {"crc", "compressed", "size"} else "<H",
            value,
        )
        for key, value in (central or {}).items()
    }.items():
        struct.pack_into(form, data, first + offset, value)
    if flags:
        struct.pack_into("<H", data, first + 8, flags)
        struct.pack_into("<H", data, 6, flags)
    if local_name is not None:
        data[30 : 30 + len(local_name)] = local_name
    assert directory
    return bytes(data)


def _duplicate(evil: bytes) -> bytes:
    """Two members of one name: zipfile reads the last, others the first."""
    first = zipped({"archive/data.pkl": evil, "archive/version": b"3\n"})
    good = zipped({"archive/data.pxl": _GOOD, "archive/data.pkl": evil, "archive/version": b"3\n"})
    assert first
    return good.replace(b"archive/data.pxl", b"archive/data.pkl")


def _two_directories(evil: bytes) -> bytes:
    """A whole archive in the comment of another."""
    outer, inner = zipped(_archive(_GOOD)), zipped(_archive(evil))
    return outer[:-2] + struct.pack("<H", min(len(inner), 0xFFFF)) + inner


def _sb3(evil: bytes) -> bytes:
    data = {
        "policy_class": {":type:": "<class 'abc.ABCMeta'>", ":serialized:": base64.b64encode(evil).decode()},
        "gamma": 0.99,
    }
    return zipped(
        {"data": json.dumps(data).encode(), "policy.pth": torch_zip(_GOOD), "_stable_baselines3_version": b"2.3"}
    )


def _mar(evil: bytes) -> bytes:
    manifest = {
        "runtime": "python",
        "model": {"modelName": "m", "serializedFile": "model.pt", "handler": "image_classifier"},
    }
    return zipped({"MAR-INF/MANIFEST.json": json.dumps(manifest).encode(), "model.pt": torch_zip(evil)})


def _torch_tar(evil: bytes) -> bytes:
    """PyTorch 0.1.1: the first pickle of ``storages`` counts them."""
    return tarred({"sys_info": b"\x80\x02}.", "storages": b"\x80\x02K\0.", "tensors": b"\x80\x02K\0.", "pickle": evil})


def _torch_package(evil: bytes) -> bytes:
    return zipped(
        {
            "p/.data/version": b"6\n",
            "p/.data/extern_modules": b"torch\n",
            "p/.data/python_version": b"3.11",
            "p/model/model.pkl": evil,
        }
    )


def _torchscript(evil: bytes) -> bytes:
    code = b"class M(Module):\n  __parameters__ = []\n  __buffers__ = []\n  training : bool\n"
    return zipped(
        {
            "m/data.pkl": evil,
            "m/code/__torch__.py": code,
            "m/constants.pkl": b"\x80\x02).",
            "m/version": b"3\n",
        }
    )


def _debug_pkl(evil: bytes) -> bytes:
    members = {"m/data.pkl": _GOOD, "m/code/__torch__.py": b"", "m/code/__torch__.py.debug_pkl": evil}
    return zipped({**members, "m/constants.pkl": b"\x80\x02).", "m/version": b"3\n"})


def _zfile(evil: bytes) -> bytes:
    """Joblib before 0.10: a magic number, the length in hexadecimal, zlib."""
    return b"ZF" + hex(len(evil)).encode().ljust(19) + zlib.compress(evil)


def _distcp(evil: bytes) -> bytes:
    """A shard of a distributed checkpoint: whole torch zips, one after another."""
    return checkpoint({"w": [1.0, 2.0]}) + torch_zip(evil)


def _numpy_header(size: int, content: bytes) -> bytes:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (%d,), }" % size
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header + content


CONTAINERS: dict[str, tuple[str, Container]] = {
    "torch-zip": (".pt", torch_zip),
    "torch-zip-named-bin": (".bin", torch_zip),
    "torch-zip-no-suffix": ("", torch_zip),
    "torch-zip-named-safetensors": (".safetensors", torch_zip),
    "torch-zip-capitals": (".pt", lambda evil: zipped({"archive/DATA.PKL": evil, "archive/version": b"3\n"})),
    "torch-zip-deflated": (".pt", lambda evil: zipped(_archive(evil), zipfile.ZIP_DEFLATED)),
    "torch-zip-bz2": (".pt", lambda evil: zipped(_archive(evil), zipfile.ZIP_BZIP2)),
    "torch-zip-lzma": (".pt", lambda evil: zipped(_archive(evil), zipfile.ZIP_LZMA)),
    "torch-zip-no-folder": (".pt", lambda evil: zipped({"data.pkl": evil, "version": b"3\n"})),
    "torch-zip-deep-folder": (".pt", lambda evil: zipped({"a/b/c/d/data.pkl": evil, "a/b/c/d/version": b"3\n"})),
    "torch-zip-two-data-pkl": (
        ".pt",
        lambda evil: zipped({"a/data.pkl": _GOOD, "b/data.pkl": evil, "a/version": b"3\n"}),
    ),
    "torch-zip-in-storage": (".pt", lambda evil: zipped({"a/data.pkl": _GOOD, "a/data/0": evil, "a/version": b"3\n"})),
    "torch-zip-member-named-weights": (".pt", lambda evil: zipped({"a/data.pkl": _GOOD, "a/weights.bin": evil})),
    "torch-zip-member-named-png": (".pt", lambda evil: zipped({"a/data.pkl": _GOOD, "a/logo.png": evil})),
    "torch-zip-duplicate-name": (".pt", _duplicate),
    "torch-zip-in-comment": (".pt", _two_directories),
    "torch-zip-pickle-after-end": (".pt", lambda evil: torch_zip(_GOOD) + evil),
    "torch-zip-pickle-before": (".pt", lambda evil: evil + torch_zip(_GOOD)),
    "torch-zip-zeros-before": (".pt", lambda evil: b"\0" * 512 + zipped(_archive(evil))),
    "torch-zip-wrong-crc": (".pt", lambda evil: _lied(evil, central={"crc": 0xDEADBEEF})),
    "torch-zip-wrong-size": (".pt", lambda evil: _lied(evil, central={"size": 1})),
    "torch-zip-encrypted-flag": (".pt", lambda evil: _lied(evil, flags=0x1)),
    "torch-zip-patched-flag": (".pt", lambda evil: _lied(evil, flags=0x20)),
    "torch-zip-strong-flag": (".pt", lambda evil: _lied(evil, flags=0x40)),
    "torch-zip-local-name": (".pt", lambda evil: _lied(evil, local_name=b"archive/data.txt")),
    "torch-zip-method-99": (".pt", lambda evil: _lied(evil, central={"method": 99})),
    "torch-zip-no-end-record": (".pt", lambda evil: zipped(_archive(evil))[:-22]),
    "torchscript-data": (".pt", _torchscript),
    "torchscript-debug-pkl": (".pt", _debug_pkl),
    "torch-package": (".pt", _torch_package),
    "torch-tar": (".pt", _torch_tar),
    "distcp": (".distcp", _distcp),
    "mar": (".mar", _mar),
    "nemo": (
        ".nemo",
        lambda evil: tarred({"model_config.yaml": b"a: 1\n", "model_weights.ckpt": torch_zip(evil)}, "w:gz"),
    ),
    "nemo-tar": (
        ".nemo",
        lambda evil: tarred({"./model_config.yaml": b"a: 1\n", "./model_weights.ckpt": torch_zip(evil)}),
    ),
    "stable-baselines3": (".zip", _sb3),
    "npy": (".npy", npy),
    "npz": (".npz", lambda evil: zipped({"arr_0.npy": npy(evil)})),
    "npz-deflated": (".npz", lambda evil: zipped({"arr_0.npy": npy(evil)}, zipfile.ZIP_DEFLATED)),
    "npy-after-array": (".npy", lambda evil: _numpy_header(2, struct.pack("<2f", 1, 2)) + evil),
    "joblib": (".joblib", lambda evil: evil),
    "joblib-zlib": (".joblib", zlib.compress),
    "joblib-gzip": (".joblib.gz", gzip.compress),
    "joblib-bz2": (".joblib", bz2.compress),
    "joblib-xz": (".joblib", lzma.compress),
    "joblib-lzma": (".joblib", lambda evil: lzma.compress(evil, lzma.FORMAT_ALONE)),
    "joblib-zfile": (".joblib", _zfile),
    "pickle-gz": (".pkl.gz", gzip.compress),
    "pickle-gz-twice": (".pkl.gz", lambda evil: gzip.compress(gzip.compress(evil))),
    "pickle-gz-second-member": (".pkl.gz", lambda evil: gzip.compress(_BENIGN) + gzip.compress(evil)),
    "pickle-bz2": (".pkl.bz2", bz2.compress),
    "pickle-xz": (".pkl.xz", lzma.compress),
    "pickle-lzma": (".pkl.lzma", lambda evil: lzma.compress(evil, lzma.FORMAT_ALONE)),
    "pickle-zip": (".pkl.zip", lambda evil: zipped({"frame.pkl": evil}, zipfile.ZIP_DEFLATED)),
    "pickle-tar": (".pkl.tar", lambda evil: tarred({"frame.pkl": evil})),
    "pickle-tar-gz": (".pkl.tar.gz", lambda evil: tarred({"frame.pkl": evil}, "w:gz")),
    "pickle-tar-bz2": (".tar.bz2", lambda evil: tarred({"frame.pkl": evil}, "w:bz2")),
    "pickle-tar-xz": (".tar.xz", lambda evil: tarred({"frame.pkl": evil}, "w:xz")),
    "zip-in-tar": (".tar", lambda evil: tarred({"m.pt": torch_zip(evil)})),
    "tar-in-zip": (".zip", lambda evil: zipped({"m.tar": tarred({"m.pkl": evil})})),
    "zip-in-zip": (".zip", lambda evil: zipped({"m.pt": torch_zip(evil)})),
    "zip-four-deep": (".zip", lambda evil: zipped({"a": zipped({"b": zipped({"c": torch_zip(evil)})})})),
    "gz-in-zip": (".zip", lambda evil: zipped({"m.pkl.gz": gzip.compress(evil)})),
    "7z": (".7z", lambda evil: seven_zip({"model.pkl": evil})),
    "7z-lzma": (".7z", lambda evil: seven_zip({"model.pkl": evil}, lzma1=True)),
    "raw-no-suffix": ("", lambda evil: evil),
    "raw-named-txt": (".txt", lambda evil: evil),
    "raw-named-png": (".png", lambda evil: evil),
    "raw-named-json": (".json", lambda evil: evil),
    "raw-named-pt": (".pt", lambda evil: evil),
    "raw-named-bin": (".bin", lambda evil: evil),
    "raw-named-dat": (".dat", lambda evil: evil),
    "png-then-pickle": (".png", lambda evil: b"\x89PNG\r\n\x1a\n" + evil),
    "zeros-then-pickle": (".bin", lambda evil: b"\0" * 64 + evil),
    "header-then-pickle": (".bin", lambda evil: b"MODEL\x01\0\0" + evil),
    "pickle-then-zip": (".pkl", lambda evil: evil + zipped({"readme.txt": b"nothing"})),
    "pickle-then-zeros": (".pkl", lambda evil: evil + b"\0" * 70_000),
}
"""Name → suffix and maker."""
