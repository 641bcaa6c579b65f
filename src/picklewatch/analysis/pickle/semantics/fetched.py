"""What earlier calls returned that may be called: members of classes, and the class of a batch of graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from picklewatch.analysis.pickle.checks.arguments import values_of
from picklewatch.analysis.pickle.vm.values import Import, Obj
from picklewatch.catalogue.imports.entries import Kind, Status

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.vm.values import Value

# Looked up once, for speed: see `picklewatch.catalogue.imports.entries`.
_CALLABLE: Final = Kind.CALLABLE
_OBJECT: Final = Kind.OBJECT
_VOUCHED: Final = Status.VOUCHED


def batch(callee: Obj, args: Value, offset: int) -> Obj | None:
    """Return the class that PyTorch Geometric's ``DynamicInheritanceGetter()(Batch, Data)`` makes, called as meant."""
    getter = callee.callee
    meant = isinstance(getter, Import) and getter.key == "torch_geometric.data.batch.DynamicInheritanceGetter"
    classes = values_of(args) if meant and callee.state is None else ()
    if classes and all(
        isinstance(one, Import) and one.judged.status is _VOUCHED and one.module.startswith("torch_geometric.data.")
        for one in classes
    ):
        return Obj(classes[0], (), offset, _OBJECT)
    return None


def fetches_member(callee: Obj) -> bool:
    """Return True for ``getattr(Class, 'name')``, whose call is judged as the one of ``Class.name``."""
    if not isinstance(callee.callee, Import) or callee.callee.name != "getattr" or callee.kind is not _CALLABLE:
        return False
    return not callee.known and fetched(callee.args) is not None


def fetched(args: Value) -> tuple[Import, str] | None:
    """Return the class and the name that ``getattr`` was given, None if it was given anything else."""
    if not isinstance(args, tuple) or len(args) < 2 or not isinstance(args[0], Import) or not isinstance(args[1], str):
        return None
    return args[0], args[1]
