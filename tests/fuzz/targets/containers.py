"""Archives, arrays, compressed streams, safetensors."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from fuzz import laws, mutate_archives
from fuzz.target import Target
from samples import hostile
from samples.containers import (
    Entry,
    library_zip,
    link,
    lz4,
    npy,
    objects,
    safetensors,
    script,
    seven_zip,
    tarred,
    zip_of,
    zipped,
)
from samples.torch_checkpoint import checkpoint, torch_zip

if TYPE_CHECKING:
    from collections.abc import Iterator

_JSON = b'{"a": {"__module__": "builtins", "__class__": "dict", "content": [1]}, "__loader__": "DictNode"}'
_EXPORT = b'{"graph_module": {"graph": {"nodes": [{"target": "a", "inputs": [{"as_expr": {"expr_str": "s0 + 1"}}]}]}}}'
_PICKLED = b'{"policy_class": {":type:": "x", ":serialized:": "gASVCAAAAAAAAABjb3MKc3lzdGVtCi4="}}'


def zips() -> Iterator[bytes]:
    """Archives of every kind that a loader takes."""
    yield checkpoint({"a": [1.0, 2.0], "b": [3.0]})
    yield torch_zip(hostile.EVIL)
    yield zip_of([Entry("a/data.pkl", hostile.BENIGN, deflated=True), Entry("a/data/0", bytes(64))], comment=b"x" * 9)
    yield zipped({"a/DATA.PKL": hostile.EVIL, "a/version": b"3\n"})
    yield zipped({"x": zipped({"y/data.pkl": hostile.EVIL})})
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield library_zip({"a.pkl": hostile.EVIL, "b": b"text" * 9}, method)
    file = io.BytesIO()
    np.savez_compressed(file, a=np.arange(9), b=np.array([None], object))
    yield file.getvalue()
    yield script("def f():\n  return ops.aten.from_file('x')\n")
    yield zipped({"schema.json": _JSON, "1.npy": objects(hostile.EVIL)})
    yield zipped(
        {"MAR-INF/MANIFEST.json": b'{"model": {"handler": "h.py"}}', "h.py": b"import os", "requirements.txt": b"x"}
    )
    yield zipped({"m/archive_format": b"pt2", "m/models/model.json": _EXPORT, "m/data/weights/0": hostile.EVIL})
    yield zipped({"serialized_exported_program.json": _EXPORT, "serialized_state_dict.json": torch_zip(hostile.EVIL)})
    yield zipped({"data": _PICKLED, "policy.pth": torch_zip(hostile.EVIL)})
    yield zipped({"a/.data/extern_modules": b"os", "a/x.py": b"import os", "a/data.pkl": hostile.BENIGN})
    yield zipped(
        {
            "config.json": b'{"class_name": "Functional"}',
            "metadata.json": b"{}",
            "model.weights.h5": b"\x89HDF\r\n\x1a\n",
        }
    )
    yield zipped({"a": b"1"}) + hostile.EVIL + zipped({"b.pkl": hostile.EVIL})
    yield hostile.EVIL + zipped({"readme": b"nothing"})


def tars() -> Iterator[bytes]:
    """Plain archives, torch's first format, NeMo's, links."""
    for layout in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        yield tarred({"n" * 80 + "/" + "m" * 60: b"x", "é": hostile.EVIL}, layout=layout)
    yield tarred({"storages": hostile.BENIGN + bytes(24), "tensors": hostile.BENIGN, "pickle": hostile.EVIL})
    yield tarred(
        {"model_config.yaml": b"a: !!python/object/apply:os.system [x]\n_target_: os.system", "w.ckpt": hostile.EVIL}
    )
    yield tarred({"a": hostile.EVIL}, links=[link("l", "/etc/passwd"), link("../h", "a", tarfile.LNKTYPE)])
    yield tarred({"a": b"x"}) + hostile.EVIL


def sevens() -> Iterator[bytes]:
    """Each coder, with a plain and a packed header."""
    for coders in ("copy", "lzma", "lzma2", "bcj", "ppmd", "aes"):
        for packed in (False, True):
            yield seven_zip({"a": hostile.EVIL, "b": b"text" * 5}, coders, packed_header=packed)


def arrays() -> Iterator[bytes]:
    """Plain, structured and object arrays; broken headers."""
    for version in (1, 2, 3):
        yield objects(hostile.EVIL, version)
    plain: tuple[Any, ...] = (
        np.arange(6.0),
        np.zeros((2, 3), "f4", order="F"),
        np.array([(1, 2.0)], "i4,f8"),
        np.array(["a"]),
    )
    for value in plain:
        file = io.BytesIO()
        np.save(file, value)
        yield file.getvalue() + file.getvalue()
    yield npy("{'descr': [('a', '<f8', (2,)), ('b', '|O')], 'fortran_order': False, 'shape': (1,)}", hostile.EVIL)
    yield npy("{'descr': '<f8', 'fortran_order': True, 'shape': (3L,)}", bytes(24))


def streams() -> Iterator[bytes]:
    """Every codec; streams in a row, broken off, with something behind them."""
    for packed in (gzip.compress, bz2.compress, lzma.compress, zlib.compress, lz4):
        yield packed(hostile.EVIL)
        yield packed(hostile.BENIGN) + packed(hostile.EVIL)
        yield packed(hostile.EVIL)[:-6] + b"tail"
    yield lzma.compress(hostile.EVIL, lzma.FORMAT_ALONE)
    yield b"ZF0x30".ljust(21) + zlib.compress(hostile.EVIL)
    yield b"ZF30".ljust(22) + zlib.compress(hostile.BENIGN)
    yield gzip.compress(gzip.compress(tarred({"pickle": hostile.EVIL})))
    yield b"\x28\xb5\x2f\xfd\x04\x00" + bytes(20)
    yield b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + lz4(hostile.EVIL)


def tensors() -> Iterator[bytes]:
    """Sane headers and lies."""
    entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    yield safetensors({"a": entry, "__metadata__": {"format": "pt"}}, bytes(8))
    yield safetensors({"a": entry, "b": {"dtype": "F64", "shape": [], "data_offsets": [8, 16]}}, bytes(16))
    yield safetensors({"a": entry}, hostile.EVIL)
    yield safetensors({}, b"")
    yield b"\x18\0\0\0\0\0\0\0" + b'{"__metadata__":{"a":""}}'


TARGETS = (
    Target(name="zip", run=laws.scan, seeds=zips, mutate=mutate_archives.zipped),
    Target(name="tar", run=laws.scan, seeds=tars, mutate=mutate_archives.tar, longest=24_000),
    Target(name="7z", run=laws.scan, seeds=sevens, mutate=mutate_archives.seven, longest=2_000),
    Target(name="npy", run=laws.scan, seeds=arrays, mutate=mutate_archives.npy, longest=2_000),
    Target(name="streams", run=laws.scan, seeds=streams, mutate=mutate_archives.stream, longest=3_000),
    Target(name="safetensors", run=laws.scan, seeds=tensors, mutate=mutate_archives.safetensors, longest=1_000),
    Target(name="zip-views", run=laws.viewed, seeds=zips, mutate=mutate_archives.zipped),
)
"""What holds pickles."""
