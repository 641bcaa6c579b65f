"""Formats that are recognised and not judged, and texts: JSON, YAML, templates, base64."""

from __future__ import annotations

import ast
import base64
import gzip
from random import Random
from typing import TYPE_CHECKING

from fuzz import laws, mutate_archives, mutate_bytes
from fuzz.target import LawBrokenError, Target
from samples import hostile, yamls
from samples.judging import new_scan, signs_of

from picklewatch.analysis.formats import numpy_literals
from picklewatch.analysis.formats.part import MalformedError
from picklewatch.analysis.formats.spelling import in_utf8
from picklewatch.analysis.formats.text_parts import readings

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORDS = (
    *(
        b"_target_: ",
        b"target: ",
        b"!!python/object/apply:",
        b"!!python/name:",
        b"os.system",
        b"{% if ",
        b"{{ ",
        b" }}",
    ),
    *(
        b"%}",
        b"|attr(",
        b"__class__",
        b'"chat_template":',
        b'"auto_map":{',
        b'"class_name": "Lambda"',
        b"<net version=",
    ),
    *(
        b"gASV",
        b"\\n",
        b"\\u0000",
        b"node {",
        b"name: 'x'",
        b"cos\nsystem\n",
        b"(S'x'\ntR.",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
    ),
    *(
        b"GGUF",
        b"\x89HDF\r\n\x1a\n",
        b"\x08\x07\x12",
        b"TFL3",
        b"ET12",
        b"RDX3\n",
        b"\x82\xa6params",
        b"ZF0x",
        b"PK\3\4",
    ),
    *(b"base64,", b"\x80\x04", b"V 1\3", b"\xd5\x01\0\0\0", b"\x1f\x8b\x08", b"\n" * 9, b"\0" * 9, b"A" * 40),
)


def texts() -> Iterator[bytes]:
    """Texts of people and libraries, and the attacks that hide in them."""
    encoded = base64.b64encode(hostile.EVIL)
    yield b"model:\n  _target_: os.system\n  command: echo\n"
    yield b"a: !!python/object/apply:os.system [echo]\nb: !!python/name:os.system\n"
    yield b'{"chat_template": "{% for m in messages %}{{ m.content }}{% endfor %}"}'
    yield b"{{ ''.__class__.__mro__[1].__subclasses__() }}"
    yield b'{"auto_map": {"AutoModel": "x.Y"}, "architectures": ["A"]}'
    yield b'{"class_name": "Functional", "config": {"layers": [{"class_name": "Lambda"}]}}'
    yield b'{"w": "' + encoded + b'"}'
    yield b"data:application/octet-stream;base64," + encoded + b"\n" + base64.b64encode(gzip.compress(hostile.EVIL * 4))
    yield encoded[:20] + b"\\n" + encoded[20:]
    yield b'<?xml version="1.0"?><net name="a" version="11"><layers/></net>'
    yield b"saved_model_schema_version: 1\nmeta_graphs { }\nnode { name: 'x' op: 'ReadFile' }"
    yield b"import os\nos.system('x')\n" + b"cos\nsystem\n(S'echo'\ntR."
    yield "né pas\n".encode("utf-16")
    yield b"\xef\xbb\xbf" + b"words of people\n" * 9


def others() -> Iterator[bytes]:
    """The first bytes of each format of other frameworks."""
    yield b"GGUF\3\0\0\0" + bytes(40)
    yield b"\x08\x07\x12\x04test\x3a\x02\x0a\x00"
    yield b"\x89HDF\r\n\x1a\n" + bytes(64)
    yield bytes(512) + b"\x89HDF\r\n\x1a\n" + bytes(9)
    yield b"\x1c\0\0\0TFL3" + bytes(30)
    yield b"\x08\x01\x12\x0a\x0a\x08\x12\x06\x0a\x01x\x12\x01y"
    yield b"\n\x0b\n\x01x\x12\x08ReadFile"
    yield b"\n\x08\x08\0\x10\0\x1a\x02\n\0"
    yield b"\x82\xa6params\x81\xa1w\xc7\x05\x01\x93\x91\x02\xa3<f4\xc4\x08" + bytes(8)
    yield b"RDX3\n" + bytes(30)
    yield b"{L\0\0\0\0\0\0\0\x07learner" + bytes(9)
    yield b"\x7fELF" + bytes(30)
    yield b"4\n1\n3\nV 1\n13\nnn.Sequential\n"
    yield bytes(range(256)) + hostile.EVIL
    yield b"\x89PNG\r\n\x1a\n" + bytes(16) + hostile.EVIL


def _mutate(data: bytes, rng: Random) -> bytes:
    return mutate_bytes.mutate(data, rng, _WORDS)


def _literals() -> Iterator[bytes]:
    yield b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    yield b"[('a', '<f8', (2,)), ('b', [('c', 'O')])]"
    yield b"(1, -2, 3L, ('x',), (), {}, [], u'\\x4f', b'\\n', 'a' )"
    yield b"{'a': {'b': (True, False)}, 'c': \"d'e\"}"


def _literal(data: bytes) -> None:
    """A literal of our parser is the same literal to Python."""
    text = data.decode("latin-1")
    try:
        value = numpy_literals.parse(text)
    except MalformedError:
        return
    if "L" in text or "b'" in text.lower() or 'b"' in text.lower():  # Python 2's
        return
    if "\\" in text:  # kept as it is written, and then no name or type that numpy knows
        return
    try:
        expected = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError):
        return
    if value != expected:
        raise LawBrokenError("another-literal", (value, expected))


def _literal_words(data: bytes, rng: Random) -> bytes:
    return mutate_bytes.mutate(data, rng, mutate_archives.NPY_WORDS)


def _yamls() -> Iterator[bytes]:
    for seed in range(20):
        yield yamls.document(Random(seed)).encode()
    yield "".join(yamls.PIECES).encode()


def _yaml(data: bytes) -> None:
    """Every tag of Python's that PyYAML or libyaml meets is met by us, its end behind a comma aside."""
    text = in_utf8(memoryview(data))
    found = signs_of(text)
    seen = [met.tag.decode("utf-8", "replace") for met in readings(new_scan(), text, found) if met.tag] if found else []
    missed = [tag for tag in yamls.tags(data) if not any(tag.startswith(ours) or ours.startswith(tag) for ours in seen)]
    if missed:
        raise LawBrokenError("tag-not-seen", (missed, seen))


def _yaml_words(data: bytes, rng: Random) -> bytes:
    return mutate_bytes.mutate(data, rng, tuple(piece.encode() for piece in yamls.PIECES))


TARGETS = (
    Target(name="yaml", run=_yaml, seeds=_yamls, mutate=_yaml_words, longest=400),
    Target(name="texts", run=laws.scan, seeds=texts, mutate=_mutate, words=_WORDS, longest=2_000),
    Target(name="others", run=laws.scan, seeds=others, mutate=_mutate, words=_WORDS, longest=2_000),
    Target(name="literal", run=_literal, seeds=_literals, mutate=_literal_words, longest=400),
)
"""What is no container."""
