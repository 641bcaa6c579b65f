"""An entry of the table of `loader_keys`: one key of plain data, with what its loader does with the value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Names(StrEnum):
    """The meaning of a key's value to its loader."""

    CALLABLE = "callable"
    """A dotted name that is imported and called."""
    MODULE = "module"
    """A module that is imported; another key beside it (`LoaderKey.rest`) names what is fetched from it and called."""
    DESCRIBED = "described"
    """A mapping with a module and a class of it."""
    CODE = "code"
    """Python source that is executed."""
    EXPRESSION = "expression"
    """A Python expression that is evaluated."""
    LAYERS = "layers"
    """A mapping whose lists of layers hold Python expressions."""
    RESOLVED = "resolved"
    """A text in which ``${…}`` is resolved by functions."""
    TEMPLATE = "template"
    """A Jinja template."""
    KERNEL = "kernel"
    """The name of an implementation; with a slash it is a repository of compiled code."""
    REPOSITORY = "repository"
    """A class of Python code in a repository: ``owner/name--module.Class``, or ``module.Class`` of the own one."""
    FILES = "files"
    """Names of files beside this one."""
    LAMBDA = "lambda"
    """A class of layers, of which one holds compiled Python code."""
    LIBRARY = "library"
    """A class of the loader's own packages; any other is imported, too."""
    MODULES = "modules"
    """Modules that are imported: a text, or a mapping in which another key (`LoaderKey.rest`) holds them."""
    TYPED = "typed"
    """A mapping in which another key (`LoaderKey.rest`) holds a dotted name that is imported and called."""
    MARKED = "marked"
    """A text that begins with a dollar sign, behind which a Python expression is evaluated."""
    TRUSTS = "trusts"
    """A switch that lets the loader import code of a repository."""
    SCRIPT = "script"
    """An address, a shell command or Python source."""
    LOADER = "loader"
    """A module of the loader's own package that loads the model; any other is imported, too."""
    SOURCE = "source"
    """A file of Python that is executed."""
    PARENT = "parent"
    """A library of a list, of which another key (`LoaderKey.rest`) names a class; older loaders import any."""
    REQUIREMENTS = "requirements"
    """Packages that are installed."""
    COMPONENTS = "components"
    """The mark of a description in which each other key has a package and a class of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderKey:
    """One key that a loader acts on."""

    key: str
    loader: str
    """The loader and what it does, to be put behind "which": ``Hydra imports and calls``."""
    names: Names
    source: str = ""
    """The loader's file that acts on it, and where it became known."""
    only_loaders: bool = False
    """True if nothing but such loaders writes the key: an unknown name of the standard library is then unsafe."""
    companions: tuple[str, ...] = ()
    """Keys of which one stands beside it, or it is an everyday word."""
    rest: str = ""
    """For `Names.MODULE` and `Names.DESCRIBED`: the key of the name in the module; see also the others."""
    own: tuple[str, ...] = ()
    """The loader's own packages: it is made to call their classes."""
    words: tuple[str, ...] = ()
    """For an everyday word without companions: what a text holds, too, if the value can do anything."""
    in_pickles: bool = True
    in_texts: bool = True
    """False if the loader reads the key in the other kind of file alone."""
