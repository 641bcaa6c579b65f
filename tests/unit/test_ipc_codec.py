"""Messages of the socket: what is one, and that everything else is refused."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Annotated, Any

import pytest

from picklewatch.core.model import Verdict
from picklewatch.ipc.codec import Json, MessageError, Most, build, decode, encode
from picklewatch.ipc.messages import (
    ANSWERS,
    REQUESTS,
    Answerer,
    ItemAnswer,
    ItemRequest,
    RefusalCause,
    RequestRefusal,
    RestoreItemRequest,
    StatusRequest,
)
from picklewatch.quarantine.item import Item, item_of


class Colour(StrEnum):
    """An enumeration."""

    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """A part."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    """One field of each kind."""

    text: Annotated[str, Most(3)]
    number: int
    ratio: float
    flag: bool
    colour: Colour
    inner: Inner
    items: Annotated[tuple[Inner, ...], Most(2)]
    maybe: str | None = None
    anything: Json | None = None


GOOD: dict[str, Any] = {
    "text": "abc",
    "number": 1,
    "ratio": 0.5,
    "flag": True,
    "colour": "red",
    "inner": {"number": 2},
    "items": [{"number": 3}],
}


def test_what_is_written_is_read_again() -> None:
    """Also names that are not UTF-8, and line breaks: the message is one line."""
    for message in (StatusRequest(), ItemRequest(id="12ab"), RestoreItemRequest(id="0" * 12, reason="a\nb\udcff")):
        line = encode(message, REQUESTS)
        assert line.count(b"\n") == 1
        assert decode(line, REQUESTS) == message
    answers = (
        ItemAnswer(by=Answerer(version="1", whole=False), items=({"a": [None, {}]},), more=3),
        RequestRefusal(why=RefusalCause.BUSY),
    )
    for answer in answers:
        assert decode(encode(answer, ANSWERS), ANSWERS) == answer


def test_an_item_is_read_as_it_was() -> None:
    """With names of any bytes, and enumerations."""
    item = replace(item_of("0" * 12, {"verdict": "malicious"}), relative="a\udcffb\n", names=("x", "y"))
    read = build(Item, json.loads(json.dumps(asdict(item))))
    assert read == item
    assert read.verdict is Verdict.MALICIOUS


def test_every_kind_of_field_is_read() -> None:
    """A whole number counts as a ratio, as in JSON; nothing else is converted."""
    read = build(Everything, {**GOOD, "ratio": 1, "anything": {"a": 1}})
    assert (read.ratio, read.colour, read.items, read.anything) == (1.0, Colour.RED, (Inner(number=3),), {"a": 1})


WRONG: dict[str, tuple[object, ...]] = {
    "text": ("abcd", 1, None, ["a"], True),
    "number": (True, 1.0, "1", 1 << 64, -(1 << 64), None),
    "ratio": ("1", True, 1 << 80, None),
    "flag": (1, 0, "true", None),
    "colour": ("blue", 1, None, ["red"]),
    "inner": ({}, {"number": "1"}, {"number": 1, "more": 1}, [], None),
    "items": ([GOOD["inner"]] * 3, [1], {}, "", None),
    "maybe": (1, [], {}),
    "anything": (1, [], ""),
    "unknown": (1,),
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in WRONG.items() for value in values])
def test_any_other_value_is_refused(field: str, value: object) -> None:
    """No conversion, nothing too long, nothing too large, no field too many."""
    with pytest.raises(MessageError):
        build(Everything, {**GOOD, field: value})


@pytest.mark.parametrize("field", GOOD)
def test_a_missing_field_is_refused(field: str) -> None:
    """Unless it has a default."""
    with pytest.raises(MessageError):
        build(Everything, {name: value for name, value in GOOD.items() if name != field})


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"\n", b"null", b"[]", b"1", b"{", b'"status"', b"{}", b"\xff", '{"kind":"stätus"}'.encode()),
        *(b'{"kind":"reboot"}', b'{"kind":1}', b'{"kind":["status"]}', b'{"kind":"status","x":1}', b'{"kind":null}'),
        *(b'{"kind":"status","kind":"status"}', b'{"kind":"item","id":"a","id":"b"}', b'{"kind":"item","id":NaN}'),
        *(b'{"kind":"item","id":1e999}', b'{"kind":"item","id":' + b"9" * 5_000 + b"}", b'{"kind":"status"}{}'),
        *(b"[" * 8_000, b'{"kind":' * 2_000),
    ],
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    """In words of our own: what came is not repeated."""
    with pytest.raises(MessageError) as caught:
        decode(line, REQUESTS)
    assert str(caught.value) in {
        *("not JSON", "not an object", "of an unknown kind", "a field is there twice", "not a number"),
        *("StatusRequest has a field too many", "id is not what it should be"),
    }
