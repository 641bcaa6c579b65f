"""Code that nobody judged harmful, told once for each repository: a model has dozens of files of it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from picklewatch.core.model import Verdict, printable
from picklewatch.explain.record_text import FORMAT_WIDTH, SIZE_WIDTH, VERDICT_WIDTH, paint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from picklewatch.core.model import Record

CODE_RULES: Final = frozenset({"python-code", "script-code"})
"""Rules that say no more than that a file is code."""
_ADVICE: Final = (
    "python-code  It runs when the model is loaded with its own code (trust_remote_code, torch.hub): read it."
)
_SHOWN: Final = 3
"""Files named of one repository."""


def is_mere_code(fields: Mapping[str, object]) -> bool:
    """Return True if the record of *fields* says no more than that the file is code."""
    reasons = fields["reasons"]
    return (
        fields["verdict"] == Verdict.UNVERIFIED
        and isinstance(reasons, list | tuple)
        and bool(reasons)
        and CODE_RULES.issuperset(reasons)
    )


class CodeGroups:
    """The files of mere code that were seen, by repository.

    Source code in a folder of the user's own is only counted.
    """

    def __init__(self) -> None:
        self._files: dict[str, list[str]] = {}
        self._others = 0

    def take(self, record: Record) -> bool:
        """Return True if *record* is told with its repository, or not at all, and keep it for `lines`."""
        judgement = record.judgement
        if not is_mere_code({"verdict": judgement.effective, "reasons": judgement.reasons}):
            return False
        repository, _, file = (record.name or "").partition(": ")
        if file:
            self._files.setdefault(repository, []).append(file)
        else:
            self._others += 1
        return True

    def lines(self, *, colour: bool, quiet: bool = False) -> Iterator[str]:
        """Yield a line for each repository, with some of its files; unless *quiet*, one for all other code."""
        label = paint("unverified", "unverified", colour=colour) + " " * (VERDICT_WIDTH - len("unverified"))
        for repository, files in sorted(self._files.items()):
            shown = ", ".join(printable(file) for file in sorted(files)[:_SHOWN])
            more = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
            number = "1 file" if len(files) == 1 else f"{len(files)} files"
            yield f"{label}  {'code':<{FORMAT_WIDTH}}  {number:>{SIZE_WIDTH}}  {printable(repository)}: {shown}{more}"
            yield f"    {_ADVICE}"
        if self._others and not quiet:
            number = "1 file" if self._others == 1 else f"{self._others:,} files"
            yield f"{number} of source code without harm that is known (--format json names them)"
