"""Formulas: statsmodels evaluates them as Python when it restores a model's data.

``ModelData.__setstate__`` (``statsmodels/base/data.py``) gives the formula to patsy, which calls ``eval`` on every
factor (``patsy/eval.py``).
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks import argument_signs
from picklewatch.analysis.pickle.render import render
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Obj, Value


def formula_state(observations: Observations, _target: Obj, state: Value, offset: int) -> None:
    """Report a formula that is more than names, numbers, operators and the usual transformations."""
    text = state.get("formula") if isinstance(state, dict) else None
    if isinstance(text, str) and not text.isascii():
        observations.budget.charge(len(text))
        text = unicodedata.normalize("NFKC", text)  # as Python reads names
    if isinstance(text, str) and argument_signs.sign((text,), observations):
        observations.finding(
            "suspicious-arguments",
            Level.MALICIOUS,
            offset,
            "a formula that statsmodels evaluates on loading holds code",
            render(text),
        )
    elif text is not None and not (isinstance(text, str) and _plain_formula(observations, text)):
        observations.finding(
            "suspicious-arguments",
            Level.UNVERIFIED,
            offset,
            "a formula that statsmodels evaluates on loading",
            render(text),
        )


def _plain_formula(observations: Observations, text: str) -> bool:
    """Return True if *text* is made of names, numbers, operators and the usual transformations alone."""
    observations.budget.charge(len(text) // 2)
    if text.count("**") != len(_POWER.findall(text)):
        return False  # 9**9**9**9 takes all time and memory
    return _FORMULA.fullmatch(_TRANSFORMATION.sub("(", text)) is not None


_POWER = re.compile(r"\*\*\s*+[1-9](?![\w.]|\s*+\*\*)")


_TRANSFORMATION = re.compile(
    r"(?<![\w.])(?:(?:np\.)?(?:log|log2|log10|log1p|exp|expm1|sqrt|abs|square|power|sin|cos)|C|I|scale|center|standardize)\("
)


_FORMULA = re.compile(r"(?:[A-Za-z_]\w*+(?!\s*\()|\d++(?:\.\d*+)?|\)(?!\s*\()|[\s~+*/:^|(,-])*+")
