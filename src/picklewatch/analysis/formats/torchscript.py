"""TorchScript's ``code/*.py``: text that torch's own compiler reads, never Python's.

Mirrors torch/csrc/jit/serialization (import_source.cpp; import_export_helpers.cpp finds sources in ``code/``). They
reach whatever torch's operators reach: among them files (``aten::save``, ``aten::from_file``), with which a model reads
or overwrites a user's files when it is run. Python that the compiler would refuse has no honest reason to be there: it
waits for somebody who extracts the archive.
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
"""Names that lead into Python's internals, in strings too."""

_FILES = re.compile(rb"\b(?:ops\.\w+\.|torch\.)(?:save|from_file)\([^\n]*")


def is_code(name: str) -> bool:
    """Return True if torch would look for TorchScript's source in a member of this name."""
    return _CODE.search(name) is not None


def judge_code(scan: Scan, part: Part) -> None:
    """Report Python that TorchScript does not know, and access to files."""
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
