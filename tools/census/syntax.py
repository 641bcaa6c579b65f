"""Read the source of a hook, and prove that it only stores, for a state that is an exact dict.

Nothing is run. Whatever is not on the short list of statements and expressions below acts: the list is what makes a
class passive, so a gap in it is a hole in the proof, while a form that it lacks only costs a schema.
"""

from __future__ import annotations

import ast
import builtins
import textwrap
from dataclasses import dataclass, field
from enum import Enum, auto

QUIET = frozenset(
    {"collections.OrderedDict", "threading.Lock", "threading.RLock", "_thread.allocate_lock", "_thread.RLock"}
)
"""Callables of the standard library that a hook may call without arguments."""
_FRESH = frozenset({"dict", "list", "set", "tuple", "frozenset", "str", "int", "object"})
_RAISED = frozenset(
    {"AttributeError", "TypeError", "ValueError", "KeyError", "NotImplementedError", "RuntimeError", "Exception"}
)


class _Kind(Enum):
    """The kind of value that an expression is known to be."""

    SELF = auto()
    """The object that is restored."""
    CLASS = auto()
    """Its class, which ``__new__`` is given."""
    DICT = auto()
    """An exact dict: the state, the object's ``__dict__``, or a copy of one."""
    NAME = auto()
    """The name of an attribute, an exact str, which ``__getattr__`` and ``__setattr__`` are given."""
    CONST = auto()
    """A constant, or a fresh container of Python's own; what it holds is not looked at."""
    BOOL = auto()
    """An exact bool."""
    VALUE = auto()
    """Anything: it may be moved, and compared by ``is``."""
    KEY = auto()
    """A key of an exact dict: it was hashed before, and judged as a key."""
    KEYS = auto()
    VALUES = auto()
    ITEMS = auto()
    """The keys, values or items of an exact dict."""


class ActsError(Exception):
    """A form that is not known to store only."""


@dataclass
class Reading:
    """The source of one hook, as it was read."""

    does: str = "stores"
    calls: set[str] = field(default_factory=set)
    """The callables that it calls, for the reader of a schema."""
    looks: set[str] = field(default_factory=set)
    """The attributes and keys that it mentions."""
    lines: int = 0
    assigns: set[str] = field(default_factory=set)
    """Attributes that it sets or deletes by the class's ``__setattr__`` and descriptors."""
    reads: set[str] = field(default_factory=set)
    """Attributes that it asks of the object by the class's ``__getattribute__``, ``__getattr__`` and descriptors."""
    up: bool = False
    """True if it calls the same hook of the next class (``super()``)."""
    bases: set[str] = field(default_factory=set)
    """Classes, as the source names them, whose own hook it calls (``Base.__setstate__(self, state)``)."""
    needs: dict[str, str] = field(default_factory=dict)
    """Names that must mean what they usually mean where the source stands: the name → the callable."""
    why: str = ""
    """The first form that acts."""


def read(source: str, hook: str) -> Reading:
    """Return what *source*, of a function that serves as *hook*, does."""
    try:
        tree = ast.parse(textwrap.dedent(source)).body[0]
    except (SyntaxError, IndexError, ValueError):
        return Reading(does="acts", why="no source")
    if not isinstance(tree, ast.FunctionDef):
        return Reading(does="acts", why="no def")
    return _Reader(tree, hook).result()


def _constant(node: ast.Call) -> bool:
    return not node.keywords and all(isinstance(one, ast.Constant) for one in node.args)


class _Reader:
    def __init__(self, tree: ast.FunctionDef, hook: str) -> None:
        self._tree = tree
        self._hook = hook
        self._found = Reading(lines=(tree.end_lineno or 0) - tree.lineno + 1)
        self._known: dict[str, _Kind] = {}
        names = [one.arg for one in (*tree.args.posonlyargs, *tree.args.args)]
        self._me = names[0] if names else ""
        if names:
            self._known[names[0]] = _Kind.CLASS if hook in {"__new__", "_missing_"} else _Kind.SELF
        for position, name in enumerate(names[1:]):
            self._known[name] = self._parameter(position)
        for one in tree.args.kwonlyargs:
            self._known[one.arg] = _Kind.VALUE
        self._rest = {one.arg for one in (tree.args.vararg, tree.args.kwarg) if one is not None}
        self._locals = {
            node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }

    def _parameter(self, position: int) -> _Kind:
        if self._hook in {"__setstate__", "__setstate_cython__"} and position == 0:
            return _Kind.DICT
        if self._hook in {"__getattr__", "__getattribute__", "__setattr__", "_missing_"} and position == 0:
            return _Kind.NAME
        return _Kind.VALUE

    def result(self) -> Reading:
        try:
            if not self._me or any(
                isinstance(one, ast.Yield | ast.YieldFrom | ast.Await) for one in ast.walk(self._tree)
            ):
                raise ActsError("no plain method")  # noqa: TRY301
            self._block(self._tree.body)
        except ActsError as error:
            self._found.does, self._found.why = "acts", str(error)[:120]
            self._describe()
        return self._found

    def _describe(self) -> None:
        """Gather what the reader of a schema wants to know first."""
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Call):
                self._found.calls.add(ast.unparse(node.func)[:60])
            elif isinstance(node, ast.Import | ast.ImportFrom):
                self._found.calls.add("import " + (getattr(node, "module", None) or node.names[0].name))
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == self._me:
                self._found.looks.add(node.attr)
            elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                self._found.looks.add(str(node.slice.value)[:60])

    # --- statements ---

    def _block(self, body: list[ast.stmt]) -> None:
        for one in body:
            self._statement(one)

    def _statement(self, node: ast.stmt) -> None:  # noqa: C901, PLR0912 - one branch a form
        match node:
            case ast.Pass() | ast.Break() | ast.Continue() | ast.Return(value=None):
                pass
            case ast.Return(value=ast.expr() as value):
                self._returned(value)
            case ast.Expr(value=value):
                self._expression(value)
            case ast.Assign(targets=targets, value=value):
                kind = self._expression(value)
                for target in targets:
                    self._store(target, kind, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._store(target, self._expression(value), value)
            case ast.If(test=test, body=body, orelse=orelse):
                self._test(test)
                before = dict(self._known)
                self._block(body)
                after, self._known = self._known, before
                self._block(orelse)
                self._join(after)
            case ast.For(target=target, iter=walked, body=body, orelse=[]):
                self._loop(target, walked, body)
            case ast.Delete(targets=targets):
                for target in targets:
                    self._remove(target)
            case ast.Raise(exc=raised, cause=None):
                self._raise(raised)
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
                self._attempt(body, handlers, orelse, final)
            case _:
                raise ActsError(type(node).__name__)

    def _join(self, other: dict[str, _Kind]) -> None:
        """Keep what both branches agree on; what only one of them set is anything."""
        for name in self._known.keys() | other.keys():
            if self._known.get(name) is not other.get(name):
                self._known[name] = _Kind.VALUE

    def _attempt(
        self, body: list[ast.stmt], handlers: list[ast.ExceptHandler], orelse: list[ast.stmt], final: list[ast.stmt]
    ) -> None:
        for part in (body, orelse, *(one.body for one in handlers), final):
            self._block(part)
            self._blur(part)  # an error may come between any two of its statements
        for one in handlers:
            if one.name is not None:
                raise ActsError("except as")
            caught = [one.type] if not isinstance(one.type, ast.Tuple) else list(one.type.elts)
            if any(node is not None and not isinstance(node, ast.Name) for node in caught):
                raise ActsError("except")
            for node in caught:
                if isinstance(node, ast.Name):
                    self._builtin(node.id, _RAISED | {"AttributeError", "KeyError"})

    def _loop(self, target: ast.expr, walked: ast.expr, body: list[ast.stmt]) -> None:
        """Read a walk over an exact dict, or over constants."""
        kind = self._expression(walked)
        literal = isinstance(walked, ast.Tuple | ast.List) and all(
            isinstance(one, ast.Constant) and isinstance(one.value, str) for one in walked.elts
        )
        if kind is _Kind.ITEMS:
            elements = self._pair(target)
        elif isinstance(target, ast.Name) and (literal or kind in {_Kind.DICT, _Kind.KEYS, _Kind.VALUES}):
            walk = _Kind.NAME if literal else _Kind.VALUE if kind is _Kind.VALUES else _Kind.KEY
            elements = {target.id: walk}
        else:
            raise ActsError("for")
        self._blur(body)
        self._known |= elements
        self._block(body)
        self._blur(body)
        self._known |= dict.fromkeys(elements, _Kind.VALUE)

    def _pair(self, target: ast.expr) -> dict[str, _Kind]:
        match target:
            case ast.Tuple(elts=[ast.Name(id=key), ast.Name(id=value)]):
                return {key: _Kind.KEY, value: _Kind.VALUE}
        raise ActsError("items")

    def _blur(self, body: list[ast.stmt]) -> None:
        """Forget what *body* may have stored in variables: it may have run in part, or several times."""
        for one in body:
            for node in ast.walk(one):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    self._known[node.id] = _Kind.VALUE

    def _raise(self, raised: ast.expr | None) -> None:
        match raised:
            case None:
                pass
            case ast.Name(id=name):
                self._builtin(name, _RAISED)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                self._builtin(name, _RAISED)
                for one in args:
                    self._message(one)
            case _:
                raise ActsError("raise")

    def _message(self, node: ast.expr) -> None:
        """Read the text of an error: it may format names of attributes and of the class, nothing else."""
        if isinstance(node, ast.JoinedStr):
            for part in node.values:
                if isinstance(part, ast.FormattedValue):
                    if part.format_spec is not None:
                        raise ActsError("format")
                    self._formatted(part.value)
            return
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            for one in node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]:
                self._formatted(one)
            node = node.left
        if self._expression(node) not in {_Kind.CONST, _Kind.NAME}:
            raise ActsError("message")

    def _formatted(self, node: ast.expr) -> None:
        text = ast.unparse(node)
        if text == f"type({self._me}).__name__":
            self._builtin("type", {"type"})
        elif text == f"{self._me}.__class__.__name__":
            self._found.reads.add("__class__")
        elif self._expression(node) is not _Kind.NAME:
            raise ActsError("formats " + ast.unparse(node))

    def _returned(self, value: ast.expr) -> None:
        kind = self._expression(value)
        if self._hook in {"__getattr__", "__getattribute__"} and kind is not _Kind.CONST:
            raise ActsError("returns " + ast.unparse(value))  # whatever it is, the unpickler calls it
        if self._hook == "__new__" and kind is not _Kind.SELF:
            raise ActsError("returns " + ast.unparse(value))  # maybe an object that others have too

    # --- targets ---

    def _store(self, target: ast.expr, kind: _Kind, value: ast.expr) -> None:
        match target:
            case ast.Name(id=name):
                if name == self._me or name in self._rest:
                    raise ActsError("rebinds " + name)
                self._known[name] = kind
            case ast.Attribute(value=ast.Name() as owner, attr="__dict__") if self._is_self(owner):
                if kind is not _Kind.DICT:
                    raise ActsError("sets __dict__")
            case ast.Attribute(value=ast.Name() as owner, attr=attribute) if self._is_self(owner):
                if attribute.startswith("__") and attribute.endswith("__"):
                    raise ActsError("sets " + attribute)
                self._found.assigns.add(attribute)
            case ast.Subscript(value=container, slice=key) if self._expression(container) is _Kind.DICT:
                self._key(key)
            case ast.Tuple(elts=elements) if isinstance(value, ast.Tuple) and len(value.elts) == len(elements):
                for one, part in zip(elements, value.elts, strict=True):
                    self._store(one, self._expression(part), part)
            case _:
                raise ActsError("sets " + ast.unparse(target))

    def _remove(self, target: ast.expr) -> None:
        match target:
            case ast.Name():
                pass
            case ast.Subscript(value=container, slice=key) if self._expression(container) is _Kind.DICT:
                self._key(key)
            case _:
                raise ActsError("deletes " + ast.unparse(target))

    def _is_self(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and self._known.get(node.id) is _Kind.SELF

    def _key(self, node: ast.expr) -> None:
        """Read a key of an exact dict: a constant, or what is hashed and compared without code of the file's choice."""
        if not isinstance(node, ast.Constant) and self._expression(node) not in {_Kind.NAME, _Kind.KEY}:
            raise ActsError("key " + ast.unparse(node))

    # --- expressions ---

    def _expression(self, node: ast.expr) -> _Kind:  # noqa: PLR0911, C901 - one branch a form
        match node:
            case ast.Constant():
                return _Kind.CONST
            case ast.Name(id=name):
                return self._name(name)
            case ast.Attribute():
                return self._attribute(node)
            case ast.Subscript(value=container, slice=key) if self._expression(container) is _Kind.DICT:
                self._key(key)
                return _Kind.VALUE
            case ast.Call():
                return self._call(node)
            case ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()):
                self._test(node)
                return _Kind.BOOL
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self._test(test)
                kinds = {self._expression(body), self._expression(orelse)}
                return kinds.pop() if len(kinds) == 1 else _Kind.VALUE
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                for one in elements:
                    self._expression(one)
                return _Kind.CONST
            case ast.Dict(keys=keys, values=values):
                return self._display(keys, values)
            case ast.DictComp(generators=[ast.comprehension(target=target, iter=walked, ifs=ifs, is_async=0)]):
                return self._comprehension(node, target, walked, ifs)
            case _:
                raise ActsError(ast.unparse(node))

    def _name(self, name: str) -> _Kind:
        if name in self._known:
            return self._known[name]
        if name in self._locals or name in self._rest:
            return _Kind.VALUE
        if name == "NotImplemented":
            self._builtin(name, {name})
            return _Kind.CONST
        raise ActsError("name " + name)

    def _attribute(self, node: ast.Attribute) -> _Kind:
        if not self._is_self(node.value):
            raise ActsError(ast.unparse(node))
        if node.attr == "__dict__":
            return _Kind.DICT
        if node.attr.startswith("__") and node.attr.endswith("__"):
            raise ActsError(ast.unparse(node))
        self._found.reads.add(node.attr)
        return _Kind.VALUE

    def _display(self, keys: list[ast.expr | None], values: list[ast.expr]) -> _Kind:
        for key, value in zip(keys, values, strict=True):
            if key is None:
                if self._expression(value) is not _Kind.DICT:
                    raise ActsError("**" + ast.unparse(value))
            else:
                self._key(key)
                self._expression(value)
        return _Kind.DICT

    def _comprehension(self, node: ast.DictComp, target: ast.expr, walked: ast.expr, ifs: list[ast.expr]) -> _Kind:
        if self._expression(walked) is not _Kind.ITEMS:
            raise ActsError("comprehension")
        before = dict(self._known)
        self._known |= self._pair(target)
        for test in ifs:
            self._test(test)
        self._key(node.key)
        self._expression(node.value)
        self._known = before
        return _Kind.DICT

    # --- tests: nothing that a value answers ---

    def _test(self, node: ast.expr) -> None:
        match node:
            case ast.BoolOp(values=values):
                for one in values:
                    self._test(one)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self._test(operand)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                self._compare(left, op, right)
            case ast.Compare():
                raise ActsError("compares " + ast.unparse(node))
            case _:
                if self._expression(node) not in {_Kind.BOOL, _Kind.CONST, _Kind.DICT, _Kind.NAME}:
                    raise ActsError("truth of " + ast.unparse(node))

    def _compare(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> None:
        first, second = self._expression(left), self._expression(right)
        if isinstance(op, ast.Is | ast.IsNot):
            return
        if isinstance(op, ast.In | ast.NotIn):
            constants = isinstance(right, ast.Tuple | ast.List) and all(
                isinstance(one, ast.Constant) for one in right.elts
            )
            if second is _Kind.DICT and (isinstance(left, ast.Constant) or first in {_Kind.NAME, _Kind.KEY}):
                return
            if first is _Kind.NAME and constants:
                return
        elif all(isinstance(one, ast.Constant) or kind is _Kind.NAME for one, kind in ((left, first), (right, second))):
            return
        raise ActsError("compares " + ast.unparse(left))

    # --- calls ---

    def _call(self, node: ast.Call) -> _Kind:
        if any(isinstance(one, ast.Starred) for one in node.args) or any(one.arg is None for one in node.keywords):
            if not self._upwards(node):
                raise ActsError(ast.unparse(node.func) + "(*)")
            return self._result()
        if self._upwards(node):
            return self._result()
        if isinstance(node.func, ast.Attribute):
            return self._method(node, node.func)
        if isinstance(node.func, ast.Name):
            return self._function(node, node.func.id)
        raise ActsError(ast.unparse(node.func))

    def _result(self) -> _Kind:
        """Return what the next class's hook returns: from ``__new__`` an object, as that class's own reading says."""
        if self._hook == "__new__":
            return _Kind.SELF
        return _Kind.CONST if self._hook in {"__getattr__", "__getattribute__"} else _Kind.VALUE

    def _upwards(self, node: ast.Call) -> bool:
        """Return True if *node* calls the same hook of a base, with nothing but this call's own arguments."""
        if not (isinstance(node.func, ast.Attribute) and node.func.attr == self._hook):
            return False
        owner, args = node.func.value, list(node.args)
        text = ast.unparse(owner)
        if isinstance(owner, ast.Call) and isinstance(owner.func, ast.Name) and owner.func.id == "super":
            if owner.args and not (
                len(owner.args) == 2  # noqa: PLR2004
                and self._is_first(owner.args[1])
                and isinstance(owner.args[0], ast.Name)
            ):
                return False
            self._builtin("super", {"super"})
            if owner.args and isinstance(owner.args[0], ast.Name):
                self._found.needs[owner.args[0].id] = "<own class>"
            self._found.up = True
            if self._hook == "__new__":
                args = args[1:] if args and self._is_first(args[0]) else [ast.Starred(ast.Constant(None))]
        elif isinstance(owner, ast.Name | ast.Attribute) and args and self._is_first(args[0]) and self._dotted(owner):
            self._found.bases.add(text)
            args = args[1:]
        else:
            return False
        for one in (*args, *(word.value for word in node.keywords)):
            self._passed(one)
        return True

    def _is_first(self, node: ast.expr) -> bool:
        """Return True for what the hook is called on: the object, or the class in ``__new__``."""
        first = _Kind.CLASS if self._hook == "__new__" else _Kind.SELF
        return isinstance(node, ast.Name) and self._known.get(node.id) is first

    def _dotted(self, node: ast.expr) -> bool:
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and node.id not in self._known and node.id not in self._locals | self._rest

    def _passed(self, node: ast.expr) -> None:
        """Read an argument for the base's hook: it is what this hook was given."""
        if isinstance(node, ast.Starred) or (isinstance(node, ast.Name) and node.id in self._rest):
            inner = node.value if isinstance(node, ast.Starred) else node
            if not (isinstance(inner, ast.Name) and inner.id in self._rest):
                raise ActsError("passes " + ast.unparse(node))
            return
        kind = self._expression(node)
        if self._hook in {"__setstate__", "__setstate_cython__"} and kind is not _Kind.DICT:
            raise ActsError("passes " + ast.unparse(node))
        if self._hook in {"__getattr__", "__getattribute__"} and kind is not _Kind.NAME:
            raise ActsError("passes " + ast.unparse(node))

    def _method(self, node: ast.Call, func: ast.Attribute) -> _Kind:  # noqa: C901, PLR0911, PLR0912 - one branch a form
        """Read a method of an exact dict, or an error's text of a warning."""
        if ast.unparse(func) == "warnings.warn" and all(isinstance(one, ast.Constant) for one in node.args[:1]):
            self._found.needs["warnings"] = "warnings"
            for one in (*node.args[1:], *(word.value for word in node.keywords)):
                if not isinstance(one, ast.Constant) and not (isinstance(one, ast.Name) and self._dotted(one)):
                    raise ActsError("warns with " + ast.unparse(one))
            return _Kind.CONST
        if self._quiet(node):
            return _Kind.CONST
        owner = self._expression(func.value)
        if owner is _Kind.NAME and func.attr in {"startswith", "endswith"} and _constant(node):
            return _Kind.BOOL
        if owner is not _Kind.DICT or node.keywords:
            raise ActsError(ast.unparse(func))
        kinds = [self._expression(one) for one in node.args]
        match func.attr, node.args:
            case "update", [_] if kinds == [_Kind.DICT]:
                return _Kind.CONST
            case "copy", []:
                return _Kind.DICT
            case "items", []:
                return _Kind.ITEMS
            case "keys", []:
                return _Kind.KEYS
            case "values", []:
                return _Kind.VALUES
            case "clear", []:
                return _Kind.CONST
            case (("pop" | "get" | "setdefault"), [key, *rest]) if len(rest) <= 1:
                self._key(key)
                return _Kind.VALUE
            case "__setitem__", [key, _]:
                self._key(key)
                return _Kind.CONST
        raise ActsError(ast.unparse(node.func))

    def _quiet(self, node: ast.Call) -> bool:
        """Return True for ``threading.Lock()`` and its like."""
        text = ast.unparse(node.func)
        last = {one.rpartition(".")[2]: one for one in QUIET}.get(text.rpartition(".")[2])
        if last is None or node.args or node.keywords or not self._dotted(node.func):
            return False
        self._found.needs[text] = last
        return True

    def _function(self, node: ast.Call, name: str) -> _Kind:  # noqa: C901, PLR0912 - one branch a form
        if self._quiet(node):
            return _Kind.CONST
        args = node.args
        if name in self._known or name in self._locals or node.keywords:
            raise ActsError(name)
        if name in _FRESH and not args:
            self._builtin(name, _FRESH)
            return _Kind.DICT if name == "dict" else _Kind.CONST
        match name, args:
            case "dict", [one] if self._expression(one) is _Kind.DICT:
                kind = _Kind.DICT
            case "vars", [one] if self._is_self(one):
                kind = _Kind.DICT
            case "id", [one] if self._is_self(one):
                kind = _Kind.CONST
            case "hash", [ast.Constant()]:
                kind = _Kind.CONST
            case "len", [one] if self._expression(one) is _Kind.DICT:
                kind = _Kind.CONST
            case "isinstance", [one, ast.Name(id="dict")] if self._expression(one) is _Kind.DICT:
                self._builtin("dict", {"dict"})
                kind = _Kind.BOOL
            case "hasattr", [one, ast.Constant(value=str() as asked)] if self._is_self(one):
                self._found.reads.add(asked)
                kind = _Kind.BOOL
            case "getattr", [one, ast.Constant(value=str() as asked), *_] if self._is_self(one):
                self._found.reads.add(asked)
                kind = _Kind.VALUE
            case "setattr", [one, ast.Constant(value=str() as asked), _] if self._is_self(one) and not asked.startswith(
                "__"
            ):
                self._expression(args[2])
                self._found.assigns.add(asked)
                kind = _Kind.CONST
            case _:
                raise ActsError(name)
        self._builtin(name, {name})
        return kind

    def _builtin(self, name: str, allowed: frozenset[str] | set[str]) -> None:
        """Demand that *name* is Python's own where the source stands."""
        if name not in allowed or name in self._known or name in self._locals or not hasattr(builtins, name):
            raise ActsError(name)
        self._found.needs[name] = name
