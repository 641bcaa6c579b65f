"""What an answerer is given when it starts. Standard library only."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from picklewatch.guard.states import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswererStart:
    """What an answerer is given when it starts."""

    warden: int
    """The descriptor of its socket to the warden."""
    warden_pid: int
    board: int
    """The descriptor of the `Board`."""
    trees: tuple[str, ...]
    """As `os.fsdecode` gives them."""
    mounted: tuple[str, ...]
    """What is mounted in them."""
    max_wait: float
    late: Answer
    """The answer where no verdict came in time."""
    beat: float
    """Seconds between two signs of life."""

    def to_json(self) -> str:
        """Return it as a text."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, text: str) -> AnswererStart:
        """Return what `to_json` wrote."""
        fields = json.loads(text)
        paths = {name: tuple(fields[name]) for name in ("trees", "mounted")}
        return cls(**{**fields, **paths, "late": Answer(fields["late"])})
