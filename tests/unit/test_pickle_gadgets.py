"""Harmless classes and functions that, put together, ran code and were clean: each found by an opponent."""

from __future__ import annotations

import pytest
from samples.judged import judged, level
from samples.opcodes import (
    BUILD,
    EMPTY_TUPLE,
    NEWOBJ,
    REDUCE,
    TUPLE1,
    TUPLE2,
    call,
    data,
    dict_,
    global_,
    number,
    text,
    tuple_,
)
from samples.opcodes import pickle as assembled

from picklewatch.core.model import Level


def made(module: str, name: str, /, **state: bytes) -> bytes:
    """An object of a class that is made without its constructor and given *state*."""
    return global_(module, name) + EMPTY_TUPLE + NEWOBJ + dict_(**state) + BUILD


def kept_call() -> bytes:
    """``partial(methodcaller('write_text', 'x'), PosixPath('f'))``: what a method of the file's choice is called by."""
    caller = call("operator", "methodcaller", text("write_text"), text("x"))
    return call("functools", "partial", caller, call("pathlib", "PosixPath", text("f")))


PRODUCTION = made(
    "nltk.grammar", "ProbabilisticProduction", _lhs=number(1), _rhs=tuple_(number(1)), prob=global_("builtins", "len")
)
"""Its ``__hash__`` calls ``self.prob()``."""
INDEX = made("torch", "SymInt", node=made("types", "SimpleNamespace", int_=global_("builtins", "len")))
"""Its ``__index__`` calls ``self.node.int_()``."""


def test_a_method_that_is_kept_with_its_object_is_not_vouched_for() -> None:
    """No model keeps that; any hook that nobody read right would call it."""
    assert level(judged(assembled(4, kept_call()))) is Level.UNVERIFIED


def test_a_class_s_own_setattr_is_asked_by_an_inherited_hook() -> None:
    """ClasswiseWrapper's looks into the metric that it wraps; Metric's ``__setstate__``, which was read, sets by it."""
    loader = made("torch.utils.data.dataloader", "DataLoader", num_workers=number(0))
    metric = made("types", "SimpleNamespace", _defaults=loader)
    found = judged(assembled(4, made("torchmetrics.wrappers.classwise", "ClasswiseWrapper", metric=metric)))
    assert level(found) in {Level.UNVERIFIED, Level.UNSAFE}
    assert any("ClasswiseWrapper.__setattr__" in finding.summary for finding in found.findings)


@pytest.mark.parametrize("name", ["OSError", "IOError", "EnvironmentError", "PermissionError"])
@pytest.mark.parametrize("end", [REDUCE, NEWOBJ])
def test_an_error_of_the_system_hashes_its_number(name: str, end: bytes) -> None:
    """It looks a class up by that (``OSError_new`` in Objects/exceptions.c)."""
    hostile = global_("builtins", name) + PRODUCTION + text("x") + TUPLE2 + end
    assert not judged(assembled(4, hostile)).inert
    honest = global_("builtins", name) + number(2) + text("No such file") + TUPLE2 + end
    assert judged(assembled(4, honest)).inert


@pytest.mark.parametrize(
    "hostile",
    [
        call("builtins", "BlockingIOError", number(1), text("x"), INDEX),
        call("builtins", "UnicodeDecodeError", text("a"), data(b"b"), INDEX, number(1), text("c")),
        call("builtins", "UnicodeEncodeError", text("a"), text("b"), INDEX, number(1), text("c")),
        call("builtins", "UnicodeTranslateError", text("a"), INDEX, number(1), text("c")),
    ],
)
def test_errors_that_ask_for_an_index_get_numbers(hostile: bytes) -> None:
    """Whatever else has an ``__index__`` is asked for it."""
    assert not judged(assembled(4, hostile)).inert


def test_a_signature_asks_its_parameters() -> None:
    """For their kinds and names: anything else in their place answers."""
    parameter = made("types", "SimpleNamespace", kind=number(0), name=PRODUCTION, default=number(1))
    hostile = global_("inspect", "Signature") + tuple_(parameter) + TUPLE1 + REDUCE
    assert not judged(assembled(4, hostile)).inert


@pytest.mark.parametrize(
    "pairs",
    [
        call("builtins", "zip", tuple_(text("_target_")), tuple_(text("os.system"))),
        call("builtins", "zip", dict_(_target_=number(1)), tuple_(text("os.system"))),
        call("builtins", "list", tuple_(tuple_(text("_target_"), text("os.system")))),
    ],
)
def test_a_loader_s_key_in_what_a_call_makes_is_seen(pairs: bytes) -> None:
    """A mapping of that has a value that can't be told."""
    found = judged(assembled(4, global_("collections", "OrderedDict") + pairs + TUPLE1 + REDUCE))
    assert not found.inert


def test_a_state_that_is_merged_is_the_object_itself() -> None:
    """``addict.Dict.__setstate__`` updates the dict that it holds under a key, which may be anything's state later."""
    held = dict_(k=dict_())
    items = text("k") + b"}" + b"s"
    merged = global_("addict.addict", "Dict") + EMPTY_TUPLE + NEWOBJ + items + held + BUILD
    assert not judged(assembled(4, merged)).inert
    itself = global_("addict.addict", "Dict") + EMPTY_TUPLE + NEWOBJ + b"\x94" + items + b"h\x00" + BUILD
    assert judged(assembled(4, itself)).inert
