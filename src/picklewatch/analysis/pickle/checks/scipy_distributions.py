"""scipy's distributions, which run a code template on loading.

``rv_generic.__setstate__`` calls ``exec`` on ``_parse_arg_template`` (``scipy/stats/_distn_infrastructure.py``): code
in a state of harmless classes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.render import render
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Key, Value


def code_template(observations: Observations, _attributes: dict[Key, Value], value: Value, offset: int) -> None:
    """Report a template that is not of the shape that scipy writes."""
    lines = value.split("\n") if isinstance(value, str) else [""]
    longest, most = 200, 60  # what scipy writes has a fifth of that; anything else is reported
    observations.budget.charge(len(value) if isinstance(value, str) else 1)
    fits = isinstance(value, str) and len(lines) <= most
    if fits and all(len(line) <= longest and _TEMPLATE_LINE.match(line) for line in lines):
        return
    observations.finding(
        "hijacked-method",
        Level.MALICIOUS,
        offset,
        "a code template that scipy runs on loading was changed",
        render(value, 300),
    )


_TEMPLATE_LINE = re.compile(
    r"\s*(def _parse_args(_rvs|_stats)?\(self,?[\w ,=*']*\):|return \(?[\w, ]*+(\)[\w, ]*+)?"
    r"((?<=\bself)\._argcheck_rvs\([\w, =]*\)[\w, ]*+)?)?\s*\Z"
)
