"""The schemas: each hook function is described once, by a source that somebody read, and looks allow what they say."""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from picklewatch.catalogue.classes import profiles
from picklewatch.catalogue.classes.class_table import Table
from picklewatch.catalogue.classes.hook_schema import COMPILED, Content, Schema, data_and, spelt
from picklewatch.catalogue.classes.schema_table import GROUPS, SCHEMAS

ALL = [schema for group in GROUPS for schema in group]


def test_each_function_is_described_once() -> None:
    """No hook function has two schemas: the second would silently replace the first."""
    assert len(ALL) == len(SCHEMAS) > 0


@pytest.mark.parametrize("schema", ALL, ids=lambda schema: schema.function)
def test_a_schema_names_the_sources_that_were_read(schema: Schema) -> None:
    """Each source is a digest, or compiled, with the versions that have it; a reason is given."""
    assert schema.sources
    for source, versions in schema.sources.items():
        assert source == COMPILED or re.fullmatch(r"[0-9a-f]{16}", source), source
        assert re.fullmatch(r"\d[\w.]*( \d[\w.]*)*", versions), versions
    assert len(schema.why) > 20


@pytest.mark.parametrize("schema", ALL, ids=lambda schema: schema.function)
def test_a_schema_names_a_hook(schema: Schema) -> None:
    """A function is spelt with its module, its class and itself, or is a function of a module that rebuilds objects."""
    assert re.fullmatch(r"[A-Za-z_]\w*(\.\w+)+", schema.function), schema.function


@pytest.mark.parametrize("schema", ALL, ids=lambda schema: schema.function)
def test_classes_are_allowed_as_data_only(schema: Schema) -> None:
    """Named classes go with `Content.DATA`: any other look does not ask for them. Their names have a module."""
    for allowed in (*schema.looks.values(), schema.rest, schema.state, schema.items):
        assert not allowed.classes or allowed.content is Content.DATA
        assert all("." in name for name in allowed.classes)


def test_a_schema_that_looks_at_items_by_name_says_so_of_names() -> None:
    """Only a schema with looks can say that they hold for items too."""
    assert all(schema.looks for schema in ALL if schema.keyed)


def test_spellings_are_the_product_of_modules_and_names() -> None:
    """Each name is spelt with each module, and allowed as such."""
    assert spelt("a b.c", "X Y") == "a.X a.Y b.c.X b.c.Y"
    assert data_and(spelt("a", "X Y"), "b.Z").classes == {"a.X", "a.Y", "b.Z"}


def test_what_modules_call_of_themselves_may_not_be_in_their_state() -> None:
    """A buffer named like an attribute that restoring sets has `register_buffer` called: it must be the class's own."""
    looks = SCHEMAS["torch.nn.modules.module.Module.__setstate__"].looks
    assert {name for name, allowed in looks.items() if allowed.content is Content.ABSENT} == {
        "register_buffer",
        "register_parameter",
    }


def test_a_distribution_has_no_state_but_a_dict() -> None:
    """dict.update makes attributes of a tuple's pairs, a template of code among them, which scipy executes."""
    schema = SCHEMAS["scipy.stats._distn_infrastructure.rv_generic.__setstate__"]
    assert schema.state.content is Content.ABSENT
    assert schema.looks["_parse_arg_template"].content is Content.TEXT


def test_what_is_removed_or_freed_by_name_may_not_be_there_as_data() -> None:
    """A path to remove, or an address to free, is harmful as plain data: nothing may be there."""
    for function, place in (
        ("numpy.lib._datasource.DataSource.__del__", "_destpath"),
        ("xgboost.core.DMatrix.__del__", "handle"),
        ("lightgbm.basic.Dataset.__del__", "_handle"),
    ):
        assert SCHEMAS[function].looks[place].content is Content.ABSENT


ASKS_NOTHING_OF_ITSELF = frozenset(
    {
        "addict.addict.Dict.__setstate__",
        "builtins.BaseException.__setstate__",
        "matplotlib.spines.Spines.__setstate__",
        "omegaconf.basecontainer.BaseContainer.__setstate__",
        "pandas.core.generic.NDFrame.__setstate__",
        "polars.dataframe.frame.DataFrame.__setstate__",
        "polars.expr.whenthen.ChainedThen.__setstate__",
        "polars.expr.whenthen.Then.__setstate__",
        "polars.selectors.Selector.__setstate__",
        "polars.series.series.Series.__setstate__",
        "pydantic.main.BaseModel.__setstate__",
        "sklearn.base.BaseEstimator.__setstate__",
        "stable_baselines3.common.vec_env.vec_normalize.VecNormalize.__setstate__",
        "tianshou.data.batch.Batch.__setstate__",
        "torch._tensor.Tensor.__setstate__",
        "torch.nn.modules.module.Module.__setstate__",
        "torch_geometric.data.storage.BaseStorage.__setstate__",
        "torchmetrics.metric.Metric.__setstate__",
    }
)
"""Read for this: each reads only attributes of itself that its class has, or goes through ``__dict__``."""


def test_no_restoring_hook_asks_an_attribute_hook_that_nobody_read() -> None:
    """A subclass's own ``__getattr__`` runs where the hook that it inherits reads what the state has left out."""
    table = Table((Path(profiles.__file__).parent / "classes.bin").read_bytes())
    asking = set()
    with suppress(IndexError):
        for number in count():
            acts = table.profile(number)[3]
            if any(function not in SCHEMAS for function in acts.get(profiles.Hook.GETATTR, ())):
                asking |= {function for function in acts.get(profiles.Hook.SETSTATE, ()) if function in SCHEMAS}
    assert asking == ASKS_NOTHING_OF_ITSELF
