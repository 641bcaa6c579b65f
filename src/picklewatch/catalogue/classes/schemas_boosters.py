"""XGBoost and LightGBM: native models, which restoring reads and collecting frees by an address.

An address in a state would be freed as it is: `checks/native_handles` reports one.
"""

from __future__ import annotations

from typing import Final

from picklewatch.catalogue.classes.schema import ABSENT, DATA, Schema

SCHEMAS: Final[tuple[Schema, ...]] = (
    Schema(
        function="xgboost.core.Booster.__setstate__",
        why="hands the buffer in handle to its native reader and stores the rest",
        sources={"e5b072540ebbc5c5": "3.2.0"},
        looks={"handle": DATA},
        state=ABSENT,
    ),
    Schema(
        function="xgboost.core.Booster.__del__",
        why="frees the native model that __setstate__ made of the buffer in handle",
        sources={"a08c62f4584cf473": "3.2.0"},
        looks={"handle": DATA},
        state=ABSENT,
    ),
    Schema(
        function="xgboost.core.DMatrix.__del__",
        why="frees the address in handle: none may be there",
        sources={"20a1b186727d89e1": "3.2.0"},
        looks={"handle": ABSENT},
        state=ABSENT,
    ),
    Schema(
        function="xgboost._data_utils.Categories.__del__",
        why="frees the address in _handle: none may be there",
        sources={"415704834fab5004": "3.2.0"},
        looks={"_handle": ABSENT, "_free": ABSENT},
        state=ABSENT,
    ),
    Schema(
        function="lightgbm.basic.Booster.__setstate__",
        why="hands the text in _handle, or handle, to its native reader and stores the rest",
        sources={"1392c49892a4f8aa": "4.7.0"},
        looks={"_handle": DATA, "handle": DATA},
        state=ABSENT,
    ),
    Schema(
        function="lightgbm.basic.Booster.__del__",
        why="asks whether _network is true, then calls free_network of its class, and frees the native model that "
        "__setstate__ made of the text",
        sources={"9b9936b575301562": "4.7.0"},
        looks={"_network": DATA, "_handle": DATA, "free_network": ABSENT},
        state=ABSENT,
    ),
    Schema(
        function="lightgbm.basic._InnerPredictor.__del__",
        why="frees the address in _handle if it manages it: neither may be there",
        sources={"60f807564250b363": "4.7.0"},
        looks={"_InnerPredictor__is_manage_handle": ABSENT, "__is_manage_handle": ABSENT, "_handle": ABSENT},
        state=ABSENT,
    ),
    Schema(
        function="lightgbm.basic.Dataset.__del__",
        why="calls _free_handle of its class, which frees the address in _handle: neither may be there",
        sources={"9277579d809e8dd0": "4.7.0"},
        looks={"_handle": ABSENT, "_free_handle": ABSENT},
        state=ABSENT,
    ),
)
