"""What the daemon tells the guard: one connection for as long as both live, one message per line.

The daemon begins with `LinkHello`, and the guard answers `LinkReady` once the daemon's own opens are no longer asked
about. Then come the contents that the operator allows, every verdict that the store has, and each new one as it is
recorded. A daemon whose allowances change connects anew: nothing that was said before holds then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from picklewatch.core.model import Verdict  # noqa: TC001 - the codec looks the types of fields up
from picklewatch.ipc.codec import Most

LINE: Final = 1 << 18
"""Bytes of a message, its end included, at most."""
FILES: Final = 500
"""Verdicts in one message, at most."""
CONTENTS: Final = 100
"""Allowed contents in one message, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkHello:
    """The first message."""

    version: Annotated[str, Most(80)]
    engine: Annotated[str, Most(200)]
    """The engine of the verdicts that follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VouchedContent:
    """A content that the operator has vouched for."""

    sha256: Annotated[str, Most(64)]
    reason: Annotated[str, Most(1_000)]
    size: int | None = None
    """Bytes, if they are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VouchedContents:
    """Some of the contents that are allowed."""

    contents: Annotated[tuple[VouchedContent, ...], Most(CONTENTS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownVerdict:
    """The verdict that is acted on, for one state of one inode."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownVerdicts:
    """Some verdicts."""

    files: Annotated[tuple[KnownVerdict, ...], Most(FILES)]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkReady:
    """The guard's answer to `LinkHello`."""


TO_GUARD: Final[dict[str, type]] = {
    "hello": LinkHello,
    "allowed": VouchedContents,
    "known": KnownVerdicts,
}
TO_DAEMON: Final[dict[str, type]] = {"ready": LinkReady}
