"""torchmetrics: what restoring a metric looks into.

`ClasswiseWrapper` has none: its ``__setattr__`` asks the metric that it wraps, which lies in ``_modules``.
"""

from __future__ import annotations

from typing import Final

from picklewatch.catalogue.classes.hook_schema import ABSENT, Permitted, Schema
from picklewatch.catalogue.classes.schemas_torch import MODULE_LOOKS

_METRIC: Final[dict[str, Permitted]] = {
    **MODULE_LOOKS,
    "update": ABSENT,
    "compute": ABSENT,
    "_wrap_update": ABSENT,
    "_wrap_compute": ABSENT,
}

SCHEMAS: Final[tuple[Schema, ...]] = (
    Schema(
        function="torchmetrics.metric.Metric.__setstate__",
        why="stores the state, asks for the signature of update and wraps update and compute of its class; the "
        "names must "
        "not be in the state, or what is there would be asked for its signature and its __wrapped__",
        sources={"96d52e2d81b66774": "1.9.0", "b5266235417e0bba": "0.5.1"},
        looks=_METRIC,
    ),
    Schema(
        function="torchmetrics.metric.Metric.__setattr__",
        why="refuses six names, then sets as a module does",
        sources={"18c8774af91afe6d": "1.9.0"},
        looks=MODULE_LOOKS,
    ),
)
