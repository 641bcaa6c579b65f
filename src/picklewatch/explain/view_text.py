"""The views' lines as text for a person; the parent's half. Pure.

What comes in has been checked by the sandbox's wire: flat, bounded, printable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from picklewatch.explain.record_text import paint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Line = dict[str, Any]
    Tint = Callable[[str, str], str]

_NAME_WIDTH: Final = 16
_ARGUMENT_WIDTH: Final = 28
_STACK_WIDTH: Final = 48
_INDENT_LIMIT: Final = 8
_STYLES = {"import": "unverified", "call": "unsafe", "state": "unscannable", "persistent": "dim"}


def present(lines: Iterable[Line], *, colour: bool) -> Iterator[str]:
    """Write *lines* of any view."""

    def tint(style: str, text: str) -> str:
        return paint(style, text, colour=colour)

    first = True
    for line in lines:
        kind = line["kind"]
        if kind == "pickle":
            if not first:
                yield ""
            first = False
        writer = _WRITERS.get(kind)
        if writer is not None:
            yield from writer(line, tint)


def _pickle(line: Line, tint: Tint) -> Iterator[str]:
    place = line["member"] or "the file"
    size = f", {line['end'] - line['start']:,} bytes" if line["end"] is not None else ""
    inert = ", builds nothing but data" if line["inert"] else ""
    yield tint("info", f"# {place} at 0x{line['start']:x}{size}{inert}")


def _step(line: Line, tint: Tint) -> Iterator[str]:
    stack = [cut(text, _STACK_WIDTH) for text in line["stack"]]
    hidden = line["stack_size"] - len(stack)
    shown = f"[{f'{hidden} more, ' if hidden > 0 else ''}{', '.join(stack)}]"
    memo = tint("dim", f"memo {line['memo']}")
    yield f"{_opcode(line, tint)}  {shown}  {memo}"
    yield from _note(line, tint)


def _op(line: Line, tint: Tint) -> Iterator[str]:
    yield _opcode(line, tint).rstrip()
    yield from _note(line, tint)


def _opcode(line: Line, tint: Tint) -> str:
    indent = "  " * min(line.get("depth", 0), _INDENT_LIMIT)
    argument = cut(line["argument"], 4 * _ARGUMENT_WIDTH)
    offset = tint("dim", f"{line['offset']:>8x}")
    return f"{offset}  {indent}{line['op']:<{_NAME_WIDTH}} {argument:<{_ARGUMENT_WIDTH}}"


def _note(line: Line, tint: Tint) -> Iterator[str]:
    if line["note"]:
        style = _STYLES.get(line["acts"][-1], "dim") if line["acts"] else "dim"
        yield f"{'':>8}  => {tint(style, line['note'])}"


def _source(line: Line, tint: Tint) -> Iterator[str]:
    note = f": {line['text']}" if line["text"] else ""
    yield tint("dim", f"# as {line['by']} reads it{note}")


def _code(line: Line, tint: Tint) -> Iterator[str]:
    place = "  " + tint("dim", f"# {line['where']}") if line["where"] else ""
    yield f"{line['text']}{place}"


def _stuck(line: Line, tint: Tint) -> Iterator[str]:
    yield tint("warning", f"! {line['where']}: {line['text']}")


def _said(line: Line, tint: Tint) -> Iterator[str]:
    yield tint("dim", f"# {line['text']}")


def _warned(line: Line, tint: Tint) -> Iterator[str]:
    yield tint("warning", f"# {line['text']}")


def _total(line: Line, tint: Tint) -> Iterator[str]:
    if line["text"]:
        yield tint("warning", f"# The file was not followed to its end: {line['text']}")


_WRITERS = {
    "pickle": _pickle,
    "step": _step,
    "op": _op,
    "source": _source,
    "code": _code,
    "stuck": _stuck,
    "end": _said,
    "none": _warned,
    "limit": _warned,
    "broken": _warned,
    "total": _total,
}


def cut(text: str, length: int) -> str:
    """*text*, shortened to *length* characters."""
    return text if len(text) <= length else text[: length - 1] + "…"
