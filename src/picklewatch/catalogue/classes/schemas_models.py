"""Data models, plots, texts and bodies: pydantic's models (LangChain's documents), matplotlib, flair, chumpy (SMPL)."""

from __future__ import annotations

from typing import Final

from picklewatch.catalogue.classes.hook_schema import (
    ABSENT,
    COMPILED,
    DATA,
    NAMES,
    SEQUENCE,
    UNSEEN,
    Schema,
    data_and,
    each,
    spelt,
)

_CHUMPY: Final = data_and(
    "chumpy.ch.Ch",
    spelt(
        "chumpy.reordering",
        "Concatenate Permute Reorder Repeat Reshape Roll Select Sort Tile rollaxis swapaxes transpose",
    ),
)
"""Arrays that remember how they were computed; each is asked for its parents, a table that restoring makes anew."""
_SPACES: Final = data_and(
    spelt("gymnasium.spaces.box gym.spaces.box", "Box"),
    spelt("gymnasium.spaces.dict gym.spaces.dict", "Dict"),
    spelt("gymnasium.spaces.discrete gym.spaces.discrete", "Discrete"),
    spelt("gymnasium.spaces.multi_binary", "MultiBinary"),
    spelt("gymnasium.spaces.multi_discrete", "MultiDiscrete"),
    spelt("gymnasium.spaces.tuple", "Tuple"),
)
"""Spaces of an environment: bounds, shapes and a random generator."""

_ADDICT: Final = data_and("addict.addict.Dict addict.Dict")


def _addict(hook: str, source: str, why: str) -> Schema:
    """Return the schema of a hook of a dict that makes other dicts its own class."""
    return Schema(
        function=f"addict.addict.Dict.{hook}",
        why=why,
        sources={source: "2.4.0"},
        sets=False,
        merges=hook == "__setstate__",
        rest=_ADDICT,
        state=_ADDICT,
        items=_ADDICT,
    )


SCHEMAS: Final[tuple[Schema, ...]] = (
    _addict("__setstate__", "59d56946e5ee3b6e", "takes the items of the state, which is the object itself, one by one"),
    _addict(
        "__setitem__", "252fcc0f9ea7c8ca", "sets the item, and itself in a parent, which nothing of a file can set"
    ),
    _addict("__getattr__", "c7f3c231bdff0a5b", "returns the item of that name, or a new dict of its class"),
    Schema(
        function="pydantic.main.BaseModel.__setstate__",
        why="sets __dict__ and three slots to what the state has for them; pydantic 1 also sets private attributes",
        sources={"47aa0e22044c185b": "2.14.4"},
        sets=False,
        looks={"__dict__": NAMES, "__private_attribute_values__": DATA},
        state=ABSENT,
    ),
    Schema(
        function="stable_baselines3.common.vec_env.vec_normalize.VecNormalize.__setstate__",
        why="asks a space that is a dict for the names of its parts, where the state has none; stores the rest",
        sources={"584ff9c879044f2d": "2.9.2", "5610d402ee565d06": "1.8.0"},
        looks={"observation_space": _SPACES, "venv": ABSENT},
        state=ABSENT,
    ),
    Schema(
        function="pmdarima.arima.arima.ARIMA.__setstate__",
        why="makes the state its __dict__, and compares the version in it with its own",
        sources={"76c2afcaaaf00ecf": "2.1.1"},
        looks={"pkg_version_": DATA, "_warn_for_older_version": ABSENT},
        state=ABSENT,
    ),
    Schema(
        function="tianshou.data.batch.Batch.__setstate__",
        why="gives the items of the state to __init__, which makes arrays of what is none, and Batches of dicts",
        sources={"af154e9fdbf9e3b9": "2.0.1"},
        looks=each("batch_dict copy self __init__", ABSENT),
        rest=data_and("tianshou.data.batch.Batch tianshou.data.Batch"),
        state=ABSENT,
    ),
    Schema(
        function="flair.data.Dictionary.__setstate__",
        why="makes the state its __dict__, and looks for one text among the items",
        sources={"e3030656a773a9c3": "0.15.1"},
        looks={"idx2item": DATA},
        state=ABSENT,
    ),
    Schema(
        function="matplotlib.transforms.TransformNode.__setstate__",
        why="makes the state its __dict__, and a weak reference of each value of _parents, which asks them nothing",
        sources={"2e23d020f6bcffcd": "3.11.2"},
        looks={"_parents": NAMES},
        state=ABSENT,
    ),
    Schema(
        function="matplotlib.figure._AxesStack.__setstate__",
        why="stores the state, and counts from _counter on",
        sources={"86d0c71a937a7df4": "3.11.2"},
        looks={"_counter": DATA},
        state=ABSENT,
    ),
    Schema(
        function="matplotlib.spines.Spines.__setstate__",
        why="keeps the items of the state, which names them by texts, as a dict",
        sources={"4247eb849a44bd68": "3.11.2"},
        looks={"self": ABSENT, "__init__": ABSENT},
        state=ABSENT,
    ),
    Schema(
        function="matplotlib.container.Container.__new__",
        why="makes a tuple of its first argument, the artists, of which none is asked; ignores the others",
        sources={"2ce2f157a8629c7d": "3.11.2"},
        places=(SEQUENCE,),
        state=UNSEEN,
    ),
    Schema(
        function="chumpy.ch.Ch.__new__",
        why="without arguments it makes empty tables; with some, arrays of them, and sets them as terms",
        sources={COMPILED: "0.70"},
    ),
    Schema(
        function="chumpy.ch.Ch.__setattr__",
        why="sets a term as restoring does",
        sources={COMPILED: "0.70"},
        looks=each("clear_cache _invalidate_cacheprop_names", ABSENT),
        rest=_CHUMPY,
    ),
    Schema(
        function="chumpy.ch.Ch.__setstate__",
        why="makes the state its __dict__; a class with terms sets each again: it makes a Ch of an array, asks one for "
        "its parents, and clears what they keep",
        sources={COMPILED: "0.70"},
        looks=each("clear_cache _invalidate_cacheprop_names", ABSENT),
        rest=_CHUMPY,
        state=ABSENT,
    ),
)
