"""Hooks that are asked for ``__setstate__`` of an object that has no attributes yet, and others that only pass on."""

from __future__ import annotations

from typing import Final

from picklewatch.catalogue.classes.hook_schema import DATA, Schema


def _asked(function: str, sources: dict[str, str], why: str) -> Schema:
    """Return the schema of a ``__getattr__`` that finds nothing where nothing is: what is there must be data."""
    return Schema(function=function, why=why, sources=sources, rest=DATA, items=DATA)


SCHEMAS: Final[tuple[Schema, ...]] = (
    _asked(
        "omegaconf.dictconfig.DictConfig.__getattr__",
        {"189ca194bd751fc0": "1.4.1", "7947290bbd6ffd2b": "2.0.6", "a5b4f7b82157cec1": "2.4.0"},
        "asks the content for the name, which is not there yet: raises",
    ),
    _asked(
        "omegaconf.listconfig.ListConfig.__getattr__",
        {"e54e4edfa104f792": "1.4.1", "5cb42f8c18fed12c": "2.0.6", "354a2c40837fd992": "2.4.0"},
        "raises for a name that is no number",
    ),
    _asked(
        "torch_geometric.data.data.Data.__getattr__",
        {"a0751e0fdfcfeee6": "2.8.1"},
        "raises while the object has no _store",
    ),
    _asked(
        "diffusers.configuration_utils.ConfigMixin.__getattr__",
        {"bd6c29c41e4e2b7c": "0.42.1"},
        "asks __dict__ for the configuration, which is not there yet: raises",
    ),
    _asked(
        "xarray.core.common.AttrAccessMixin.__getattr__",
        {"2dacf1bb2fd6780e": "2026.9.0"},
        "raises for __setstate__",
    ),
    _asked(
        "lifelines.fitters.coxph_fitter.CoxPHFitter.__getattr__",
        {"bb44d52758027f32": "0.30.3"},
        "asks _model, which is not there yet: raises",
    ),
    _asked(
        "pandas.core.groupby.groupby.GroupBy.__getattr__",
        {"5076d8580ad66ce5": "1.5.3 2.3.3"},
        "asks obj, which is not there yet, and so asks itself until Python stops it",
    ),
    _asked(
        "transformers.tokenization_utils_base.BatchEncoding.__getattr__",
        {"6b19eba49f987c6b": "3.5.1 5.24.0"},
        "asks data, which is not there yet, and so asks itself until Python stops it",
    ),
    _asked(
        "torch_geometric.data.hetero_data.HeteroData.__getattr__",
        {"2ffd7a843a7c7235": "2.8.1"},
        "asks _global_store, which is not there yet, and so asks itself until Python stops it",
    ),
    _asked(
        "ultralytics.utils.SimpleClass.__getattr__",
        {"652adb73119a19de": "8.4.190", "9b5526ff386d95e1": "8.0.200"},
        "raises, and words the error by the names of the class and its __doc__",
    ),
    _asked(
        "fastcore.basics.GetAttr.__getattr__",
        {"0dd084d45920dafd": "2.2.41"},
        "raises for a name that begins with __; for another one asks _default, which is not there yet",
    ),
    _asked(
        "coqpit.coqpit.Coqpit.__getattribute__",
        {"a09c405891c6d97a": "0.0.17"},
        "compares a text with '???'; the object has no attributes yet",
    ),
    _asked(
        "pymatgen.core.sites.Site.__getattr__",
        {"b44a356644515014": "2026.10.16"},
        "asks _properties, which is not there yet: raises",
    ),
    _asked(
        "formulaic.utils.structured.Structured.__getattr__",
        {"19ec1f66f7c57818": "1.2.2"},
        "raises for a name that begins with _; for another one asks _structure, which is not there yet",
    ),
    Schema(
        function="xarray.core.common.AttrAccessMixin.__setattr__",
        why="sets the attribute as object does, and words an error by names alone",
        sources={"8a0c483f40085145": "2026.9.0"},
    ),
    Schema(
        function="statsmodels.tools.decorators.ResettableCache.__setitem__",
        why="stores the item, and None under each key that _resetdict lists for it",
        sources={"bda7647b552c9606": "0.9.0"},
        looks={"_resetdict": DATA},
    ),
)
