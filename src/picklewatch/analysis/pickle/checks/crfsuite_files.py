"""Models of sklearn_crfsuite, which write their bytes to a file that their state names.

``FileResource.__setstate__`` (``sklearn_crfsuite/_fileresource.py``) does so on loading: with another name than a
temporary one that is a write anywhere, such as to ``~/.bashrc``.
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
    """Report the file that the bytes would be written to."""
    name = attributes.get("name")
    if name is None or (isinstance(name, str) and _TEMPORARY.match(name)):
        observations.once(
            "unvouched-class", Level.UNVERIFIED, offset, "writes bytes of its own to a temporary file", render(name)
        )
    else:
        observations.finding(
            "file-access", Level.MALICIOUS, offset, "writes bytes of its own to a file that it names", render(name)
        )


_TEMPORARY = re.compile(r"(/tmp|/var/tmp|/var/folders/[\w/+-]+|[A-Za-z]:\\[\w \\.~-]+\\Temp)[/\\][\w.-]+\Z")
