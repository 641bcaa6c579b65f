"""What each opcode does to the machine in words: to its stack, its memo, and the world beyond."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from picklewatch.analysis.views.opcode_reader import GAP
from picklewatch.analysis.views.wording import HEAD, SET, TEXT, StuckError, Value, clip, constant

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.analysis.views.machine import Machine
    from picklewatch.analysis.views.opcode_reader import Op


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


HANDLERS: Final[dict[str, Callable[[Machine, Op], Any]]] = {
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
    "MARK": lambda machine, op: machine.mark(op),
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
"""By the opcode's name; the others push their argument."""
