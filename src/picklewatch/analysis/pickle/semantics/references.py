"""What a pickle names that is not in it: imports and persistent ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from picklewatch.analysis.pickle.checks import torch_tensors
from picklewatch.analysis.pickle.checks.unvouched import referenced
from picklewatch.analysis.pickle.render import cut, render
from picklewatch.analysis.pickle.semantics.hazards import Hazards
from picklewatch.analysis.pickle.vm.values import Blob, Import, Obj, Opaque, Persistent
from picklewatch.catalogue.imports.classify import LONGEST_NAME, Judged, judge
from picklewatch.catalogue.imports.entries import Status
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.report import Storage


class References(Hazards):
    """Imports and persistent ids."""

    def global_(self, module: str, name: str, offset: int) -> Import:
        """GLOBAL, STACK_GLOBAL and INST's import."""
        key = (module, name)
        found = self.imports.get(key)
        if found is None:
            judged = self.judged(module, name)
            found = Import(cut(module, LONGEST_NAME), cut(name, LONGEST_NAME), judged, offset)
            self.imports[key] = found
            if judged.status is Status.CODE:
                self.code_bearing = True
            elif judged.status is Status.DENIED:
                self.say(judged.rule, Level.UNSAFE, offset, referenced(found), "", subject=found.key)
        return found

    def judged(self, module: str, name: str) -> Judged:
        """What the lists say of an import; names that are too long for any list are of the worst that they could be."""
        self.budget.charge(_PER_NAME + 4 * min(len(module) + len(name), LONGEST_NAME))
        return judge(module, name) if len(module) + len(name) < LONGEST_NAME else _TOO_LONG

    def stack_global(self, module: Any, name: Any, offset: int) -> Import:
        """STACK_GLOBAL's operands are constants, or nobody can know what is imported."""
        if isinstance(module, Blob) and module.text:
            module = module.read().decode("utf-8", "replace")
        if isinstance(name, Blob) and name.text:
            name = name.read().decode("utf-8", "replace")
        if type(module) is str and type(name) is str:
            return self.global_(module, name, offset)
        computed = isinstance(module, Obj | Persistent | Opaque) or isinstance(name, Obj | Persistent | Opaque)
        self.finding(
            "dynamic-import",
            Level.MALICIOUS,
            offset,
            "an import's name is computed while loading" if computed else "an import's name is not a text",
            f"from {render(module, 100)} import {render(name, 100)}",
        )
        return Import("?", "?", _DYNAMIC, offset)

    def extension(self, code: int, offset: int) -> Import:
        """EXT1, EXT2, EXT4: whatever some module registered under *code*."""
        self.finding(
            "extension-registry",
            Level.UNSAFE,
            offset,
            f"imports whatever is registered as extension {code}, which cannot be known",
        )
        return Import("copyreg", f"?extension_{code}", _DYNAMIC, offset)

    def persistent_id(self, pid: Any, offset: int) -> Any:
        """BINPERSID and PERSID."""
        self.budget.charge(_PER_ID)
        storage = torch_tensors.storage_of(pid)
        if storage is not None:
            return self._storage(pid, storage, offset)
        if isinstance(pid, tuple) and len(pid) > 1 and pid[0] == "module" and isinstance(pid[1], Import):
            return pid[1]  # torch legacy: a class beside its source text, which is only compared
        if self.persistent:
            self.finding(
                "unusual-persistent-id",
                Level.UNSAFE,
                offset,
                "a persistent id is not one of a torch storage",
                render(pid, 200),
            )
        else:
            self._needs_loader(offset, pid)
        return Persistent(pid)

    def _needs_loader(self, offset: int, pid: Any) -> None:
        if "persistent-id" in self.spoken:
            return
        summary = "refers to objects that only a loader of its own could supply; pickle.load stops here"
        self.once("persistent-id", Level.UNVERIFIED, offset, summary, render(pid, 200))

    def _storage(self, pid: Any, storage: Storage, offset: int) -> Persistent:
        if storage.elements < 0:
            self.finding(
                "tensor-out-of-bounds",
                Level.MALICIOUS,
                offset,
                "a storage declares an impossible size",
                render(pid, 200),
            )
        if storage.element_size is None:
            self.finding(
                "unusual-persistent-id",
                Level.UNSAFE,
                offset,
                "a storage is of a class whose elements have no known size, so its own can't be checked",
                render(pid, 200),
            )
        known = self.storages.setdefault(storage.key, storage)
        if known is not storage and (known.kind != storage.kind or known.elements != storage.elements):
            self._storage_twice(known, storage, pid, offset)
        if not self.persistent:
            self._needs_loader(offset, pid)
        return Persistent(pid, storage)

    def _storage_twice(self, known: Storage, storage: Storage, pid: Any, offset: int) -> None:
        """Torch loads a record once and takes the first declaration's size for all."""
        one, two = known.element_size, storage.element_size
        if one is None or two is None or known.elements * one != storage.elements * two:
            self.finding(
                "tensor-out-of-bounds",
                Level.MALICIOUS,
                offset,
                f"storage {storage.key[:40]!r} is declared twice with different sizes",
                render(pid, 200),
            )


_PER_NAME = 250
"""Units of work that judging a name costs."""
_PER_ID = 5
"""Units of work that a persistent id costs."""
_TOO_LONG = Judged(status=Status.DOTTED, reason="too long for a name", rule="dotted-import", level=Level.UNSAFE)
_DYNAMIC = Judged(status=Status.DOTTED, reason="cannot be known", rule="dynamic-import", level=Level.UNSAFE)
