"""Texts as YAML's grammar allows them, and what PyYAML and libyaml make of them: events, nothing is constructed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

PYTHON = "tag:yaml.org,2002:python/"

PIECES = (
    "!!python/object/apply:os.system", "!!python/tuple", "!p!object/new:x", "!<tag:yaml.org,2002:python/module:os>",
    "!<%74ag:yaml.org,2002:python/name:x>", "!!%70ython/x", "%TAG !p! tag:yaml.org,2002:python/\n",
    "%TAG ! tag:yaml.org,2002:pyth\n", "%YAML 1.1\n", "---", "--- ", "...\n", "a", "b c", "a#b", " #c",
    " # c 'x\"\n", "'x'", "'it''s'", '"q\\"w"', '"', "'", '"a\n  b"', "[", "]", "{", "}", ",", ", ", ":", ": ", "? ",
    "?", "- ", "-", "|", "|\n", ">-\n", "|2\n", "|+1\n", " ", "  ", "    ", "\n", "\n\n", "\r\n", "\r", "\x85",
    "\u2028", "\t", "&a ", "*a", "&b", "*b ", "!x ", "!! ", "! ", "@", "`", "%", "\\", "\ufeff", "é", "x: ", "k: v\n",
    "- a\n",
)  # fmt: skip
"""What a text is put together of."""


def tags(text: bytes) -> Iterator[str]:
    """The Python tags that either parser meets before it gives up."""
    for loader in (yaml.Loader, getattr(yaml, "CLoader", yaml.Loader)):
        try:
            for event in yaml.parse(text, Loader=loader):
                tag = getattr(event, "tag", None)
                if tag and tag.startswith(PYTHON):
                    yield tag
        except (yaml.YAMLError, ValueError):
            continue


def document(rng: Random, depth: int = 0) -> str:
    """A node in the grammar of YAML, some of it with a tag of Python's."""
    tag = rng.choice(["", "", "&a ", "!!python/object/apply:os.system ", "!<%74ag:yaml.org,2002:python/x> ", "!!str "])
    margin = "\n" + "  " * depth
    forms = {
        "plain": lambda: rng.choice(["a", "b c", "a#b", "1.5", "x:y"]),
        "single": lambda: rng.choice(["'it''s # x'", "'a: \"'", "'!!python/x'"]),
        "double": lambda: rng.choice(['"q\\"w # "', '"\\u0061 \'"', '"a\\\n  b"', '""']),
        "flow": lambda: "[" + ", ".join(document(rng, 4) for _ in range(rng.randrange(3))) + "]",
        "list": lambda: "".join(f"{margin}- {document(rng, depth + 2)}" for _ in range(rng.randrange(1, 4))),
        "map": lambda: "".join(f"{margin}k{i}: {document(rng, depth + 2)}" for i in range(rng.randrange(1, 4))),
        "block": lambda: rng.choice(["|", ">-"]) + "".join(f"{margin} {x}" for x in ("# x", "a: '", '!!python/y "')),
    }
    return tag + forms[rng.choice(list(forms)[: 7 if depth < 4 else 4])]()
