"""Checks of the arguments of calls that are harmless only with the right ones.

Each takes the machine, the import that is called, its arguments and the offset, and returns a doubt or None.
"""

from __future__ import annotations

from typing import Any

from picklewatch.analysis.pickle.checks.arguments import bounded, plain
from picklewatch.analysis.pickle.checks.library_calls import OF_LIBRARIES
from picklewatch.analysis.pickle.checks.stdlib_calls import OF_PYTHON
from picklewatch.catalogue.imports.entries import Check

CHECKS: dict[Check, Any] = {Check.PLAIN: plain, Check.BOUNDED: bounded} | OF_LIBRARIES | OF_PYTHON
"""By the name that the lists use."""
