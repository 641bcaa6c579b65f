"""Functions and classes that are harmless for data and run code for other arguments."""

from __future__ import annotations

import pytest
from samples.judged import judged, level
from samples.opcodes import MARK, call, dict_, global_, new, number, pickle, text, tuple_

from picklewatch.model import Level

_STATE = dict_(filename=text("x"), mode=text("w+"))


@pytest.mark.parametrize("cls", [("numpy", "memmap"), ("sympy.polys.polytools", "Poly"), ("pandas", "DataFrame")])
@pytest.mark.parametrize("maker", ["_new_Index", "_new_PeriodIndex", "_new_DatetimeIndex"])
def test_makers_of_indexes_make_nothing_else(maker: str, cls: tuple[str, str]) -> None:
    """``_new_Index(numpy.memmap, {'filename': …, 'mode': 'w+'})`` would empty a file."""
    report = judged(pickle(4, call("pandas.core.indexes.base", maker, global_(*cls), _STATE)))
    assert level(report) in {Level.UNSAFE, Level.MALICIOUS}


def test_makers_of_indexes_make_indexes() -> None:
    """What pandas itself writes."""
    state = dict_(data=text("abc"), name=text("n"))
    made = call("pandas.core.indexes.base", "_new_Index", global_("pandas.core.indexes.base", "Index"), state)
    assert judged(pickle(4, made)).inert


@pytest.mark.parametrize(
    "arguments",
    [text("preview(x)"), tuple_(text("x")), MARK + text("x") + b"l", call("builtins", "str", text("x"))],
    ids=["text", "tuple", "list", "computed"],
)
@pytest.mark.parametrize("made", [new, call], ids=["new", "call"])
def test_sympy_evaluates_texts(made: object, arguments: bytes) -> None:
    """``sympify`` gives any text to ``eval``, and nearly every class of sympy gives its arguments to ``sympify``."""
    sample = made("sympy.core.containers", "Tuple", arguments)  # type: ignore[operator]
    assert level(judged(pickle(4, sample))) is Level.MALICIOUS


def test_sympy_symbols_are_made_from_their_names() -> None:
    """A name is not evaluated."""
    symbol = new("sympy.core.symbol", "Symbol", text("x"))
    total = new("sympy.core.add", "Add", symbol, new("sympy.core.numbers", "Integer", number(1)))
    assert level(judged(pickle(4, total))) is Level.UNVERIFIED


@pytest.mark.parametrize(
    "made",
    [
        new("numpy", "memmap", text("x"), text("uint8"), text("w+")),
        call("numpy._core.memmap", "memmap", text("x"), text("uint8"), text("w+")),
        call("copyreg", "__newobj_ex__", global_("numpy", "memmap"), tuple_(text("x")), dict_(mode=text("w+"))),
    ],
)
def test_an_array_over_a_file_is_never_made(made: bytes) -> None:
    """The class is data where an array names it as its own; making one opens, and with ``w+`` empties, a file."""
    assert level(judged(pickle(4, made))) is Level.MALICIOUS


def test_arguments_that_cannot_be_seen_are_not_taken_for_none() -> None:
    """``tuple(['x'])`` is as good as ``('x',)``."""
    sample = global_("dateutil.tz", "tzfile") + call("builtins", "tuple", MARK + text("x") + b"l") + b"R"
    assert level(judged(pickle(4, sample))) is Level.UNSAFE
