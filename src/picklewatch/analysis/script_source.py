"""Recognises scripts for shells by their content: ``#!``, batch files, PowerShell, Windows' script host.

No loader runs them; people do, because a model's page says so. The model of May 2026 that was counted 244,000 times had
clean weights and a script beside them.
"""

from __future__ import annotations

import re

from picklewatch.analysis.python.reading import is_sentence

HEAD = 1 << 16
"""Bytes by which the kind is told: a script says what it is at its beginning."""
_SHEBANG = re.compile(rb"(?:\xef\xbb\xbf)?#![ \t]*+/?[\w./-]")
_BATCH = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:[ \t]*+(?:(?:rem\b|::)[^\n]*+)?\r?\n)*+[ \t]*+"
    rb"(?:@[ \t]*+(?:echo|rem|if|set|call|start|cd|for|title|chcp|powershell|cmd|mshta|goto|setlocal|python|pip|del)\b"
    rb"|echo[ \t]+off\b|setlocal\b|(?:powershell|cmd|mshta|wscript|cscript|rundll32|regsvr32|certutil|bitsadmin)"
    rb"(?:\.exe)?[ \t]+[-/\"]|call[ \t]+\S+\.(?:bat|cmd|exe)\b|start[ \t]+(?:\"|/[a-z])|set[ \t]+\"?\w+=|%\w+%)",
    re.IGNORECASE,
)
_SHELL = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:[ \t]*+(?:#[^\n]*+)?\r?\n)*+[ \t]*+(?:set[ \t]+-[a-z]+(?:[ \t]+pipefail)?[ \t]*\r?\n"
    rb"|cd[ \t]+\"?\$\(|(?:/\S+/)?(?:ba|z|da|k)?sh[ \t]+-[ic]\b"
    rb"|(?:sudo[ \t]+)?(?:curl|wget)\b[^\n|]*+\|[ \t]*+(?:sudo[ \t]+)?(?:ba|z)?sh\b)"
)
"""A shell's first command, in a script without a first line for the system."""
_POWERSHELL = re.compile(
    rb"^[ \t]*+(?:\$(?:\w+:)?\w+(?:\.\w+|\[[^\]\n]*+\])*+[ \t]*+[+.]?=|\$\w+(?:\.\w+)+\(|[&.][ \t]*+[$(\"']"
    rb"|param[ \t]*+\($|\[[A-Z]\w+(?:\.\w+)++\]|(?:iex|iwr|irm)\b"
    rb"|(?:Add|Clear|Copy|Enable|Disable|Expand|Get|Import|Install|Invoke|Move|New|Out|Read|Register|Remove|Set|Start|Stop"
    rb"|Test|Unblock|Write)-[A-Z]\w+(?:\s|$))",
    re.MULTILINE | re.IGNORECASE,
)
_HOST = re.compile(
    rb"^[ \t]*+(?:(?:set|var|let|const)[ \t]++)?(?:\w+[ \t]*+=[ \t]*+(?:new[ \t]++)?)?"
    rb"(?:(?:CreateObject|GetObject|ActiveXObject)\s*+\(\s*+[\"']\w+\.|WScript\.\w+\s*+[(\" ])",
    re.IGNORECASE | re.MULTILINE,
)
_MARKUP = re.compile(rb"<hta:application\b|<script\b[^>]*?\blanguage\s*=\s*[\"']?(?:vbs|jscript)", re.IGNORECASE)
"""What Windows' script host runs of .hta and .wsf files."""
_LINE = re.compile(rb"^[ \t]*+[^\s#{}][^\n]*+", re.MULTILINE)
_NEITHER = re.compile(rb"\s*+[<{\[]|[^`]*+```")
"""The beginning of JSON or markup, and a mark of markdown's: it shows code, and is none."""
_SHARE = 2
"""One of so many lines at least is PowerShell's in a script of it."""
_PROSE = 4
"""One of so many lines is a sentence in prose."""


def script_kind(data: memoryview) -> str:
    """Return what *data* is a script for, or an empty text."""
    head = bytes(data[:HEAD])
    if _SHEBANG.match(head) is not None or _SHELL.match(head) is not None:
        return "a shell or an interpreter"
    if _BATCH.match(head) is not None:
        return "Windows' command line"
    if _NEITHER.match(head) is not None:
        return "Windows' script host" if _MARKUP.search(head) is not None else ""
    lines = _LINE.findall(head)
    others = [line.decode("utf-8", "replace").strip() for line in lines if _POWERSHELL.match(line) is None]
    if sum(map(is_sentence, others)) * _PROSE > len(lines):
        return ""
    if (len(lines) - len(others)) * _SHARE >= max(len(lines), 1):
        return "PowerShell"
    return "Windows' script host" if _HOST.search(head) is not None else ""
