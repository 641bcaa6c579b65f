"""Objects of libraries that are too large to install for a test: pickled, they name the real modules."""

from __future__ import annotations

import contextlib
import enum
import pathlib
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Plain:
    """An object whose state is its ``__dict__``."""

    def __init__(self, **state: Any) -> None:
        self.__dict__.update(state)


def _class(qualified: str) -> type[Any]:
    module, _, name = qualified.rpartition(".")
    return type(name, (_Plain,), {"__module__": module})


def _enum(qualified: str, **members: str) -> type[enum.Enum]:
    module, _, name = qualified.rpartition(".")
    return enum.Enum(name, members, module=module)  # type: ignore[return-value]


_TrainingArguments = _class("transformers.training_args.TrainingArguments")
_AcceleratorConfig = _class("transformers.trainer_pt_utils.AcceleratorConfig")
_PartialState = _class("accelerate.state.PartialState")
_DistributedType = _enum("accelerate.utils.dataclasses.DistributedType", NO="NO")
_IntervalStrategy = _enum("transformers.trainer_utils.IntervalStrategy", STEPS="steps")
_SchedulerType = _enum("transformers.trainer_utils.SchedulerType", LINEAR="linear")
_HubStrategy = _enum("transformers.trainer_utils.HubStrategy", EVERY_SAVE="every_save")
_OptimizerNames = _enum("transformers.training_args.OptimizerNames", ADAMW_TORCH="adamw_torch")
_AttributeDict = type("AttributeDict", (dict,), {"__module__": "lightning_fabric.utilities.data"})

_FOREIGN: tuple[type[Any], ...] = (
    _TrainingArguments,
    _AcceleratorConfig,
    _PartialState,
    _DistributedType,
    _IntervalStrategy,
    _SchedulerType,
    _HubStrategy,
    _OptimizerNames,
    _AttributeDict,
)


@contextlib.contextmanager
def pretending() -> Iterator[None]:
    """Make the classes importable under their real names, as `pickle` wants when it writes them."""
    modules: dict[str, types.ModuleType] = {}
    for cls in _FOREIGN:
        parts = cls.__module__.split(".")
        for name in (".".join(parts[:end]) for end in range(1, len(parts) + 1)):
            modules.setdefault(name, types.ModuleType(name))
        setattr(modules[cls.__module__], cls.__name__, cls)
    before = {name: sys.modules[name] for name in modules if name in sys.modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in modules:
            del sys.modules[name]
        sys.modules.update(before)


def training_arguments(**more: Any) -> Any:
    """What ``transformers.Trainer`` saves as ``training_args.bin``."""
    return _TrainingArguments(
        output_dir="out",
        learning_rate=5e-5,
        num_train_epochs=3.0,
        eval_strategy=_IntervalStrategy["STEPS"],
        lr_scheduler_type=_SchedulerType["LINEAR"],
        lr_scheduler_kwargs={},
        optim=_OptimizerNames["ADAMW_TORCH"],
        hub_strategy=_HubStrategy["EVERY_SAVE"],
        accelerator_config=_AcceleratorConfig(split_batches=False, even_batches=True),
        distributed_state=_PartialState(distributed_type=_DistributedType["NO"], backend=None, num_processes=1),
        label_names=None,
        fsdp=[],
        **more,
    )


def lightning_checkpoint(**more: Any) -> dict[str, Any]:
    """What Lightning's ``Trainer`` saves, but for the tensors."""
    callback = "ModelCheckpoint{'monitor': 'val_loss', 'mode': 'min', 'every_n_train_steps': 0}"
    return {
        "epoch": 2,
        "global_step": 300,
        "pytorch-lightning_version": "2.5.0",
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 3, "completed": 2}}}},
        "callbacks": {callback: {"monitor": "val_loss", "best_model_path": "", "dirpath": pathlib.PurePosixPath("/r")}},
        "optimizer_states": [],
        "lr_schedulers": [],
        "hparams_name": "kwargs",
        "hyper_parameters": _AttributeDict(lr=1e-3, hidden=64),
        **more,
    }
