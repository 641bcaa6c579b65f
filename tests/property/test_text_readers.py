"""Our readers of YAML and JSON against those that load configurations."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from samples.judging import new_scan, signs_of
from samples.yamls import PIECES, document, tags

from picklewatch.analysis.formats.json_objects import nodes
from picklewatch.analysis.formats.spelling import in_utf8
from picklewatch.analysis.formats.text_parts import readings
from picklewatch.analysis.formats.yaml_scanner import YamlScanner


def _missed(text: bytes) -> set[str]:
    """Tags that a parser meets and we don't; the end of one, behind a comma, is where the parsers differ."""
    data = in_utf8(memoryview(text))
    found = signs_of(data)
    ours = [met.tag.decode("utf-8", "replace") for met in readings(new_scan(), data, found) if met.tag] if found else []
    return {tag for tag in tags(text) if not any(our.startswith(tag) for our in ours)}


@settings(max_examples=400)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
@example("{!!python/tuple,k\n: v}")
@example("%TAG ! tag:yaml.org\n---\n[!,2002:python/object/apply:os.system [1]]")
@example("- [\"a\n# b\", !!python/object/apply:os.system ['x']]")
@example('a: |2\n    x\n  # "\nb: !!python/x 1\n')
def test_every_tag_of_a_parser_is_seen(text: str) -> None:
    """However texts are put together, also of what no parser reads to its end."""
    assert not _missed(text.encode())


@settings(max_examples=200)
@given(st.integers(0, 1 << 32), st.sampled_from(["utf-8", "utf-16"]))
def test_every_tag_of_a_well_formed_text_is_seen(seed: int, encoding: str) -> None:
    """Blocks in blocks, brackets, strings with signs of their own, comments between."""
    rng = Random(seed)
    text = "\n# it's\n---\n".join(document(rng) for _ in range(rng.randrange(1, 3)))
    assert not _missed(text.encode(encoding))


_KEYS = st.text(max_size=4) | st.just("_target_")
_VALUES = st.recursive(
    st.text(max_size=6) | st.integers() | st.floats() | st.none() | st.booleans() | st.just("{{ x.y() }}"),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4) | st.just("_target_"), inner, max_size=4)
    ),
    max_leaves=20,
)


def _pairs(text: str) -> set[tuple[str, str]]:
    """Keys with their strings, as Python's json has them."""
    found: set[tuple[str, str]] = set()

    def take(pairs: list[tuple[str, Any]]) -> None:
        found.update((key, value) for key, value in pairs if isinstance(value, str))

    json.loads(text, object_pairs_hook=take)
    return found


@settings(max_examples=300)
@given(_VALUES, st.booleans(), st.sampled_from([None, 1, "\t"]), st.sampled_from(["utf-8", "utf-16-le", "utf-32"]))
def test_every_wanted_pair_of_json_is_seen(value: object, ascii_: bool, indent: Any, encoding: str) -> None:  # noqa: FBT001
    """Whatever stands around it, in every encoding that json.loads takes."""
    text = json.dumps([value, {"_target_": "é\\\"'\n", "x": value}], ensure_ascii=ascii_, indent=indent)
    if not text.isascii() and not ascii_:
        text = text.encode("utf-8", "replace").decode()
    data = in_utf8(memoryview(text.encode(encoding)))
    seen = {(met.key, met.value) for met in readings(new_scan(), data, signs_of(data))}
    expected = {(key.encode(), text.encode()) for key, text in _pairs(text) if key == "_target_" and text}
    assert expected <= seen


@settings(max_examples=200)
@given(_VALUES, st.sampled_from([None, 1]))
def test_dictionaries_are_those_of_json(value: object, indent: int | None) -> None:
    """Keys and strings alike; no text of json's is called broken."""
    text = json.dumps({"a": value}, indent=indent)
    told = list(nodes(text.encode()))
    ours = {(key, string) for node in told for key, strings in node.strings.items() for string in strings}
    expected = {(key.encode("utf-8", "replace"), text.encode("utf-8", "replace")) for key, text in _pairs(text)}
    assert expected <= ours
    assert not any(node.broken for node in told)


def _loads(text: str) -> bool:
    """Return True if PyYAML or libyaml composes every document of *text*."""
    for loader in (yaml.SafeLoader, yaml.CSafeLoader):
        try:
            list(yaml.compose_all(text, Loader=loader))
        except (yaml.YAMLError, RecursionError):
            continue
        return True
    return False


_LINES = [
    "a: b\n",
    "c:\n",
    "- d\n",
    "  e: f\n",
    "? g\n",
    ": h\n",
    "{i: j}: k\n",
    "[l, m]\n",
    "n\n",
    "'o\n p': q\n",
    "&r s: *r\n",
]
_MARKS = [
    "\n",
    " ",
    ": ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "|\n ",
    ">\n",
    "# x\n",
    "---\n",
    "...\n",
    '"t" ',
    "!u ",
    "\t",
    "`",
    "  ",
]


@settings(max_examples=500)
@given(st.lists(st.sampled_from([*_LINES, *_MARKS]), max_size=9).map("".join))
@example("{a: b}: c\nd: e\n")
@example("- {a: b}: c\n  d: [\n e]\n")
def test_no_text_that_a_parser_reads_counts_as_refused(text: str) -> None:
    """Keys in a text that every parser refuses are prose: an attack must not look like one."""
    scanner = YamlScanner(text.encode())
    list(scanner)
    assert not (scanner.refused and _loads(text))
