"""The search for signs leaves no finding out: against the search for every key beside any of its companions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from samples.every_sign import every_sign
from samples.judging import new_scan

from picklewatch.analysis.formats.part import Part
from picklewatch.analysis.formats.spelling import in_utf8, pieces
from picklewatch.analysis.formats.text import judge_signs
from picklewatch.analysis.formats.text_signs import Signs
from picklewatch.catalogue.loaders.loader_keys import LOADER_KEYS

if TYPE_CHECKING:
    from picklewatch.core.model import Finding

_WORDS = sorted({word for e in LOADER_KEYS for word in (e.key, *e.companions, *e.words, e.rest) if word})
_KEYS = st.sampled_from(_WORDS) | st.sampled_from(
    ["model.class_name", "x", "irVersion", "function_type", ":serialized:"]
)
_TEXTS = st.sampled_from(
    ["os.system", "os", "system", "Lambda", "__lambda__", "lambda", "Functional", "Dense", "keras", "1", "null",
     "__import__('os').system('id')", "../x.bin", "owner/name", "a--b.C", "${x:os.system}", "{{ x.y() }}", "evil.Name",
     "!!python/name:os.system", "$os.system(1)", "$5", "!new:os.system", "gASVAAAA", "x.b: y", ""]
)  # fmt: skip
_VALUES = st.recursive(
    _TEXTS | st.integers(0, 9) | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


def _escaped(text: str, every: int) -> str:
    """Spell letters of a JSON text's strings as escapes."""
    return "".join(
        f"\\u{ord(letter):04x}" if letter.isalpha() and at % every == 0 and text[at - 1] != "\\" else letter
        for at, letter in enumerate(text)
    )


def _block(value: object, indent: int = 0) -> str:
    """Spell *value* as a block of YAML."""
    margin = "\n" + " " * indent
    if isinstance(value, dict) and value:
        return "".join(f"{margin}{key}: {_block(held, indent + 2)}" for key, held in value.items())
    if isinstance(value, list) and value:
        return "".join(f"{margin}- {_block(held, indent + 2)}" for held in value)
    return value if isinstance(value, str) and value else json.dumps(value)


def _table(value: dict[str, Any]) -> str:
    """Spell *value* as TOML, one table deep."""
    return "x = 1\n" + "".join(f"{json.dumps(key)} = {json.dumps(held)}\n" for key, held in value.items())


def _aliased(value: dict[str, Any]) -> str:
    """Spell the keys of *value* as aliases."""
    keys = [*value]
    names = "".join(f"- &k{number} {key}\n" for number, key in enumerate(keys))
    return names + "".join(f"- *k{number} : {json.dumps(value[key])}\n" for number, key in enumerate(keys))


_DOCUMENTS = st.dictionaries(_KEYS, _VALUES, min_size=1, max_size=6)
_SPELT = st.one_of(
    _DOCUMENTS.map(json.dumps),
    _DOCUMENTS.map(lambda value: json.dumps(value, indent=1)),
    st.tuples(_DOCUMENTS, st.integers(1, 7)).map(lambda two: _escaped(json.dumps(two[0]), two[1])),
    _DOCUMENTS.map(lambda value: json.dumps({"x": json.dumps(value)})),
    st.tuples(_DOCUMENTS, st.integers(2, 7)).map(lambda two: json.dumps({"x": _escaped(json.dumps(two[0]), two[1])})),
    _DOCUMENTS.map(_block),
    _DOCUMENTS.map(_table),
    _DOCUMENTS.map(_aliased),
)


def _findings(data: memoryview, signs: set[bytes]) -> tuple[tuple[Finding, ...], set[str]]:
    scan = new_scan()
    kinds = judge_signs(scan, Part(data), signs)
    return scan.findings, kinds


@settings(max_examples=25)
@given(st.lists(_SPELT, min_size=1, max_size=3), st.sampled_from(["\n", "\n---\n", "\n" + " " * 300]))
@example(['{"type": "evil.Name", "path": "", "idx": 0, "name": "0"}'], "\n")
@example(['{"module": "os", "class_name": "system", "config": {}}'], "\n")
@example(['{"x": "{\\"class_n\\\\u0061me\\": \\"Lambda\\", \\"config\\": {}}"}'], "\n")
@example(["target: os.system\n"], "\n")
@example(['x = 1\n"class_name" = "Lambda"\nconfig = {}\n'], "\n")
@example(["architecture: {module: os, class: system}"], "\n")
def test_what_reading_on_every_sign_finds_is_found(documents: list[str], between: str) -> None:
    """The same findings and kinds, however keys and companions are spelt and wherever they stand."""
    data = in_utf8(memoryview(between.join(documents).encode()))
    signs = Signs()
    for _, piece in pieces(data):
        signs.look_in(piece)
    assert _findings(data, signs.counting(data)) == _findings(data, every_sign(data))


def test_signs_on_the_border_of_two_pieces_are_found() -> None:
    """A word may begin in one piece and end in the next."""
    text = b'{"_target_": "x.y", "chat_template": "", "idx": 0, "py/object": "a", "target": 0, ":serialized:": ""}'
    whole = Signs()
    whole.look_in(text)
    for cut in range(1, len(text)):
        halves = Signs()
        halves.look_in(text[:cut])
        halves.look_in(text[cut:])
        assert halves.counting(memoryview(text)) == whole.counting(memoryview(text))
