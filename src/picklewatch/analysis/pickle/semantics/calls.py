"""Calls: whether a function or class may be called, or instantiated, with the arguments that the pickle gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from picklewatch.analysis.pickle.checks import argument_signs
from picklewatch.analysis.pickle.checks.arguments import values_of
from picklewatch.analysis.pickle.checks.concern import Concern, indirect_call, suspicious_arguments
from picklewatch.analysis.pickle.checks.registry import CHECKS
from picklewatch.analysis.pickle.checks.unvouched import concern_about
from picklewatch.analysis.pickle.render import render_call
from picklewatch.analysis.pickle.semantics.fetched import batch, fetched, fetches_member, given_back, kind_of_call
from picklewatch.analysis.pickle.semantics.taken_arguments import BUILTINS, TakenArguments
from picklewatch.analysis.pickle.vm.values import NOTHING, Blob, How, Import, Obj, Persistent, as_bytes
from picklewatch.catalogue.imports.classify import looks_like_class
from picklewatch.catalogue.imports.entries import Check, Kind, Status, Use
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.analysis.pickle.report import Budget, Storage
    from picklewatch.analysis.pickle.semantics.build import BuildJudge
    from picklewatch.analysis.pickle.semantics.hazards import Hazards
    from picklewatch.analysis.pickle.semantics.imports import ImportTable
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Value
    from picklewatch.catalogue.imports.classify import Judged

    StorageReader = Callable[[bytes | memoryview, Budget], Storage | None]
    """Finds the storage in bytes that ``torch.storage._load_from_bytes`` unpickles."""

# Looked up once, for speed: see `picklewatch.catalogue.imports.entries`.
_ARGUMENT: Final = Kind.ARGUMENT
_CALL: Final = How.CALL
_CALLABLE: Final = Kind.CALLABLE
_CALL_USE: Final = Use.CALL
_CODE: Final = Kind.CODE
_DTYPE: Final = Kind.DTYPE
_CODE_STATUS: Final = Status.CODE
_DICT: Final = Kind.DICT
_FOREIGN: Final = Status.FOREIGN
_GETATTR: Final = Check.GETATTR
_INDIRECT: Final = Status.INDIRECT
_LOAD_FROM_BYTES: Final = Check.LOAD_FROM_BYTES
_NEW: Final = How.NEW
_NEW_USE: Final = Use.NEW
_RECONSTRUCTOR: Final = Check.RECONSTRUCTOR
_UNKNOWN: Final = Kind.UNKNOWN
_VOUCHED: Final = Status.VOUCHED


class CallJudge:
    """Judges calls. It is the `checks.judges.Context` of the checks that it asks."""

    def __init__(
        self,
        observations: Observations,
        hazards: Hazards,
        imports: ImportTable,
        builds: BuildJudge,
        read_storage: StorageReader,
    ) -> None:
        self.observations = observations
        self.hazards = hazards
        self.imports = imports
        self._builds = builds
        self._taken = TakenArguments(observations, hazards)
        self._world = hazards.world
        self._read_storage = read_storage
        self._budget = observations.budget
        self._charge = observations.budget.charge
        self.indirect = False
        """True once something was called that calls its arguments."""

    def build(self, target: Value, state: Value, offset: int) -> None:
        """Judge a state that a called function gives to one of its arguments."""
        self._builds.build(target, state, offset)

    def call(self, callee: Value, args: Value, how: How, offset: int) -> Value:
        """Judge the call of *callee* with *args* and return the value that stands for its result."""
        self._charge(_PER_CALL + (len(args) // 2 if type(args) is tuple else 0))
        if type(callee) is not Import:
            return self._computed_call(callee, args, how, offset)
        if not callee.watched:
            return self._judged_call(callee, args, how, offset)
        made = self._judged_call(callee, args, how, offset)
        if isinstance(made, Obj):
            self._world.made(made)
        return made

    def _judged_call(self, callee: Import, args: Value, how: How, offset: int) -> Value:
        judged = callee.judged
        uses = judged.uses
        if how is _CALL:
            callee.called = True
            if _CALL_USE in uses:
                if judged.check in _REBUILDS:
                    return self._reconstructed(callee, judged.check, args, offset)
                return self._vouched_call(callee, judged, args, offset)
            return self._unvouched_call(callee, judged, args, how, offset)
        callee.made = True
        if _NEW_USE in uses:
            if not args or (type(args) is tuple and not args):
                return Obj(callee, args, offset, judged.kind, _NEW)
            return self._new_with_args(callee, judged, args, offset)
        return self._unvouched_call(callee, judged, args, how, offset)

    def instantiate(self, callee: Value, args: tuple[Value, ...], offset: int) -> Value:
        """Judge OBJ and INST: a class without arguments is made without ``__init__``, all else is called."""
        made = not isinstance(callee, Import) or looks_like_class(callee.name) or _NEW_USE in callee.judged.uses
        return self.call(callee, args, _NEW if not args and made else _CALL, offset)

    def _vouched_call(self, callee: Import, judged: Judged, args: Value, offset: int) -> Value:
        made, check = kind_of_call(callee), judged.check
        if args:
            self._taken.asked(callee, args, offset)
            self._taken.hashed(callee, args, offset)
        concern = None if check is None else CHECKS[check](self, callee, args, offset)
        if concern is None and type(args) is not tuple:
            concern = suspicious_arguments(f"{callee.key} is given arguments that cannot be seen")
        if concern is not None:
            self.observations.note_call(callee, concern, offset, args)
        elif check is _GETATTR and (member := fetched(args)) is not None:
            owner, name = member
            if _NEW_USE in self.imports.judged(owner.module, f"{owner.name}.{name}").uses:
                # protocols below 4 spell a nested class so
                return self.imports.global_(owner.module, f"{owner.name}.{name}", offset)
        if check in _KEEPS:
            made = _CALLABLE
        if made is _ARGUMENT and concern is None and args and type(args) is tuple:
            return args[0]
        if made is _DTYPE and (given := given_back(callee, args)) is not None:
            return given
        state: Value = self._loaded_storage(args) if check is _LOAD_FROM_BYTES else None
        result = Obj(callee, args, offset, made, state=state, known=concern is None)
        if args:
            self._hold(callee, result, offset)
        return result

    def _hold(self, callee: Import, made: Obj, offset: int) -> None:
        """Note the arguments that are the items of *made*; judge those that it makes its attributes."""
        if made.kind is _DICT:
            self.observations.mappings.append((made.args, offset))
        if callee.name not in _HOLDERS:
            return
        for held in values_of(made.args):
            if type(held) is dict:
                self.hazards.interface(made, held, offset)
        made.state = NOTHING  # no pickler gives it more by BUILD

    def _loaded_storage(self, args: Value) -> Storage | None:
        """Return the storage in the bytes that ``_load_from_bytes`` is given, None if there is none."""
        values = values_of(args)
        if len(values) != 1:
            return None
        given = values[0]
        content = given.view() if isinstance(given, Blob) and not given.text else as_bytes(given)
        return None if content is None else self._read_storage(content, self._budget)

    def _new_with_args(self, callee: Import, judged: Judged, args: Value, offset: int) -> Obj:
        if _CALL_USE in judged.uses:
            self._taken.asked(callee, args, offset)
            concern = CHECKS[judged.check](self, callee, args, offset) if judged.check is not None else None
            if concern is not None:
                self.observations.note_call(callee, concern, offset, args, _NEW)
        self._taken.by_base(callee, args, offset)
        if self.observations.data.unkept(args):
            concern = suspicious_arguments(f"{callee.key} is made from something other than data")
            self.observations.note_call(callee, concern, offset, args, _NEW)
        elif _CALL_USE not in judged.uses and (found := argument_signs.sign(args, self.observations)):
            concern = Concern("suspicious-arguments", Level.UNVERIFIED, f"{callee.key} is made from {found}")
            self.observations.note_call(callee, concern, offset, args, _NEW)
        state = NOTHING if callee.name in _HOLDERS else None
        return Obj(callee, args, offset, judged.kind, _NEW, state)

    def _reconstructed(self, callee: Import, check: Check, args: Value, offset: int) -> Value:
        """Judge ``copyreg._reconstructor(cls, base, state)`` and ``copyreg.__newobj__(cls, *args)`` as NEWOBJ."""
        values = values_of(args)
        rest = values[1:]
        usual = bool(values) and type(values[0]) is Import
        if check is _RECONSTRUCTOR:
            base = values[1] if len(values) > 1 else None
            builtin = isinstance(base, Import) and base.module in BUILTINS and base.name in _PLAIN_BASES
            usual = usual and len(values) == 3 and builtin
            rest = () if len(values) < 3 or values[2] is None else (values[2],)
            if isinstance(base, Import) and builtin and rest:
                self._taken.asked(base, rest, offset)
                self._taken.hashed(base, rest, offset)
        elif callee.name == "__newobj_ex__":  # ``(cls, args, keywords)``: what NEWOBJ_EX takes
            given, keywords = rest if len(rest) == _ARGS_AND_KEYWORDS else (None, None)
            usual = usual and type(given) is tuple and type(keywords) is dict
            rest = (*values_of(given), *([keywords] if keywords else []))
        if not usual:
            concern = indirect_call(f"{callee.key} is called in an unusual way")
            self.observations.note_call(callee, concern, offset, args)
        if not values:
            return Obj(callee, args, offset, _UNKNOWN, known=False)
        return self.call(values[0], rest, _NEW, offset)

    def _unvouched_call(self, callee: Import, judged: Judged, args: Value, how: How, offset: int) -> Obj:
        """Report a call of an import that the lists do not vouch for in this use."""
        if judged.status is _INDIRECT:
            self.indirect = True
        if callee.level is not Level.MALICIOUS:  # there is no worse to be found
            concern = concern_about(callee, args, how, self.observations)
            self.observations.note_call(callee, concern, offset, args, how)
        if judged.status is _VOUCHED:
            return Obj(callee, args, offset, judged.kind, how)
        kind = _CODE if judged.status is _CODE_STATUS else _UNKNOWN
        return Obj(callee, args, offset, kind, how, known=False)

    def _computed_call(self, callee: Value, args: Value, how: How, offset: int) -> Value:
        """Judge a call of what another call returned."""
        root = callee
        for _ in range(_CHAIN):
            if not isinstance(root, Obj):
                break
            root = root.callee
        if isinstance(root, Import) and isinstance(callee, Obj):
            made: Value = batch(callee, args, offset)
            if made is None and (fetches_member(callee) or (callee.kind is _CALLABLE and callee.known)):
                made = self._kept_call(callee, args, offset)
            if made is not None:
                return made
            if root.judged.status is _CODE_STATUS and callee.kind is _CODE:
                return Obj(callee, args, offset, _CODE, how, known=False)
        if isinstance(callee, Obj | Persistent):
            self._report_computed(callee, args, offset)
        else:
            self.observations.finding(
                "malformed-pickle",
                Level.UNSCANNABLE,
                offset,
                "calls something that cannot be called",
                render_call(callee, args),
            )
        return Obj(callee, args, offset, _UNKNOWN, how, known=False)

    def _report_computed(self, callee: Value, args: Value, offset: int) -> None:
        found = argument_signs.sign(args, self.observations)
        self.observations.finding(
            "computed-call",
            Level.MALICIOUS if found in {"code", "a shell command"} else Level.UNSAFE,
            offset,
            "calls what an earlier call returned" + (f", with {found}" if found else ""),
            render_call(callee, args),
        )

    def _kept_call(self, callee: Obj, args: Value, offset: int) -> Value:
        """Judge a call of what ``partial`` or ``getattr`` made; None if that is not harmless."""
        if not isinstance(callee.callee, Import) or not isinstance(callee.args, tuple):
            return None
        if self.observations.data.unkept(args):
            return None
        values = callee.args
        if callee.callee.name == "getattr":
            member = fetched(values)
            return None if member is None else self._member_call(*member, args, offset)
        if callee.callee.name == "partial" and callee.state is None and values and isinstance(values[0], Import):
            target = values[0]
            if _CALL_USE in target.judged.uses:
                return self.call(target, (*values[1:], *values_of(args)), _CALL, offset)
        return None

    def _member_call(self, owner: Import, name: str, args: Value, offset: int) -> Value:
        """Judge ``getattr(Class, 'Inner')(…)`` as the call of ``Class.Inner``; None if that cannot be judged."""
        judged = self.imports.judged(owner.module, f"{owner.name}.{name}")
        if _CALL_USE not in judged.uses and judged.status is not _FOREIGN:
            return None
        return self.call(self.imports.global_(owner.module, f"{owner.name}.{name}", offset), args, _CALL, offset)


_ARGS_AND_KEYWORDS = 2
"""What ``copyreg.__newobj_ex__`` is given beside a class."""
_CHAIN = 64
"""Calls of what calls returned that are followed to the import that they began with; more are ``computed-call``."""
_PER_CALL = 24
"""Units of work that judging a call costs, and one more for every two arguments."""
_HOLDERS = frozenset({"SimpleNamespace", "Namespace", "Values"})
"""Classes that make attributes of their arguments."""
_REBUILDS = frozenset({Check.RECONSTRUCTOR, Check.NEWOBJ})
"""Checks of functions whose call is judged as the one of NEWOBJ."""
_KEEPS = frozenset({Check.PARTIAL, Check.GETATTR})
"""Checks of functions that return a callable."""
_PLAIN_BASES = frozenset(
    {"object", "dict", "list", "set", "frozenset", "tuple", "str", "int", "float", "bytes", "unicode", "long"}
    | {"complex"}
)
"""Classes that ``copyreg._reconstructor`` makes an instance of by calling nothing else."""
