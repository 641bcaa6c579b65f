"""Compiled patterns: ``re._compile`` (``Lib/re/__init__.py``) calls methods of what is no text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks.arguments import values_of
from picklewatch.analysis.pickle.checks.concern import Concern, suspicious_arguments
from picklewatch.analysis.pickle.vm.values import Blob, Import, as_bytes

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.checks.judges import Context
    from picklewatch.analysis.pickle.vm.values import Value


def pattern(_context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let only a text, or bytes, be compiled."""
    values = values_of(args)
    if values and (isinstance(values[0], bytes | str | Blob) or as_bytes(values[0]) is not None):
        return None
    return suspicious_arguments(f"{callee.key} is given something other than a pattern")
