"""Bytes as protocol 2 spells them: ``_codecs.encode(text, 'latin1')`` (``Lib/pickle.py``, ``save_bytes``).

Any other codec may decompress (``zlib``), decode nested data, or be looked up by calling whatever is registered
(``Modules/_codecsmodule.c``): attacks smuggle a payload past scanners in such a spelling.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks.arguments import values_of
from picklewatch.analysis.pickle.checks.concern import Concern, suspicious_arguments
from picklewatch.analysis.pickle.vm.values import Import, Obj, as_bytes, as_text
from picklewatch.catalogue.imports.entries import Kind

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.checks.judges import Context
    from picklewatch.analysis.pickle.vm.values import Value

_LATIN = {"latin1", "latin-1", "iso-8859-1", "utf-8", "utf8", "ascii"}


def encode(context: Context, callee: Import, args: Value, offset: int) -> Concern | None:
    """Let only a text be encoded, and only as Latin-1, ASCII or UTF-8."""
    values = values_of(args)
    fewest, most = 1, 2
    text = as_text(values[0]) if fewest <= len(values) <= most else None
    if text is None:
        return suspicious_arguments(f"{callee.key} is given something other than a text")
    if len(values) == most and (not isinstance(values[1], str) or values[1].lower() not in _LATIN):
        return suspicious_arguments(f"{callee.key} is asked for an unusual codec")
    if text[:1] in {"\x80", "c", "(", "]", "}"} and len(values) == most:
        content = as_bytes(Obj(callee=callee, args=values, offset=offset, kind=Kind.ATOM))
        context.observations.embedded(content, offset)
    return None
