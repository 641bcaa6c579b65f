"""Texts: JSON, YAML, CSV, markdown, source code; `pickles` judges those that are pickles.

The attack in YAML is a tag ``!!python/object/apply:…``, which PyYAML's constructor.py calls (``UnsafeLoader``, and
``FullLoader`` before 5.4, CVE-2020-14343). Parsers may run a document before they see the byte that they refuse, so
whatever begins as a text is read as one.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from picklewatch.analysis.formats import toml_tables
from picklewatch.analysis.formats.config_targets import ConfigJudge
from picklewatch.analysis.formats.encoded import EncodedPickles, judge_serialized
from picklewatch.analysis.formats.spelling import encoding, in_utf8, is_marked, pieces
from picklewatch.analysis.formats.templates import TemplateJudge
from picklewatch.analysis.formats.text_parts import readings
from picklewatch.analysis.formats.text_signs import KERAS, TEMPLATES, Signs, keys_of, worth_reading
from picklewatch.analysis.formats.yaml_tags import TagJudge
from picklewatch.analysis.sparse import before_hole, first
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.formats.context import Scan
    from picklewatch.analysis.formats.part import Part
    from picklewatch.analysis.formats.text_pairs import Met

SAMPLE = 1 << 16
"""Bytes at the start and at the end of a content by which it counts as text."""

_AT_ONCE = 4096
"""Bytes that a parser has checked before it runs what they say: PyYAML reads so many at once (reader.py)."""
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
"""Characters that every parser of a text refuses; DEL is none of them: JSON has it in strings."""
_JSON = re.compile(rb"\s*+[\[{\"]")
_DOCUMENT = re.compile(r"""\s*+(?:\Z|\{\s*+(?:\Z|["}])|\[\s*+(?:\Z|[\[{"\]\w-])|"|<[\w!?/])""")
"""The beginning of JSON or XML, or of the blanks before it."""
_STATEMENT = re.compile(rb"\s*+\{[%{#]")
"""What no file of YAML or JSON begins with: a percent sign begins no scalar, a mapping is no key (yaml/scanner.py)."""
_TEMPLATE = re.compile(b"|".join(sorted(map(re.escape, TEMPLATES))))
_KERAS = re.compile(rb"\s*(?:" + b"|".join(KERAS) + rb")\b")


def is_text(data: memoryview) -> bool:
    """Return True if the start and the end of *data* are UTF-8 (or UTF-16 or 32) without control characters."""
    if len(data) <= SAMPLE:
        return _reads_as_text(bytes(data), whole=True)
    if len(before_hole(data)) < len(data):
        return False
    head, tail = bytes(data[:SAMPLE]), bytes(data[-SAMPLE:])
    return _reads_as_text(head) and (encoding(head[:4]) != "utf-8" or _reads_as_text(tail))


def may_be_read(data: memoryview) -> bool:
    """Return True if *data* begins as a text in some encoding: parsers may run its beginning before they refuse it."""
    head = bytes(data[:_AT_ONCE])
    name = encoding(head[:4])
    if name == "utf-8":
        return _CONTROL.search(head) is None
    return is_marked(head) or _begins_as_document(head, name)


def may_be_rendered(data: memoryview) -> bool:
    """Return True if Jinja reads *data*, which has control characters: it takes them for text, a zero, too."""
    if not _decodes(bytes(data[:SAMPLE]), "utf-8"):
        return False
    return first(_TEMPLATE, data) is not None


def _begins_as_document(head: bytes, name: str) -> bool:
    """Return True if *head*, in an encoding without a mark, begins as JSON or XML.

    Nothing else is read in one: PyYAML's reader.py wants the mark. A length in front of a binary file, such as
    safetensors', has the same zeros, and gigabytes behind it would be decoded in search of a text.
    """
    try:
        text = codecs.getincrementaldecoder(name)("surrogatepass").decode(head)
    except UnicodeDecodeError:
        return False
    return _DOCUMENT.match(text) is not None


def _reads_as_text(part: bytes, *, whole: bool = False) -> bool:
    name = encoding(part[:4])
    if name == "utf-8":
        return _CONTROL.search(part) is None and _decodes(part, name)
    if whole or not part.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")):
        text = part.decode(name, "replace").encode("utf-8", "replace")
        return _CONTROL.search(text) is None and b"\xef\xbf\xbd" not in text[:-4]
    return _decodes(part, name)


def _decodes(part: bytes, encoding: str) -> bool:
    """Return True if *part* decodes, a character cut off at either end aside."""
    for begin in range(4):
        try:
            part[begin:].decode(encoding)
        except UnicodeDecodeError as error:
            if error.start + begin >= len(part) - 4 and error.start > 0:
                return True
            if error.start:
                return False
            continue
        return True
    return False


def judge_text(scan: Scan, part: Part) -> set[str]:
    """Judge the parts of a text that a loader runs: pickles in base64, YAML's Python objects, names to be called.

    Return the kinds, as in docs/formats.md, that its keys and strings make it.
    """
    part = part._replace(data=in_utf8(before_hole(part.data)))  # zeros, which no parser reads beyond
    encoded = EncodedPickles(scan, part)
    signs = Signs()
    for offset, piece in pieces(part.data):
        encoded.look_in(piece, offset)
        signs.look_in(piece)
    return judge_signs(scan, part, signs.counting(part.data))


def judge_signs(scan: Scan, part: Part, counting: set[bytes]) -> set[str]:
    """Judge a text in UTF-8 in which these signs count, and return its kinds."""
    found = worth_reading(part.data, counting)
    reader = _TextJudge(scan, part)
    if not found.isdisjoint(TEMPLATES):
        reader.templates.judge(part.data)
    if found and not (found.issubset(TEMPLATES) and _STATEMENT.match(part.data)):
        configures = not found.issubset(TEMPLATES)
        for met in readings(scan, part.data, found):
            reader.take(met, configures=configures)
    if reader.templates.found:
        reader.kinds.add("chat-template")
    keys = keys_of(counting)
    if keys and toml_tables.may_be_toml(part.data, keys):
        _judge_toml(scan, part)
    return reader.kinds


def _judge_toml(scan: Scan, part: Part) -> None:
    if len(part.data) > toml_tables.LONGEST:
        summary = "The text may be TOML that names what a loader imports; it is too long to be read as such."
        scan.finding("config-target", Level.UNVERIFIED, part.where, summary)
        return
    scan.budget.charge(toml_tables.PER_BYTE * len(part.data))
    configs = ConfigJudge(scan, part)
    for met in toml_tables.mets(part.data):
        configs.take(met)


_JUDGED = frozenset({b"chat_template", b"chat_template_jinja"})
"""Keys whose templates `picklewatch.analysis.loader_acts` judges."""


class _TextJudge:
    """Judges the tags, pairs and strings of one text."""

    def __init__(self, scan: Scan, part: Part) -> None:
        self.kinds: set[str] = set()
        self.templates = TemplateJudge(scan, part)
        self._scan = scan
        self._part = part
        self._configs = ConfigJudge(scan, part)
        self._tags = TagJudge(scan, part)
        self._serialized: set[bytes] = set()
        self._waiting: list[tuple[bytes, int]] = []
        """Strings of the document that may be templates, and where they stand: prose that no parser reads has none."""

    def take(self, met: Met, *, configures: bool) -> None:
        """Judge one tag, pair or string; *configures* is False if the text has templates alone."""
        if met.tag:
            self._tags.judge(met)
            return
        if configures:
            self._configs.take(met)
        if met.ends:
            waiting, self._waiting = self._waiting, []
            for value, at in waiting if met.loads else ():
                self.templates.judge(value, at)
            return
        self._kind(met)
        if met.key == b":serialized:" and met.value is not None and met.value not in self._serialized:
            self._serialized.add(met.value)
            judge_serialized(self._scan, self._part, met.at, met.value)

    def _kind(self, met: Met) -> None:
        value = met.value
        if value is not None and met.key == b"chat_template" and any(mark in value for mark in TEMPLATES):
            self.kinds.add("chat-template")
        if value is None and met.key == b"auto_map":
            self.kinds.add("remote-code")
        if met.key == b"irVersion":
            self.kinds.add("onnx")
        if value is None:
            return
        if met.key == b"class_name" and _KERAS.match(value) is not None:
            self.kinds.add("keras-config")
        if met.key not in _JUDGED and any(mark in value for mark in TEMPLATES):
            self._waiting.append((value, met.at))
