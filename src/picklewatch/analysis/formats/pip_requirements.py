"""``requirements.txt`` of a model archive, which TorchServe installs when it loads the model.

Mirrors pip/_internal/req/req_file.py: lines joined by backslashes, comments, options that may be abbreviated. A
requirement from an address, a path or another index runs that package's ``setup.py`` (TorchServe's
``install_py_dep_per_model``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.analysis.formats.spelling import in_utf8
from picklewatch.catalogue.loaders.loader_scripts import is_elsewhere
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.formats.context import Scan
    from picklewatch.analysis.formats.part import Part

_LINE = re.compile(rb"(?:[^\r\n\\]++|\\(?:\r\n?|\n)|\\)++")
"""A line with those that a backslash joins to it."""
_JOINED = re.compile(rb"\\(?:\r\n?|\n)")
_COMMENT = re.compile(rb"(?:\A|\s)#.*", re.DOTALL)


def judge_requirements(scan: Scan, part: Part) -> None:
    """Report requirements that TorchServe would install from elsewhere than the usual index."""
    data = in_utf8(part.data)
    for match in _LINE.finditer(data):
        line = _COMMENT.sub(b"", _JOINED.sub(b"", match.group())).strip()
        if is_elsewhere(line.decode("utf-8", "replace")):
            summary = "The archive's requirements are installed from elsewhere than the usual index."
            evidence = line.decode("utf-8", "replace")
            scan.finding("requirements-from-elsewhere", Level.UNSAFE, part.at(match.start()), summary, evidence)
            return
