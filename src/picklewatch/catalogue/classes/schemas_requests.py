"""requests: sessions, answers and cookies, which loaders keep beside a model and restore without a call."""

from __future__ import annotations

from typing import Final

from picklewatch.catalogue.classes.hook_schema import ABSENT, DATA, Schema, each

_SETS: Final = "sets each attribute that the state names, one by one; the class has no setter and no __setattr__"

SCHEMAS: Final[tuple[Schema, ...]] = (
    Schema(
        function="requests.sessions.Session.__setstate__",
        why=_SETS,
        sources={"8a04b9368ab4b5cf": "2.34.2"},
        state=ABSENT,
        assigns=True,
    ),
    Schema(
        function="requests.models.Response.__setstate__",
        why=_SETS,
        sources={"ae2526b2283ef0ed": "2.34.2"},
        state=ABSENT,
        assigns=True,
    ),
    Schema(
        function="requests.adapters.HTTPAdapter.__setstate__",
        why=_SETS + "; then makes an empty pool of as many places as the state says, which connects to nobody",
        sources={"0a6cfa6d0afb9d64": "2.34.2"},
        looks={**each("_pool_connections _pool_maxsize _pool_block", DATA), "init_poolmanager": ABSENT},
        state=ABSENT,
        assigns=True,
    ),
)
