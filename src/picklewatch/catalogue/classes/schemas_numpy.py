"""numpy: masked arrays, and what clears up behind itself."""

from __future__ import annotations

from typing import Final

from picklewatch.catalogue.classes.hook_schema import ABSENT, DATA, UNSEEN, Schema

SCHEMAS: Final[tuple[Schema, ...]] = (
    *(
        Schema(
            function=function,
            why="unpacks a tuple, has numpy's own arrays restore data and mask from it, and makes an array of the fill "
            "value, which asks an object for its items; a mask that is set before must not take the place of the array",
            sources={"2d111af1eca4096f": "2.4.6"},
            looks={"_mask": ABSENT},
            rest=DATA,
            places=(DATA, DATA, DATA, DATA, UNSEEN, DATA, DATA),
        )
        for function in ("numpy.ma.core.MaskedArray.__setstate__", "numpy.ma.core.MaskedArray")
    ),
    Schema(
        function="numpy.ma.mrecords.MaskedRecords.__setstate__",
        why="as MaskedArray, with a mask for each field",
        sources={"5ae0d2ccc24679fb": "2.4.6"},
        looks={"_mask": ABSENT},
        rest=DATA,
    ),
    Schema(
        function="numpy.lib._datasource.DataSource.__del__",
        why="removes the directory that _destpath names if _istmpdest is true: neither may be there, not even as data",
        sources={"2eebe183f286b29e": "2.4.6", "55171acdd3464367": "1.13.3"},
        looks={"_istmpdest": ABSENT, "_destpath": ABSENT},
        state=ABSENT,
    ),
)
