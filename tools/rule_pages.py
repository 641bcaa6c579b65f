"""Writes the rules' pages: ``python tools/rule_pages.py docs/rules``."""

from __future__ import annotations

import sys
from pathlib import Path

from picklewatch.catalogue.rules.rule_text import pages


def main(arguments: list[str]) -> int:
    """Write every page into the directory named by the only argument; pages of rules that are gone are removed."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python tools/rule_pages.py DIRECTORY\n")
        return 2
    directory = Path(arguments[0])
    directory.mkdir(parents=True, exist_ok=True)
    wanted = pages()
    for stale in directory.glob("*.md"):
        if stale.name not in wanted:
            stale.unlink()
    for name, text in wanted.items():
        (directory / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
