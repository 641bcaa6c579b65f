"""What the opcodes mean: imports, calls, BUILD, the filling of containers, on values that stand for objects."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from picklewatch.engine import attributes, signs, tensors
from picklewatch.engine.checking import Doubt, take_types
from picklewatch.engine.checks import CHECKS
from picklewatch.engine.doubts import doubt_about, referenced
from picklewatch.engine.judge import Judged, judge, looks_like_class
from picklewatch.engine.render import render, render_call
from picklewatch.engine.report import Nested
from picklewatch.engine.states import check_state
from picklewatch.engine.values import DICT_CAP, LIST_CAP, Blob, Import, Obj, Opaque, Persistent
from picklewatch.model import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterable

    from picklewatch.engine.report import Budget, Storage

RANK = {level: rank for rank, level in enumerate(Level)}
_HOOKS = frozenset({"__setstate__", "append", "extend", "add", "__class__", "__dict__"})
"""Attributes of an object that the unpickler itself looks up and calls, or that change what the object is."""
_FINDINGS = 5_000
"""Structural findings kept during one walk."""
_LONGEST_NAME = 400
"""Characters of an import's two names; honest ones have a quarter of that, and patterns must not see more."""
_NESTED = 2_000
_NESTED_BYTES = 1 << 28
_SEARCHED = 1 << 16
"""Bytes of a constant that are searched for an import."""
_IMPORT_TEXT = re.compile(rb"c([A-Za-z_][\w.]{0,80})\n([A-Za-z_][\w.]{0,80})\n")
_EMBEDDED_TEXT = re.compile(rb"[c(]{1,3}[A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n")


class Machine:
    """The state of one walk other than the stack and the memo."""

    def __init__(self, where: str, budget: Budget, *, persistent: bool, arrays_inline: bool) -> None:
        self.prefix = f"{where}:" if where else ""
        self.budget = budget
        self.tell = budget.tell
        """Told of harm at once; None where whoever walks decides later whether it counts."""
        self.persistent = persistent
        self.arrays_inline = arrays_inline
        self.findings: list[Finding] = []
        self.imports: dict[tuple[str, str], Import] = {}
        self.storages: dict[str, Storage] = {}
        self.nested: list[Nested] = []
        self.nested_bytes = 0
        self.gaps: list[tuple[int, int]] = []
        """Bytes between opcodes that joblib reads as arrays: begin and end of each."""
        self.spoken: set[str] = set()
        self.hash_work = 0
        self.hash_sizes: dict[int, tuple[int, Any]] = {}
        self.code_bearing = False
        self.indirect = False
        self.blind: dict[int, Any] = {}
        """Dictionaries, by identity, with keys that `set_items` does not know or did not keep."""

    # --- findings ---

    def where(self, offset: int) -> str:
        """*offset* as findings spell it."""
        return f"{self.prefix}{offset:#x}"

    def finding(self, rule: str, level: Level, offset: int, summary: str, evidence: str = "") -> None:
        """Record one observation that is not about an import."""
        if len(self.findings) < _FINDINGS:
            self.findings.append(self.made(rule, level, offset, summary, evidence))
            self._tell(rule, level, offset, summary, evidence)

    def made(  # noqa: PLR0913 - a finding's fields
        self, rule: str, level: Level, offset: int, summary: str, evidence: str, *, subject: str = ""
    ) -> Finding:
        """Make a finding about *offset*, with its texts cut to length."""
        return Finding(
            rule=rule,
            level=level,
            where=self.where(offset),
            summary=summary[:400],
            evidence=evidence[: self.budget.limits.evidence],
            subject=subject if len(subject) < _LONGEST_NAME else "",
        )

    def _tell(  # noqa: PLR0913 - a finding's fields
        self, rule: str, level: Level, offset: int, summary: str, evidence: str, *, subject: str = ""
    ) -> None:
        """Say harm at once, as far as nothing that follows can make it look better."""
        if self.tell is not None and RANK[level] >= RANK[Level.UNSAFE]:
            self.tell(self.made(rule, level, offset, summary, evidence, subject=subject))

    def once(self, rule: str, level: Level, offset: int, summary: str, evidence: str = "") -> None:
        """Record an observation of which one a pickle is enough."""
        if rule not in self.spoken:
            self.spoken.add(rule)
            self.finding(rule, level, offset, summary, evidence)

    def note(self, imported: Import, doubt: Doubt, offset: int, evidence: str) -> None:
        """Record something about an import; the worst stays."""
        if imported.level is None or RANK[doubt.level] > RANK[imported.level]:
            imported.level, imported.rule = doubt.level, doubt.rule
            imported.summary, imported.evidence, imported.at = doubt.summary, evidence, offset
            level = doubt.level if imported.called else min(doubt.level, Level.UNSAFE, key=RANK.__getitem__)
            self._tell(doubt.rule, level, offset, doubt.summary, evidence, subject=imported.key)

    # --- imports ---

    def global_(self, module: str, name: str, offset: int) -> Import:
        """GLOBAL, STACK_GLOBAL and INST's import."""
        key = (module, name)
        found = self.imports.get(key)
        if found is None:
            judged = judge(module, name) if len(module) + len(name) < _LONGEST_NAME else _TOO_LONG
            found = self.imports[key] = Import(module, name, judged, offset)
            if judged.status == "code":
                self.code_bearing = True
            elif judged.status == "denied":
                self._tell(judged.rule, Level.UNSAFE, offset, referenced(found), "", subject=found.key)
        return found

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

    # --- persistent ids ---

    def persistent_id(self, pid: Any, offset: int) -> Any:
        """BINPERSID and PERSID."""
        storage = tensors.storage_of(pid)
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
        self.once(
            "persistent-id",
            Level.UNVERIFIED,
            offset,
            "refers to objects that only a loader of its own could supply; pickle.load stops here",
            render(pid, 200),
        )

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

    # --- calls ---

    def call(self, callee: Any, args: Any, how: str, offset: int) -> Any:
        """REDUCE, NEWOBJ, NEWOBJ_EX, OBJ, INST: *callee* called with *args*."""
        if type(callee) is not Import:
            return self._computed_call(callee, args, how, offset)
        judged = callee.judged
        uses = judged.uses
        if how == "call":
            callee.called = True
            if "C" in uses:
                if judged.check:
                    return self._checked_call(callee, judged, args, offset)
                made = Obj(callee, args, offset, judged.kind)
                if args and callee.name in _HOLDERS:
                    for held in args if type(args) is tuple else ():
                        if type(held) is dict:
                            self._interface(made, held, offset)
                    made.state = _NOTHING  # its attributes are set: no pickler gives it more by BUILD
                return made
            return self._doubtful_call(callee, judged, args, how, offset)
        callee.made = True
        if "N" in uses:
            if not args or (type(args) is tuple and not args):
                return Obj(callee, args, offset, judged.kind, "new")
            return self._new_with_args(callee, judged, args, offset)
        return self._doubtful_call(callee, judged, args, how, offset)

    def instantiate(self, callee: Any, args: tuple[Any, ...], offset: int) -> Any:
        """OBJ and INST: a class without arguments is made without ``__init__``, all else is called."""
        how = "new" if not args and (not isinstance(callee, Import) or looks_like_class(callee.name)) else "call"
        if not args and isinstance(callee, Import) and "N" in callee.judged.uses:
            how = "new"
        return self.call(callee, args, how, offset)

    def _checked_call(self, callee: Import, judged: Judged, args: Any, offset: int) -> Any:
        if judged.check in {"reconstructor", "newobj"}:
            return self._reconstructed(callee, judged, args, offset)
        if judged.kind == "set" or callee.name in _HASHING:
            for values in args if type(args) is tuple else ():
                self.hashed(values if type(values) in {list, tuple} else (), offset)
        doubt = CHECKS[judged.check](self, callee, args, offset)
        if doubt is None and type(args) is not tuple:
            doubt = Doubt("suspicious-arguments", Level.UNSAFE, f"{callee.key} is given arguments that cannot be seen")
        if doubt is not None:
            self.note(callee, doubt, offset, render_call(callee, args))
        elif judged.check == "getattr" and isinstance(args[0], Import):
            member = f"{args[0].name}.{args[1]}"
            if "N" in judge(args[0].module, member).uses:  # protocols below 4 spell a nested class so
                return self.global_(args[0].module, member, offset)
        kind = "callable" if judged.check in {"partial", "getattr"} else judged.kind
        return Obj(callee, args, offset, kind, known=doubt is None)

    def _new_with_args(self, callee: Import, judged: Judged, args: Any, offset: int) -> Any:
        take_types(args)
        if not signs.plain(args):
            doubt = Doubt("suspicious-arguments", Level.UNSAFE, f"{callee.key} is made from something other than data")
            self.note(callee, doubt, offset, render_call(callee, args, "new"))
        elif "C" not in judged.uses and signs.sign(args):
            doubt = Doubt("suspicious-arguments", Level.UNVERIFIED, f"{callee.key} is made from {signs.sign(args)}")
            self.note(callee, doubt, offset, render_call(callee, args, "new"))
        state = _NOTHING if callee.name in _HOLDERS else None
        return Obj(callee, args, offset, judged.kind, "new", state)

    def _reconstructed(self, callee: Import, judged: Judged, args: Any, offset: int) -> Any:
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
        if judged.check == "reconstructor":
            builtin = (
                isinstance(base, Import) and base.module in {"builtins", "__builtin__"} and base.name in plain_bases
            )
            odd = odd or len(values) != 3 or not builtin
            rest: Any = () if len(values) < 3 or values[2] is None else (values[2],)
        else:
            rest = values[1:]
        if odd:
            doubt = Doubt("indirect-call", Level.UNSAFE, f"{callee.key} is called in an unusual way")
            self.note(callee, doubt, offset, render_call(callee, args))
        if not values:
            return Obj(callee, args, offset, "unknown", known=False)
        return self.call(values[0], rest, "new", offset)

    def _doubtful_call(self, callee: Import, judged: Judged, args: Any, how: str, offset: int) -> Any:
        """A call of something that the lists do not vouch for in this use."""
        if judged.status == "indirect":
            self.indirect = True
        if callee.level is not Level.MALICIOUS:  # there is no worse to be found
            doubt = doubt_about(callee, args, how)
            worse = callee.level is None or RANK[doubt.level] > RANK[callee.level]
            self.note(callee, doubt, offset, render_call(callee, args, how) if worse else "")
        kind = {"code": "code", "vouched": judged.kind}.get(judged.status, "unknown")
        return Obj(callee, args, offset, kind, how, known=judged.status == "vouched")

    def _computed_call(self, callee: Any, args: Any, how: str, offset: int) -> Any:
        """A call of what another call returned."""
        root = callee
        for _ in range(64):
            if not isinstance(root, Obj):
                break
            root = root.callee
        if isinstance(root, Import) and isinstance(callee, Obj):
            if _fetches_member(callee) and self._kept_call(callee, args, offset):
                return Obj(callee, args, offset, "unknown", how, known=False)
            if root.judged.status == "code" and callee.kind == "code":
                return Obj(callee, args, offset, "code", how, known=False)
            if callee.kind == "callable" and callee.known and self._kept_call(callee, args, offset):
                return Obj(callee, args, offset, "object", how)
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
        return Obj(callee, args, offset, "unknown", how, known=False)

    def _report_computed(self, callee: Any, args: Any, offset: int) -> None:
        found = signs.sign(args)
        self.finding(
            "computed-call",
            Level.MALICIOUS if found in {"code", "a shell command"} else Level.UNSAFE,
            offset,
            "calls what an earlier call returned" + (f", with {found}" if found else ""),
            render_call(callee, args),
        )

    def _kept_call(self, callee: Obj, args: Any, offset: int) -> bool:
        """Whether the callable that ``partial`` or ``getattr`` made is harmless to call with *args*."""
        if not isinstance(callee.callee, Import) or not isinstance(callee.args, tuple) or not signs.plain(args):
            return False
        values = callee.args
        if callee.callee.name == "getattr":
            return isinstance(values[0], Import) and self._member_call(values[0], values[1], args, offset)
        if callee.callee.name == "partial" and callee.state is None and values and isinstance(values[0], Import):
            target = values[0]
            if "C" in target.judged.uses:
                self.call(target, values[1:] + (args if isinstance(args, tuple) else ()), "call", offset)
                return True
        return False

    def _member_call(self, owner: Import, name: str, args: Any, offset: int) -> bool:
        """Whether ``getattr(Class, 'Inner')(…)`` can be judged as the call of ``Class.Inner``."""
        judged = judge(owner.module, f"{owner.name}.{name}")
        if "C" in judged.uses:
            return True
        if judged.status != "foreign":
            return False
        self.call(self.global_(owner.module, f"{owner.name}.{name}", offset), args, "call", offset)
        return True

    # --- BUILD ---

    def build(self, target: Any, state: Any, offset: int) -> None:
        """BUILD: ``__setstate__``, or the instance's ``__dict__`` and slots."""
        if type(target) is not Obj:
            self._build_on_other(target, state, offset)
            return
        if target.hijacked is not None:
            for name in ("__setstate__", _UNSEEN):
                if name in target.hijacked:
                    self.hijacked_call(target, name, (state,), offset)
        fetched = target.kind == "callable" and isinstance(target.callee, Import) and target.callee.name == "getattr"
        of_object = fetched and isinstance(target.args, tuple) and target.args and isinstance(target.args[0], Obj)
        if of_object or ((target.kind in _NO_STATE or fetched) and target.known):
            self._out_of_kind("BUILD", target, offset, render(state, 200))
        if target.state is not None:
            self._built_twice(target, state, offset)
        state = self._seen_state(target, state, offset)
        check_state(self, target, state, offset)
        self._look_for_hooks(target, state, offset)
        target.state = _NOTHING if state is None else state

    def _built_twice(self, target: Obj, state: Any, offset: int) -> None:
        """No pickler does: what uses the first state (an array its type's size) is pulled the rug from under."""
        self.finding(
            "opcode-out-of-kind",
            Level.MALICIOUS if target.known else Level.UNSAFE,
            offset,
            f"BUILD changes {render(target.callee, 100)} a second time",
            render(state, 200),
        )

    def _seen_state(self, target: Obj, state: Any, offset: int) -> Any:
        """*state* with what is as good as a dict as one; one that hides the names it sets is told."""
        parts = attributes.split(state)
        if attributes.obscure(target, state) or any(
            id(part) in self.blind or attributes.hidden(target, part) for part in parts
        ):
            self.finding(
                "hijacked-method",
                Level.UNSAFE,
                offset,
                f"the names of the attributes that {render(target.callee, 100)} is given cannot be seen",
                render(state, 200),
            )
        return parts if len(parts) > 1 else parts[0]

    def _build_on_other(self, target: Any, state: Any, offset: int) -> None:
        if isinstance(target, Import):
            if target.judged.status == "code" or self.code_bearing:
                doubt = Doubt("code-bearing", Level.UNSAFE, f"changes {target.key}")
            else:
                doubt = Doubt(
                    "interpreter-state", Level.MALICIOUS, f"changes {target.key} itself for the whole process"
                )
            self.note(target, doubt, offset, f"{render(target)}.__setstate__({render(state, 200)})")
            return
        self._out_of_kind("BUILD", target, offset, render(state, 200))

    def _look_for_hooks(self, target: Obj, state: Any, offset: int) -> None:
        pair = 2
        slots = None
        if isinstance(state, tuple) and len(state) == pair:
            state, slots = state
        for number, named in enumerate((state, slots)):
            if not isinstance(named, dict):
                continue
            self._interface(target, named, offset)
            for name in _HOOKS.intersection(named):
                value = named[name]
                if name in {"__class__", "__dict__"}:
                    if number:
                        self.finding(
                            "hijacked-method",
                            Level.MALICIOUS,
                            offset,
                            f"replaces {name} of an object",
                            render(value, 200),
                        )
                elif isinstance(value, Import | Obj | Persistent):
                    target.hijacked = {**(target.hijacked or {}), name: value}

    def _interface(self, target: Obj, named: dict[Any, Any], offset: int) -> None:
        """What others ask any object for: methods, and an address in memory with a shape, believed as it is."""
        for name in _INTERFACES.intersection(named):
            if named[name] is not None:
                self.finding(
                    "hijacked-method",
                    Level.MALICIOUS,
                    offset,
                    f"gives {render(target.callee, 100)} an array's interface: memory at an address from the file",
                    render(named[name], 200),
                )
        for name in _METHODS.intersection(named):
            if _may_be_called(named[name]):
                self.finding(
                    "hijacked-method",
                    Level.UNSAFE,
                    offset,
                    f"puts a callable where others would call the method {name} of {render(target.callee, 100)}",
                    render(named[name], 200),
                )

    def hijacked_call(self, target: Obj, name: str, args: Any, offset: int) -> None:
        """The unpickler calls a method that the pickle has put in the object's own attributes."""
        value = (target.hijacked or {})[name]
        self.finding(
            "hijacked-method",
            Level.MALICIOUS,
            offset,
            f"has the unpickler call a method {name} that it put there itself",
            render_call(value, args),
        )
        if type(value) is Import:
            self.call(value, args, "call", offset)

    # --- containers ---

    def set_items(self, target: Any, items: list[Any], offset: int) -> None:
        """SETITEM and SETITEMS: keys and values in turn."""
        self.hashed(items[::2], offset)
        if type(target) is dict:
            if len(target) < DICT_CAP:
                for number in range(0, len(items) - 1, 2):
                    key = items[number]
                    if type(key) is str or type(key) is int:
                        target[key] = items[number + 1]
                    elif isinstance(key, attributes.COMPUTED):
                        self.blind[id(target)] = target
            else:
                self.blind[id(target)] = target
            return
        if type(target) is Obj and (target.kind in _TAKE_ITEMS or not target.known):
            if target.kind == "dict":
                if target.items is None:
                    target.items = {}
                self.set_items(target.items, items, offset)
            self._hooks_among(target, items, offset)
            if target.kind == "object" and target.known:
                self._filled_late("SETITEM", target, offset)
            return
        self._out_of_kind("SETITEM", target, offset, render_call(target, items[:4]))

    def hashed(self, values: Iterable[Any], offset: int) -> None:
        """Keys and members of sets are hashed; a tuple hashes all in it each time, however often it is shared.

        Sixty tuples of two, each of the one before twice, would take longer to hash than the machine lives.
        """
        for value in values:
            if type(value) is not tuple:
                continue
            known = self.hash_sizes.get(id(value))
            if known is not None:
                self.hash_work += known[0]
            elif len(value) > _SMALL or any(type(part) is tuple for part in value):
                self.hash_work += _nodes(value, self.hash_sizes)
        if self.hash_work > _HASH_WORK:
            self.once(
                "resource-bomb", Level.UNSAFE, offset, "shared tuples would take minutes or for ever to be hashed"
            )

    def _hooks_among(self, target: Obj, items: list[Any], offset: int) -> None:
        """Dictionaries with attributes (``EasyDict``) give an item where the unpickler asks for a method."""
        for number in range(0, len(items) - 1, 2):
            key, value = items[number], items[number + 1]
            if target.kind == "object" and target.known and _may_be_called(key):  # a DataFrame calls such a key
                self._out_of_kind("SETITEM", target, offset, render_call(target, [key, value]))
            if type(key) is str and key in _INTERFACES:
                self._interface(target, {key: value}, offset)
            if type(key) is str:
                if key in _HOOKS and isinstance(value, Import | Obj | Persistent):
                    target.hijacked = {**(target.hijacked or {}), key: value}
            elif type(key) is Obj and key.kind in {"atom", "callable"} and isinstance(value, Import | Obj | Persistent):
                target.hijacked = {**(target.hijacked or {}), _UNSEEN: value}

    def _filled_late(self, what: str, target: Obj, offset: int) -> None:
        """Picklers fill an object before BUILD; after it, the object's own state says what filling does."""
        if target.state is not None:
            self.finding(
                "opcode-out-of-kind",
                Level.MALICIOUS if target.known else Level.UNSAFE,
                offset,
                f"{what} fills {render(target.callee, 100)} after BUILD has given it its state",
                render(target.state, 200),
            )

    def append(self, target: Any, items: list[Any], offset: int) -> None:
        """APPEND and APPENDS."""
        if type(target) is list:
            if len(target) < LIST_CAP:
                target.extend(items)
            return
        if type(target) is Obj:
            if target.hijacked is not None:
                for name in ("extend", "append"):
                    if name in target.hijacked:
                        self.hijacked_call(target, name, (items[:8],), offset)
            if target.kind in _TAKE_MORE or not target.known:
                self._filled_late("APPEND", target, offset)
                return
        self._out_of_kind("APPEND", target, offset, render_call(target, items[:4]))

    def add_items(self, target: Any, items: list[Any], offset: int) -> None:
        """ADDITEMS."""
        self.hashed(items, offset)
        if isinstance(target, Opaque) and target.kind == "set":
            return
        if type(target) is Obj:
            if target.hijacked is not None and "add" in target.hijacked:
                self.hijacked_call(target, "add", tuple(items[:8]), offset)
            if target.kind in {"set", "object", "unknown", "code"} or not target.known:
                self._filled_late("ADDITEMS", target, offset)
                return
        self._out_of_kind("ADDITEMS", target, offset, render_call(target, items[:4]))

    def _out_of_kind(self, what: str, target: Any, offset: int, evidence: str) -> None:
        name = render(target.callee, 100) if isinstance(target, Obj) else type(target).__name__
        if isinstance(target, Import):
            name = target.key[:200]
        self.finding(
            "opcode-out-of-kind",
            Level.MALICIOUS,
            offset,
            f"{what} is used on something that it is not for ({name})",
            evidence,
        )

    # --- bytes inside bytes ---

    def nest(self, content: bytes, offset: int, why: str) -> None:
        """Remember bytes that something would unpickle."""
        if len(self.nested) >= _NESTED or self.nested_bytes + len(content) > _NESTED_BYTES:
            self.once(
                "limit-nested", Level.UNSCANNABLE, offset, "holds too many or too large pickles within the pickle"
            )
            return
        self.nested_bytes += len(content)
        self.nested.append(Nested(data=content, where=self.where(offset), why=why))

    def embedded(self, content: bytes | None, offset: int) -> None:
        """Remember bytes that look like a whole pickle with imports."""
        shortest = 8
        if content is None or len(content) < shortest:
            return
        newest = 5
        if content[0] == 0x80:
            if (
                content[1] <= newest
                and content.rstrip(b"\n\0 ")[-1:] == b"."
                and (b"c" in content or b"\x93" in content or b"i" in content)
            ):
                self.nest(content, offset, "embedded")
            return
        whole = content[:1] in {b"c", b"("} and _EMBEDDED_TEXT.match(content) and b"." in content[-8:]
        if whole or content.startswith(b"PK\x03\x04"):
            self.nest(content, offset, "embedded")
        else:
            self._embedded_import(content, offset)

    def _embedded_import(self, content: bytes, offset: int) -> None:
        """An import of something dangerous, spelt as protocol 0 does, in the middle of bytes."""
        for match in _IMPORT_TEXT.finditer(content[:_SEARCHED]):
            if judge(match[1].decode("latin1"), match[2].decode("latin1")).level is Level.MALICIOUS:
                self.nest(content[match.start() :], offset + match.start(), "embedded")
                return


def _fetches_member(callee: Obj) -> bool:
    """Whether *callee* is ``getattr(Class, 'name')``, whose call is judged as the one of ``Class.name``."""
    if not isinstance(callee.callee, Import) or callee.callee.name != "getattr" or callee.kind != "callable":
        return False
    return not callee.known and isinstance(callee.args, tuple) and isinstance(callee.args[0], Import)


_METHOD_NAMES = (
    "keys values items get setdefault update pop popitem clear remove discard insert index read readline readinto seek "
    "tell write detach requires_grad_ as_subclass set_ view numpy __array__ __array_wrap__ __array_prepare__ "
    "__array_finalize__ __dlpack__ __reduce__ __reduce_ex__ __deepcopy__ __getstate__ __iter__ __next__ "
    "__len__ __getitem__ __call__ __float__ __int__ __index__ __hash__ __eq__"
)
_METHODS = frozenset(_METHOD_NAMES.split())
"""Methods that harmless functions call of what they are given; an object's own attribute comes before its class's."""


def _may_be_called(value: Any) -> bool:
    if isinstance(value, Import):
        return not looks_like_class(value.name)
    return isinstance(value, Obj) and value.kind == "callable"


_INTERFACES = frozenset({"__array_interface__", "__array_struct__", "__cuda_array_interface__"})
"""Attributes that stand for an array at an address."""
_HOLDERS = frozenset({"SimpleNamespace", "Namespace", "Values"})
"""Classes that make attributes of their arguments."""
_UNSEEN = "?"
"""A name that was computed: it may be that of any method."""


def _nodes(root: tuple[Any, ...], sizes: dict[int, tuple[int, Any]]) -> int:
    """How many values hashing *root* looks at; *sizes* keeps what is known of tuples, and the tuples themselves."""
    waiting = [root]
    while waiting:
        value = waiting[-1]
        unknown = [part for part in value if type(part) is tuple and id(part) not in sizes]
        if unknown:
            waiting += unknown
            continue
        waiting.pop()
        size = 1 + sum(sizes[id(part)][0] if type(part) is tuple else 1 for part in value)
        sizes[id(value)] = (min(size, _HASH_WORK + 1), value)
    return sizes[id(root)][0]


_HASHING = frozenset({"frozenset", "set", "dict", "Counter", "OrderedDict"})
_SMALL = 16
_HASH_WORK = 100_000_000
"""Values that hashing keys may look at in one pickle: some seconds' worth."""
_NOTHING = Opaque("state")
"""The state of what BUILD has given None."""
_NO_STATE = frozenset({"atom", "tensor", "storage", "scalar", "ndarray-done", "bytearray", "shared"})
_TAKE_ITEMS = frozenset({"dict", "object", "unknown", "code"})
_TAKE_MORE = frozenset({"list", "object", "unknown", "code"})
_TOO_LONG = Judged(status="dotted", reason="too long for a name", rule="dotted-import", level=Level.UNSAFE)
_DYNAMIC = Judged(status="dotted", reason="cannot be known", rule="dynamic-import", level=Level.UNSAFE)
