"""Following the pickle machine in words: what would be on its stack, what would be imported and called. Nothing is.

Every value is a short text; a call's result is named ``v1``, ``v2``, …, so that texts stay short however often and
deep values are shared, and the cost stays linear in the number of opcodes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from picklewatch.inspect.opcodes import GAP, NO_GAPS, BrokenError, Op, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from picklewatch.inspect.opcodes import Buffer

TEXT: Final = 240
"""Characters of one value's text."""
STATEMENT: Final = 2_000
"""Characters of one statement."""
SET: Final = ("{ ", "}")
"""What stands around the items of a set."""
HEAD: Final = 12
"""Items of a container that its text shows."""


@dataclass(slots=True, eq=False)
class Value:
    """One value on the stack."""

    plain: str = ""
    """Its text, unless it is a container."""
    name: str = ""
    """For an import, ``module.name``."""
    raw: str | None = None
    """For a text constant, its characters (some, if it is long)."""
    brackets: tuple[str, str] | None = None
    """For a container, what stands around its items."""
    items: list[str] = field(default_factory=list)
    count: int = 0

    @property
    def text(self) -> str:
        """How a person reads it, at most `TEXT` characters."""
        if self.brackets is None:
            return self.plain
        if not self.count and self.brackets == SET:
            return "set()"
        more = f", … {self.count - len(self.items)} more" if self.count > len(self.items) else ""
        comma = "," if self.brackets[0] == "(" and self.count == 1 else ""
        opening, closing = self.brackets[0].rstrip(), self.brackets[1]
        return clip(opening + ", ".join(self.items) + more + comma + closing, TEXT)

    def add(self, texts: list[str]) -> None:
        """Put items into the container."""
        self.items.extend(texts[: max(0, HEAD - len(self.items))])
        self.count += len(texts)


@dataclass(frozen=True, slots=True)
class Act:
    """What reaches beyond plain data: an import, a call, a state given to an object, a persistent id."""

    kind: str
    """``import``, ``call``, ``state`` or ``persistent``."""
    name: str
    """``module.name`` of what is imported or called, where that is known."""
    statement: str
    """The Python that would do the same."""
    arguments: str = ""
    """What a call is given, as it stands between the parentheses."""


@dataclass(frozen=True, slots=True)
class Step:
    """One opcode and what it did."""

    op: Op
    acts: tuple[Act, ...]
    trouble: str
    """Why a real unpickler would stop here; empty if it would go on."""


def clip(text: str, length: int) -> str:
    """*text*, cut in its middle to *length* characters."""
    if len(text) <= length:
        return text
    tail = length // 4
    return f"{text[: length - tail - 1]}…{text[-tail:]}"


def constant(value: object, length: int = 0) -> str:
    """How a constant reads; *length* says how long a text or bytes really are."""
    text = repr(value)
    if isinstance(value, str | bytes) and length > TEXT:
        kind = "characters" if isinstance(value, str) else "bytes"
        return f"{clip(text, TEXT - 30)} ({length} {kind})"
    return clip(text, TEXT)


class StuckError(Exception):
    """The machine can't do what the opcode says: a real one would raise here."""


class Machine:
    """Follows one pickle. Iterate over `run`; `stack`, `memo` and `depth` are the state after the step given last."""

    def __init__(self) -> None:
        self.stack: list[Value] = []
        self._marks: list[list[Value]] = []
        """What lies below each open mark."""
        self._below = 0
        """Values and marks in all of it."""
        self.memo: dict[int, Value] = {}
        self._calls = 0
        self._acts: list[Act] = []
        self.result: Value | None = None
        """What loading would return, after STOP."""

    @property
    def depth(self) -> int:
        """Marks that are open."""
        return len(self._marks)

    @property
    def height(self) -> int:
        """Values and marks on the whole stack."""
        return self._below + len(self.stack)

    def top_texts(self, count: int) -> list[str]:
        """How the topmost *count* values and marks of the whole stack read, the topmost last."""
        texts = [value.text for value in reversed(self.stack[-count:])]
        for below in range(len(self._marks) - 1, max(-1, len(self._marks) - 1 - count), -1):
            texts.append("MARK")
            texts += [value.text for value in reversed(self._marks[below][-count:])]
        return texts[:count][::-1]

    def run(self, data: Buffer, start: int, gaps: Mapping[int, int] = NO_GAPS) -> Iterator[Step]:
        """Follow the pickle at *start*; raises `BrokenError` where its bytes can't be read any more.

        After a step with trouble the opcodes are still read, but no longer followed; only a frame that is too long
        leaves the machine in a state to go on from.
        """
        following = True
        for op in read(data, start, gaps):
            trouble = ""
            self._acts = []
            if op.name == "FRAME" and op.end + op.argument > len(data):
                trouble = f"the frame says {op.argument} bytes, {len(data) - op.end} are left"
            elif following:
                try:
                    self._follow(op)
                except StuckError as error:
                    trouble, following = str(error), False
            yield Step(op, tuple(self._acts), trouble)

    def _follow(self, op: Op) -> None:
        handler = _HANDLERS.get(op.name)
        if handler is not None:
            handler(self, op)
        else:
            self.stack.append(Value(constant(op.argument, op.length)))

    # --- the stack -----------------------------------------------------------------------------------------------

    def pop(self) -> Value:
        """Take the topmost value."""
        if not self.stack:
            raise StuckError("the stack is empty here")
        return self.stack.pop()

    def top(self) -> Value:
        """Look at the topmost value."""
        if not self.stack:
            raise StuckError("the stack is empty here")
        return self.stack[-1]

    def pop_mark(self) -> list[Value]:
        """Take everything above the topmost mark."""
        if not self._marks:
            raise StuckError("there is no mark on the stack")
        items, self.stack = self.stack, self._marks.pop()
        self._below -= len(self.stack) + 1
        return items

    def mark(self, _op: Op) -> None:
        """Set a mark."""
        self._below += len(self.stack) + 1
        self._marks.append(self.stack)
        self.stack = []

    # --- what reaches beyond data --------------------------------------------------------------------------------

    def push_import(self, module: str, name: str) -> None:
        """Import *name* from *module*."""
        full = clip(f"{module}.{name}", TEXT)
        self._acts.append(Act("import", f"{module}.{name}", clip(f"from {module} import {name}", STATEMENT)))
        self.stack.append(Value(full, name=f"{module}.{name}"))

    def call(self, function: Value, arguments: str, how: str = "") -> None:
        """Call *function*; its result goes on the stack."""
        self._calls += 1
        result = f"v{self._calls}"
        statement = clip(f"{result} = {function.text}{how}({arguments})", STATEMENT)
        self._acts.append(Act("call", function.name, statement, clip(arguments, STATEMENT)))
        self.stack.append(Value(result, name=function.name if how else ""))

    def act(self, kind: str, statement: str, name: str = "") -> None:
        """Note something that reaches beyond data."""
        self._acts.append(Act(kind, name, clip(statement, STATEMENT)))


def _texts(values: list[Value]) -> list[str]:
    return [value.text for value in values[:HEAD]] + [""] * max(0, len(values) - HEAD)


def _container(brackets: tuple[str, str], values: list[Value]) -> Value:
    it = Value(brackets=brackets)
    it.add(_texts(values))
    return it


def _pairs(values: list[Value]) -> list[str]:
    if len(values) % 2:
        raise StuckError("keys and values don't pair up")
    shown = [f"{key.text}: {value.text}" for key, value in zip(values[:HEAD:2], values[1:HEAD:2], strict=False)]
    return shown + [""] * (len(values) // 2 - len(shown))


def _arguments(value: Value) -> str:
    """How the tuple *value* reads as a call's arguments."""
    if value.brackets is None or value.brackets[0] != "(":
        return f"*{value.text}"
    more = f", … {value.count - len(value.items)} more" if value.count > len(value.items) else ""
    return ", ".join(value.items) + more


def _push(text: str) -> Callable[[Machine, Op], None]:
    return lambda machine, _op: machine.stack.append(Value(text))


def _push_container(opening: str, closing: str) -> Callable[[Machine, Op], None]:
    return lambda machine, _op: machine.stack.append(Value(brackets=(opening, closing)))


def _from_mark(opening: str, closing: str) -> Callable[[Machine, Op], None]:
    def handler(machine: Machine, _op: Op) -> None:
        values = machine.pop_mark()
        machine.stack.append(_container((opening, closing), values))

    return handler


def _dict(machine: Machine, _op: Op) -> None:
    it = Value(brackets=("{", "}"))
    it.add(_pairs(machine.pop_mark()))
    machine.stack.append(it)


def _tuple(count: int) -> Callable[[Machine, Op], None]:
    def handler(machine: Machine, _op: Op) -> None:
        values = [machine.pop() for _ in range(count)][::-1]
        machine.stack.append(_container(("(", ")"), values))

    return handler


def _text(machine: Machine, op: Op) -> None:
    machine.stack.append(Value(constant(op.argument, op.length), raw=op.argument))


def _quoted(machine: Machine, op: Op) -> None:
    machine.stack.append(Value(clip(op.argument, TEXT), raw=op.argument.strip("'\"")))


def _as_written(machine: Machine, op: Op) -> None:
    machine.stack.append(Value(clip(op.argument, TEXT)))


def _int(machine: Machine, op: Op) -> None:
    text = {"00": "False", "01": "True"}.get(op.argument, op.argument)
    machine.stack.append(Value(clip(text, TEXT)))


def _byte_text(machine: Machine, op: Op) -> None:
    machine.stack.append(Value(constant(op.argument, op.length), raw=op.argument.decode("latin-1")))


def _bytearray(machine: Machine, op: Op) -> None:
    machine.stack.append(Value(f"bytearray({constant(op.argument, op.length)})"))


def _append_to(count: int | None, pairs: bool = False) -> Callable[[Machine, Op], None]:  # noqa: FBT001, FBT002 - a table's column
    def handler(machine: Machine, op: Op) -> None:
        values = machine.pop_mark() if count is None else [machine.pop() for _ in range(count)][::-1]
        target = machine.top()
        texts = _pairs(values) if pairs else _texts(values)
        if target.brackets is not None:
            target.add(texts)
        elif values:
            shown = ", ".join(filter(None, texts))
            machine.act("state", f"{target.text}.{_METHOD[op.name]}({shown})", target.name)

    return handler


_METHOD = {
    "APPEND": "append",
    "APPENDS": "extend",
    "SETITEM": "__setitem__",
    "SETITEMS": "update",
    "ADDITEMS": "update",
}


def _stack_global(machine: Machine, _op: Op) -> None:
    name, module = machine.pop(), machine.pop()
    if name.raw is None or module.raw is None:
        raise StuckError(f"the names of an import must be texts, not {clip(module.text, 40)}, {clip(name.text, 40)}")
    machine.push_import(module.raw, name.raw)


def _extension(machine: Machine, op: Op) -> None:
    machine.act("import", f"copyreg extension {op.argument}")
    machine.stack.append(Value(f"<extension {op.argument}>"))


def _reduce(machine: Machine, _op: Op) -> None:
    arguments, function = machine.pop(), machine.pop()
    machine.call(function, _arguments(arguments))


def _new(machine: Machine, _op: Op) -> None:
    arguments, cls = machine.pop(), machine.pop()
    given = _arguments(arguments)
    machine.call(cls, f"{cls.text}, {given}" if given else cls.text, ".__new__")


def _new_ex(machine: Machine, _op: Op) -> None:
    keywords, arguments, cls = machine.pop(), machine.pop(), machine.pop()
    machine.call(cls, ", ".join(filter(None, (cls.text, _arguments(arguments), f"**{keywords.text}"))), ".__new__")


def _inst(machine: Machine, op: Op) -> None:
    arguments = machine.pop_mark()
    machine.push_import(*op.argument)
    machine.call(machine.pop(), _arguments(_container(("(", ")"), arguments)))


def _obj(machine: Machine, _op: Op) -> None:
    values = machine.pop_mark()
    if not values:
        raise StuckError("OBJ needs a class above the mark")
    machine.call(values[0], _arguments(_container(("(", ")"), values[1:])))


def _build(machine: Machine, _op: Op) -> None:
    state, target = machine.pop(), machine.top()
    machine.act("state", f"{target.text}.__setstate__({state.text})", target.name)


def _persistent(machine: Machine, op: Op) -> None:
    identity = constant(op.argument) if op.name == "PERSID" else machine.pop().text
    machine.act("persistent", f"persistent_load({identity})")
    machine.stack.append(Value(clip(f"<persistent {identity}>", TEXT)))


def _pop(machine: Machine, _op: Op) -> None:
    if not machine.stack and machine.depth:
        machine.pop_mark()
    else:
        machine.pop()


def _stop(machine: Machine, _op: Op) -> None:
    machine.result = machine.pop()


def _index(op: Op) -> int:
    if isinstance(op.argument, int):
        return op.argument
    try:
        return int(op.argument[:40], 10)
    except ValueError:
        raise StuckError("that is not a memo index") from None


def _put(machine: Machine, op: Op) -> None:
    machine.memo[len(machine.memo) if op.name == "MEMOIZE" else _index(op)] = machine.top()


def _get(machine: Machine, op: Op) -> None:
    value = machine.memo.get(_index(op))
    if value is None:
        raise StuckError(f"nothing was put into the memo at {_index(op)}")
    machine.stack.append(value)


def _none(_machine: Machine, _op: Op) -> None:
    """Change nothing."""


_HANDLERS: Final[dict[str, Callable[[Machine, Op], Any]]] = {
    GAP: _none,
    "PROTO": _none,
    "FRAME": _none,
    "READONLY_BUFFER": _none,
    "NEXT_BUFFER": _push("<out-of-band buffer>"),
    "NONE": _push("None"),
    "NEWTRUE": _push("True"),
    "NEWFALSE": _push("False"),
    "INT": _int,
    "LONG": _as_written,
    "FLOAT": _as_written,
    "STRING": _quoted,
    "UNICODE": _text,
    "BINUNICODE": _text,
    "SHORT_BINUNICODE": _text,
    "BINUNICODE8": _text,
    "BINSTRING": _byte_text,
    "SHORT_BINSTRING": _byte_text,
    "BYTEARRAY8": _bytearray,
    "EMPTY_LIST": _push_container("[", "]"),
    "EMPTY_DICT": _push_container("{", "}"),
    "EMPTY_SET": _push_container(*SET),
    "EMPTY_TUPLE": _push_container("(", ")"),
    "LIST": _from_mark("[", "]"),
    "TUPLE": _from_mark("(", ")"),
    "FROZENSET": _from_mark("frozenset({", "})"),
    "DICT": _dict,
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "APPEND": _append_to(1),
    "APPENDS": _append_to(None),
    "ADDITEMS": _append_to(None),
    "SETITEM": _append_to(2, pairs=True),
    "SETITEMS": _append_to(None, pairs=True),
    "MARK": Machine.mark,
    "POP": _pop,
    "POP_MARK": lambda machine, _op: machine.pop_mark(),
    "DUP": lambda machine, _op: machine.stack.append(machine.top()),
    "GLOBAL": lambda machine, op: machine.push_import(*op.argument),
    "STACK_GLOBAL": _stack_global,
    "EXT1": _extension,
    "EXT2": _extension,
    "EXT4": _extension,
    "REDUCE": _reduce,
    "NEWOBJ": _new,
    "NEWOBJ_EX": _new_ex,
    "INST": _inst,
    "OBJ": _obj,
    "BUILD": _build,
    "PERSID": _persistent,
    "BINPERSID": _persistent,
    "PUT": _put,
    "BINPUT": _put,
    "LONG_BINPUT": _put,
    "MEMOIZE": _put,
    "GET": _get,
    "BINGET": _get,
    "LONG_BINGET": _get,
    "STOP": _stop,
}

__all__ = ["Act", "BrokenError", "Machine", "Step", "Value", "clip", "constant"]
