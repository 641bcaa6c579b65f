"""Several hundred attacks: gadget by opcode shape by container, written by opcodes and never loaded.

Sweeps: every gadget in changing shapes, every shape with a few gadgets, every container with a few gadgets and shapes,
and the attacks on a loader's memory and on classes that are made without being called (`special`).
"""

from __future__ import annotations

import _compat_pickle
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.detection.assembler import Assembler, Call, Ref, pickled, plain_global
from bench.detection.containers import CONTAINERS
from bench.detection.gadgets import CORE, GADGETS, Gadget
from bench.detection.shapes import CALLS, DOTTED, HIDINGS, SPELLINGS, Hiding
from bench.detection.special import special

if TYPE_CHECKING:
    from collections.abc import Iterator

_SYSTEM = next(gadget for gadget in GADGETS if gadget.id == "os:system")
DORMANT = frozenset(
    {
        "torch-zip-in-storage",
        "torch-zip-member-named-weights",
        "torch-zip-member-named-png",
        "torch-zip-in-comment",
        "torch-zip-pickle-after-end",
        "torch-zip-encrypted-flag",
        "torch-zip-patched-flag",
        "torch-zip-strong-flag",
        "torch-zip-method-99",
        "torch-zip-no-end-record",
        "torchscript-data",
        "torchscript-debug-pkl",
        "distcp",
        "png-then-pickle",
        "zeros-then-pickle",
        "header-then-pickle",
        "stacked-after-zeros",
        "stacked-after-garbage",
        "sparse-index-out-of-bounds",
    }
)
"""Containers and hidings where no ordinary loader starts, and what does harm only when it is used after loading."""

_CALLS_OF_ANY = ("reduce", "obj", "inst", "newobj-partial", "partial-reduce", "build-partial")
"""Calls that work for every gadget, whatever its arguments."""
_ONE_ARGUMENT = ("setstate-attribute", "reduce-function", "method-type")


@dataclass(frozen=True, slots=True)
class Attack:
    """One hostile file."""

    sweep: str
    gadget: str
    shape: str
    container: str
    suffix: str
    content: bytes

    @property
    def live(self) -> bool:
        """True if an ordinary loader of such files runs it; otherwise it waits for another reader or an extraction."""
        return not {self.gadget, self.container, *self.shape.split("+")} & DORMANT

    @property
    def file(self) -> str:
        """A file name that says what it is."""
        stem = re.sub(r"[^A-Za-z0-9_.-]", "_", f"{self.gadget}~{self.shape}~{self.container}")
        return f"{self.sweep}/{stem}{self.suffix}"


def attacks() -> Iterator[Attack]:
    """Every attack, in a fixed order."""
    yield from _gadgets()
    yield from _spellings()
    yield from _calls()
    yield from _hidings()
    yield from _containers()
    for name, suffix, content in special():
        yield Attack("special", name, "own", "torch-zip" if suffix == ".pt" else "raw", suffix, content)


def _evil(gadget: Gadget, spelling: str = "global", call: str = "reduce") -> bytes:
    return CALLS[call](Assembler(SPELLINGS[spelling]), gadget)


def _hide(hiding: Hiding, body: bytes) -> bytes:
    return hiding.make(pickled(body) if hiding.whole else body)


def _gadgets() -> Iterator[Attack]:
    """Every gadget as Python 3 writes it, and in a shape and a container that change from one to the next."""
    spellings, containers = list(SPELLINGS), list(CONTAINERS)
    for number, gadget in enumerate(GADGETS):
        plain = "stack-global-memoized" if "." in gadget.name else ("global", "stack-global-memoized")[number % 2]
        yield Attack("gadgets", gadget.id, plain, "raw", ".pkl", pickled(_evil(gadget, plain)))
        dotted_ok = [name for name in spellings if name != "global"]
        spelling = dotted_ok[number % len(dotted_ok)]
        call = _CALLS_OF_ANY[number // 3 % len(_CALLS_OF_ANY)]
        if call == "inst" and "." in gadget.name:
            call = "obj"
        hiding = HIDINGS[number % len(HIDINGS)]
        container = containers[number % len(containers)]
        suffix, wrap = CONTAINERS[container]
        pickle = _hide(hiding, _evil(gadget, spelling, call))
        if hiding.loader != "pickle":
            container, suffix, wrap = "raw", ".pt" if "torch" in hiding.loader else ".pkl", bytes
        yield Attack("gadgets", gadget.id, f"{spelling}+{call}+{hiding.id}", container, suffix, wrap(pickle))


def _spellings() -> Iterator[Attack]:
    for gadget in CORE:
        for spelling in SPELLINGS:
            if spelling == "global" and "." in gadget.name:
                continue
            yield Attack("spellings", gadget.id, spelling, "raw", ".pkl", pickled(_evil(gadget, spelling)))
        text = Assembler(plain_global, text=True).push(Call(Ref(gadget.module, gadget.name), gadget.arguments))
        yield Attack("spellings", gadget.id, "protocol-0", "raw", ".pkl", pickled(text, None))
        for module, attribute in DOTTED.get(gadget.module, ()):
            name = f"{attribute}.{gadget.name}"
            body = Assembler(SPELLINGS["stack-global"]).push(Call(Ref(module, name), gadget.arguments))
            yield Attack("spellings", gadget.id, f"dotted-{module}.{name}", "raw", ".pkl", pickled(body))
    yield from _python2()


def _python2() -> Iterator[Attack]:
    """By the names that Python 2 had."""
    for (module2, name2), (module3, name3) in _compat_pickle.NAME_MAPPING.items():
        for gadget in GADGETS:
            if (gadget.module, gadget.name) == (module3, name3):
                body = Assembler().push(Call(Ref(module2, name2), gadget.arguments))
                yield Attack("spellings", gadget.id, f"python2-{module2}.{name2}", "raw", ".pkl", pickled(body, 2))
    for module2, module3 in _compat_pickle.IMPORT_MAPPING.items():
        for gadget in GADGETS:
            if gadget.module == module3 and "." not in gadget.name:
                body = Assembler().push(Call(Ref(module2, gadget.name), gadget.arguments))
                yield Attack("spellings", gadget.id, f"python2-{module2}", "raw", ".pkl", pickled(body, 2))
                break


def _calls() -> Iterator[Attack]:
    for gadget in CORE:
        for call in CALLS:
            if call == "inst" and "." in gadget.name:
                continue
            if call in _ONE_ARGUMENT and len(gadget.arguments) != 1:
                continue
            body = _evil(gadget, "stack-global", call)
            yield Attack("calls", gadget.id, call, "raw", ".pkl", pickled(body))
            yield Attack("calls", gadget.id, call, "torch-zip", ".pt", CONTAINERS["torch-zip"][1](pickled(body)))


def _hidings() -> Iterator[Attack]:
    for gadget in CORE:
        for hiding in HIDINGS:
            if gadget.name.count(".") and hiding.id == "protocol-2":
                continue
            pickle = _hide(hiding, _evil(gadget, "stack-global"))
            suffix = ".pt" if "torch" in hiding.loader else ".pkl"
            yield Attack("hidings", gadget.id, hiding.id, "raw", suffix, pickle)


def _containers() -> Iterator[Attack]:
    for gadget in (_SYSTEM, CORE[-1]):
        for container, (suffix, wrap) in CONTAINERS.items():
            yield Attack("containers", gadget.id, "global", container, suffix, wrap(pickled(_evil(gadget))))
    text = pickled(Assembler(text=True).push(Call(Ref("os", "system"), ("true",))), None)
    for container, (suffix, wrap) in CONTAINERS.items():
        yield Attack("containers", "os:system", "protocol-0", container, suffix, wrap(text))
