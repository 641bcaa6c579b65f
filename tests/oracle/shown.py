"""A tree in one line that a person reads: ``Adam(state={'param_groups': DataLoader(…)})``."""

from __future__ import annotations

from oracle.trees import OBJECTS, Kind, Node

_BRACKETS = {
    Kind.LIST: ("[", "]"),
    Kind.TUPLE: ("(", ",)"),
    Kind.SET: ("{", "}"),
    Kind.FROZENSET: ("frozenset{", "}"),
    Kind.DICT: ("{", "}"),
}
_LONGEST = 60


def shown(root: Node) -> str:
    """Return *root* as text; what was shown before is ``…``."""
    seen: set[int] = set()

    def show(node: Node) -> str:
        if node.kind is Kind.CONSTANT:
            text = repr(node.value)
            return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
        if node.kind is Kind.GLOBAL:
            return ".".join(node.name)
        if id(node) in seen:
            return "…"
        seen.add(id(node))
        if node.kind in OBJECTS:
            return _made(node)
        opening, closing = _BRACKETS[node.kind]
        return opening + _listed(node.kind, node.parts) + closing

    def _made(node: Node) -> str:
        callee, arguments, *keywords = map(show, node.parts)
        inside = [arguments, *keywords]
        inside += [f"filled with {_listed(one.kind, one.parts)}" for one in node.fillings]
        inside += [f"state {show(one)}" for one in node.state]
        return f"{callee}{'' if node.kind is Kind.CALL else '.__new__'}({'; '.join(inside)})"

    def _listed(kind: Kind, parts: list[Node]) -> str:
        if kind is not Kind.DICT:
            return ", ".join(map(show, parts))
        return ", ".join(f"{show(parts[at])}: {show(parts[at + 1])}" for at in range(0, len(parts), 2))

    return show(root)
