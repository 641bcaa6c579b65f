"""Signs of an attack in arguments: a network address, a shell command, Python code, a denied name.

All of them are looked at, however many there are and however long, and each is charged for: an attack would only have
to come last. Never recursive.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.vm.values import Blob
from picklewatch.catalogue.imports.classify import LONGEST_NAME, is_denied
from picklewatch.catalogue.imports.denied import PLAIN_LITERALS

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Value

_SHORT = 64
"""Characters up to which a text is looked at each time; the signs in longer ones are remembered."""
_PER_TEXT = 8
"""Units of work that looking at a text costs, and one more for so many characters:"""
_CHARACTERS_PER_UNIT = 4

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
_DOTTED = re.compile(r"^([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\.([A-Za-z_]\w*)$")
_CODE_WORDS = (
    "__import__", "import", "exec", "eval", "compile", "getattr", "open", "system", "os.", "subprocess", "__builtins__",
    "__globals__", "__subclasses__", "lambda",
)  # fmt: skip
"""One of which is in whatever `_CODE` matches: looking for them is much faster."""
_SHELL_SIGNS = ("$(", "`", "|", "&&", ";", ">")
"""One of which is in whatever `_SHELL` matches elsewhere than at the beginning."""
_MAX_PORT = 65_535
_LONGEST_HOST = 255
"""Characters of a host's name: resolvers take no more."""


def sign(values: Value, observations: Observations) -> str:
    """Return the first sign of an attack in *values*, as a phrase, or an empty text."""
    for value in observations.data.each(values):
        found = _of_text(value, observations) if isinstance(value, str | bytes | Blob) else _of_pair(value)
        if found:
            return found
    return ""


def _of_text(value: str | bytes | Blob, observations: Observations) -> str:
    """Return the sign in one text; long ones, which may be given again and again, are looked at once."""
    size = value.size if isinstance(value, Blob) else len(value)
    if size <= _SHORT:
        observations.budget.charge(_PER_TEXT)
        return _look(_spelt(value), observations)
    known = observations.texts.get(id(value))
    if known is None:
        observations.budget.charge(_PER_TEXT + size // _CHARACTERS_PER_UNIT)
        known = observations.texts[id(value)] = _look(_spelt(value), observations), value
    return known[0]


def _spelt(value: str | bytes | Blob) -> str:
    """Return *value* as text; an empty one for bytes that are none by their beginning."""
    if isinstance(value, Blob):
        raw = value.read()
        value = raw.decode("utf-8", "replace") if value.text else raw
    if isinstance(value, bytes):
        return value.decode("latin1") if value[:64].isascii() else ""
    return value


def _look(text: str, observations: Observations) -> str:
    if "://" in text and _URL.search(text):
        return "a network address"
    if any(word in text for word in _CODE_WORDS) and _CODE.search(text):
        return "code"
    if any(mark in text for mark in _SHELL_SIGNS):
        if _SHELL.search(text):
            return "a shell command"
    elif _SHELL.match(text):
        return "a shell command"
    if _PATH.match(text):
        return "a file's path"
    return "the name of something dangerous" if _names_denied(text, observations) else ""


def _names_denied(text: str, observations: Observations) -> bool:
    match = _DOTTED.match(text)
    if match is not None:
        observations.budget.charge(_PER_TEXT)
        return len(text) > LONGEST_NAME or is_denied(match[1], match[2])
    return text in PLAIN_LITERALS


def _of_pair(value: Value) -> str:
    if isinstance(value, tuple) and len(value) == 2:
        host, port = value
        if isinstance(host, str) and type(port) is int and 0 < port <= _MAX_PORT and 0 < len(host) <= _LONGEST_HOST:
            return "a host and a port" if _HOST.match(host) else ""
    return ""
