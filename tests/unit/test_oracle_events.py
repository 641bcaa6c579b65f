"""The oracle's allowances: a library's own template and nothing like it, a class that a schema names and no other."""

from __future__ import annotations

import pytest
from oracle.schemas import allowed
from oracle.stand_ins import NATIVE, OBJECT, Touch
from oracle.templates import Templates
from scipy.stats import binom, gamma, norm

from picklewatch.catalogue.classes.hook_schema import Schema, data_and

HOOK = "library.Class.__setstate__"


@pytest.mark.parametrize("distribution", [norm, gamma, binom])
def test_a_distribution_compiles_its_own_template(distribution: object) -> None:
    """What scipy makes of its shapes' names is allowed, and so is running it; once."""
    source = distribution._parse_arg_template  # type: ignore[attr-defined]
    templates = Templates()
    assert templates.allow(source)
    code = compile(source, "<string>", "exec")
    assert templates.allow(code)
    assert not templates.allow(code)


@pytest.mark.parametrize(
    "shape", ["a): pass\nprint('x')\nx='''#", "a=print(1)", "*a", "a, b=1", "a: print(1)", "a,\n b"]
)
def test_a_shape_that_is_no_name_is_an_event(shape: str) -> None:
    """Whatever is put into the template beside names is more than the template."""
    source = gamma._parse_arg_template.replace("a, ", f"{shape}, ")
    templates = Templates()
    assert not templates.allow(source)
    assert not templates.allow(compile("1", "<string>", "exec"))


def test_another_text_is_an_event() -> None:
    """Also after a template, and in front of it."""
    templates = Templates()
    for source in ("1 + 1", norm._parse_arg_template + "\nprint()", "print()\n" + norm._parse_arg_template):
        assert not templates.allow(source)
        assert not templates.allow(source.encode())


def test_a_touch_is_allowed_by_the_schema_of_its_hook_alone() -> None:
    """The stand-in's class must be among those that this hook may look into."""
    schemas = {
        HOOK: Schema(function=HOOK, why="", sources={}, looks={"x": data_and(OBJECT)}),
        "other": Schema(function="other", why="", sources={}, looks={"x": data_and("a.B")}),
    }
    assert allowed(Touch("__iter__", "a.helper", HOOK), schemas)
    assert not allowed(Touch("__iter__", "a.helper", "other"), schemas)
    assert not allowed(Touch("__iter__", HOOK, NATIVE), schemas)
    assert allowed(Touch("__hash__", NATIVE, NATIVE), schemas)
    assert not allowed(Touch("__hash__", "other", "other"), schemas)
