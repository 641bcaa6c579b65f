"""Tags of YAML that name Python: what PyYAML's constructor.py would import or call, judged as a pickle's import.

``!!python/object/apply:…`` is a call (``UnsafeLoader``, and ``FullLoader`` before 5.4, CVE-2020-14343); so are
``object/new`` and ``object``, which restore an object of a class. Honest files have them, too: stable-baselines3's
settings are an ``OrderedDict``, argparse's a ``Namespace``. ``name`` only refers to something.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.catalogue.imports.classify import judge, looks_like_class, otherwise_denied
from picklewatch.catalogue.imports.entries import Check, Status, Use
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.formats.context import Scan
    from picklewatch.analysis.formats.part import Part
    from picklewatch.analysis.formats.text_pairs import Met
    from picklewatch.catalogue.imports.classify import Judged

_TAG = re.compile(rb"tag:yaml\.org,2002:python/(object/apply|object/new|object|module):([^\s,\[\]{}]*)")
_DATA = frozenset({Check.BOUNDED, Check.MAPPING, Check.NUMBER, Check.NP_SCALAR, Check.NP_RECONSTRUCT})
"""Checks of calls that take data: YAML has no bytes of the file's own unpickled, as such calls may have in a pickle."""


class TagJudge:
    """The tags of one text."""

    def __init__(self, scan: Scan, part: Part) -> None:
        self._scan = scan
        self._part = part
        self._seen: set[bytes] = set()

    def judge(self, met: Met) -> None:
        """Report a tag that has an unsafe loader call or import what does harm, or what nobody vouched for."""
        match = _TAG.match(met.tag)
        if match is None or met.tag in self._seen:
            return
        self._seen.add(met.tag)
        level = _level(match[1].decode(), match[2].decode("utf-8", "replace"))
        if level is Level.INFO:
            return
        self._scan.code_bearing = True
        summary = "The YAML names a Python object to call or import, which an unsafe loader does."
        evidence = met.tag.decode("utf-8", "replace")
        self._scan.finding("yaml-python-object", level, self._part.at(met.at), summary, evidence)


def _level(how: str, name: str) -> Level:
    module, _, attribute = name.rpartition(".")
    judged = judge(module or ("builtins" if how != "module" else name), attribute or name)
    if how == "module":
        return Level.UNSAFE
    return _called(judged, otherwise_denied(module, attribute), attribute, made=how != "object/apply")


def _called(judged: Judged, denied: Judged | None, attribute: str, *, made: bool) -> Level:
    """Return the level of a call, or of an object that is *made* and given a state."""
    if judged.level is Level.MALICIOUS or denied is not None:
        return Level.MALICIOUS
    if judged.status is Status.VOUCHED:
        plain = judged.check is None or judged.check in _DATA
        used = Use.CALL in judged.uses or Use.NEW in judged.uses or (Use.MEMBER in judged.uses)
        return Level.INFO if plain and used else Level.UNSAFE
    if judged.status is Status.FOREIGN and (made or looks_like_class(attribute)):
        return Level.UNVERIFIED
    return Level.UNSAFE
