"""A small closed world: profiles and schemas that a test gives to classes that the lists vouch for."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from samples.opcodes import BUILD, dict_, global_, new

from picklewatch.catalogue.classes import profiles
from picklewatch.catalogue.classes.hook_schema import ABSENT, DATA, NAMES, TEXT, UNSEEN, Permitted, Schema
from picklewatch.catalogue.classes.profiles import ClassKind, Hook, Profile
from picklewatch.catalogue.classes.schema_table import SCHEMAS

if TYPE_CHECKING:
    import pytest

ACTING, PASSIVE = "torch.nn.modules.linear Linear", "torch.nn.modules.linear Identity"
LOADER = "torch.utils.data.dataloader DataLoader"
FUNCTION = global_("numpy", "mean")
HOOK = "torch.nn.modules.linear.Linear.hook"


def profile(kind: ClassKind = ClassKind.ACTIVE, base: str = "object", **hooks: str) -> Profile:
    """Return the profile of a class whose *hooks*, by the names of the enumeration, are run by these functions."""
    acts = {Hook[name]: tuple(functions.split()) for name, functions in hooks.items()}
    return Profile(kind, base, acts=MappingProxyType(acts))


WORLD = {
    ACTING: profile(SETSTATE=HOOK),
    PASSIVE: profile(ClassKind.PASSIVE),
    LOADER: profile(ClassKind.PASSIVE),
    "torch.optim.adam Adam": profile(SETSTATE="torch.optim.adam.Adam.__setstate__"),
    "torch.optim.lr_scheduler StepLR": profile(SETSTATE="torch.optim.lr_scheduler.StepLR.__setstate__"),
    "torch.nn.modules.container Sequential": profile(SETSTATE="torch.nn.modules.module.Module.__setstate__"),
    "sklearn.preprocessing._data StandardScaler": profile(SETSTATE="sklearn.base.BaseEstimator.__setstate__"),
    "torchmetrics.aggregation MeanMetric": profile(HASH="torchmetrics.metric.Metric.__hash__"),
    "omegaconf.dictconfig DictConfig": profile(SETSTATE="omegaconf.dictconfig.DictConfig.__setstate__"),
    "torch.optim.sgd SGD": profile(DEL="torch.optim.sgd.SGD.__del__"),
}


def schema(function: str, *, rest: Permitted = UNSEEN, whole: Permitted = DATA, **looks: Permitted) -> Schema:
    """Return the schema of *function*; *looks* are attributes, *whole* is a state that is no dict."""
    return Schema(function=function, why="a test", sources={}, looks=looks, state=whole, rest=rest)


READ = (
    schema("torch.optim.adam.Adam.__setstate__", param_groups=DATA, state=DATA, _hook_for_profile=ABSENT),
    schema("torch.nn.modules.module.Module.__setstate__", _modules=NAMES, _parameters=NAMES),
    schema("sklearn.base.BaseEstimator.__setstate__", _sklearn_version=TEXT),
    Schema(function=HOOK, why="a test", sources={}, rest=DATA, items=DATA),
    schema("torchmetrics.metric.Metric.__hash__", rest=DATA),
    schema("torch.optim.sgd.SGD.__del__", rest=DATA),
)


class World:
    """The profiles and schemas of one test."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self._profiles = dict(WORLD)
        before = profiles.look_up
        patch.setattr(
            profiles, "look_up", lambda module, name: self._profiles.get(f"{module} {name}") or before(module, name)
        )
        for one in READ:
            self.read(one)

    def profile(self, name: str, given: Profile) -> None:
        """Give the class *name*, ``module name``, a profile."""
        self._profiles[name] = given

    def read(self, given: Schema) -> None:
        """Give a function its schema."""
        self._patch.setitem(SCHEMAS, given.function, given)


def fresh(name: str, *args: bytes) -> bytes:
    """Return the opcodes of an object of the class *name*, ``module name``, that has no state."""
    module, _, own = name.partition(" ")
    return new(module, own, *args)


def made(name: str, **attributes: bytes) -> bytes:
    """Return the opcodes of an object of the class *name*, ``module name``, with *attributes*."""
    return fresh(name) + dict_(**attributes) + BUILD


def loader(**more: bytes) -> bytes:
    """Return the opcodes of a loader of data that calls numpy's ``mean``."""
    return made(LOADER, collate_fn=FUNCTION, **more)
