"""OmegaConf: containers of configurations and their metadata."""

from __future__ import annotations

from typing import Final

from picklewatch.catalogue.classes.hook_schema import Schema, data_and, spelt

_TYPES: Final = data_and(
    spelt("omegaconf.base omegaconf", "ContainerMetadata Metadata"),
    spelt("typing", "Any Dict List Tuple Union Optional"),
)
"""What a node of a configuration writes about itself: two plain data classes, and types."""

SCHEMAS: Final[tuple[Schema, ...]] = (
    Schema(
        function="omegaconf.basecontainer.BaseContainer.__setstate__",
        why="compares the types in _metadata with dict and list, and completes Dict[…] by them, which hashes them; "
        "the "
        "content of the configuration is only stored: interpolations are resolved when somebody asks for a value",
        sources={"381df26c88ed8667": "2.3.0", "653732b7daf45194": "2.4.0"},
        sets=False,
        looks={"_metadata": _TYPES},
    ),
)
