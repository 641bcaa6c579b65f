"""A checkpoint written anew: the same dicts, lists, tuples, numbers, texts and tensors, and nothing else.

Every other object becomes None, a module its state_dict. The parent believes nothing of the pickle that is made here:
it publishes the file only if the ordinary scan proves it clean.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.vm.values import Blob, Import, Obj, as_text
from picklewatch.analysis.rescue.byte_sources import NotSavedError
from picklewatch.analysis.rescue.held_values import MODULE, attributes, described, found, is_module, items
from picklewatch.analysis.rescue.keeper import is_name
from picklewatch.analysis.rescue.tensors import Tensor
from picklewatch.catalogue.imports.entries import Kind
from picklewatch.core.rescue_plan import ELEMENT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.analysis.rescue.byte_sources import ByteSource, ByteSources
    from picklewatch.analysis.rescue.contents import LoadedValue
    from picklewatch.analysis.rescue.planning import RescuePlan

_STORAGES = {
    "F32": "FloatStorage", "F64": "DoubleStorage", "F16": "HalfStorage", "BF16": "BFloat16Storage",
    "I64": "LongStorage", "I32": "IntStorage", "I16": "ShortStorage", "I8": "CharStorage", "U8": "ByteStorage",
    "BOOL": "BoolStorage", "C64": "ComplexFloatStorage", "C128": "ComplexDoubleStorage",
}  # fmt: skip
"""Element type → torch's class of storages (``torch/storage.py``)."""
_DTYPES = {
    "U16": "uint16", "U32": "uint32", "U64": "uint64", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
    "F8_E8M0": "float8_e8m0fnu", "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz",
}  # fmt: skip
"""Element type → torch's dtype, for those that have no class of storages (``_rebuild_tensor_v3``)."""
_ORDERED = b"ccollections\nOrderedDict\n)R"
_DEPTH = 60
_LONGEST_NUMBER = 255


def pickled(value: object, content: LoadedValue, sources: ByteSources, plan: RescuePlan) -> bytes:
    """Return the pickle of *value*, whose storages become parts of *plan*."""
    writer = _CheckpointWriter(content, sources, plan)
    writer.write(value, "", 0)
    return bytes(writer.out) + b"."


class _CheckpointWriter:
    """Writes one pickle of protocol 2 from what the engine made of another."""

    def __init__(self, content: LoadedValue, sources: ByteSources, plan: RescuePlan) -> None:
        self.out = bytearray(b"\x80\x02")
        self._content = content
        self._sources = sources
        self._plan = plan
        self._memo: dict[int, tuple[int, object]] = {}
        self._keys: dict[tuple[int, str], tuple[str | None, ByteSource]] = {}
        self._written = 0

    def write(self, value: object, name: str, depth: int) -> None:
        """Write one value: what was written before as a reference, so that what is shared or cyclic stays so."""
        self._written += 1
        if id(value) in self._memo:
            self.out += b"j" + struct.pack("<I", self._memo[id(value)][0])
        elif not self._constant(value, name):
            if depth > _DEPTH or self._written > self._plan.most_values:
                self._none(name, "it is nested too deep, or holds too much")
            elif isinstance(value, dict):
                self.out += b"}"
                self._remember(value)
                self._items(value, name, depth)
            elif isinstance(value, list):
                self.out += b"]"
                self._remember(value)
                self._sequence(value, name, depth, b"e")
            elif isinstance(value, tuple):
                self._sequence(value, name, depth, b"t")
                if value:
                    self._remember(value)
            elif isinstance(value, Tensor):
                self._tensor(value, name)
            elif isinstance(value, Obj):
                self._object(value, name, depth)
            else:
                self._none(name, described(value))

    def _constant(self, value: object, name: str) -> bool:
        """Write *value* if it is one."""
        if value is None or isinstance(value, bool):
            self.out += {None: b"N", True: b"\x88", False: b"\x89"}[value]
        elif isinstance(value, int):
            self._number(value, name)
        elif isinstance(value, float):
            self.out += b"G" + struct.pack(">d", value)
        elif isinstance(value, str) or (isinstance(value, Blob) and value.text):
            self._text(value)
        else:
            return False
        return True

    def _number(self, value: int, name: str) -> None:
        if -(1 << 31) <= value < 1 << 31:
            self.out += b"J" + struct.pack("<i", value)
            return
        raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        if len(raw) > _LONGEST_NUMBER:
            self._none(name, "a number of many digits")
        else:
            self.out += b"\x8a" + bytes([len(raw)]) + raw

    def _text(self, value: str | Blob) -> None:
        raw = (as_text(value) or "").encode("utf-8", "surrogatepass")
        self.out += b"X" + struct.pack("<I", len(raw)) + raw

    def _remember(self, value: object) -> None:
        self._memo[id(value)] = number, _ = len(self._memo), value
        self.out += b"r" + struct.pack("<I", number)

    def _sequence(self, values: list[object] | tuple[object, ...], name: str, depth: int, end: bytes) -> None:
        self.out += b"("
        for number, held in enumerate(values):
            self.write(held, f"{name}.{number}" if name else str(number), depth + 1)
        self.out += end

    def _items(self, held: dict[object, object], name: str, depth: int) -> None:
        self.out += b"("
        for key, value in held.items():
            under = f"{name}.{key}" if name else str(key)
            if not is_name(key):
                self._plan.left(under, "its key is neither a text nor a number")
                continue
            self._constant(key, name)
            self.write(value, under, depth + 1)
        self.out += b"u"

    def _object(self, value: Obj, name: str, depth: int) -> None:
        try:
            made = found(value, self._content.storages, self._sources)
        except NotSavedError as error:
            self._none(name, str(error))
            return
        if made.tensor is not None:
            self._tensor(made.tensor, name)
            self._remember(value)
        elif made.number is not None:
            self._constant(made.number, name)
        elif value.kind is Kind.DICT:
            plain = isinstance(value.callee, Import) and value.callee.key == "builtins.dict"
            self.out += b"}" if plain else _ORDERED
            self._remember(value)
            self._items(items(value), name, depth)
        elif is_module(value):
            self._module(value, name, depth)
        else:
            self._none(name, described(value))

    def _module(self, value: Obj, name: str, depth: int) -> None:
        try:
            held = _state_dict(value, self._plan.most_values)
        except NotSavedError as error:
            self._none(name, str(error))
            return
        self._plan.left(name, f"{described(value)}: its state_dict is written in its place")
        self.out += _ORDERED
        self._remember(value)
        self._items(held, name, depth)

    def _none(self, name: str, why: str) -> None:
        self._plan.left(name, why)
        self.out += b"N"

    def _tensor(self, tensor: Tensor, name: str) -> None:
        key, elements = self._stored(tensor, name)
        if key is None:
            self.out += b"N"
            return
        typed = _STORAGES.get(tensor.dtype)
        kind = f"ctorch\n{typed}\n" if typed else "ctorch.storage\nUntypedStorage\n"
        self.out += f"ctorch._utils\n_rebuild_tensor_v{2 if typed else 3}\n((".encode()
        self._text("storage")
        self.out += kind.encode()
        self._text(key)
        self._text("cpu")
        self._number(elements if typed else elements * ELEMENT_BYTES[tensor.dtype], name)
        self.out += b"tQ"
        self._number(tensor.offset, name)
        for numbers in (tensor.shape, tensor.stride):
            self._sequence(numbers, name, 0, b"t")
        self.out += b"\x89" + _ORDERED + (b"" if typed else f"ctorch\n{_DTYPES[tensor.dtype]}\n".encode()) + b"tR"

    def _stored(self, tensor: Tensor, name: str) -> tuple[str | None, int]:
        """Return the key of the storage that *tensor* lies in, None if there is no room for it, and its elements."""
        source, each = tensor.source, ELEMENT_BYTES[tensor.dtype]
        elements = source.size // each
        known = self._keys.get((id(source), tensor.dtype))
        if known is None:
            key = str(len(self._plan.parts))
            whole = Tensor(tensor.dtype, (elements,), (1,), source, swap=tensor.swap)
            known = self._keys[id(source), tensor.dtype] = key if self._plan.save(key, whole) else None, source
        elif known[0] is None:
            self._plan.left(name, "its storage is not saved")
        return known[0], elements


def _state_dict(module: Obj, most: int) -> dict[object, object]:
    """Return the parameters and buffers of a module and of all in it, by the names that ``state_dict()`` gives them.

    Raises `NotSavedError` for more than *most*, as modules have that hold each other.
    """
    held: dict[object, object] = {}
    todo: list[tuple[str, Obj, int]] = [("", module, 0)]
    looked = 0
    while todo:
        prefix, item, depth = todo.pop()
        inner: list[tuple[str, Obj, int]] = []
        for name, one in _parts(item):
            looked += 1
            if depth > _DEPTH or looked > most:
                raise NotSavedError("its modules are nested too deep, or hold each other")
            if isinstance(one, Obj) and is_module(one):
                inner.append((f"{prefix}{name}.", one, depth + 1))
            elif isinstance(one, Obj):
                held[f"{prefix}{name}"] = one
        todo += reversed(inner)
    return held


def _parts(module: Obj) -> Iterator[tuple[object, object]]:
    """Yield the parameters, buffers and modules that lie directly in *module*."""
    script = isinstance(module.callee, Import) and module.callee.module.split(".")[0] == "__torch__"
    for key, value in attributes(module):
        group = items(value) if isinstance(value, Obj) else value
        if key in MODULE and isinstance(group, dict):
            yield from group.items()
        elif script:
            yield key, value
