"""Models of sklearn_crfsuite, which write their bytes to a file on loading, and remove files when they go.

``FileResource.__setstate__`` (``sklearn_crfsuite/_fileresource.py``, 0.3.6 and 0.5.0) makes a file by
``tempfile.mkstemp(suffix, prefix)``, both of the state's, and writes to it: a prefix that leads elsewhere is a write
anywhere, as is a name of its own where assertions are off. ``__del__`` removes the file that the state names, unless it
says that the name was given by a user (``auto``). Its own pickles have no name where it is not the user's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.render import render
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Key, Value


def file_resource(observations: Observations, attributes: dict[Key, Value], _value: Value, offset: int) -> None:
    """Report the file that the bytes would be written to, or that would be removed."""
    name = attributes.get("name")
    is_elsewhere = name is not None and not (isinstance(name, str) and _TEMPORARY.match(name))
    if "__FILE_RESOURCE_DATA__" in attributes:
        affixes = [attributes.get(affix) for affix in ("prefix", "suffix")]
        leading = next((affix for affix in affixes if not _stays(affix)), None)
        if is_elsewhere or leading is not None:
            what = render(name if is_elsewhere else leading)
            _report(observations, offset, "writes bytes of its own to a file that it names", what)
        else:
            observations.once(
                "unvouched-class", Level.UNVERIFIED, offset, "writes bytes of its own to a temporary file", render(name)
            )
    if is_elsewhere and attributes.get("auto", True) is not False:
        _report(observations, offset, "removes a file that it names", render(name))


def _report(observations: Observations, offset: int, what: str, evidence: str) -> None:
    observations.finding("file-access", Level.MALICIOUS, offset, what, evidence)


def _stays(affix: Value) -> bool:
    """Return True for a part of a temporary file's name that leads to no other directory."""
    return affix is None or (isinstance(affix, str) and not _SEPARATORS & set(affix))


_SEPARATORS = frozenset("/\\")
_TEMPORARY = re.compile(r"(/tmp|/var/tmp|/var/folders/[\w/+-]+|[A-Za-z]:\\[\w \\.~-]+\\Temp)[/\\][\w.-]+\Z")
