"""Refresh our copy of the lists of imports that others call harmless: ``tools/refresh_import_lists.py [--write]``.

Reads fickling's ``ML_ALLOWLIST`` and, where torch is installed, the globals of its ``weights_only`` unpickler;
prints what changed against `import_lists` and, with ``--write``, writes it anew. A test
compares: what they list is no alarm here. It vouches for nothing: only what was read is clean.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import import_lists

Table = dict[str, list[str]]

_HEAD = '''"""Harmless imports that others list, written by ``python tools/refresh_import_lists.py --write``."""

# ruff: noqa: E501 - an entry stands on one line

from __future__ import annotations

'''


def from_fickling() -> Table:
    """Give fickling's list for machine-learning files, by module."""
    listed = importlib.import_module("fickling.ml").ML_ALLOWLIST
    return {module: sorted(names) for module, names in sorted(listed.items())}


def from_torch() -> Table | None:
    """Give what torch's ``weights_only`` unpickler allows, by module; None where torch is not installed."""
    try:
        unpickler = importlib.import_module("torch._weights_only_unpickler")
    except ImportError:
        return None
    table: Table = {}
    for key in sorted(unpickler._get_allowed_globals()):  # noqa: SLF001 - torch has no public name for it
        module, _, name = key.rpartition(".")
        table.setdefault(module, []).append(name)
    return table


def difference(old: dict[str, str], new: Table) -> list[str]:
    """Give the lines that say what *new* has more (``+``) and less (``-``) than *old*."""
    before = {f"{module}.{name}" for module, names in old.items() for name in names.split()}
    after = {f"{module}.{name}" for module, names in new.items() for name in names}
    return [f"+ {key}" for key in sorted(after - before)] + [f"- {key}" for key in sorted(before - after)]


def source(fickling: Table, torch: Table) -> str:
    """Give the module's text."""
    parts = [_HEAD, _table("FICKLING", fickling, "fickling's ``ML_ALLOWLIST``: module → names.")]
    parts.append(_table("TORCH", torch, "What torch's ``weights_only`` unpickler allows: module → names."))
    return "\n".join(parts)


def _table(name: str, table: Table, said: str) -> str:
    rows = "".join(f'    "{module}": "{" ".join(names)}",\n' for module, names in table.items())
    return f'{name}: dict[str, str] = {{\n{rows}}}\n"""{said}"""\n'


def main(arguments: list[str]) -> int:
    """Print what changed; write it with ``--write``."""
    fickling, torch = from_fickling(), from_torch()
    lines = difference(import_lists.FICKLING, fickling)
    if torch is None:
        sys.stderr.write("torch is not installed here: its part stays as it is\n")
        torch = {module: names.split() for module, names in import_lists.TORCH.items()}
    lines += difference(import_lists.TORCH, torch)
    sys.stdout.write("".join(f"{line}\n" for line in lines) or "nothing changed\n")
    if "--write" in arguments:
        Path(import_lists.__file__).write_text(source(fickling, torch), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
