"""Bounds by their syntax, and shapes that are none: see `bounds.finder`."""

from __future__ import annotations

import pytest
from bounds.finder import find, find_in
from bounds.patterns import repetitions

_HEAD = "LIMIT = 1 << 10\n"


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("for one in found[:LIMIT]: yield one", "slice"),
        ("for one in found[:8]: yield one", "slice"),
        ("yield data[at : at + 512]", "slice"),
        ("yield data[-512:]", "slice"),
        ("yield data[: self.limits.member]", "slice"),
        ("most = 5; yield data[:most]", "slice"),
        ("yield data[begin : min(end, begin + LIMIT)]", "slice"),
        ("yield from islice(found, LIMIT)", "islice"),
        ("yield from itertools.islice(found, 10)", "islice"),
        ("for _ in range(LIMIT): yield next(found)", "range"),
        ("for _ in range(4): yield next(found)", "range"),
        ("yield min(size, LIMIT)", "min"),
        ("yield min(size, begin + 4096)", "min"),
        ("yield max(0, at - LIMIT)", "max"),
        ("if size > LIMIT: return", "compare"),
        ("if len(found) > 100: return", "compare"),
        ("if len(found) >= self.limits.findings: return", "compare"),
        ("if self.places_left <= 0: return", "compare"),
        ("if stop > at + 24: return", "compare"),
        ("for one in found:\n  if len(seen) >= 3: break", "compare"),
        ("for number, one in enumerate(found):\n  if number > 5: break", "compare"),
        ("count += 1\n if count > 9: return", "compare"),
        ("if depth > 8: return\n f(inner, depth + 1)", "compare"),
        ("while len(seen) < 7: seen.add(next(found))", "compare"),
        ("search(data, 0, LIMIT)", "argument"),
        ("search(data, at, at + 4096)", "argument"),
        ("deque(found, maxlen=5)", "argument"),
        ("heapq.nlargest(5, found)", "argument"),
        ("longest = 256", "set"),
        ("self.left = LIMIT", "set"),
    ],
)
def test_a_number_that_decides_how_much_is_looked_at_is_a_bound(line: str, kind: str) -> None:
    """However it is spelt: what lies behind it may be cut off."""
    assert kind in {bound.partition(":")[0] for bound in find_in(f"{_HEAD}def f(data, depth):\n {line}\n")}


def test_defaults_are_bounds() -> None:
    """Of parameters and of fields: whoever calls need not name them."""
    assert find_in("def f(data, limit=1 << 16): ...") == ["default: limit=1 << 16"]
    assert find_in("class Kind:\n    head: int = 4096") == ["default: head: int = 4096"]


@pytest.mark.parametrize(
    ("pattern", "bounded"),
    [
        (rb"!<([^>\n]{1,300})>", [rb"!<([^>\n]{1,300}"]),
        (r"\s{0,20}:", [r"\s{0,20}"]),
        (r"(?:ab){,7}", ["(?:ab){,7}"]),
        (rb"[A-Za-z]{6,}", [rb"[A-Za-z]{6,}"]),
        (r"(?<=.{300})", ["(?<=.{300}"]),
        (rb"\x8c(?=[\x01-\x40])", [rb"\x8c(?=[\x01-\x40"]),
        (r"[0-9a-f]{4}", []),
        (r"a+b*c?d{1,}", []),
        (r"\{1,5}", []),
        (r"{%- if -%}", []),
        (rb"[\x00-\x08\x0e-\x1f]", None),
    ],
)
def test_repetitions_that_end_are_bounds(pattern: str | bytes, bounded: list[str | bytes] | None) -> None:
    """In texts and bytes; a fixed few are a field, and a backslash makes a brace of one."""
    found = repetitions(pattern)
    if bounded is not None:
        assert found == [one.decode() if isinstance(one, bytes) else one for one in bounded]


def test_pieces_of_patterns_are_looked_at() -> None:
    """A pattern may be put together from texts that are none themselves; docstrings are none."""
    assert find_in('"""{1,5}"""\nNAME = rb"[a-z]{0,80}("\n') == ["repeat: [a-z]{0,80}"]


@pytest.mark.parametrize(
    "line",
    [
        "if data[:4] == MAGIC: return",
        "if data[at : at + 8] in MAGICS: return",
        "size = int.from_bytes(data[4:8], 'little')",
        "(size,) = struct.unpack('<I', data[4:8])",
        "first, second = parts[:2]",
        "yield text[1:-1]",
        "yield data[8:]",
        "yield stack[-2:]",
        "for at in range(0, len(data), LIMIT):\n  yield data[at : at + LIMIT]",
        "scan.finding('rule', level, f'calls {name[:200]}')",
        "raise Malformed(f'{name[:40]!r} is no type')",
        "if kind == LIMIT: return",
        "if len(parts) > 2: return",
        "if byte >= 0x80: return",
        "bits = flags & 0x7FFF",
        "yield found[LIMIT]",
    ],
)
def test_code_that_cannot_cut_anything_off_is_no_bound(line: str) -> None:
    """Fields of a fixed size, delimiters, steps through the whole, texts for people, masks, arities."""
    found = find_in(f"{_HEAD}def f(data):\n {line}\n")
    assert [one for one in found if not one.startswith("range")] == []


def test_constants_that_are_reckoned_are_known() -> None:
    """Whatever number it is, it may cut something off."""
    assert find_in("DEEPEST = max(map(len, NAMES))\ndef f(parts): return parts[:DEEPEST]") == ["slice: parts[:DEEPEST]"]


def test_constants_of_other_modules_are_known() -> None:
    """A bound is no less one where it is imported."""
    assert any(bound.file == "analysis/formats/zips.py" and "CHUNK" in bound.text for bound in find())
