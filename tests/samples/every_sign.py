"""The search for signs that reads whatever holds a key beside any of its companions: slow, and the measure of ours."""

from __future__ import annotations

import re

from picklewatch.analysis.formats.hidden_pickles import WELL_KNOWN
from picklewatch.analysis.formats.spelling import pieces, understood
from picklewatch.analysis.formats.text_parts import NESTED_TEXTS
from picklewatch.analysis.formats.text_signs import TEMPLATES
from picklewatch.catalogue.loaders.loader_keys import LOADER_KEYS

_ALWAYS = (
    b"!!p",
    b"!!%70",
    b"!<t",
    b"!<%74",
    b"%TAG",
    b"!%6",
    b"!<!%6",
    b"irVersion",
    b":serialized:",
    b"class_name",
    b"${",
    *TEMPLATES,
)
_FUNCTION = re.compile(rb"\.(?:" + b"|".join(sorted(map(str.encode, WELL_KNOWN))) + rb")\b")


def every_sign(data: memoryview) -> set[bytes]:
    """Return all signs in *data*: everyday words beside a companion, ``target`` beside an attack's function."""
    text = layer = b"".join(piece for _, piece in pieces(data))
    for _ in range(NESTED_TEXTS):
        layer = understood(layer.replace(b"\\\\", b"\\"))
        text += b"\n" + layer
    found = {sign for sign in _ALWAYS if sign in text}
    for entry in LOADER_KEYS:
        others = (*entry.companions, *entry.words)
        if (
            entry.in_texts
            and entry.key.encode() in text
            and (not others or any(one.encode() in text for one in others))
        ):
            found.add(entry.key.encode())
    if b"target" in text and _FUNCTION.search(text) is not None:
        found.add(b"target")
    return found
