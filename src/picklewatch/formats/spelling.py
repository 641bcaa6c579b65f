r"""Texts as their readers understand them: in UTF-8, without the escapes of JSON and YAML.

``"expr\u005fstr"`` is the key ``expr_str`` to a parser and to nobody who searches for it. Backslashes and quotes stay
escaped, so that strings end where they did, and no character is taken for an escape that was none.
"""

from __future__ import annotations

import re

_ESCAPE = re.compile(rb"\\(?:u00([0-7][0-9a-fA-F])|x([0-7][0-9a-fA-F])|U000000([0-7][0-9a-fA-F])|(/)|\\)")
_WIDE = (b"\xff\xfe", b"\xfe\xff")


def understood(data: memoryview) -> memoryview:
    """*data* in UTF-8 if a mark says that it is in UTF-16, with escapes of ASCII characters undone."""
    if bytes(data[:2]) in _WIDE:
        data = memoryview(bytes(data).decode("utf-16", "replace").encode("utf-8", "replace"))
    if _ESCAPE.search(data) is None:
        return data
    return memoryview(_ESCAPE.sub(_meant, bytes(data)))


def _meant(match: re.Match[bytes]) -> bytes:
    code = match[1] or match[2] or match[3]
    if code is None:
        return match[4] or match[0]
    meant = bytes.fromhex(code.decode())
    return b"\\" + meant if meant in (b"\\", b'"') else meant
