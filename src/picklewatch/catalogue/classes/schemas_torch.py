"""torch: what the restoring hooks of modules, optimizers and tensors look into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from picklewatch.catalogue.classes.hook_schema import (
    ABSENT,
    DATA,
    NAMES,
    SEQUENCE,
    UNSEEN,
    Permitted,
    Schema,
    each,
    names_but,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_REGISTERED: Final = names_but(
    "_forward_pre_hooks _forward_pre_hooks_with_kwargs _forward_hooks_with_kwargs _forward_hooks_always_called "
    "_state_dict_hooks _state_dict_pre_hooks _load_state_dict_pre_hooks _load_state_dict_post_hooks "
    "_non_persistent_buffers_set _is_full_backward_hook _backward_pre_hooks"
)
"""Names without those that restoring a module sets by itself: registering one of these asks the module for it, so that
a ``__getattr__`` of a subclass runs, which may hand the question to any object in the file."""

MODULE_LOOKS: Final[dict[str, Permitted]] = {
    "_parameters": _REGISTERED,
    "_buffers": _REGISTERED,
    "_modules": _REGISTERED,
    "_non_persistent_buffers_set": NAMES,
    "register_parameter": ABSENT,
    "register_buffer": ABSENT,
}
"""What setting an attribute of a module looks into: ``name in self._modules``; for a name that a file put into
``_buffers`` or ``_parameters`` it would go on to ``self.register_buffer(name, None)``."""

_MODULE_WHY = (
    "stores the state, then gives attributes of newer versions their default by self.x = …, which runs "
    "Module.__setattr__: it asks for the name in four containers, and calls register_buffer or register_parameter "
    "for "
    "a name that one of them has; whatever the modules, hooks and parameters are, nobody calls them"
)

_MODULES = (
    Schema(
        function="torch.nn.modules.module.Module.__setstate__",
        why=_MODULE_WHY,
        sources={"eac295938055da83": "2.14.1"},
        looks=MODULE_LOOKS,
    ),
    Schema(
        function="torch.nn.modules.module.Module.__setattr__",
        why="asks for the name in four containers and registers a parameter, module or buffer by its type; global "
        "hooks "
        "are the process's own, never the file's",
        sources={"bda2bcfa60a078fb": "2.14.1", "d85053bfa71d0886": "1.4.0", "36b5d0aff05af951": "1.13.1"},
        looks=MODULE_LOOKS,
    ),
    Schema(
        function="torch.nn.modules.module.Module.__getattr__",
        why="asks for the name in three containers, and returns what is there",
        sources={"b93d234c2be91385": "2.14.1", "269852f16adf45aa": "1.4.0", "95be0b18b899456b": "1.13.1"},
        looks=MODULE_LOOKS,
    ),
    Schema(
        function="torch.nn.modules.transformer.TransformerEncoderLayer.__setstate__",
        why="as Module, then sets a function of torch where no activation is",
        sources={"1674ea7d743d73d2": "2.14.1", "b9b515e3d364e822": "1.13.1"},
        looks=MODULE_LOOKS,
    ),
    Schema(
        function="torch.nn.modules.transformer.TransformerDecoderLayer.__setstate__",
        why="adds a function of torch to a state without an activation, then as Module",
        sources={"76f9b0f043ee5b90": "2.14.1", "656ab96f0a37d5de": "1.13.1"},
        looks=MODULE_LOOKS,
    ),
    Schema(
        function="torch.nn.modules.rnn.RNNBase.__setstate__",
        why="as Module, then builds the names of its weights and makes weak references to what it finds under them",
        sources={"610b07a3f954efa0": "2.14.1", "80dcff780915ccd3": "1.13.1", "c8ddf715d56b7159": "1.4.0"},
        looks={
            **MODULE_LOOKS,
            **each(
                "all_weights _all_weights _flat_weights _flat_weights_names num_layers bidirectional bias proj_size",
                DATA,
            ),
        },
    ),
    Schema(
        function="torch.nn.modules.rnn.RNNBase.__setattr__",
        why="asks for the name among the names of the weights and replaces that one, then as Module",
        sources={"325da9acb36b50bf": "2.14.1", "23a6778712912e25": "1.4.0"},
        looks={**MODULE_LOOKS, "_flat_weights": DATA, "_flat_weights_names": DATA},
    ),
    Schema(
        function="torch.nn.modules.module._WrappedHook.__setstate__",
        why="keeps the hook, asks whether it wants its module, and makes a weak reference to that",
        sources={"e4ae61968150b492": "2.14.1", "28ffa645b9db9553": "1.13.1"},
        looks={"with_module": DATA},
    ),
    Schema(
        function="torch.utils.hooks.RemovableHandle.__setstate__",
        why="unpacks a tuple, compares the id with a counter, and makes weak references to the tables of hooks, of "
        "which it asks nothing",
        sources={"95ca1189003f1927": "2.14.1", "543e23f0c0e09f3b": "1.13.1", "a28c84087fe751cd": "1.4.0"},
        rest=DATA,
        places=(UNSEEN, DATA, SEQUENCE),
    ),
    Schema(
        function="torch.ao.nn.quantized.modules.conv._ConvNd.__setstate__",
        why="unpacks a tuple into attributes and packs the weight and bias by a native operator",
        sources={"b3fe7dc0331e9163": "2.14.1"},
        looks={**MODULE_LOOKS, "set_weight_bias": ABSENT},
        rest=DATA,
    ),
    *(
        Schema(
            function=f"torch.{name}.__setstate__",
            why="unpacks a tuple into attributes and packs the weight and bias by a native operator",
            sources={source: "1.4.0"},
            looks={**MODULE_LOOKS, "set_weight_bias": ABSENT},
            rest=DATA,
        )
        for name, source in (
            ("nn.quantized.modules.conv._ConvNd", "b3fe7dc0331e9163"),
            ("nn.quantized.modules.linear.LinearPackedParams", "db57de064c1cad0e"),
            ("nn.quantized.dynamic.modules.rnn.PackedParameter", "60c4f9d2ea588863"),
            ("quantization._quantize_script.ConvPackedParams", "8f0e6d363a900f59"),
        )
    ),
    Schema(
        function="torch.ao.nn.sparse.quantized.linear.LinearPackedParams.__setstate__",
        why="unpacks a tuple into attributes",
        sources={"fd017ef2e8c872be": "2.14.1"},
        looks=MODULE_LOOKS,
        rest=DATA,
    ),
    *(
        Schema(
            function=f"torch.distributed.{module}.metadata.TensorProperties.__setstate__",
            why="unpacks a tuple of a type, a layout and flags, and compares a member of an enumeration",
            sources=sources,
            rest=DATA,
        )
        for module, sources in (
            ("checkpoint", {"7666bd56c0f2b407": "2.14.1"}),
            ("_shard.checkpoint", {"7666bd56c0f2b407": "2.14.1"}),
            ("_shard.sharded_tensor", {"f897ac9cde4e7bd0": "2.14.1", "6f4904df27839a3a": "1.13.1"}),
            ("_sharded_tensor", {"f897ac9cde4e7bd0": "2.14.1"}),
        )
    ),
    Schema(
        function="torch.utils._ordered_set.OrderedSet.__setstate__",
        why="makes keys of a list, which are hashed",
        sources={"ffafa8ac905e87b8": "2.14.1"},
        rest=DATA,
    ),
    Schema(
        function="torch._tensor.Tensor.__setstate__",
        why="unpacks the tuple of torch before 0.4; a subclass may have it handled by its own __torch_function__, "
        "which is the library's code on data",
        sources={"02eb86b9ccc53b08": "2.14.1"},
        looks={"set_": ABSENT},
        rest=DATA,
    ),
)

OPTIMIZER_LOOKS: Final[dict[str, Permitted]] = {
    "param_groups": DATA,
    "state": DATA,
    "defaults": DATA,
    "_patch_step_function": ABSENT,
    "_hook_for_profile": ABSENT,
    "profile_hook_step": ABSENT,
}
"""What the hooks of all optimizers look into: a `DataLoader` as ``param_groups`` would call its ``collate_fn``."""
_OPTIMIZER_WHY = (
    "stores the state, wraps step of its class for the profiler once, and gives options of newer versions their "
    "default "
    "in defaults and in each group; turns steps of older versions into tensors"
)


def optimizer(cls: str, sources: Mapping[str, str]) -> Schema:
    """Return the schema of *cls*, an optimizer that walks over its groups."""
    return Schema(function=f"{cls}.__setstate__", why=_OPTIMIZER_WHY, sources=sources, looks=OPTIMIZER_LOOKS)


_OPTIMIZERS = (
    optimizer("torch.optim.optimizer.Optimizer", {"0ccffe5348d1bd9c": "2.14.1", "e11027524e15c74b": "1.13.1"}),
    optimizer("torch.optim.adadelta.Adadelta", {"068b25d6b50d669a": "2.14.1", "4875b31d65043882": "1.13.1"}),
    optimizer("torch.optim.adagrad.Adagrad", {"3043e48a2c6f9401": "2.14.1", "031a76635216fb9b": "1.13.1"}),
    optimizer(
        "torch.optim.adam.Adam",
        {"15e12c61167867b6": "2.14.1", "abb0075c33ea3ac9": "1.13.1", "f1d97a0c6175d399": "1.4.0"},
    ),
    optimizer("torch.optim.adamax.Adamax", {"068b25d6b50d669a": "2.14.1", "d3013b30aa051655": "1.13.1"}),
    optimizer(
        "torch.optim.adamw.AdamW",
        {
            "f8c4fbb55462ee5e": "2.14.1",
            "022877e23109ac2a": "2.13.0",
            "864e1186ba35783d": "1.13.1",
            "ac6d8fabe0767af0": "1.4.0",
        },
    ),
    optimizer("torch.optim.asgd.ASGD", {"dc261167b0ba4eb6": "2.14.1", "153396c207ad4060": "1.13.1"}),
    optimizer("torch.optim.nadam.NAdam", {"ca9218344789fd59": "2.14.1", "75981ccc1f707082": "1.13.1"}),
    optimizer("torch.optim.radam.RAdam", {"0583027997bb38d3": "2.14.1", "3f441472d8719789": "1.13.1"}),
    optimizer(
        "torch.optim.rmsprop.RMSprop",
        {"9d66be9c7451b83e": "2.14.1", "dbdbb0ed51a11f0a": "1.13.1", "1f2a16519d56f52f": "1.4.0"},
    ),
    optimizer("torch.optim.rprop.Rprop", {"068b25d6b50d669a": "2.14.1", "4875b31d65043882": "1.13.1"}),
    optimizer(
        "torch.optim.sgd.SGD", {"6c3983671e54c3bb": "2.14.1", "6181ce57483bf24d": "1.13.1", "4938eff431b8d21b": "1.4.0"}
    ),
    optimizer("torch.optim._adafactor.Adafactor", {"84e66209efed2941": "2.14.1"}),
)

SCHEMAS: Final[tuple[Schema, ...]] = (*_MODULES, *_OPTIMIZERS)
