"""The Python source that honest restoring compiles: each library's own template, named exactly."""

from __future__ import annotations

import re
import sys
from types import CodeType

_NETWORKX = re.compile(
    r"def argmap___new___\d+\(cls, \*args, backend, \*\*kwargs\):\n \n"
    r" return argmap___new___\d+\(cls, \*args, backend = backend, \*\*kwargs\)#"
)
"""networkx/utils/decorators.py, ``argmap``: what ``Graph.__new__`` becomes when it is first called."""


class Templates:
    """Recognises a text that a template makes of identifiers alone, and the code object that is run next."""

    def __init__(self) -> None:
        self._compiled = False
        self._patterns = patterns()

    def allow(self, source: object) -> bool:
        """Return True if *source*, compiled or run, is a template's and nothing else."""
        if isinstance(source, CodeType):
            compiled, self._compiled = self._compiled, False
            return compiled and source.co_filename.startswith(
                ("<string>", "<class 'networkx.utils.decorators.argmap'>")
            )
        text = source.decode("utf-8", "replace") if isinstance(source, bytes) else source
        self._compiled = isinstance(text, str) and any(pattern.fullmatch(text) for pattern in self._patterns)
        return self._compiled


def patterns() -> tuple[re.Pattern[str], ...]:
    """Return the templates of the libraries that are imported."""
    return tuple(filter(None, (_scipy(), _NETWORKX)))


def _scipy() -> re.Pattern[str] | None:
    """Return the methods that a distribution compiles to take its shapes apart, when it is restored.

    scipy/stats/_distn_infrastructure.py, ``rv_generic._construct_argparser`` and ``_attach_argparser_methods``.
    """
    template = getattr(sys.modules.get("scipy.stats._distn_infrastructure"), "parse_arg_template", None)
    if template is None:
        return None
    holes = {
        "shape_arg_str": r"(?:[a-zA-Z_]\w*, )*",
        "locscale_in": "(?:loc=0(?:, scale=1)?)?",
        "locscale_out": "(?:loc, (?:scale|1))?",
    }
    text = re.escape(template)
    for hole, pattern in holes.items():
        text = text.replace(re.escape(f"%({hole})s"), pattern)
    return re.compile(text, re.ASCII)
