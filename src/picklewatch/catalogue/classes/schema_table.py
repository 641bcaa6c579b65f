"""The schemas of all libraries, by the hook function that each is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from picklewatch.catalogue.classes import (
    schemas_asked,
    schemas_boosters,
    schemas_data,
    schemas_madmom,
    schemas_mappings,
    schemas_models,
    schemas_numpy,
    schemas_omegaconf,
    schemas_optuna,
    schemas_pandas,
    schemas_refused,
    schemas_requests,
    schemas_scipy,
    schemas_sklearn,
    schemas_statsmodels,
    schemas_timm,
    schemas_tokenizers,
    schemas_torch,
    schemas_torchmetrics,
    schemas_transformers,
)

if TYPE_CHECKING:
    from picklewatch.catalogue.classes.hook_schema import Schema

GROUPS: Final[tuple[tuple[Schema, ...], ...]] = (
    schemas_asked.SCHEMAS,
    schemas_boosters.SCHEMAS,
    schemas_data.SCHEMAS,
    schemas_madmom.SCHEMAS,
    schemas_mappings.SCHEMAS,
    schemas_models.SCHEMAS,
    schemas_numpy.SCHEMAS,
    schemas_omegaconf.SCHEMAS,
    schemas_optuna.SCHEMAS,
    schemas_pandas.SCHEMAS,
    schemas_refused.SCHEMAS,
    schemas_requests.SCHEMAS,
    schemas_scipy.SCHEMAS,
    schemas_sklearn.SCHEMAS,
    schemas_statsmodels.SCHEMAS,
    schemas_timm.SCHEMAS,
    schemas_tokenizers.SCHEMAS,
    schemas_torch.SCHEMAS,
    schemas_torchmetrics.SCHEMAS,
    schemas_transformers.SCHEMAS,
)

SCHEMAS: Final[dict[str, Schema]] = {schema.function: schema for group in GROUPS for schema in group}
"""Function → its schema. What is not here makes a file unverified, or worse."""
