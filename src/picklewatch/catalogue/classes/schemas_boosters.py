"""XGBoost and LightGBM: native models, which restoring reads and collecting frees by an address.

An address in a state would be freed as it is: `checks/native_handles` reports one.
"""

from __future__ import annotations

from typing import Final

from picklewatch.catalogue.classes.hook_schema import ABSENT, DATA, Schema, each

SCHEMAS: Final[tuple[Schema, ...]] = (
    Schema(
        function="xgboost.core.Booster.__setstate__",
        why="hands the buffer in handle to its native reader and stores the rest",
        sources={"e5b072540ebbc5c5": "3.2.0", "71679de65ea4f22e": "1.5.2", "52bb53202985153d": "0.90"},
        looks={"handle": DATA, "set_param": ABSENT},
        state=ABSENT,
    ),
    Schema(
        function="xgboost.core.Booster.__del__",
        why="frees the native model that __setstate__ made of the buffer in handle",
        sources={"a08c62f4584cf473": "3.2.0", "43969969fc4482d1": "1.5.2", "a3e277c01e63a614": "0.90"},
        looks={"handle": DATA},
        state=ABSENT,
    ),
    Schema(
        function="xgboost.core.DMatrix.__del__",
        why="frees the address in handle: none may be there",
        sources={"20a1b186727d89e1": "3.2.0", "107ef43efc078d97": "1.5.2", "e4a26d5c8b7b502d": "0.90"},
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
        sources={"1392c49892a4f8aa": "4.7.0", "3c79f82a347536d2": "3.3.5"},
        looks={"_handle": DATA, "handle": DATA},
        state=ABSENT,
    ),
    Schema(
        function="lightgbm.basic.Booster.__del__",
        why="asks whether _network is true, then calls free_network of its class, and frees the native model that "
        "__setstate__ made of the text",
        sources={"9b9936b575301562": "4.7.0", "9b9377c979701ec4": "3.3.5"},
        looks={**each("_network network _handle handle", DATA), "free_network": ABSENT},
        state=ABSENT,
    ),
    Schema(
        function="lightgbm.basic._InnerPredictor.__del__",
        why="frees the address in _handle if it manages it: neither may be there",
        sources={"60f807564250b363": "4.7.0", "978018e12cf3999f": "3.3.5"},
        looks=each("_InnerPredictor__is_manage_handle _handle handle", ABSENT),
        state=ABSENT,
    ),
    Schema(
        function="lightgbm.basic.Dataset.__del__",
        why="calls _free_handle of its class, which frees the address in _handle: neither may be there",
        sources={"9277579d809e8dd0": "4.7.0", "34e06c788f47e086": "3.3.5"},
        looks=each("_handle handle _free_handle", ABSENT),
        state=ABSENT,
    ),
)
