"""Jinja's templates among other text: a text that is one, and the strings of a text that are.

A chat template is code of the model that its loader renders: transformers in a sandbox
(utils/chat_template_utils.py), llama-cpp-python before 0.2.72 (CVE-2024-34359) and SGLang (CVE-2026-5760) without one.
A ``.jinja`` file is told by what it uses, for nothing else is known of it: `Template.is_of_chat`. What no chat software
would render (a web site's templates, a role of Ansible) counts if it leads deep into the interpreter.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.analysis.template_rules import UNKNOWN, Reach
from picklewatch.analysis.template_source import Template
from picklewatch.catalogue.loaders import jinja_names
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.formats.context import Scan
    from picklewatch.analysis.formats.part import Part

LONGEST = 4 << 20
"""Bytes of a text that are read as one template; the longest honest ones have 30,000."""
_STATEMENT = re.compile(rb"\{%[-+]?\s*+(?:" + b"|".join(sorted(map(str.encode, jinja_names.TAGS))) + rb")\b")
_SOURCE = re.compile(rb"(?:\A|\n)(?:(?:import|from)[ \t]+[\w.]+|(?:def|class)[ \t]+\w+[ \t]*[(:])")
"""A line of Python's source code, whose strings are templates of the program's."""


class TemplateJudge:
    """Judges the templates of one text."""

    def __init__(self, scan: Scan, part: Part) -> None:
        self.found = False
        """True if a template was found."""
        self._scan = scan
        self._part = part
        self._known: set[bytes] = set()
        self._source: bool | None = None

    def judge(self, text: bytes | memoryview, at: int = 0) -> None:
        """Judge the text, or a string of it that stands at *at*, if Jinja does more with it than print variables."""
        if len(text) > LONGEST:
            if _STATEMENT.search(text) is not None:
                self._report(Reach(UNKNOWN, Level.UNVERIFIED, "more code than is read"), at)
            return
        text = bytes(text)
        if text in self._known:
            return
        self._known.add(text)
        self._scan.budget.charge(len(text) // 16)
        template = Template(text.decode("utf-8", "replace"))
        self._scan.budget.charge(template.cost)
        if not template.acts:
            return
        of_chat = template.is_of_chat()
        reaches = template.reaches(rendered=of_chat)
        if (not template.whole and of_chat) or (not of_chat and self._is_source()):
            reaches = [one._replace(level=Level.UNVERIFIED) for one in reaches if one.level is not Level.UNVERIFIED]
        self.found = self.found or bool(reaches) or (template.whole and (of_chat or template.states))
        for reach in reaches:
            self._report(reach, at)

    def _is_source(self) -> bool:
        if self._source is None:
            self._source = _SOURCE.search(self._part.data) is not None
        return self._source

    def _report(self, reach: Reach, at: int) -> None:
        self.found = self._scan.code_bearing = True
        summary = reach.summary("A template", "chat software renders")
        self._scan.finding(reach.rule, reach.level, self._part.at(at), summary, reach.way)
