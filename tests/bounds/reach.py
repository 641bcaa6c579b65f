"""Inputs that reach the bounds that a rule tells: one that stays within, one that goes beyond by as little as can be.

Where a bound is large a constant is made small for the time of the scan, so that the inputs are small, too.
"""

from __future__ import annotations

import struct
from pickle import dumps
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from samples.opcodes import (
    BINPERSID,
    BUILD,
    FALSE,
    MARK,
    NONE,
    POP,
    SETITEMS,
    TUPLE1,
    TUPLE2,
    call,
    data,
    dict_,
    dtype,
    get,
    global_,
    new,
    number,
    pickle,
    put,
    sizes,
    tensor,
    text,
    tuple_,
)

from picklewatch.catalogue.imports.classify import LONGEST_NAME
from picklewatch.core.model import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENGINE = "picklewatch.analysis.pickle"


class Reached(NamedTuple):
    """Two inputs, and what is made small so that the second reaches the bound."""

    within: bytes
    beyond: bytes
    limits: Limits = DEFAULT_LIMITS
    constants: Mapping[str, int] = MappingProxyType({})
    """``module.NAME`` → a smaller value."""
    relaxed: Limits | None = None
    """The limits for the first input, if they are others."""


def _list(*items: bytes) -> bytes:
    return MARK + b"".join(items) + b"l"


def many_fields() -> Reached:
    """A type of as many fields as a dict keeps."""

    def typed(count: int) -> bytes:
        fields = b"".join(text(f"f{index}") + tuple_(_byte(), number(index)) for index in range(count))
        state = tuple_(
            number(3), text("|"), NONE, NONE, b"}" + MARK + fields + SETITEMS, number(count), number(1), number(0)
        )
        return pickle(4, call("numpy", "dtype", text("V1"), FALSE, FALSE) + state + BUILD)

    return Reached(
        typed(3),
        typed(4),
        constants={f"{_ENGINE}.semantics.machine.DICT_CAP": 4, f"{_ENGINE}.checks.numpy_arrays.DICT_CAP": 4},
    )


def _byte() -> bytes:
    return call("numpy", "dtype", text("u1"), FALSE, FALSE)


def calls_of_calls() -> Reached:
    """What a call returned is called, and that again; an object's own class is called once."""
    return Reached(
        pickle(4, call("collections", "OrderedDict")), pickle(4, call("collections", "OrderedDict"), b")R" * 65)
    )


def huge_exponent() -> Reached:
    """A fraction that is ten to the power of a large number."""

    def made(exponent: str) -> bytes:
        return pickle(4, call("fractions", "Fraction", text(f"1e{exponent}")))

    return Reached(made("9999"), made("10000"))


def huge_size() -> Reached:
    """A list of more items than memory holds."""

    def made(size: int) -> bytes:
        return pickle(4, call("builtins", "bytearray", number(size)))

    return Reached(made(1 << 32), made((1 << 32) + 1))


def huge_array() -> Reached:
    """An array of more elements than memory holds."""

    def made(size: int) -> bytes:
        arguments = (global_("numpy", "ndarray"), sizes(size), data(b"b"))
        return pickle(4, call("numpy.core.multiarray", "_reconstruct", *arguments))

    return Reached(made(1 << 32), made((1 << 32) + 1))


def costly_hash() -> Reached:
    """Tuples of two, each of the one before twice, as a key."""

    def keyed(levels: int) -> bytes:
        shared = b")" + b"".join(put(level) + get(level) + TUPLE2 for level in range(levels))
        return pickle(4, b"}", shared, NONE, b"s")

    return Reached(keyed(5), keyed(6), constants={f"{_ENGINE}.semantics.hazards._HASH_WORK": 100})


def costly_patterns() -> Reached:
    """Patterns of a hundred characters each."""

    def compiled(patterns: int) -> bytes:
        one = call("re", "_compile", text(100 * "a"), NONE) + POP
        return pickle(4, patterns * one, NONE)

    return Reached(compiled(4), compiled(5), constants={f"{_ENGINE}.checks.patterns._WORK": 2000})


def _inline(content: bytes, *, kind: bytes, size: int) -> bytes:
    state = {"subclass": global_("numpy", "ndarray"), "shape": sizes(size), "order": text("C")}
    state |= {"dtype": kind, "allow_mmap": FALSE}
    return new("joblib.numpy_pickle", "NumpyArrayWrapper") + dict_(**state) + BUILD + content


def arrays_in_arrays() -> Reached:
    """An array of objects, which is a pickle that holds an array of objects, and so on."""

    def held(levels: int) -> bytes:
        inner = NONE
        for _ in range(levels):
            inner = _inline(pickle(4, inner), kind=call("numpy", "dtype", text("O8"), FALSE, FALSE), size=1)
        return pickle(4, inner)

    return Reached(held(2), held(3), constants={f"{_ENGINE}.vm.joblib_arrays._DEPTH": 2})


def long_array_payload() -> Reached:
    """An array's bytes that another reader goes through as opcodes, on and on."""

    def raw(count: int) -> bytes:
        return pickle(4, _inline(b"N" * count, kind=dtype("u1"), size=count))

    return Reached(raw(40), raw(60), constants={f"{_ENGINE}.vm.joblib_arrays._OTHER_READING": 50})


def many_modules() -> Reached:
    """A configuration with a module, and one with several and the wrong one last."""

    def named(*modules: str) -> bytes:
        return dumps({"module": list(modules), "class_name": "Dense", "config": {}})

    return Reached(
        named("keras.a"),
        named("keras.a", "keras.b", "keras.c"),
        constants={"picklewatch.analysis.loader_acts.MOST_PAIRS": 2},
    )


def long_source() -> Reached:
    """A checkpoint with the text of a configuration, which is executed."""

    def source(size: int) -> bytes:
        return dumps({"cfg": "a = 1\n" + "#" * (size - 6)})

    return Reached(source(64), source(65), constants={"picklewatch.analysis.python_source.LONGEST": 64})


def long_statement() -> Reached:
    """A function, and one of a character more than is parsed at a time."""

    def source(size: int) -> bytes:
        return b"import os\nx = os." + b"a" * (size - 7)

    return Reached(source(64), source(65), constants={"picklewatch.analysis.python.reading.MOST": 64})


def long_chain() -> Reached:
    """Names that stand for one another, and one more."""

    def source(length: int) -> bytes:
        return (
            b"import os\na0 = os\n"
            + b"".join(b"a%d = a%d\n" % (n + 1, n) for n in range(length))
            + b"a%d.getcwd()" % length
        )

    return Reached(source(8), source(9), constants={"picklewatch.analysis.python.import_names.DEEPEST": 10})


def long_argument() -> Reached:
    """An argument of as many parts as are looked through, and of more."""

    def source(length: int) -> bytes:
        return b"import os\ndef f():\n    os.system([" + b"0, " * length + b"])"

    return Reached(source(5), source(12), constants={"picklewatch.analysis.python.data_origins._STEPS": 10})


def many_statements() -> Reached:
    """Statements that are together as long as what is parsed, and one more."""
    constants = {"picklewatch.analysis.python.reading.MOST": 16, "picklewatch.analysis.python.reading._TREES": 30}
    return Reached(b"import os\nx = os.a\nx = 1.", b"import os\nx = os.a\nx = 1.0\nx = 2.0", constants=constants)


def long_target() -> Reached:
    """A name of a class whose module is long."""

    def target(size: int) -> bytes:
        return dumps({"_target_": "nemo." + "a" * (size - 7) + ".B"})

    return Reached(target(LONGEST_NAME), target(LONGEST_NAME + 1))


def many_attributes() -> Reached:
    """A state with more keys than a dict keeps."""

    def state(count: int) -> bytes:
        keys = b"".join(text(f"k{index}") + NONE for index in range(count))
        batches = b"}" + MARK + keys + SETITEMS + MARK + text("last") + NONE + SETITEMS
        return pickle(4, new("scipy.stats._continuous_distns", "norm_gen"), batches, BUILD)

    return Reached(state(3), state(4), constants={f"{_ENGINE}.semantics.machine.DICT_CAP": 4})


def far_memo() -> Reached:
    """PUT far beyond what was stored."""
    return Reached(pickle(0, NONE, b"p100\n"), pickle(0, NONE, b"p200\n"), constants=_GAP)


def far_binary_memo() -> Reached:
    """LONG_BINPUT far beyond what was stored."""
    return Reached(
        pickle(2, NONE, b"r", struct.pack("<I", 100)), pickle(2, NONE, b"r", struct.pack("<I", 200)), constants=_GAP
    )


_GAP = {f"{_ENGINE}.vm.opcodes.MEMO_GAP": 100, f"{_ENGINE}.vm.interpreter.MEMO_GAP": 100}


def long_name() -> Reached:
    """An import whose names are too long to be looked up."""

    def imported(length: int) -> bytes:
        return pickle(4, global_("mylib", "C" * (length - 5)), POP, NONE)

    return Reached(imported(399), imported(400))


def work() -> Reached:
    """More opcodes than the file's size allows."""
    return Reached(
        pickle(4, b"N0" * 100, NONE), pickle(4, b"N0" * 600, NONE), constants={f"{_ENGINE}.report.WORK": 1000}
    )


def opcodes() -> Reached:
    """More opcodes than the limit."""
    return Reached(pickle(4, b"N0" * 100, NONE), pickle(4, b"N0" * 6_000, NONE), Limits(opcodes=10_000))


def objects() -> Reached:
    """More objects than the file's size allows."""
    made = {
        f"{_ENGINE}.report.MEMORY": 500_000,
        f"{_ENGINE}.report._MANY": 100,
        f"{_ENGINE}.vm.interpreter._SLICE": 1_000,
    }
    return Reached(
        pickle(4, MARK, b"]" * 1_000, TUPLE1, b"0N"), pickle(4, MARK, b"](NNNNe" * 20_000, b"1N"), constants=made
    )


def long_storage() -> Reached:
    """A tensor over a storage that bytes within the pickle hold, behind so many opcodes."""

    def rebuilt(count: int) -> bytes:
        pid = tuple_(text("storage"), global_("torch", "FloatStorage"), text("0"), text("cpu"), number(2), NONE)
        before = dumps(0x1950A86A20F9469CFC6C, 2) + dumps(1001, 2) + dumps({}, 2)
        saved = before + pickle(2, b"N0" * count + pid + BINPERSID) + dumps(["0"], 2) + bytes(16)
        held = call("torch.storage", "_load_from_bytes", data(saved))
        return pickle(4, tensor(held, sizes(2), sizes(1)))

    return Reached(rebuilt(10), rebuilt(60), constants={f"{_ENGINE}.vm.torch_storages._OPCODES": 100})


def value() -> Reached:
    """A text that is encoded, as protocol 2 spells bytes."""

    def encoded(length: int) -> bytes:
        return pickle(2, call("_codecs", "encode", text("a" * length), text("latin1")))

    return Reached(encoded(5_000), encoded(5_001), constants={f"{_ENGINE}.report.LARGEST_VALUE": 5_000})


def time() -> Reached:
    """No time at all."""
    return Reached(pickle(4, NONE), pickle(4, NONE), Limits(seconds=1e-9), relaxed=DEFAULT_LIMITS)


def long_template() -> Reached:
    """A template of scipy's with more lines than any distribution has."""

    def template(lines: int) -> bytes:
        state = dict_(_parse_arg_template=text("\n".join([""] * lines)))
        return pickle(4, new("scipy.stats._continuous_distns", "gamma_gen"), state, BUILD)

    return Reached(template(60), template(61))


def labels() -> Reached:
    """More labels than memory holds."""

    def configured(count: int) -> bytes:
        config = new("transformers.models.bert.configuration_bert", "BertConfig")
        return pickle(4, config + tuple_(NONE, dict_(num_labels=number(count))) + BUILD)

    return Reached(configured(1 << 24), configured((1 << 24) + 1))
