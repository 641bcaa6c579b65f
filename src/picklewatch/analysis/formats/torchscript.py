"""TorchScript's ``code/*.py``: text that torch's own compiler reads, never Python's.

What it can reach is what torch's operators reach: among them files (``aten::save``, ``aten::from_file``). Python that
the compiler would refuse has no honest reason to be there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.formats.context import Scan
    from picklewatch.analysis.formats.part import Part

_CODE = re.compile(r"(?:^|/)code/.*\.py$", re.IGNORECASE)

_STRING = re.compile(rb"\"(?:[^\"\\\n]|\\.)*\"")
"""The compiler's printer writes strings so; an exception's name is one (``"builtins.ValueError"``)."""

_FOREIGN = re.compile(
    rb"^[ \t]*(?:import[ \t]+\w|from[ \t]+[\w.]+[ \t]+import\b).*$"
    rb"|(?<![\w.])(?<!def )(?:exec|eval|__import__|open|compile|globals)\(.*$"
    rb"|(?<![\w.])(?:os|sys|subprocess|builtins|socket|ctypes)\.\w+.*$",
    re.MULTILINE,
)
_INSIDE = re.compile(rb"__(?:builtins|globals|subclasses|class|import|reduce)__[^\n]*")
"""Names that lead into Python's inside, in strings too."""

_FILES = re.compile(rb"\b(?:ops\.\w+\.|torch\.)(?:save|from_file)\([^\n]*")


def is_code(name: str) -> bool:
    """Whether the member is TorchScript source by the place where torch looks for it."""
    return _CODE.search(name) is not None


def judge_code(scan: Scan, part: Part) -> None:
    """Note what TorchScript has no business with."""
    scan.code_bearing = True
    scan.budget.charge(len(part.data))
    text = part.data
    foreign = _FOREIGN.search(_STRING.sub(b'""', text)) or _INSIDE.search(text)
    if foreign is not None:
        summary = "The archive's code is Python that TorchScript does not know."
        evidence = foreign.group().decode("latin-1")
        scan.finding("torchscript-foreign-code", Level.UNSAFE, part.where, summary, evidence)
    files = _FILES.search(text)
    if files is not None:
        summary = "The model's code reads or writes files through torch's operators."
        scan.finding("torchscript-file-access", Level.UNSAFE, part.where, summary, files.group().decode("latin-1"))
