"""Tags of YAML that name Python: what PyYAML's constructor.py would import or call, judged as a pickle's import.

``!!python/object/apply:…`` is a call (``UnsafeLoader``, and ``FullLoader`` before 5.4, CVE-2020-14343); so are
``object/new`` and ``object``, which restore an object of a class. Honest files have them, too: stable-baselines3's
settings are an ``OrderedDict``, argparse's a ``Namespace``. ``name`` refers to something, as mkdocs' settings do.
Beside an object it may be called: ``extend`` of the state with the object's items, ``__setstate__`` with its state.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.catalogue.classes.natives import of_python
from picklewatch.catalogue.classes.profiles import ClassKind, look_up
from picklewatch.catalogue.imports.classify import judge, looks_like_class, otherwise_denied
from picklewatch.catalogue.imports.entries import Check, Status, Use
from picklewatch.catalogue.loaders.loader_keys import BY_KEY
from picklewatch.catalogue.loaders.loader_names import judge_call
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.formats.context import Scan
    from picklewatch.analysis.formats.part import Part
    from picklewatch.analysis.formats.text_pairs import Met
    from picklewatch.catalogue.imports.classify import Judged

_TAG = re.compile(rb"tag:yaml\.org,2002:python/(object/apply|object/new|object|module|name):([^\s,\[\]{}]*)")
_BUILT = re.compile(r"(!(?:new|name|apply|applyref):)(.*)", re.DOTALL)
"""A tag of HyperPyYAML, which SpeechBrain's models are described in."""
_DATA = frozenset({Check.BOUNDED, Check.MAPPING, Check.NUMBER, Check.NP_SCALAR, Check.NP_RECONSTRUCT})
"""Checks of calls that take data: YAML has no bytes of the file's own unpickled, as such calls may have in a pickle."""


def _rank(level: Level) -> int:
    return level.rank


class TagJudge:
    """The tags of one text."""

    def __init__(self, scan: Scan, part: Part) -> None:
        self._scan = scan
        self._part = part
        self._seen: set[bytes] = set()
        self._has_objects, self._worst_name = False, Level.INFO

    def judge(self, met: Met) -> None:
        """Report a tag that has an unsafe loader call or import what does harm, or what nobody vouched for."""
        match = _TAG.match(met.tag)
        built = _BUILT.fullmatch(met.tag.decode("utf-8", "replace"))
        if built is not None and met.tag not in self._seen:
            self._build(met, built)
        if match is None or met.tag in self._seen:
            return
        self._seen.add(met.tag)
        level = self._level(match[1].decode(), match[2].decode("utf-8", "replace"))
        if level is Level.INFO:
            return
        self._scan.code_bearing = True
        summary = "The YAML names a Python object to call or import, which an unsafe loader does."
        evidence = met.tag.decode("utf-8", "replace")
        self._scan.finding("yaml-python-object", level, self._part.at(met.at), summary, evidence)

    def _build(self, met: Met, built: re.Match[str]) -> None:
        self._seen.add(met.tag)
        verdict = judge_call(BY_KEY[built[1]][0], built[2])
        if verdict is not None:
            self._scan.code_bearing = self._scan.code_bearing or verdict.level.rank >= Level.UNSAFE.rank
            self._scan.finding(verdict.rule, verdict.level, self._part.at(met.at), verdict.summary, built[0])

    def _level(self, how: str, name: str) -> Level:
        if how == "module":
            return Level.UNSAFE
        module, _, attribute = name.rpartition(".")
        module, made = module or "builtins", how != "object/apply"
        judged = judge(module, attribute)
        denied = judged.level is Level.MALICIOUS or otherwise_denied(module, attribute) is not None
        if how == "name":
            level = Level.MALICIOUS if denied else _referred(judged)
            self._worst_name = max(self._worst_name, level, key=_rank)
            return level if self._has_objects else Level.INFO  # nothing calls it
        self._has_objects = True
        level = Level.MALICIOUS if denied else _called(judged, attribute, made=made)
        if made and level is Level.INFO and not _is_passive(module, attribute):
            level = Level.UNVERIFIED  # its hooks are given a state that is not judged here
        return max(level, self._worst_name, key=_rank)


def _is_passive(module: str, name: str) -> bool:
    """Return True for a class that runs no hook when it is given a state."""
    profile = of_python(module, name) or look_up(module, name)
    return profile is not None and profile.kind in {ClassKind.PASSIVE, ClassKind.ENUM}


def _referred(judged: Judged) -> Level:
    """Return the level of a name that an object may call."""
    if judged.status is not Status.VOUCHED:
        return max(judged.level, Level.UNVERIFIED, key=_rank)
    acts = judged.check is not None and judged.check not in _DATA  # it unpickles, calls or fetches what it is handed
    return Level.UNSAFE if acts else Level.INFO


def _called(judged: Judged, attribute: str, *, made: bool) -> Level:
    """Return the level of a call, or of an object that is *made* and given a state."""
    if judged.status is Status.VOUCHED:
        plain = judged.check is None or judged.check in _DATA
        used = Use.CALL in judged.uses or Use.NEW in judged.uses or (Use.MEMBER in judged.uses)
        return Level.INFO if plain and used else Level.UNSAFE
    if judged.status is Status.FOREIGN and (made or looks_like_class(attribute)):
        return Level.UNVERIFIED
    return Level.UNSAFE
