"""What arguments give away: an address, a shell line, Python code, a denied name. Bounded, never recursive."""

from __future__ import annotations

import re
from typing import Any

from picklewatch.engine.judge import judge, looks_like_class
from picklewatch.engine.lists.denied import PLAIN_LITERALS
from picklewatch.engine.values import Blob, Import, Obj, Opaque, Persistent
from picklewatch.model import Level

_NODES = 600
"""Values looked at in one set of arguments."""
_CHARACTERS = 4_096
"""Characters looked at of one text."""

_URL = re.compile(r"\b(?:https?|ftps?|file|ssh|git|ldaps?|rmi|jar|gopher|smb|s3|gs|tcp|unix)://", re.IGNORECASE)
_SHELL = re.compile(
    r"\$\(|`[^`]+`|\|\s*(?:sh|bash|python\d?|nc)\b|&&|\|\||;\s*\w+|(?:^|\s)2?>{1,2}\s*[/\w]|^\s*(?:/bin/|/usr/bin/|/sbin/)\w+"
    r"|^\s*(?:sudo|sh|bash|zsh|cmd(?:\.exe)?|powershell|curl|wget|ncat|netcat|whoami|calc(?:\.exe)?|xcalc|gnome-calculator|reboot|shutdown|nslookup)(?:\s|$)"
    r"|^\s*(?:nc|python\d?|perl|ruby|echo|cat|touch|rm|chmod|uname|ls|ping|dig|mkfifo|crontab|kill|sleep|cp|mv|tar|ssh|scp|open)\s+[\w./~'\"$-]",
)
_CODE = re.compile(
    r"__import__|\bimport\s+\w+|\b(?:exec|eval|compile|getattr|open|system|popen)\s*\(|\bos\.\w+|\bsubprocess\b|__builtins__|__globals__|__subclasses__|\blambda\b"
)
_PATH = re.compile(r"^(?:/|~|\.{1,2}/|[A-Za-z]:\\|\\\\)[\w./\\~-]+")
_HOST = re.compile(r"^(?:\d{1,3}(?:\.\d{1,3}){3}|localhost|0|[\w-]+(?:\.[\w-]+)+|::1?|)$")
_LABEL = re.compile(r"^[\w :.+#%,-]{0,80}$")
_DOTTED = re.compile(r"^([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\.([A-Za-z_]\w*)$")
_MAX_PORT = 65_535


def sign(values: object) -> str:
    """What in *values* an attack would be made of, as a phrase, or an empty text."""
    for value in _flat(values):
        found = _of_text(value) if isinstance(value, str | bytes | Blob) else _of_pair(value)
        if found:
            return found
    return ""


def plain(values: object, *, labels: bool = False) -> bool:
    """Whether *values* hold only data: constants, containers of them, harmless objects and classes.

    With *labels*, for callables that nobody vouched for: texts must also look like labels (no path, no line of
    anything), and there must be few enough values to look at them all.
    """
    for value in _flat(values):
        if isinstance(value, Import) and not _data_class(value):
            return False
        if isinstance(value, Obj) and value.kind == "callable":
            return False
        if labels and (value is _MORE or (isinstance(value, str) and not _LABEL.match(value))):
            return False
    return True


def _data_class(value: Import) -> bool:
    return value.judged.level is Level.INFO or (value.judged.status == "foreign" and looks_like_class(value.name))


_MORE = object()
_NUMBERS = frozenset({int, float, bool, type(None)})
_OPENED = frozenset({"list", "dict", "set", "atom", "bytearray", "callable"})


def _flat(values: object) -> list[Any]:
    """The values in *values*, each container opened once, up to a bound; `_MORE` at the end if there are more."""
    flat: list[Any] = []
    waiting: list[Any] = [values]
    opened: set[int] = set()
    for _ in range(_NODES):
        if not waiting:
            return flat
        value = waiting.pop()
        if not isinstance(value, list | dict | Opaque | Persistent):
            flat.append(value)
        if id(value) not in opened:
            inner = _inside(value)
            if inner:
                opened.add(id(value))
                waiting.extend(inner)
    return [*flat, _MORE] if waiting else flat


def _inside(value: Any) -> list[Any]:
    """What lies directly in *value*; nothing if it holds numbers alone."""
    if isinstance(value, Opaque):
        return [value.content]
    if isinstance(value, Obj):
        return [value.args] if value.kind in _OPENED else []  # other objects' arguments were judged when they were made
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if not isinstance(value, tuple | list) or set(map(type, value)) <= _NUMBERS:
        return []
    return list(value[: _NODES + 1])


def _of_text(value: str | bytes | Blob) -> str:
    if isinstance(value, Blob):
        raw = bytes(value.data[value.start : min(value.end, value.start + _CHARACTERS)])
        return _of_text(raw.decode("utf-8", "replace") if value.text else raw)
    if isinstance(value, bytes):
        if not value[:64].isascii():
            return ""
        value = value[:_CHARACTERS].decode("latin1")
    text = value[:_CHARACTERS]
    for pattern, what in (
        (_URL, "a network address"),
        (_CODE, "code"),
        (_SHELL, "a shell command"),
        (_PATH, "a file's path"),
    ):
        if pattern.search(text):
            return what
    return "the name of something dangerous" if _names_denied(text) else ""


def _names_denied(text: str) -> bool:
    match = _DOTTED.match(text[:200])
    if match is not None:
        return judge(match[1], match[2]).level is Level.MALICIOUS
    return text in PLAIN_LITERALS


def _of_pair(value: object) -> str:
    pair = 2
    if isinstance(value, tuple) and len(value) == pair:
        host, port = value
        if isinstance(host, str) and type(port) is int and 0 < port <= _MAX_PORT and host and _HOST.match(host):
            return "a host and a port"
    return ""
