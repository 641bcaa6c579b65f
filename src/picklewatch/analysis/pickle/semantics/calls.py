"""What is called, and with which arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from picklewatch.analysis.pickle.checks import argument_signs
from picklewatch.analysis.pickle.checks.arguments import Doubt, take_types
from picklewatch.analysis.pickle.checks.foreign_objects import stranger
from picklewatch.analysis.pickle.checks.registry import CHECKS
from picklewatch.analysis.pickle.checks.unvouched import doubt_about
from picklewatch.analysis.pickle.render import render_call
from picklewatch.analysis.pickle.semantics.references import References
from picklewatch.analysis.pickle.vm.torch_storages import nested_storage
from picklewatch.analysis.pickle.vm.values import How, Import, Obj, Opaque, OpaqueKind, Persistent
from picklewatch.catalogue.imports.classify import Judged, looks_like_class
from picklewatch.catalogue.imports.entries import Check, Kind, Status, Use
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.semantics.build import Machine


class Calls(References):
    """What an import is used for."""

    def call(self, callee: Any, args: Any, how: How, offset: int) -> Any:
        """REDUCE, NEWOBJ, NEWOBJ_EX, OBJ, INST: *callee* called with *args*."""
        self.budget.charge(_PER_CALL + (len(args) // 2 if type(args) is tuple else 0))
        if type(callee) is not Import:
            return self._computed_call(callee, args, how, offset)
        judged = callee.judged
        uses = judged.uses
        if how is How.CALL:
            callee.called = True
            if Use.CALL in uses:
                self._look_for_strangers(callee, args, offset)
                if judged.check is not None:
                    return self._checked_call(callee, judged.check, args, offset)
                made = Obj(callee, args, offset, judged.kind)
                if args and callee.name in _HOLDERS:
                    for held in args if type(args) is tuple else ():
                        if type(held) is dict:
                            self.interface(made, held, offset)
                    made.state = NOTHING  # its attributes are set: no pickler gives it more by BUILD
                return made
            return self._doubtful_call(callee, judged, args, how, offset)
        callee.made = True
        if Use.NEW in uses:
            if not args or (type(args) is tuple and not args):
                return Obj(callee, args, offset, judged.kind, How.NEW)
            return self._new_with_args(callee, judged, args, offset)
        return self._doubtful_call(callee, judged, args, how, offset)

    def instantiate(self, callee: Any, args: tuple[Any, ...], offset: int) -> Any:
        """OBJ and INST: a class without arguments is made without ``__init__``, all else is called."""
        how = How.NEW if not args and (not isinstance(callee, Import) or looks_like_class(callee.name)) else How.CALL
        if not args and isinstance(callee, Import) and Use.NEW in callee.judged.uses:
            how = How.NEW
        return self.call(callee, args, how, offset)

    def _checked_call(self, callee: Import, check: Check, args: Any, offset: int) -> Any:
        if check in {Check.RECONSTRUCTOR, Check.NEWOBJ}:
            return self._reconstructed(callee, check, args, offset)
        made = callee.judged.kind
        if made is Kind.SET or callee.name in _HASHING:
            for values in args if type(args) is tuple else ():
                if type(values) in {list, tuple}:
                    self.hashed(values, offset)
        doubt = CHECKS[check](self, callee, args, offset)
        if doubt is None and type(args) is not tuple:
            doubt = Doubt("suspicious-arguments", Level.UNSAFE, f"{callee.key} is given arguments that cannot be seen")
        if doubt is not None:
            self.note_call(callee, doubt, offset, args)
        elif check is Check.GETATTR and isinstance(args[0], Import):
            member = f"{args[0].name}.{args[1]}"
            if Use.NEW in self.judged(args[0].module, member).uses:  # protocols below 4 spell a nested class so
                return self.global_(args[0].module, member, offset)
        kind = Kind.CALLABLE if check in {Check.PARTIAL, Check.GETATTR} else made
        state = nested_storage(cast("Machine", self), args) if check is Check.LOAD_FROM_BYTES else None
        return Obj(callee, args, offset, kind, state=state, known=doubt is None)

    def _look_for_strangers(self, callee: Import, args: Any, offset: int) -> None:
        doubt = stranger(callee, args, self.budget)
        if doubt is not None:
            self.note_call(callee, doubt, offset, args)

    def _new_with_args(self, callee: Import, judged: Judged, args: Any, offset: int) -> Any:
        take_types(args, self)
        if Use.CALL in judged.uses:
            self._look_for_strangers(callee, args, offset)
        if not argument_signs.plain(args, self):
            doubt = Doubt("suspicious-arguments", Level.UNSAFE, f"{callee.key} is made from something other than data")
            self.note_call(callee, doubt, offset, args, How.NEW)
        elif Use.CALL not in judged.uses and (found := argument_signs.sign(args, self)):
            doubt = Doubt("suspicious-arguments", Level.UNVERIFIED, f"{callee.key} is made from {found}")
            self.note_call(callee, doubt, offset, args, How.NEW)
        state = NOTHING if callee.name in _HOLDERS else None
        return Obj(callee, args, offset, judged.kind, How.NEW, state)

    def _reconstructed(self, callee: Import, check: Check, args: Any, offset: int) -> Any:
        """``copyreg._reconstructor(cls, base, state)`` and ``copyreg.__newobj__(cls, *args)``: NEWOBJ otherwise."""
        values = args if isinstance(args, tuple) else ()
        base = values[1] if len(values) > 1 else None
        plain_bases = {
            "object",
            "dict",
            "list",
            "set",
            "frozenset",
            "tuple",
            "str",
            "int",
            "float",
            "bytes",
            "unicode",
            "long",
            "complex",
        }
        odd = not values or type(values[0]) is not Import
        if check is Check.RECONSTRUCTOR:
            builtin = (
                isinstance(base, Import) and base.module in {"builtins", "__builtin__"} and base.name in plain_bases
            )
            odd = odd or len(values) != 3 or not builtin
            rest: Any = () if len(values) < 3 or values[2] is None else (values[2],)
            if isinstance(base, Import) and builtin and rest:
                self._look_for_strangers(base, rest, offset)
        else:
            rest = values[1:]
        if odd:
            doubt = Doubt("indirect-call", Level.UNSAFE, f"{callee.key} is called in an unusual way")
            self.note_call(callee, doubt, offset, args)
        if not values:
            return Obj(callee, args, offset, Kind.UNKNOWN, known=False)
        return self.call(values[0], rest, How.NEW, offset)

    def _doubtful_call(self, callee: Import, judged: Judged, args: Any, how: How, offset: int) -> Any:
        """A call of something that the lists do not vouch for in this use."""
        if judged.status is Status.INDIRECT:
            self.indirect = True
        if callee.level is not Level.MALICIOUS:  # there is no worse to be found
            self.note_call(callee, doubt_about(callee, args, how, self), offset, args, how)
        if judged.status is Status.VOUCHED:
            kind = judged.kind
        else:
            kind = Kind.CODE if judged.status is Status.CODE else Kind.UNKNOWN
        return Obj(callee, args, offset, kind, how, known=judged.status is Status.VOUCHED)

    def _computed_call(self, callee: Any, args: Any, how: How, offset: int) -> Any:
        """A call of what another call returned."""
        root = callee
        for _ in range(_CHAIN):
            if not isinstance(root, Obj):
                break
            root = root.callee
        if isinstance(root, Import) and isinstance(callee, Obj):
            made = self._batch(callee, args, offset)
            if made is None and (_fetches_member(callee) or (callee.kind is Kind.CALLABLE and callee.known)):
                made = self._kept_call(callee, args, offset)
            if made is not None:
                return made
            if root.judged.status is Status.CODE and callee.kind is Kind.CODE:
                return Obj(callee, args, offset, Kind.CODE, how, known=False)
        if isinstance(callee, Obj | Persistent):
            self._report_computed(callee, args, offset)
        else:
            self.finding(
                "malformed-pickle",
                Level.UNSCANNABLE,
                offset,
                "calls something that cannot be called",
                render_call(callee, args),
            )
        return Obj(callee, args, offset, Kind.UNKNOWN, how, known=False)

    def _report_computed(self, callee: Any, args: Any, offset: int) -> None:
        found = argument_signs.sign(args, self)
        self.finding(
            "computed-call",
            Level.MALICIOUS if found in {"code", "a shell command"} else Level.UNSAFE,
            offset,
            "calls what an earlier call returned" + (f", with {found}" if found else ""),
            render_call(callee, args),
        )

    @staticmethod
    def _batch(callee: Obj, args: Any, offset: int) -> Obj | None:
        """What PyTorch Geometric's ``DynamicInheritanceGetter()(Batch, Data)`` makes, called as meant."""
        getter = callee.callee
        meant = isinstance(getter, Import) and getter.key == "torch_geometric.data.batch.DynamicInheritanceGetter"
        classes = args if meant and callee.state is None and isinstance(args, tuple) else ()
        if classes and all(
            isinstance(one, Import)
            and one.judged.status is Status.VOUCHED
            and one.module.startswith("torch_geometric.data.")
            for one in classes
        ):
            return Obj(classes[0], (), offset, Kind.OBJECT)
        return None

    def _kept_call(self, callee: Obj, args: Any, offset: int) -> Any:
        """What the callable that ``partial`` or ``getattr`` made returns for *args*, None if that is not harmless."""
        if (
            not isinstance(callee.callee, Import)
            or not isinstance(callee.args, tuple)
            or not argument_signs.plain(args, self)
        ):
            return None
        values = callee.args
        if callee.callee.name == "getattr":
            fetched = _fetched(values)
            return None if fetched is None else self._member_call(*fetched, args, offset)
        if callee.callee.name == "partial" and callee.state is None and values and isinstance(values[0], Import):
            target = values[0]
            if Use.CALL in target.judged.uses:
                return self.call(target, values[1:] + (args if isinstance(args, tuple) else ()), How.CALL, offset)
        return None

    def _member_call(self, owner: Import, name: str, args: Any, offset: int) -> Any:
        """What ``getattr(Class, 'Inner')(…)`` returns, if that can be judged as the call of ``Class.Inner``."""
        judged = self.judged(owner.module, f"{owner.name}.{name}")
        if Use.CALL not in judged.uses and judged.status is not Status.FOREIGN:
            return None
        return self.call(self.global_(owner.module, f"{owner.name}.{name}", offset), args, How.CALL, offset)


def _fetches_member(callee: Obj) -> bool:
    """Whether *callee* is ``getattr(Class, 'name')``, whose call is judged as the one of ``Class.name``."""
    if not isinstance(callee.callee, Import) or callee.callee.name != "getattr" or callee.kind is not Kind.CALLABLE:
        return False
    return not callee.known and _fetched(callee.args) is not None


def _fetched(args: Any) -> tuple[Import, str] | None:
    """The class and the name that ``getattr`` was given, None if it was given anything else."""
    if not isinstance(args, tuple) or len(args) < 2 or not isinstance(args[0], Import) or not isinstance(args[1], str):
        return None
    return args[0], args[1]


_CHAIN = 64
"""Calls of what calls returned that are followed to the import that they began with; more are ``computed-call``."""
_PER_CALL = 24
"""Units of work that judging a call costs, and one more for every two arguments."""
_HOLDERS = frozenset({"SimpleNamespace", "Namespace", "Values"})
"""Classes that make attributes of their arguments."""
_HASHING = frozenset({"frozenset", "set", "dict", "Counter", "OrderedDict"})
NOTHING = Opaque(OpaqueKind.STATE)
"""The state of what BUILD has given None."""
