"""Inputs that reach the bounds of texts: see `bounds.reach`."""

from __future__ import annotations

import json
import pickle

from bounds.reach import Reached
from samples.containers import safetensors

from picklewatch.analysis.formats.text_parts import NESTED_TEXTS

_FORMATS = "picklewatch.analysis.formats"


def nested_texts() -> Reached:
    """A configuration in a string of a text, so often, and once more."""
    text = "_target_: os.path.join"
    for _ in range(NESTED_TEXTS):
        text = json.dumps([text])
    return Reached(text.encode(), json.dumps([text]).encode())


def long_template() -> Reached:
    """A text with a statement, of more bytes than are read as a template."""
    small = {f"{_FORMATS}.templates.LONGEST": 40}
    return Reached(b"{% if x %}y{% endif %}", b"{% if x %}y{% endif %}" + b"z" * 40, constants=small)


def many_tokens() -> Reached:
    """A template of more tokens than are read."""
    small = {"picklewatch.analysis.jinja_lexer.MOST_TOKENS": 12}
    template = '{"chat_template": "{%% if x %%}%s{%% endif %%}"}'
    return Reached((template % "").encode(), (template % "{{ x }}" * 9).encode(), constants=small)


def long_chat_template() -> Reached:
    """A pickled template of more characters than are read."""
    small = {"picklewatch.analysis.loader_acts.LONGEST_TEMPLATE": 40}
    within, beyond = "{% if x %}{% endif %}", "{% if x %}{% endif %}" + "z" * 40
    return Reached(pickle.dumps({"chat_template": within}), pickle.dumps({"chat_template": beyond}), constants=small)


def long_script() -> Reached:
    """A data set's script of more characters than are parsed."""
    small = {"picklewatch.analysis.dataset_script.LONGEST": 16}
    text = "val: a\nnames: [b]\ndownload: |\n  a = 1\n"
    return Reached(text.encode(), (text + "  b = 2\n" * 4).encode(), constants=small)


def items() -> Reached:
    """A map of MessagePack with a byte behind it is none; one of so many items is taken for one all the same."""
    small = {f"{_FORMATS}.msgpack._ITEMS": 8}
    return Reached(b"\x81\xa1a\xc0" + b"\xc1" * 20, b"\x81\xa1a\x9f" + b"\xc0" * 15 + b"\xc1", constants=small)


def safetensors_header() -> Reached:
    """A header of one byte more than the limit."""
    plain = safetensors({"__metadata__": {"format": "pt"}}, b"")
    length = int.from_bytes(plain[:8], "little")
    longer = safetensors({"__metadata__": {"format": "pt1"}}, b"")
    return Reached(plain, longer, constants={f"{_FORMATS}.inert._SAFETENSORS_HEADER": length})


def long_module() -> Reached:
    """A module of as many bytes as are read, and of one more."""
    source = b"import os\nx = 1.5\n"
    return Reached(source, source + b"\n", constants={f"{_FORMATS}.python_files.LARGEST": len(source)})
