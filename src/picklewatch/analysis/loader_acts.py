"""What the loaders of `catalogue.loaders.loader_keys` would do with one mapping, of a pickle or of a text."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING

from picklewatch.analysis import script_acts
from picklewatch.analysis.configuration import beside, judged_python
from picklewatch.analysis.python_source import PER_CHARACTER, judge_python
from picklewatch.analysis.template_rules import UNKNOWN
from picklewatch.analysis.template_source import Template
from picklewatch.catalogue.loaders.loader_entry import Names
from picklewatch.catalogue.loaders.loader_keys import BY_KEY
from picklewatch.catalogue.loaders.loader_names import (
    TARGET,
    Named,
    judge_call,
    judge_component,
    judge_module,
    judge_text,
)
from picklewatch.catalogue.loaders.loader_scripts import SCRIPT, judge_parent
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from picklewatch.analysis.configuration import Configuration
    from picklewatch.analysis.python_source import Effect
    from picklewatch.catalogue.loaders.loader_entry import LoaderKey

CODE = "config-code"
"""The rule."""
MOST_PAIRS = 1 << 10
"""Pairs of a module and a name that are judged; a text may have several of each, and whoever has more is reported."""


def judge_key(key: str, held: Configuration) -> Iterator[tuple[Named, str]]:
    """Yield a verdict, with its evidence, for each thing that loaders would do because *held* has *key*."""
    for entry in BY_KEY[key]:
        look = _LOOKS[entry.names]
        for verdict, evidence in look(entry, held):
            if verdict is not None:
                yield verdict, evidence


def _callable(entry: LoaderKey, held: Configuration) -> Iterator[tuple[Named | None, str]]:
    if not beside(entry, held):
        return
    names = held.texts(entry.key)
    arguments = held.arguments() if names else ()
    for name in names:
        yield judge_call(entry, name, arguments), name


def _module(entry: LoaderKey, held: Configuration) -> Iterator[tuple[Named | None, str]]:
    return _joined(entry, held, held.texts(entry.key), held.texts(entry.rest)) if beside(entry, held) else iter(())


def _described(entry: LoaderKey, held: Configuration) -> Iterator[tuple[Named | None, str]]:
    for inner in held.within(entry.key):
        modules = [text for key in entry.companions for text in inner.texts(key)]
        yield from _joined(entry, held, modules, inner.texts(entry.rest))


def _joined(
    entry: LoaderKey, held: Configuration, modules: Sequence[str], names: Sequence[str]
) -> Iterator[tuple[Named | None, str]]:
    for number, (module, name) in enumerate(product(modules, names)):
        if number >= MOST_PAIRS:
            yield Named(TARGET, Level.UNSAFE, f"{entry.key} names more modules and classes than are looked at."), ""
            return
        held.cost(_PER_NAME)
        spelt = f"{module}.{name}"
        yield judge_call(entry, spelt), spelt


def _modules(entry: LoaderKey, held: Configuration) -> Iterator[tuple[Named | None, str]]:
    inner = (text for inner in held.within(entry.key) for text in inner.texts(entry.rest)) if entry.rest else ()
    for name in (*(() if entry.rest else held.texts(entry.key)), *inner):
        yield judge_module(entry, name), name


def _typed(entry: LoaderKey, held: Configuration) -> Iterator[tuple[Named | None, str]]:
    for inner in held.within(entry.key):
        names = inner.texts(entry.rest) if inner.here(entry.rest) else ()
        arguments = inner.arguments() if names else ()
        for name in names:
            yield judge_call(entry, name, arguments), name


def _code(entry: LoaderKey, held: Configuration) -> Iterator[tuple[Named | None, str]]:
    for text in held.texts(entry.key) if beside(entry, held) else ():
        yield _ran(entry, text, judged_python(held, text, expression=False))


def _expression(entry: LoaderKey, held: Configuration) -> Iterator[tuple[Named | None, str]]:
    if not beside(entry, held):
        return
    for text in held.texts(entry.key):
        ran = _ran(entry, text, judged_python(held, text, expression=True))
        mild = ran[0] is None or ran[0].level.rank < Level.UNSAFE.rank
        if mild and entry.key in _LAYERS and "(" in text and _LAYER.fullmatch(text) is None:
            summary = f"{entry.key} holds an expression that calls, which {entry.loader}."
            ran = Named(SCRIPT, Level.UNSAFE, summary), text
        yield ran


def _parent(entry: LoaderKey, held: Configuration) -> Iterator[tuple[Named | None, str]]:
    for text in held.texts(entry.key):
        outside = judge_parent(entry, text)
        if outside is not None:
            yield from _joined(entry, held, [text], held.texts(entry.rest))
            yield outside, text


def _layers(entry: LoaderKey, held: Configuration) -> Iterator[tuple[Named | None, str]]:
    for inner in held.within(entry.key):
        if not beside(entry, inner):
            continue
        for text in {one for key in entry.companions for one in inner.texts(key)}:
            yield _ran(entry, text, judged_python(held, text, expression=True))
        for text in inner.texts("activation"):
            yield _ran(entry, text, judged_python(held, text, expression=True))


def _marked(entry: LoaderKey, held: Configuration) -> Iterator[tuple[Named | None, str]]:
    for text in held.texts(MARK):
        held.cost(PER_CHARACTER * len(text))
        source = _PLAINLY.sub("print(", _REFERENCE.sub("_", text.removeprefix("$").strip()))
        statement = source.startswith(("import ", "from "))
        yield _ran(entry, text, judge_python(source, expression=not statement, loose=True))


def _ran(entry: LoaderKey, text: str, code: Effect) -> tuple[Named | None, str]:
    if code.level is Level.INFO:
        return None, text
    level = code.level if entry.only_loaders is False else max(code.level, Level.UNSAFE, key=lambda one: one.rank)
    return Named(CODE, level, f"{entry.key} holds Python, which {entry.loader}; {code.why}."), text


def _resolved(entry: LoaderKey, held: Configuration) -> Iterator[tuple[Named | None, str]]:
    for text in held.texts(entry.key):
        for found in _RESOLVER.finditer(text):
            name, argument = found[1], found[2]
            if name in _HARMLESS_RESOLVERS:
                continue
            held.cost(PER_CHARACTER * len(argument))
            code = judge_python(argument, expression=True)
            named = (judge_call(entry, dotted) for dotted in _DOTTED.findall(argument))
            runs = Level.MALICIOUS in {code.level, *(one.level for one in named if one is not None)}
            if runs or name in _IMPORTING:
                level = Level.MALICIOUS if runs else Level.UNSAFE
                yield Named(TARGET, level, f"a text calls the resolver {name[:40]}, which {entry.loader}."), text


def _template(entry: LoaderKey, held: Configuration) -> Iterator[tuple[Named | None, str]]:
    if not beside(entry, held):
        return
    several = [text for inner in held.within(entry.key) for text in inner.arguments()]
    for text in (*held.texts(entry.key), *several):
        if len(text) > LONGEST_TEMPLATE:
            yield Named(UNKNOWN, Level.UNVERIFIED, f"{entry.key} is too long to be read."), ""
            continue
        template = Template(text)
        held.cost(1 + template.cost)
        for reach in template.reaches(rendered=True):
            yield Named(reach.rule, reach.level, reach.summary(entry.key, entry.loader)), text


def _named(entry: LoaderKey, held: Configuration) -> Iterator[tuple[Named | None, str]]:
    for text in held.texts(entry.key):
        yield judge_text(entry, text), text
    for inner in held.within(entry.key):
        for text in inner.arguments():
            yield judge_text(entry, text), text


def _lambda(entry: LoaderKey, held: Configuration) -> Iterator[tuple[Named | None, str]]:
    names = set(held.texts(entry.key)) & {"Lambda", "__lambda__"} if beside(entry, held) else set[str]()
    if not names:
        return
    kinds = [kind for inner in (held, *held.within("config")) for kind in inner.texts("function_type")]
    code = "__lambda__" in names or "lambda" in kinds
    level = Level.UNSAFE if code else Level.UNVERIFIED
    what = "compiled Python code" if code else "a function"
    yield Named(CODE, level, f"A Lambda layer holds {what}, which {entry.loader}."), ", ".join(sorted(names))


def _library(entry: LoaderKey, held: Configuration) -> Iterator[tuple[Named | None, str]]:
    return _named(entry, held) if all(held.here(key) for key in entry.companions) else iter(())


def _components(entry: LoaderKey, held: Configuration) -> Iterator[tuple[Named | None, str]]:
    for key, texts in held.lists():
        if 0 < len(texts) <= _PACKAGE_AND_CLASS and (key == "_class_name" or not key.startswith("_")):
            package, name = texts[0], texts[-1]  # one text: the same twice
            if package != "null":
                yield judge_component(entry, key, package, name), f"{package}.{name}"


LONGEST_TEMPLATE = 4 << 20
"""Characters; the longest honest ones have 30,000."""
_LAYERS = frozenset({"backbone", "head"})
_LAYER = re.compile(r"(?:torch\.)?nn\.\w++\([\w=., ]*+\)")
"""A layer with its arguments: any other call is none that a model's description needs."""
MARK = "$"
"""The key under which a text's values are kept that begin with it."""
_PACKAGE_AND_CLASS = 2
_REFERENCE = re.compile(r"@[\w:#-]++|%[\w:#]++(?=[^\w\s(])")
"""What MONAI replaces by another value of the configuration before it evaluates."""
_PLAINLY = re.compile(r"\bsetattr\((?=torch\.backends\b)|\bopen\((?=[^(),]*+\))")
"""Setting a switch of the library, which most bundles begin with, and reading a file."""
_RESOLVER = re.compile(r"\$\{\s*+([\w.]++)\s*+:([^{}$]*+)")
"""A call of a resolver, from the inside: an argument may be another one."""
_HARMLESS_RESOLVERS = {
    "oc.env", "oc.decode", "oc.create", "oc.select", "oc.deprecated", "oc.dict.keys", "oc.dict.values", "hydra",
    "now", "env",
}  # fmt: skip
_IMPORTING = frozenset({"oc.coerce"})
"""Resolvers that import what they are given."""
_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)+")
_PER_NAME = 10

_LOOKS: dict[Names, Callable[[LoaderKey, Configuration], Iterator[tuple[Named | None, str]]]] = {
    Names.CALLABLE: _callable,
    Names.MODULE: _module,
    Names.DESCRIBED: _described,
    Names.MODULES: _modules,
    Names.TYPED: _typed,
    Names.MARKED: _marked,
    Names.CODE: _code,
    Names.EXPRESSION: _expression,
    Names.LAYERS: _layers,
    Names.RESOLVED: _resolved,
    Names.TEMPLATE: _template,
    Names.KERNEL: _named,
    Names.REPOSITORY: _named,
    Names.FILES: _named,
    Names.LAMBDA: _lambda,
    Names.LIBRARY: _library,
    Names.COMPONENTS: _components,
    Names.TRUSTS: script_acts.trusts,
    Names.SCRIPT: script_acts.script,
    Names.LOADER: script_acts.loader,
    Names.SOURCE: script_acts.source,
    Names.PARENT: _parent,
    Names.REQUIREMENTS: script_acts.requirements,
}
