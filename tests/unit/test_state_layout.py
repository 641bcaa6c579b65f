"""The names in the state directory."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import picklewatch
from picklewatch.core import state_layout
from picklewatch.core.state_layout import StateLayout, item_content

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(picklewatch.__file__).parent
NAMES = {value for name, value in vars(state_layout).items() if name.isupper() and isinstance(value, str)}
WORDS = {state_layout.LOCK, state_layout.VAULT, state_layout.JOURNAL, state_layout.CONTENT}
"""Names that are words, too: only as a part of a path, as bytes, or as a constant's value they are that name."""


def is_spelt(node: ast.AST) -> bool:
    """Return True if *node* spells a name of the state directory."""
    match node:
        case ast.BinOp(op=ast.Div()):
            return any(isinstance(side, ast.Constant) and side.value in NAMES for side in (node.left, node.right))
        case ast.AnnAssign(value=ast.Constant(value=value)) | ast.Assign(value=ast.Constant(value=value)):
            return value in NAMES
        case ast.Constant(value=bytes() as value):
            return value in {name.encode() for name in NAMES}
        case ast.Constant(value=str() as value):
            return value in NAMES - WORDS
    return False


def spellings() -> Iterator[str]:
    """Every place outside of the layout that spells one of its names. The sandboxed child knows of no state."""
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(PACKAGE)
        if relative.parts[0] in ("analysis", "catalogue") or path == Path(state_layout.__file__):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if is_spelt(node):
                assert isinstance(node, ast.expr | ast.stmt)
                yield f"{relative}:{node.lineno}"


def test_every_name_in_the_state_directory_is_spelt_once() -> None:
    """A change of the layout is a change of one file."""
    assert list(spellings()) == []


def test_the_layout_is_what_users_find_on_their_disks() -> None:
    """These names are part of the interface: a newer version finds what an older one left."""
    layout = StateLayout(Path("/state"))
    assert layout.lock == Path("/state/lock")
    assert layout.database == Path("/state/picklewatch.db")
    assert layout.canary == Path("/state/canary")
    assert layout.vault == Path("/state/quarantine")
    assert item_content(layout.vault, "0123456789ab") == Path("/state/quarantine/0123456789ab/data")
