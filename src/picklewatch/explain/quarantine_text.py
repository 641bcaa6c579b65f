"""Quarantined items as text for a person. Pure, but for colours."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from picklewatch.catalogue.rules import RULES
from picklewatch.core.model import printable
from picklewatch.core.units import human_size
from picklewatch.explain.record_text import SIZE_WIDTH, VERDICT_WIDTH, paint, shell_quoted
from picklewatch.quarantine.item import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from picklewatch.quarantine.item import Item

_AGES = ((86400, "day"), (3600, "hour"), (60, "minute"))


def table(items: Sequence[Item], *, colour: bool, history: bool = False) -> Iterator[str]:
    """Yield one aligned line per item, under a heading."""
    state = f"{'STATE':<12}  " if history else ""
    heading = f"{'ID':<12}  {state}{'TAKEN':<16}  {'VERDICT':<{VERDICT_WIDTH}}  {'SIZE':>{SIZE_WIDTH}}  FILE"
    yield paint("dim", heading, colour=colour)
    for item in items:
        verdict = paint(item.verdict.value, item.verdict.value, colour=colour)
        verdict += " " * (VERDICT_WIDTH - len(item.verdict.value))
        state = f"{item.state.value:<12}  " if history else ""
        taken = time.strftime("%Y-%m-%d %H:%M", time.localtime(item.taken))
        times = f"  (taken {item.times} times)" if item.times > 1 else ""
        size = f"{human_size(item.size):>{SIZE_WIDTH}}"
        yield f"{item.id}  {state}{taken}  {verdict}  {size}  {title(item)}{times}"


def title(item: Item) -> str:
    """Return the name that a person understands, else the path."""
    return printable(item.name or item.path)


def total(items: Sequence[Item]) -> str:
    """Return how many items there are, and how large they are."""
    number = "1 item" if len(items) == 1 else f"{len(items):,} items"
    return f"{number}, {human_size(sum(item.size for item in items))}"


def details(item: Item, *, colour: bool, data: str | None, owner: str, now: float) -> Iterator[str]:
    """Yield everything about one item, and what can be done now; *data* is the path of its content."""
    verdict = paint(item.verdict.value, item.verdict.value, colour=colour)
    reasons = ", ".join(printable(reason) for reason in item.reasons)
    rows = [
        ("item", f"{item.id}, {_state(item, now)}"),
        ("file", title(item)),
        ("path", printable(item.path)),
        *(("also", printable(name)) for name in item.names),
        ("verdict", f"{verdict}: {reasons}" if reasons else verdict),
        *(("means", RULES[reason].meaning) for reason in item.reasons[:_MEANT] if reason in RULES),
        ("size", f"{human_size(item.size)} ({item.size:,} bytes)"),
        ("sha256", item.sha256 or "not known"),
        ("owner", f"{printable(owner)}, mode {item.mode:04o}"),
        *(("note", note) for note in _notes(item)),
    ]
    if data is not None:
        rows.append(("content", printable(data)))
    for label, value in rows:
        yield row(label, value, colour=colour)
    if data is not None:
        yield ""
        yield from _next(item, data)


_MEANT: Final = 3
"""Reasons that are explained: the most harmful come first."""


def row(label: str, value: str, *, colour: bool) -> str:
    """Return a line of `details`."""
    return f"{paint('dim', f'{label:<8}', colour=colour)} {value}"


def _state(item: Item, now: float) -> str:
    word = "taken" if item.state.holds else item.state.value
    since = item.taken if item.state.holds else item.changed
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(since))
    shown = f"{word} {when} ({age(now - since)})"
    return f"foreign, {shown}" if item.state is State.FOREIGN else shown


def age(seconds: float) -> str:
    """Return roughly how long ago something was."""
    for length, unit in _AGES:
        number = int(seconds // length)
        if number:
            return f"{number} {unit}{'' if number == 1 else 's'} ago"
    return "just now"


def _notes(item: Item) -> Iterator[str]:
    if item.note:
        yield printable(item.note)
    if item.target is not None and item.state is State.RESTORED:
        yield f"restored to {printable(item.target)}"
    if item.vouched and item.state is State.RESTORED:
        yield f"its content is allowed: {printable(item.vouched)}"
    if item.times > 1:
        yield f"taken {item.times} times: something downloads or writes it again and again"
    if item.tombstone:
        yield "a tombstone is in its place: loading it fails with a message that names this item"
    if item.state in (State.TAKEN, State.COPIED):
        where = "beside its place" if item.copied else "in the vault"
        yield f"it has lost its name, and is {where} until it was read and copied; restore and delete work already"
    if not item.state.holds:
        return
    if item.target is not None:
        yield f"a copy was made at {printable(item.target)}"
    yield from _notes_on_links(item)
    if not item.locked:
        yield "it still belongs to its owner, whose open programs and links can read it"


def _notes_on_links(item: Item) -> Iterator[str]:
    if item.disarmed:
        number = "1 other name" if item.links == 1 else f"{item.links} other names"
        yield f"{number} (hard links) of the same content lead to the tombstone now, until it is restored"
    elif item.links and not item.copied:
        yield f"{_links(item.links)} the same content: find them with find -xdev -inum {item.inode}"
    elif item.links:
        yield f"{_links(item.links)} what was the same content, on its old file system (inode {item.inode})"


def _links(links: int) -> str:
    return f"{links} hard link{' remains elsewhere with' if links == 1 else 's remain elsewhere with'}"


def _next(item: Item, data: str) -> Iterator[str]:
    if item.state is State.FOREIGN:
        yield f"restore:  picklewatch quarantine restore {item.id} --to PATH"
        return
    yield f"explain:  picklewatch explain {shell_quoted(data)}"
    yield f"rescue:   picklewatch rescue --item {item.id} weights.safetensors    (its weights; nothing is executed)"
    yield f"restore:  picklewatch quarantine restore {item.id}    (allows this content from then on)"
    yield f"delete:   picklewatch quarantine delete {item.id}"
