"""Many small contents as one sealed file in memory. Copies bytes, and looks at none."""

from __future__ import annotations

import fcntl
import hashlib
import os
from typing import TYPE_CHECKING, Self

from picklewatch.sandbox.answers import TOKEN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class Arena:
    """The *contents*, each behind a token that nobody could know before; close it by a ``with`` statement."""

    def __init__(self, contents: Sequence[bytes]) -> None:
        random = os.urandom(TOKEN * len(contents))
        self.tokens = [random[at : at + TOKEN] for at in range(0, len(random), TOKEN)]
        self.sizes = [len(content) for content in contents]
        self.digests = [hashlib.sha256(content).hexdigest() for content in contents]
        whole = b"".join(part for pair in zip(self.tokens, contents, strict=True) for part in pair)
        self.fd = os.memfd_create("picklewatch-batch", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            written = 0
            while written < len(whole):
                written += os.write(self.fd, memoryview(whole)[written:])
            fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, _SEALS)
        except BaseException:
            os.close(self.fd)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.fd)
