"""Where data come from, and the paths that expressions are: credentials, the network, hidden text.

No flow is followed: a name stands for all that is assigned to it in its scope, or else in the module.
"""

from __future__ import annotations

import ast
from enum import Flag, auto
from typing import TYPE_CHECKING

from picklewatch.analysis.python.folding import LONGEST
from picklewatch.analysis.python.import_names import PythonNames
from picklewatch.catalogue.python_acts import CREDENTIAL, DECODERS, RECEIVERS, SECRET_PATH, SOCKETS

if TYPE_CHECKING:
    from picklewatch.analysis.python.scopes import Module, Scope


class DataOrigin(Flag):
    """Where data come from."""

    NOWHERE = 0
    DECODED = auto()
    """Base64, hexadecimal, compressed, characters by their numbers."""
    RECEIVED = auto()
    """The network."""
    SECRET = auto()
    """A file with credentials."""
    ENVIRONMENT = auto()
    """All variables of the environment."""
    TOKEN = auto()
    """A variable with a credential."""
    SOCKET = auto()
    """The socket itself."""
    CODE = auto()
    """Compiled code that was unmarshalled."""


_STEPS = 4_000
"""Nodes of one expression that are looked through for where its data come from."""


class Values(PythonNames):
    """The values of one module's expressions."""

    def __init__(self, module: Module) -> None:
        super().__init__(module)
        self._origins: dict[tuple[int, str], DataOrigin] = {}
        self._known_paths: dict[int, str] = {}

    def origin(self, node: ast.expr, scope: Scope, depth: int = 0) -> DataOrigin:
        """Return where the data come from that *node* is made of."""
        found = DataOrigin.NOWHERE
        for number, part in enumerate(ast.walk(node)):
            if number > _STEPS:
                self.bounded = True
                break
            if isinstance(part, ast.Name):
                found |= self._origin_of_name(part.id, scope, depth)
            elif isinstance(part, ast.Call):
                found |= self._origin_of_call(part, scope) | self._origin_of_returns(part, depth)
            elif isinstance(part, ast.Attribute | ast.Subscript):
                found |= self._origin_of_item(part, scope)
        return found

    def _origin_of_name(self, name: str, scope: Scope, depth: int) -> DataOrigin:
        key = (id(scope), name)
        if key not in self._origins:
            self._origins[key] = DataOrigin.NOWHERE  # while it is looked up
            bound = self._bound(name, scope) if self._goes_on(depth) else []
            found = DataOrigin.NOWHERE
            for value in bound:
                found |= self.origin(value, scope, depth + 1)
            self._origins[key] = found
        return self._origins[key]

    def _origin_of_returns(self, node: ast.Call, depth: int) -> DataOrigin:
        """Return where the results of one of the module's own functions come from."""
        made = self._module.functions.get(getattr(node.func, "id", ""))
        if made is None:
            return DataOrigin.NOWHERE
        key = (id(made), "")
        if key not in self._origins:
            self._origins[key] = found = DataOrigin.NOWHERE
            for value in made.returns if self._goes_on(depth) else ():
                found |= self.origin(value, made, depth + 1)
            self._origins[key] = found
        return self._origins[key]

    def _origin_of_call(self, node: ast.Call, scope: Scope) -> DataOrigin:
        name = self.dotted(node.func, scope)
        if name in DECODERS:
            return DataOrigin.DECODED | (DataOrigin.CODE if name.startswith("marshal.") else DataOrigin.NOWHERE)
        if name in RECEIVERS:
            return DataOrigin.RECEIVED
        if name in SOCKETS:
            return DataOrigin.SOCKET
        if name == "builtins.chr" or (
            isinstance(node.func, ast.Attribute) and node.func.attr in ("decrypt", "fromhex")
        ):
            return DataOrigin.DECODED
        if name in ("builtins.open", "pathlib.Path", "io.open") and node.args:
            path = self.path(node.args[0], scope)
            return DataOrigin.SECRET if SECRET_PATH.search(path) else DataOrigin.NOWHERE
        if name in ("pathlib.Path().read_text", "pathlib.Path().read_bytes", "pathlib.Path().open"):
            held = self.path(node.func.value, scope) if isinstance(node.func, ast.Attribute) else ""
            return DataOrigin.SECRET if SECRET_PATH.search(held) else DataOrigin.NOWHERE
        if name in ("os.getenv", "os.environ.get") and node.args:
            key = self.text(node.args[0], scope)
            return DataOrigin.TOKEN if isinstance(key, str) and CREDENTIAL.search(key) else DataOrigin.NOWHERE
        if name in ("huggingface_hub.get_token", "huggingface_hub.HfFolder.get_token"):
            return DataOrigin.TOKEN
        if name in _WHOLE_ENVIRONMENT or (
            name in _COLLECTING and any(self._is_environment(a, scope) for a in node.args)
        ):
            return DataOrigin.ENVIRONMENT
        return DataOrigin.NOWHERE

    def _is_environment(self, node: ast.expr, scope: Scope) -> bool:
        return self.dotted(node, scope) == "os.environ"

    def _origin_of_item(self, node: ast.Attribute | ast.Subscript, scope: Scope) -> DataOrigin:
        if isinstance(node, ast.Subscript) and self._is_environment(node.value, scope):
            key = self.text(node.slice, scope)
            return DataOrigin.TOKEN if isinstance(key, str) and CREDENTIAL.search(key) else DataOrigin.NOWHERE
        return DataOrigin.NOWHERE

    def path(self, node: ast.expr, scope: Scope, depth: int = 0) -> str:
        """Return the path that *node* is, as far as it is known; a zero stands for what is not."""
        if id(node) not in self._known_paths:
            self._known_paths[id(node)] = "\0"  # while it is looked up
            found = self._path(node, scope, depth) if self._goes_on(depth) else "\0"
            self._known_paths[id(node)] = found if len(found) <= LONGEST else "\0"
        return self._known_paths[id(node)]

    def _path(self, node: ast.expr, scope: Scope, depth: int) -> str:
        text = self.text(node, scope, depth)
        if text is not None:
            return text if isinstance(text, str) else text.decode("latin-1")
        if isinstance(node, ast.Name):
            bound = self._bound(node.id, scope)
            return self.path(bound[0], scope, depth + 1) if len(bound) == 1 else "\0"
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.Add):
            between = "/" if isinstance(node.op, ast.Div) else ""
            return self.path(node.left, scope, depth + 1) + between + self.path(node.right, scope, depth + 1)
        if isinstance(node, ast.JoinedStr):
            values = (v.value if isinstance(v, ast.FormattedValue) else v for v in node.values)
            return "".join(self.path(value, scope, depth + 1) for value in values)
        if isinstance(node, ast.Call):
            return self._called_path(node, scope, depth)
        if isinstance(node, ast.Subscript) and self._is_environment(node.value, scope):
            return "~" if self.text(node.slice, scope) in _HOMES else "\0"
        return "\0"

    def _called_path(self, node: ast.Call, scope: Scope, depth: int) -> str:
        name = self.dotted(node.func, scope, depth + 1)
        if name in ("pathlib.Path.home", "pathlib.Path().home"):
            return "~"
        if name == "tempfile.gettempdir":
            return "/tmp"  # noqa: S108  (a path of the source that is judged)
        if name in ("os.getenv", "os.environ.get") and node.args:
            return "~" if self.text(node.args[0], scope) in _HOMES else "\0"
        if name in _PATHS and node.args:
            return "/".join(self.path(argument, scope, depth + 1) for argument in node.args)
        if isinstance(node.func, ast.Attribute) and node.func.attr in _PATH_METHODS:
            return "/".join(self.path(part, scope, depth + 1) for part in (node.func.value, *node.args))
        return "\0"


_COLLECTING = frozenset({
    "builtins.dict", "builtins.str", "builtins.repr", "builtins.list", "json.dumps", "pprint.pformat",
})  # fmt: skip
_WHOLE_ENVIRONMENT = frozenset({"os.environ.copy", "os.environ.items", "os.environ.values"})
_HOMES = frozenset({"HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"})
_PATHS = frozenset({
    "os.path.join", "os.path.expanduser", "os.path.expandvars", "os.path.abspath", "os.path.realpath",
    "os.path.normpath", "pathlib.Path", "pathlib.PosixPath", "builtins.str", "os.fspath",
})  # fmt: skip
_PATH_METHODS = frozenset({"expanduser", "resolve", "absolute", "as_posix", "joinpath"})
