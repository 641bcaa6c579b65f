"""Judges a call by its arguments: honest modules run ``git``, load their weights and write beside themselves, too."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NamedTuple

from picklewatch.analysis.python.data_origins import DataOrigin
from picklewatch.catalogue.python_acts import (
    ACTS,
    ATTACK_COMMAND,
    OWN_HOSTS,
    PACKAGES,
    QUIET_COMMAND,
    SECRET_PATH,
    SENDS,
    START_PATH,
    SYSTEM_LIBRARY,
    UNSENT,
    PythonAct,
)
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from picklewatch.analysis.python.data_origins import Values
    from picklewatch.analysis.python.scopes import Scope

CODE_RULE, HARM, ATTACK = "python-code", "python-harm", "python-attack"
"""The rules."""


class Told(NamedTuple):
    """What a call does, wherever it stands."""

    rule: str
    level: Level
    what: str


def _harm(what: str) -> Told:
    return Told(HARM, Level.UNSAFE, what)


def _attack(what: str) -> Told:
    return Told(ATTACK, Level.MALICIOUS, what)


def judge_call(call: ast.Call, scope: Scope, values: Values) -> Iterator[Told]:
    """Yield what *call* does that is harm at import, or an attack anywhere."""
    yield from _passed((*call.args, *(keyword.value for keyword in call.keywords)), scope, values)
    name = values.called(call, scope)
    if not name:
        return
    if name in SENDS:
        yield from _sent(call, scope, values)
    act = ACTS.get(name)
    if act is not None:
        yield from _LOOKS[act](name, call, scope, values)
    elif name == "os.dup2" and call.args and values.origin(call.args[0], scope) & DataOrigin.SOCKET:
        yield _attack("connects a program's input and output to a socket")


def judge_decorator(node: ast.expr, scope: Scope, values: Values) -> Iterator[Told]:
    """Yield what decorating with *node* does: it is called with the function."""
    yield from _passed((node,), scope, values)


def _passed(nodes: Iterable[ast.expr], scope: Scope, values: Values) -> Iterator[Told]:
    """Yield functions that act and are given to others to be called: threads, ``map``, ``atexit``."""
    for node in nodes:
        if isinstance(node, ast.Name | ast.Attribute):
            name = values.dotted(node, scope)
            act = ACTS.get(name)
            if act is PythonAct.RUN or (act is PythonAct.CODE and name.startswith("builtins.")):
                yield _harm(f"passes on a function that {act.value}")


def _run(name: str, call: ast.Call, scope: Scope, values: Values) -> Iterator[Told]:
    streams = [keyword.value for keyword in call.keywords if keyword.arg in ("stdin", "stdout", "stderr")]
    given = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg in _COMMANDS)]
    origin = _origin(given, scope, values)
    command = _command(call, scope, values)
    if _origin(streams, scope, values) & DataOrigin.SOCKET:
        yield _attack("gives a program's input or output to a socket")
    elif name.startswith("webbrowser."):
        yield _harm("opens a browser")
    elif origin & DataOrigin.RECEIVED and _UNKNOWN.match(command) is not None:
        yield _attack("runs commands that come from the network")
    elif ATTACK_COMMAND.search(command):
        yield _attack("runs a command that only attacks run")
    elif origin & DataOrigin.DECODED:
        yield _attack("runs a command that is decoded from hidden text")
    elif name.startswith("pip.") or PACKAGES.search(command):
        yield _harm("installs packages")
    elif not _is_quiet(command, call):
        yield _harm("runs a program")


def _is_quiet(command: str, call: ast.Call) -> bool:
    """Return True for a command that only tells about the machine, or the empty text: it gives Windows its colours."""
    if not command:
        return bool(call.args) and isinstance(call.args[0], ast.Constant)
    return QUIET_COMMAND.match(command) is not None and "\0" not in command.partition(" ")[0]


def _command(call: ast.Call, scope: Scope, values: Values) -> str:
    """Return the command of *call* as one line; a zero stands for what is not known."""
    argument = call.args[0] if call.args else next((k.value for k in call.keywords if k.arg in _COMMANDS), None)
    if argument is None:
        return "\0"
    if isinstance(argument, ast.Call) and isinstance(argument.func, ast.Attribute) and argument.func.attr == "split":
        argument = argument.func.value
    if isinstance(argument, ast.Name):
        argument = values.assigned(argument, scope) or argument
    if isinstance(argument, ast.List | ast.Tuple):
        return " ".join(values.path(part, scope) for part in argument.elts)
    several = (
        call.args if values.dotted(call.func, scope).startswith(("os.exec", "os.spawn", "asyncio.")) else [argument]
    )
    return " ".join(values.path(part, scope) for part in several)


def _code(name: str, call: ast.Call, scope: Scope, values: Values) -> Iterator[Told]:
    if not call.args:
        return
    origin = values.origin(call.args[0], scope)
    if name == "types.FunctionType" and not origin & (DataOrigin.DECODED | DataOrigin.RECEIVED):
        return
    text = values.text(call.args[0], scope)
    if origin & DataOrigin.RECEIVED:
        yield _attack("executes code from the network")
    elif origin & DataOrigin.DECODED:
        yield _attack("executes code that is decoded from hidden text")
    elif isinstance(text, str) and values.is_built(call.args[0], scope) and _SUSPECT.search(text):
        yield _attack("executes code that is put together from pieces")
    elif isinstance(text, str) and _SUSPECT.search(text):
        yield _harm("executes a text that reaches programs, files or the network")
    elif text is None and name == "builtins.exec" and not _is_local(call.args[0], scope, values):
        yield _harm("executes code that is made at run time")


def _is_local(node: ast.expr, scope: Scope, values: Values) -> bool:
    """Return True for code that is read from a module or compiled, or formatted from a text of this one."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and part.args and values.dotted(part.func, scope) in _OPENING:
            path = values.path(part.args[0], scope)
            if not path.endswith((".py", "\0")):
                return False
        if isinstance(part, ast.Call) and values.dotted(part.func, scope).startswith("PIL."):
            return False  # a picture is opened, too
    return any(
        isinstance(part, ast.JoinedStr | ast.BinOp)
        or (isinstance(part, ast.Call) and getattr(part.func, "id", getattr(part.func, "attr", "")) in _READING)
        for part in ast.walk(node)
    )


def _fetch(_name: str, call: ast.Call, scope: Scope, values: Values) -> Iterator[Told]:
    address = values.path(call.args[0], scope) if call.args else "\0"
    if not address.startswith("\0") and OWN_HOSTS.match(address + "\0") is None:
        yield _harm("reaches the network")


def _socket(_name: str, _call: ast.Call, _scope: Scope, _values: Values) -> Iterator[Told]:
    yield _harm("opens a socket")


def _write(name: str, call: ast.Call, scope: Scope, values: Values) -> Iterator[Told]:
    paths = [values.path(argument, scope) for argument in call.args[:2]]
    if isinstance(call.func, ast.Attribute) and name.startswith("pathlib."):
        paths.append(values.path(call.func.value, scope))
    if any(SECRET_PATH.search(path) or START_PATH.search(path) for path in paths):
        yield _harm("changes files that hold credentials or are run later")
    elif any(_is_outside(path) for path in paths) and not name.endswith(("makedirs", "mkdir")):
        yield _harm("changes files outside of its folder")


def _read(name: str, call: ast.Call, scope: Scope, values: Values) -> Iterator[Told]:
    method = call.func.value if name.startswith("pathlib.") and isinstance(call.func, ast.Attribute) else None
    node = method or next(iter(call.args), None)
    if node is None:
        return
    path = values.path(node, scope)
    given = call.args if name.startswith("pathlib.") else call.args[1:]
    modes = [*given[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    writes = any(isinstance(m, ast.Constant) and isinstance(m.value, str) and set(m.value) & set("wax+") for m in modes)
    if writes and START_PATH.search(path):
        yield _harm("writes a file that is run later")
    elif SECRET_PATH.search(path):
        yield _harm("opens a file with credentials")
    elif writes and _is_outside(path):
        yield _harm("writes a file outside of its folder")


def _is_outside(path: str) -> bool:
    if path.startswith("~") and "/.cache/" not in path and "\0" not in path:
        return True
    return path.startswith(("/", "..")) and len(path) > 1 and path not in _DEVICES and not path.startswith("/\0")


def _unpickle(name: str, call: ast.Call, scope: Scope, values: Values) -> Iterator[Told]:
    origin = _origin(call.args[:1], scope, values)
    text = values.text(call.args[0], scope) if call.args else None
    if origin & DataOrigin.DECODED and (text is not None or name.startswith("marshal.")):
        yield _attack("unpickles data that are decoded from hidden text")
    elif not (name == "jsonpickle.decode" and text is None):
        yield _harm("unpickles other data")


def _native(_name: str, call: ast.Call, scope: Scope, values: Values) -> Iterator[Told]:
    argument = call.args[0] if call.args else None
    if argument is None or (isinstance(argument, ast.Constant) and argument.value is None):
        return
    if values.dotted(argument, scope) == "ctypes.util.find_library()":
        return
    if SYSTEM_LIBRARY.match(values.path(argument, scope)) is None:
        yield _harm("loads native code")


def _sent(call: ast.Call, scope: Scope, values: Values) -> Iterator[Told]:
    """Judge what leaves the machine: keys and the environment; a client's own headers aside."""
    origin = DataOrigin.NOWHERE
    for argument in (*call.args, *(k.value for k in call.keywords if k.arg not in UNSENT)):
        origin |= values.origin(argument, scope)
        if values.dotted(argument, scope) == "os.environ":
            origin |= DataOrigin.ENVIRONMENT
    if origin & (DataOrigin.SECRET | DataOrigin.ENVIRONMENT):
        yield _attack("sends credentials or the environment away")
    elif origin & DataOrigin.TOKEN:
        yield _harm("sends a credential of the environment away")


def _origin(nodes: Iterable[ast.expr], scope: Scope, values: Values) -> DataOrigin:
    found = DataOrigin.NOWHERE
    for node in nodes:
        found |= values.origin(node, scope)
    return found


_OPENING = frozenset({"builtins.open", "io.open", "pathlib.Path", "codecs.open"})
_COMMANDS = frozenset({"args", "command", "cmd"})
_UNKNOWN = re.compile(r"\0|.*\s[-/][ck]\s+\0")
"""A command that is not known from its beginning on, or given to a shell."""
_DEVICES = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty", "/dev/stdin"})
_READING = frozenset(
    {"open", "read", "read_text", "compile", "getsource", "format", "dedent", "unparse", "join", "get_data"}
)
_SUSPECT = re.compile(
    r"\b(?:os\.(?:system|popen|exec\w+|spawn\w+)|subprocess|socket|urllib|requests|pty|ctypes|marshal|__import__\s*\(|exec\s*\("
    r"|eval\s*\(|shutil\.rmtree|b64decode|__subclasses__|import_module)"
)
"""Words of code that is given to ``exec`` as a text."""
_LOOKS = {
    PythonAct.RUN: _run,
    PythonAct.CODE: _code,
    PythonAct.FETCH: _fetch,
    PythonAct.SOCKET: _socket,
    PythonAct.WRITE: _write,
    PythonAct.READ: _read,
    PythonAct.UNPICKLE: _unpickle,
    PythonAct.NATIVE: _native,
}
