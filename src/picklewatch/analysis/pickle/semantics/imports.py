"""The imports of a pickle, each judged once by the lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks.unvouched import referenced
from picklewatch.analysis.pickle.render import cut, render
from picklewatch.analysis.pickle.vm.values import Blob, Import, Obj, Opaque, Persistent
from picklewatch.catalogue.classes import profiles
from picklewatch.catalogue.classes.natives import of_python
from picklewatch.catalogue.classes.profiles import Hook
from picklewatch.catalogue.imports.classify import LONGEST_NAME, Judged, judge
from picklewatch.catalogue.imports.entries import Check, Status
from picklewatch.catalogue.imports.python2_names import python3_name
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Value
    from picklewatch.catalogue.classes.profiles import Profile


class ImportTable:
    """Every import of one walk, the same object however often and however it is spelt."""

    def __init__(self, observations: Observations) -> None:
        self._observations = observations
        self.found: dict[tuple[str, str], Import] = {}
        """By module and name, in order of first appearance."""
        self.code_bearing = False
        """True once something was imported that rebuilds Python code."""

    def global_(self, module: str, name: str, offset: int) -> Import:
        """Return the import of GLOBAL, INST, or of STACK_GLOBAL's constants."""
        key = (module, name)
        found = self.found.get(key)
        if found is None:
            judged = self.judged(module, name)
            found = Import(cut(module, LONGEST_NAME), cut(name, LONGEST_NAME), judged, offset)
            found.profile = _profile(*python3_name(module, name))
            acts = found.profile.acts if found.profile is not None else ()
            found.makes = judged.check in _MAKERS or name.startswith("__pyx_unpickle_")
            found.watched = found.makes or Hook.NEW in acts or Hook.DEL in acts
            self.found[key] = found
            if judged.status is Status.CODE:
                self.code_bearing = True
            elif judged.status is Status.DENIED:
                summary = referenced(found)
                self._observations.report_now(judged.rule, Level.UNSAFE, offset, summary, "", subject=found.key)
        return found

    def judged(self, module: str, name: str) -> Judged:
        """Return what the lists say of an import.

        Names that are too long for any list are judged as badly as they could be.
        """
        self._observations.budget.charge(_PER_NAME + 4 * min(len(module) + len(name), LONGEST_NAME))
        return judge(module, name) if len(module) + len(name) < LONGEST_NAME else _TOO_LONG

    def stack_global(self, module: Value, name: Value, offset: int) -> Import:
        """Return the import of STACK_GLOBAL; report operands that are no constants: nobody can know what they name."""
        if isinstance(module, Blob) and module.text:
            module = module.read().decode("utf-8", "replace")
        if isinstance(name, Blob) and name.text:
            name = name.read().decode("utf-8", "replace")
        if isinstance(module, str) and isinstance(name, str) and type(module) is str and type(name) is str:
            return self.global_(module, name, offset)
        computed = isinstance(module, Obj | Persistent | Opaque) or isinstance(name, Obj | Persistent | Opaque)
        self._observations.finding(
            "dynamic-import",
            Level.MALICIOUS,
            offset,
            "an import's name is computed while loading" if computed else "an import's name is not a text",
            f"from {render(module, 100)} import {render(name, 100)}",
        )
        return Import("?", "?", _DYNAMIC, offset)

    def extension(self, code: int, offset: int) -> Import:
        """Report EXT1, EXT2 and EXT4, which import whatever some module registered under *code*."""
        self._observations.finding(
            "extension-registry",
            Level.UNSAFE,
            offset,
            f"imports whatever is registered as extension {code}, which cannot be known",
        )
        return Import("copyreg", f"?extension_{code}", _DYNAMIC, offset)


def _profile(module: str, name: str) -> Profile | None:
    return of_python(module, name) or profiles.look_up(module, name)


_MAKERS = frozenset({Check.NP_RECONSTRUCT, Check.MASKED, Check.INDEX_CLASS})
_PER_NAME = 250
"""Units of work that judging a name costs."""
_TOO_LONG = Judged(status=Status.DOTTED, reason="too long for a name", rule="dotted-import", level=Level.UNSAFE)
_DYNAMIC = Judged(status=Status.DOTTED, reason="cannot be known", rule="dynamic-import", level=Level.UNSAFE)
