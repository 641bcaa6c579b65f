"""The census by text: what restoring an object runs, read out of archives that are never imported."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from census.by_text import census
from census.text_archive import load

if TYPE_CHECKING:
    from collections.abc import Callable

_TOOL = Path(__file__).resolve().parents[2] / "tools" / "census" / "by_text.py"
Lines = dict[str, dict[str, Any]]


@pytest.fixture
def wheel(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a wheel of the modules that it is given by path."""

    def write(name: str, **modules: str) -> Path:
        path = tmp_path / f"{name}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for module, text in modules.items():
                archive.writestr(f"{name}/{module.replace('__dot__', '/')}.py", text)
        return path

    return write


def _taken(path: Path, *beside: Path) -> tuple[Lines, dict[str, str]]:
    """Return the lines of classes by name, and of those that are not known the reason."""
    lines, unknown = census(load(path), [load(one) for one in beside])
    known = {line["class"]: line for line in lines if "class" in line}
    return known, dict(one.split("\t") for one in unknown)


def test_a_class_has_every_name_that_leads_to_it(wheel: Callable[..., Path]) -> None:
    """A re-export, a star import and a relative import name the same class."""
    path = wheel(
        "lib",
        __init__="from .inner import Thing as Renamed\nfrom .stars import *\n",
        inner="class Thing: pass\nclass _Hidden: pass\n",
        stars="from lib.inner import *\nfrom .inner import _Hidden\n",
    )
    known, _ = _taken(path)
    assert known["lib.inner.Thing"]["names"] == ["lib.Renamed", "lib.Thing", "lib.inner.Thing", "lib.stars.Thing"]
    assert known["lib.inner._Hidden"]["names"] == ["lib.inner._Hidden", "lib.stars._Hidden"]
    assert known["lib.inner.Thing"]["kind"] == "passive"


def test_a_name_of_two_meanings_names_no_class(wheel: Callable[..., Path]) -> None:
    """Where a branch decides what a name is, it is no name of either class; the class keeps its other names."""
    text = "class A: pass\nclass B: pass\nimport os\nif os.name == 'nt':\n    C = A\nelse:\n    C = B\n"
    known, _ = _taken(wheel("lib", __init__=text))
    assert known["lib.A"]["names"] == ["lib.A"]
    assert known["lib.B"]["names"] == ["lib.B"]


def test_a_star_of_a_compiled_module_may_rebind_what_came_before(wheel: Callable[..., Path]) -> None:
    """A class under a star import that can't be read is not known by that name."""
    known, _ = _taken(wheel("lib", __init__="class A: pass\nfrom lib._fast import *\nclass B: pass\n"))
    assert set(known) == {"lib.B"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import absent\nclass A(absent.Base): pass", "base absent.Base"),
        ("from ._fast import Base\nclass A(Base): pass", "base Base"),
        ("import enum\n@enum.unknown\nclass A: pass", "decorated"),
        (
            "def change(cls):\n    cls.__setstate__ = print\n    return cls\n@change\nclass A: pass",
            "decorated: lib.change",
        ),
        ("class Meta(type): pass\nclass A(metaclass=Meta): pass", "metaclass lib.Meta"),
        ("class A: pass\nA.__setstate__ = print", "__setstate__ is set"),
        ("class A: pass\nfor name in dir(A): setattr(A, name, print)", "name is set"),
        ("class A:\n    locals()['__set' + 'state__'] = print", "binds names by a call"),
        ("class B:\n    def __init_subclass__(cls): cls.__del__ = print\nclass A(B): pass", "__init_subclass__"),
        ("class X: pass\nclass Y(X): pass\nclass A(X, Y): pass", "no consistent order"),
        ("import ctypes\nclass A(ctypes.Structure): _fields_ = [('x', ctypes.c_int)]", "metaclass"),
        ("class A(A): pass", "derives from itself"),
        ("class X: pass\nclass A(X): pass\nimport absent\nX = absent.X", "meant something else"),
        ("import six\nclass A(six.no.with_metaclass(type)): pass", "unknown with_metaclass"),
    ],
)
def test_what_cannot_be_told_is_not_known(wheel: Callable[..., Path], text: str, why: str) -> None:
    """A base, decorator, metaclass or later change that can't be read leaves the class out, with the reason."""
    known, unknown = _taken(wheel("lib", __init__=text))
    assert "lib.A" not in known
    assert why in unknown["lib.A"]


def test_a_hook_comes_from_another_library_beside(wheel: Callable[..., Path]) -> None:
    """An inherited hook is named by the function that runs, in the library that defines it."""
    base = wheel("base", __init__="class Base:\n    def __setstate__(self, state):\n        self.go(state)\n")
    path = wheel("lib", __init__="from base import Base\nclass A(Base): pass\n")
    known, _ = _taken(path, base)
    assert known["lib.A"]["acts"] == {"__setstate__": ["base.Base.__setstate__"]}
    assert known["lib.A"]["kind"] == "active"
    assert _taken(path)[0] == {}


def test_a_hook_that_only_stores_leaves_a_class_passive(wheel: Callable[..., Path]) -> None:
    """A ``__setstate__`` that moves the state into the instance acts on nothing, unless an attribute's setter does."""
    text = (
        "class A:\n    def __setstate__(self, state):\n        self.__dict__.update(state)\n"
        "class B(A):\n    def __setstate__(self, state):\n        self.x = None\n        super().__setstate__(state)\n"
        "class C(B):\n    @property\n    def x(self): return 1\n    @x.setter\n    def x(self, value): value.go()\n"
        "dict = print\n"
    )
    known, _ = _taken(wheel("lib", __init__=text))
    assert known["lib.A"]["kind"] == known["lib.B"]["kind"] == "passive"
    assert known["lib.C"]["acts"] == {"__setstate__": ["lib.C.x"], "descriptor": ["lib.C.x"]}


def test_a_name_in_a_hook_may_mean_something_else(wheel: Callable[..., Path]) -> None:
    """A hook that calls ``dict`` acts where the module has a ``dict`` of its own."""
    text = "class A:\n    def __setstate__(self, state):\n        self.__dict__.update(dict(state))\n"
    assert _taken(wheel("lib", __init__=text))[0]["lib.A"]["kind"] == "passive"
    assert _taken(wheel("lib", __init__=text + "dict = print\n"))[0]["lib.A"]["kind"] == "active"


def test_an_unknown_descriptor_acts(wheel: Callable[..., Path]) -> None:
    """A method whose decorator can't be read may have a setter; one whose decorator returns a function has none."""
    text = (
        "import absent\n"
        "def plain(function):\n    def inner(self): return function(self)\n    return inner\n"
        "class A:\n    @absent.cached\n    def x(self): pass\n"
        "class B:\n    @plain\n    def x(self): pass\n    y = 1\n    z = [1]\n"
    )
    known, _ = _taken(wheel("lib", __init__=text))
    assert known["lib.A"]["acts"] == {"descriptor": ["lib.A.x"]}
    assert known["lib.B"]["acts"] == {}


def test_known_kinds_of_classes(wheel: Callable[..., Path]) -> None:
    """Enumerations, data classes, named tuples and subclasses of built-in types are what Python makes of them."""
    text = (
        "import abc, enum, collections, dataclasses, typing, six\n"
        "class E(enum.Enum):\n    A = 1\n"
        "@dataclasses.dataclass\nclass D:\n    x: int = 1\n"
        "class N(collections.namedtuple('N', 'a b')): pass\n"
        "class O(collections.OrderedDict): pass\n"
        "class M(six.with_metaclass(abc.ABCMeta, O)): pass\n"
        "T = typing.TypeVar('T')\n"
        "class G(typing.Generic[T]):\n    __slots__ = ('a',)\n"
    )
    known, _ = _taken(wheel("lib", __init__=text))
    assert known["lib.E"]["kind"] == "enum"
    assert known["lib.E"]["acts"]["__new__"] == ["enum.Enum.__new__"]
    assert known["lib.D"]["acts"] == {"__eq__": ["dataclasses.__eq__"]}
    assert known["lib.N"]["base"] == "tuple"
    assert known["lib.N"]["acts"] == {"descriptor": ["lib.N.a", "lib.N.b"]}
    assert known["lib.M"]["base"] == "dict"
    assert known["lib.G"]["slots"] is True


def test_python_2_and_machine_code_are_not_known(wheel: Callable[..., Path]) -> None:
    """A module that this Python can't parse is listed, and what derives from it is not known."""
    path = wheel("lib", __init__="from .old import Base\nclass A(Base): pass\n", old="class Base: pass\nprint 'x'\n")
    known, unknown = _taken(path)
    assert known == {}
    assert set(unknown) == {"lib.old", "lib.A"}


def test_nothing_in_an_archive_runs(wheel: Callable[..., Path], tmp_path: Path) -> None:
    """The command reads modules that would write a file if they were imported, and writes lines with the sources."""
    mark = tmp_path / "mark"
    text = f"open({str(mark)!r}, 'w')\nclass A:\n    def __setstate__(self, state):\n        state.go()\n"
    path = wheel("lib", __init__=text)
    done = subprocess.run([sys.executable, _TOOL, path, "--out", tmp_path], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in (tmp_path / "text-lib-1.0.jsonl").read_text().splitlines()]
    assert done.stdout == "text-lib-1.0: 1 classes, 1 functions, 0 not known\n"
    assert lines[1]["function"] == "lib.A.__setstate__"
    assert lines[1]["does"] == "acts"
    assert lines[1]["text"] == "def __setstate__(self, state):\n    state.go()\n"
    assert not mark.exists()


def test_a_list_of_versions_is_read_by_one_command(wheel: Callable[..., Path], tmp_path: Path) -> None:
    """Each line of a list names a wheel of a folder, and those beside it."""
    wheel("base", __init__="class Base: pass\n")
    wheel("lib", __init__="from base import Base\nclass A(Base): pass\n")
    listed = tmp_path / "list.txt"
    listed.write_text("# old ones\nlib-1.0 base-1.0\n")
    command = [sys.executable, str(_TOOL), str(tmp_path), "--list", str(listed), "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "text-lib-1.0: 1 classes, 0 functions, 0 not known\n"
