"""Reads a pickle that a pickler wrote into a tree. Only for our own: it checks nothing and builds no object."""

from __future__ import annotations

import pickletools

from oracle.trees import LEAVES, OBJECTS, Filling, Kind, Node, tree

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY = {"EMPTY_LIST": Kind.LIST, "EMPTY_DICT": Kind.DICT, "EMPTY_SET": Kind.SET, "EMPTY_TUPLE": Kind.TUPLE}
_FROM_MARK = {"TUPLE": Kind.TUPLE, "LIST": Kind.LIST, "DICT": Kind.DICT, "FROZENSET": Kind.FROZENSET}
_FILL = {"APPENDS": Kind.LIST, "SETITEMS": Kind.DICT, "ADDITEMS": Kind.SET}
_FILL_ONE = {"APPEND": (Kind.LIST, 1), "SETITEM": (Kind.DICT, 2)}
_MAKE = {"REDUCE": (Kind.CALL, 2), "NEWOBJ": (Kind.NEW, 2), "NEWOBJ_EX": (Kind.NEW_KEYWORDS, 3)}
_SHORT_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_SILENT = {"PROTO", "FRAME"}


def parse(data: bytes) -> Node:
    """Return the tree of the first pickle in *data*; raise `ValueError` for an opcode that honest pickles lack."""
    reader = _Reader()
    for opcode, argument, _position in pickletools.genops(data):
        if opcode.name == "STOP":
            return reader.stack.pop()
        reader.read(opcode.name, argument)
    raise ValueError("no STOP")


def copied(root: Node) -> Node:
    """Return a tree of its own that is like *root*, shared nodes included; leaves, which never change, are the same."""
    copies: dict[int, Node] = {}

    def copy(node: Node) -> Node:
        if node.kind in LEAVES:
            return node
        if id(node) not in copies:
            copies[id(node)] = made = Node(node.kind, node.value, node.name)
            made.parts += map(copy, node.parts)
            made.fillings += [Filling(one.kind, list(map(copy, one.parts))) for one in node.fillings]
            made.state += map(copy, node.state)
        return copies[id(node)]

    return copy(root)


class _Reader:
    """A stack, marks and a memo, as an unpickler's."""

    def __init__(self) -> None:
        self.stack: list[Node] = []
        self._marks: list[int] = []
        self._memo: dict[int, Node] = {}

    def read(self, name: str, argument: object) -> None:
        """Do what one opcode does."""
        if name in _SILENT:
            return
        for does in (self._value, self._container, self._object, self._remembered):
            if does(name, argument):
                return
        if isinstance(argument, str | bytes | bytearray | int | float):
            self.stack.append(tree(argument))
        else:
            raise ValueError(  # noqa: TRY004 - of the pickle, not of the argument
                f"an opcode that is not read: {name}"
            )

    def _value(self, name: str, argument: object) -> bool:
        if name in _CONSTANTS:
            self.stack.append(tree(_CONSTANTS[name]))
        elif name in _EMPTY:
            self.stack.append(Node(_EMPTY[name]))
        elif name == "GLOBAL":
            module, _, attribute = str(argument).partition(" ")
            self.stack.append(Node(Kind.GLOBAL, name=(module, attribute)))
        elif name == "STACK_GLOBAL":
            module_node, attribute_node = self._taken(2)
            self.stack.append(Node(Kind.GLOBAL, name=(str(module_node.value), str(attribute_node.value))))
        else:
            return False
        return True

    def _container(self, name: str, _argument: object) -> bool:
        if name == "MARK":
            self._marks.append(len(self.stack))
        elif name in _FROM_MARK:
            self.stack.append(Node(_FROM_MARK[name], parts=self._since_mark()))
        elif name in _SHORT_TUPLES:
            self.stack.append(Node(Kind.TUPLE, parts=self._taken(_SHORT_TUPLES[name])))
        elif name in _FILL:
            self._fill(_FILL[name], self._since_mark())
        elif name in _FILL_ONE:
            kind, count = _FILL_ONE[name]
            self._fill(kind, self._taken(count))
        else:
            return False
        return True

    def _object(self, name: str, _argument: object) -> bool:
        if name in _MAKE:
            kind, count = _MAKE[name]
            self.stack.append(Node(kind, parts=self._taken(count)))
        elif name == "BUILD":
            state = self.stack.pop()
            if self.stack[-1].state:
                raise ValueError("two states of one object")
            self.stack[-1].state.append(state)
        else:
            return False
        return True

    def _remembered(self, name: str, argument: object) -> bool:
        if name == "MEMOIZE":
            self._memo[len(self._memo)] = self.stack[-1]
        elif name in {"BINPUT", "LONG_BINPUT", "PUT"} and isinstance(argument, int):
            self._memo[argument] = self.stack[-1]
        elif name in {"BINGET", "LONG_BINGET", "GET"} and isinstance(argument, int):
            self.stack.append(self._memo[argument])
        elif name == "POP":
            self.stack.pop()
        elif name == "POP_MARK":
            self._since_mark()
        else:
            return False
        return True

    def _since_mark(self) -> list[Node]:
        return self._taken(len(self.stack) - self._marks.pop())

    def _taken(self, count: int) -> list[Node]:
        at = len(self.stack) - count
        taken = self.stack[at:]
        del self.stack[at:]
        return taken

    def _fill(self, kind: Kind, parts: list[Node]) -> None:
        target = self.stack[-1]
        if target.kind in OBJECTS:
            target.fillings.append(Filling(kind, parts))
        else:
            target.parts += parts


def walk(root: Node) -> list[Node]:
    """Return every node of *root* once."""
    seen: dict[int, Node] = {}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) not in seen:
            seen[id(node)] = node
            if node.kind not in LEAVES:
                waiting += node.children()
    return list(seen.values())


def imports(root: Node) -> set[tuple[str, str]]:
    """Return the names that *root* imports."""
    return {node.name for node in walk(root) if node.kind is Kind.GLOBAL}
