"""Three hundred ways to keep a scanner from an attack that its loader reaches: ten kinds, thirty of each.

The attack is always a plain call of ``os.system`` that any scanner sees when it gets there. Nothing here is loaded.
"""

from __future__ import annotations

import base64
import bz2
import gzip
import json
import lzma
import struct
import zlib
from functools import partial, reduce
from itertools import islice, product
from typing import TYPE_CHECKING

from samples.containers import npy, seven_zip, tarred, zipped
from samples.hostile import BENIGN, EVIL
from samples.opcodes import pickle, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Make = Callable[[], bytes]

EACH = 30
"""Evasions of one kind."""
_ACT = EVIL[2:-1]
"""The attack's opcodes without header and STOP."""
_PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": partial(lzma.compress, preset=1),
    "zlib": zlib.compress,
    "zip": lambda data: zipped({"archive/data.pkl": data}, deflated=True),
    "npz-zip": lambda data: zipped({"x.pkl": data}, deflated=True),
}


def kinds(size: int = 1) -> dict[str, dict[str, Make]]:
    """Kind → name → how to make it. *size* divides how large the bombs are, for tests with small limits."""
    made = {
        "padding": _padding(size),
        "decoys": _decoys(size),
        "faults before": _faults(),
        "costly members before": _costly(size),
        "towers": _towers(),
        "no-ops": _no_ops(size),
        "pickles in a row": _rows(size),
        "memory": _memory(size),
        "texts": _texts(size),
        "shared arguments": _shared(size),
    }
    return {kind: dict(islice(ways, EACH)) for kind, ways in made.items()}


def _torch(data: bytes, before: dict[str, bytes] | None = None) -> bytes:
    return zipped({**(before or {}), "archive/data.pkl": data, "archive/version": b"3\n"}, deflated=True)


def _padding(size: int) -> Iterator[tuple[str, Make]]:
    """Bytes before or behind the attack, more than a scan may unpack or hold."""
    fillers = {"zeros": b"\0", "no-ops": b"N0", "letters": b"a\n", "random": bytes(range(256)) * 4}

    def make(pack: str, filler: bytes, place: str) -> bytes:
        pad = filler * ((256 << 20) // size // len(filler))
        constant = b"\x80\x02B" + struct.pack("<I", len(pad)) + pad + b"0"
        content = EVIL + pad if place == "behind" else constant + _ACT + b"."
        return _PACKERS[pack](content)

    for pack, name, place in product(_PACKERS, fillers, ("behind", "before")):
        if pack != "bz2" or place == "behind":
            yield f"{pack} {name} {place}", partial(make, pack, fillers[name], place)


def _decoys(size: int) -> Iterator[tuple[str, Make]]:
    """Many harmless things before the one that counts."""
    for count, place, kind in product((500, 2_001, 10_001), ("first", "middle", "last"), ("zip", "tar", "torch", "7z")):

        def make(count: int = count // size + 1, place: str = place, kind: str = kind) -> bytes:
            names = [f"archive/data/{number}" if kind == "torch" else f"m{number}.bin" for number in range(count)]
            at = {"first": 0, "middle": count // 2, "last": count}[place]
            evil = "archive/data.pkl" if kind == "torch" else "x"
            members = dict.fromkeys(names[:at], BENIGN) | {evil: EVIL} | dict.fromkeys(names[at:], BENIGN)
            if kind == "7z":
                return seven_zip(members)
            return tarred(members) if kind == "tar" else zipped(members)

        yield f"{count} {kind} {place}", make


def _faults() -> Iterator[tuple[str, Make]]:
    """An earlier member that makes a reader raise, or is broken."""
    huge = b"(" + b"9" * 4_000 + b",) * 2"
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (" + b"9" * 4_400 + b",), }\n"
    pax = b"30 path=" + b"9" * 21 + b"\n" + b"1" * 400
    broken = {
        "npy of endless shape": b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header,
        "npy cut": b"\x93NUMPY\x01\x00\xff",
        "npy of many shapes": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (" + "9" * 19 + ",)}", b""),
        "gzip cut": gzip.compress(BENIGN)[:12],
        "bz2 of nothing": b"BZh9\x17\x72\x45\x38\x50\x90\0\0\0\0" * 50,
        "xz cut": lzma.compress(BENIGN)[:20],
        "7z cut": seven_zip({"a": BENIGN})[:40],
        "7z header of lies": b"7z\xbc\xaf\x27\x1c\0\4" + bytes(24),
        "zip cut": zipped({"a": BENIGN})[:-8],
        "tar cut": tarred({"a": BENIGN * 30})[:700],
        "pickle cut": BENIGN[:-3],
        "deep list": b"\x80\x02" + b"]" * 90_000 + b"a" * 89_999 + b".",
        "deep json": b"[" * 90_000,
        "deep yaml": b"[" * 9_000 + b"!!python/name:x",
        "long number": b"\x80\x02L" + b"7" * 9_000 + b"L\n.",
        "long text number": b"I" + b"7" * 9_000 + b"\n.",
        "safetensors of lies": struct.pack("<Q", 60) + json.dumps({"a": {"shape": [10**18] * 3}}).encode().ljust(60),
        "hash of lists": pickle(4, b"\x8f(]]]\x90"),
        "surrogates": pickle(4, b"X\3\0\0\0\xed\xa0\x80"),
        "pax": tarred({"a": pax}),
        "nul names": b"c\0\n\0\n.",
        "text": huge,
        "yaml handle": b"%TAG !e! tag:yaml.org,2002:py",
        "lzma": b"\x5d\0\0\x80\0" + b"\xff" * 20,
        "lz4": b"\x04\x22\x4d\x18\x64\x40\xa7\xff\xff\xff\x7f",
        "zstd": b"\x28\xb5\x2f\xfd\xa4\xff\xff\xff\xff",
        "legacy torch": b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.",
        "unknown": bytes(range(256)) * 40,
        "sqlite": b"SQLite format 3\0" + b"CREATE TABLE " * 500,
        "nothing": b"",
    }
    for name, content in broken.items():
        yield name, partial(_torch, EVIL, {"archive/a": content})


def _bombs(size: int) -> dict[str, Make]:
    many = 6_000_000 // size
    return {
        "no-ops": lambda: b"\x80\x02" + b"N0" * many + b"N.",
        "marks": lambda: b"\x80\x02" + b"(" * many + b".",
        "dicts": lambda: b"\x80\x02" + b"}" * many + b".",
        "zeros": lambda: gzip.compress(bytes((512 << 20) // size)),
        "sign": lambda: b"\x80\x02(" + b"Vlabel\n" * 600 + b"tq\0" + b"0chydra.x\nf\nh\0R" * (many // 2_000) + b".",
        "headers": lambda: b"\xff" + b"\x80\x02]q\0" * (many // 50),
    }


def _costly(size: int) -> Iterator[tuple[str, Make]]:
    """Members that take all the time there is, before the one that counts."""
    for count, (name, bomb), named in product((1, 5, 40), _bombs(size).items(), ("archive/data.pkl", "z")):

        def make(count: int = count, bomb: Make = bomb, named: str = named) -> bytes:
            content = bomb()
            return zipped({**{f"a{number}": content for number in range(count)}, named: EVIL}, deflated=True)

        yield f"{count} {name} {named}", make


def _nested(depth: int) -> bytes:
    """Pickles within pickles, as `torch.storage._load_from_bytes` reads them."""
    content = EVIL
    for _ in range(depth):
        load = b"ctorch.storage\n_load_from_bytes\n" + b"B" + struct.pack("<I", len(content)) + content
        content = pickle(2, load + b"\x85R")
    return content


def _towers() -> Iterator[tuple[str, Make]]:
    """Containers in containers, deeper than a scan goes."""
    packers = {**_PACKERS, "tar": lambda data: tarred({"x": data}), "7z": lambda data: seven_zip({"x": data})}
    for depth in (9, 12, 30):
        for name, pack in packers.items():
            yield f"{name} {depth}", partial(reduce, lambda data, _n, pack=pack: pack(data), range(depth), EVIL)
        yield f"pickle {depth}", partial(_nested, depth)
        mixed = list(packers.values())
        yield f"mixed {depth}", partial(reduce, lambda data, n, mixed=mixed: mixed[n % 8](data), range(depth), EVIL)


def _no_ops(size: int) -> Iterator[tuple[str, Make]]:
    """Opcodes that do nothing, by the million, then the attack."""
    shapes = {
        "none-pop": b"N0", "mark-pop-mark": b"(1", "list-pop": b"]0", "number-pop": b"K\x010", "proto": b"\x80\x02",
        "tuple-pop": b")0", "text-pop": b"\x8c\x01a0", "dup-pop": b"N200", "put-pop": b"Nq\x010",
        "memoize-pop": b"N\x940",
        "dict-items": b"}(u0", "list-items": b"](e0", "float-pop": b"G" + bytes(8) + b"0", "set-pop": b"\x8f0",
        "text-line": b"Va\n0",
    }  # fmt: skip
    for (name, shape), (pack, packer) in product(shapes.items(), (("torch", _torch), ("xz", _PACKERS["xz"]))):

        def make(shape: bytes = shape, packer: Callable[[bytes], bytes] = packer) -> bytes:
            return packer(b"\x80\x04" + shape * (24_000_000 // size // len(shape)) + _ACT + b".")

        yield f"{name} {pack}", make


def _rows(size: int) -> Iterator[tuple[str, Make]]:
    """Pickle after pickle, the attack last: loads in a loop read them all."""
    fillers = {"none": b"N.", "empty": b"\x80\x02].", "dict": BENIGN, "number": b"K\1.", "text": pickle(4, text("a"))}
    for count, (name, filler), pack in product((10_001, 60_000), fillers.items(), ("raw", "gzip", "torch-tar")):

        def make(count: int = count // size, filler: bytes = filler, pack: str = pack) -> bytes:
            content = filler * count + EVIL
            if pack == "torch-tar":
                return tarred({"storages": content, "tensors": BENIGN, "pickle": BENIGN})
            return gzip.compress(content) if pack == "gzip" else content

        yield f"{count} {name} {pack}", make


def _memory(size: int) -> Iterator[tuple[str, Make]]:
    """Values without end, then the attack."""
    shapes = {
        "marks": b"(", "dicts": b"}", "lists": b"]", "sets": b"\x8f", "tuples": b")\x85", "floats": b"G\x3f" + bytes(7),
        "memo": b"]\x94", "nested": b"]]a", "texts": b"\x8c\x02ab\x85", "numbers": b"J\xff\xff\xff\x7f",
    }  # fmt: skip
    for (name, shape), (pack, packer) in product(shapes.items(), list(_PACKERS.items())[:3]):

        def make(shape: bytes = shape, packer: Callable[[bytes], bytes] = packer) -> bytes:
            return packer(b"\x80\x04" + shape * (20_000_000 // size) + _ACT + b".")

        yield f"{name} {pack}", make


def _texts(size: int) -> Iterator[tuple[str, Make]]:
    """What a parser of YAML or JSON reads, behind what a pattern gives up at."""
    tag = b"!!python/object/apply:os.system ['true']"
    spelt = {
        "percent": b"!<%74ag:yaml.org,2002:python/object/apply:os.system> ['true']",
        "verbatim": b"!<tag:yaml.org,2002:python/object/apply:os.system> ['true']",
        "handle": b"%TAG !e! tag:yaml.org,2002:python/\n--- !e!object/apply:os.system ['true']",
        "escaped handle": b"%TAG ! tag:yaml.org,2002:python/obj\n--- !ect%2Fapply:os.system ['true']",
        "plain": tag,
    }
    before = {
        "directives": b"%FOO bar\n" * 1_001 + b"---\n",
        "comment": b"#" + b"x" * 298 + b"\n",
        "spaces": b"a:" + b" " * 21,
        "lines": b"a: 1\n" * 1_001 + b"b: ",
        "long": b"a: " + b"x" * ((17 << 20) // size) + b"\nb: ",
    }
    for (name, content), (how, lead) in product(spelt.items(), before.items()):
        directive = content.startswith(b"%")
        if not directive or how in {"directives", "comment"}:
            yield f"yaml {name} {how}", partial(bytes, (lead.removesuffix(b"---\n") if directive else lead) + content)
    evil = base64.b64encode(EVIL).decode()
    for count in (1, 1_001):
        data = {f"k{number}": {":serialized:": base64.b64encode(BENIGN).decode()} for number in range(count)}
        members = {"data": json.dumps({**data, "policy": {":serialized:": evil}}).encode(), "policy.pth": b""}
        yield f"sb3 {count}", partial(zipped, members)
    names = [{"__class__": f"C{number}", "__module__": "a.b", "__loader__": "x"} for number in range(2_001)]
    schema = {"content": [*names, {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"}]}
    yield "skops", partial(zipped, {"schema.json": json.dumps(schema).encode()})
    for lead in (b"", b" " * 300, b"\n" * 1_000, b"x" * (9 << 20)):
        content = json.dumps({"a": lead.decode(), "model": {"_target_": "os.system", "command": "true"}}).encode()
        yield f"target behind {len(lead)}", partial(bytes, content)
    for encoding, mark in (("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff"), ("utf-8", b"\xef\xbb\xbf")):
        yield f"yaml {encoding}", partial(bytes, mark + tag.decode().encode(encoding))
    yield "yaml behind a document", partial(bytes, b"a: 1\n...\n---\n" + tag)


def _shared(size: int) -> Iterator[tuple[str, Make]]:
    """One large argument handed over again and again, then the attack."""
    arguments = {
        "tuple of texts": b"(" + b"\x8c\x05label" * 30_000 + b"t",
        "tuple of nothing": b"(" + b"N" * 100_000 + b"t",
        "list": b"](" + b"K\x01" * 100_000 + b"e",
        "tuple of tuples": b"(" + b")\x85" * 50_000 + b"t",
        "shared tuple": b")\x85" + b"2\x86" * 25,
        "dict": b"}(" + b"".join(b"K%cN" % (n % 256) for n in range(50_000)) + b"u",
    }
    uses = {
        "calls": b"clib.x\nf\nh\0\x85R0",
        "made": b"clib.x\nF\nh\0\x85\x810",
        "keys": b"}h\0Ns0",
        "members": b"\x8f(h\0\x900",
        "states": b"clib.x\nF\n)\x81h\0b0",
    }
    for (name, argument), (how, use) in product(arguments.items(), uses.items()):

        def make(argument: bytes = argument, use: bytes = use) -> bytes:
            return gzip.compress(b"\x80\x04" + argument + b"q\0" + b"0" + use * (30_000 // size) + _ACT + b".")

        yield f"{name} {how}", make


__all__ = ["EACH", "kinds"]
