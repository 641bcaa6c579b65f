"""A message about finds, as JSON for programs and as text for people. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from picklewatch.ipc.messages import Find

LISTED: Final = 1_000
"""Finds in one message, at most."""
_SHOWN: Final = 5
"""Finds that the text names."""
_TITLE: Final = 200
_LINE: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What one message tells."""

    finds: tuple[Find, ...]
    """Oldest first."""
    host: str = ""
    """The machine's name."""
    is_test: bool = False

    def title(self) -> str:
        """Return one line: how many files of what kind, and where they are from."""
        if self.is_test:
            return "picklewatch: a test"
        counts = Counter(find.verdict for find in self.finds)
        worst = max(counts, key=lambda verdict: verdict.rank)
        number = len(self.finds)
        what = f"{number} {worst} file{'' if number == 1 else 's'}"
        if len(counts) > 1:
            what = f"{number} files, {counts[worst]} of them {worst},"
        groups = list(dict.fromkeys(map(group_of, self.finds)))
        where = groups[0] if len(groups) == 1 else f"{len(groups)} repositories"
        return f"picklewatch: {what} in {where}"[:_TITLE]

    def text(self) -> str:
        """Return the lines below: the worst finds, how many more there are, and the next command."""
        host = [f"On {self.host}."] if self.host else []
        if self.is_test:
            return "\n".join([*host, "Messages about unsafe files will look like this. Nothing was found."])
        worst = sorted(self.finds, key=lambda find: -find.verdict.rank)
        lines = [_line(find) for find in worst[:_SHOWN]]
        if len(worst) > _SHOWN:
            lines.append(f"and {len(worst) - _SHOWN} more")
        return "\n".join([*host, *lines, "picklewatch findings: what is there, and what to do"])

    def to_json(self) -> dict[str, Any]:
        """Return the documented JSON object (docs/notify.md)."""
        return {
            "kind": "test" if self.is_test else "finds",
            "title": self.title(),
            "text": self.text(),
            "host": self.host,
            "repositories": list(dict.fromkeys(map(group_of, self.finds))),
            "finds": [{**asdict(find), "id": f"r{find.id}"} for find in self.finds],
        }


def group_of(find: Find) -> str:
    """Return the repository, or the tool, that the find's name begins with; else the directory that it lies in."""
    if find.name:
        return find.name.partition(": ")[0].partition("@")[0]
    return find.path.rpartition("/")[0] or find.path


def _line(find: Find) -> str:
    moved = ", in quarantine" if find.item else ""
    return f"{find.verdict}: {find.name or find.path} ({find.reason}{moved})"[:_LINE]
