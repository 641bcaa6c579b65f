"""Runs of the census are merged, written as one table, and looked up."""

from __future__ import annotations

import json
from typing import Any

import pytest
from census.compiled import table
from census.merge import BY_HAND, merge, split

from picklewatch.catalogue.classes.class_table import Table
from picklewatch.catalogue.classes.profiles import ClassKind, Hook, look_up
from picklewatch.catalogue.classes.schema_table import SCHEMAS


def line(
    name: str, kind: str = "passive", hooks: dict[str, str] | None = None, acts: Any = (), base: str = "object"
) -> dict[str, Any]:
    """Return a line of the census about a class."""
    return {
        "class": name,
        "names": [name],
        "kind": kind,
        "hooks": hooks or {},
        "acts": acts,
        "base": base,
        "slots": False,
    }


def compiled(*classes: dict[str, Any], does: dict[str, set[str]] | None = None, kept: Any = ()) -> Table:
    """Return the table of *classes*."""
    return Table(table(merge(classes, does or {}, kept)))


def profile(of: Table, name: str) -> tuple[str, str, bool, dict[str, tuple[str, ...]]] | None:
    """Return the profile of *name*."""
    number = of.find(*split(name))
    return None if number is None else of.profile(number)


def test_each_name_leads_to_its_profile() -> None:
    """All names of many classes are found, and no other."""
    names = [f"lib.m{number}.C" for number in range(1000)]
    found = compiled(*(line(name, "active", {"__del__": f"{name}.__del__"}, ["__del__"]) for name in names))
    for name in names:
        assert profile(found, name) == ("active", "object", False, {"__del__": (f"{name}.__del__",)})
    assert found.find("lib.m1", "D") is None
    assert found.find("lib.m1.C", "") is None


def test_a_nested_class_is_another_name_than_a_module_s() -> None:
    """The two names of an import are kept apart: ``a.b`` ``C`` is not ``a`` ``b.C``."""
    found = compiled(line("a.b:C.D"))
    assert found.find("a.b", "C.D") is not None
    assert found.find("a.b.C", "D") is None


def test_versions_add_their_hooks() -> None:
    """What acts in one version acts: which is installed is not known."""
    first = line("lib.C", "active", {"__setstate__": "lib.A.__setstate__"}, {"__setstate__": ["lib.A.__setstate__"]})
    second = line("lib.C", "active", {"__setstate__": "lib.B.__setstate__"}, ["__setstate__"])
    third = line("lib.C")
    assert profile(compiled(first, second, third), "lib.C") == (
        "active",
        "object",
        False,
        {"__setstate__": ("lib.A.__setstate__", "lib.B.__setstate__")},
    )


def test_a_function_that_acts_in_one_version_acts_in_all() -> None:
    """A hook that only stores in the version that was read may look at its state in the next."""
    stores = line("lib.C", "passive", {"__setstate__": "lib.C.__setstate__", "__init__": "lib.C.__init__"})
    does = {"lib.C.__setstate__": {"stores", "acts"}, "lib.C.__init__": {"acts"}}
    assert profile(compiled(stores, does=does), "lib.C") == (
        "active",
        "object",
        False,
        {"__setstate__": ("lib.C.__setstate__",)},
    )


def test_a_borrowed_name_is_not_listed() -> None:
    """A class is known by its own name and by those that packages above give it, not by another module's."""
    classes = [{**line("lib.a.b.C"), "names": ["lib.C", "lib.a.C", "lib.a.b.C", "lib.z.C"]}]
    found = compiled(*classes)
    assert [found.find(module, "C") is not None for module in ("lib", "lib.a", "lib.a.b", "lib.z")] == [
        True,
        True,
        True,
        False,
    ]


def test_what_is_denied_by_its_own_name_has_no_other() -> None:
    """The lists know one spelling of what does harm."""
    classes = [{**line("lib.a.Runner"), "names": ["lib.Runner", "lib.a.Runner"]}]
    assert merge(classes, {}, [], denied=lambda module, _name: module == "lib.a") == {}


def test_an_enumeration_in_one_version_alone_is_none() -> None:
    """Its class is called with one literal: every version's must be an enumeration."""
    assert profile(compiled(line("lib.E", "enum"), line("lib.E", "enum")), "lib.E") == ("enum", "object", False, {})
    assert profile(compiled(line("lib.E", "enum"), line("lib.E")), "lib.E") == ("passive", "object", False, {})


def test_a_class_under_the_name_of_a_kept_function_is_a_class() -> None:
    """A name that is a function in one version and a class in another is judged as a class."""
    kept = [{"kept": "lib.f", "names": ["lib.f", "lib.g"]}]
    found = compiled(line("lib.f"), kept=kept)
    assert profile(found, "lib.f") == ("passive", "object", False, {})
    assert profile(found, "lib.g") == ("function", "object", False, {})


def test_cython_s_own_hook_counts_where_the_class_has_no_other() -> None:
    """``__setstate_cython__`` is called by compiled code; ``__setstate__`` by the unpickler."""
    both = line(
        "lib.C",
        "active",
        {"__setstate__": "s", "__setstate_cython__": "c"},
        {"__setstate__": ["s"], "__setstate_cython__": ["c"]},
    )
    one = line("lib.D", "active", {"__setstate_cython__": "c"}, {"__setstate_cython__": ["c"]})
    found = compiled(both, one)
    assert profile(found, "lib.C") == ("active", "object", False, {"__setstate__": ("s",)})
    assert profile(found, "lib.D") == ("active", "object", False, {"__setstate__": ("c",)})


def test_the_same_lines_give_the_same_bytes() -> None:
    """The order in which libraries were read does not matter."""
    lines = [line(f"lib.C{number}", "active", {"add": f"f{number % 7}"}, ["add"]) for number in range(50)]
    assert table(merge(lines, {}, [])) == table(merge(reversed(lines), {}, []))


def test_a_damaged_table_is_refused() -> None:
    """A table that is cut off or is no table must not be taken for an empty one."""
    content = table(merge([line("lib.C")], {}, []))
    for damaged in (content[:-1], content + b"x", b"nothing" + content[7:]):
        with pytest.raises(ValueError, match="damaged"):
            Table(damaged)


def test_what_ships_knows_the_libraries_that_were_read() -> None:
    """The table of the product answers for well-known classes, by all their names, and for nothing else."""
    module = look_up("torch.nn.modules.module", "Module")
    assert module is not None
    assert module.kind is ClassKind.ACTIVE
    assert "torch.nn.modules.module.Module.__setstate__" in module.acts[Hook.SETSTATE]
    assert look_up("torch.nn", "Module") == module
    scheduler = look_up("transformers.trainer_utils", "SchedulerType")
    assert scheduler is not None
    assert scheduler.kind is ClassKind.ENUM
    assert look_up("torch.nn.modules.module", "module") is None
    assert look_up("os", "system") is None
    assert look_up("torch.nn", "\udcff") is None


def test_a_hook_that_only_an_old_version_has_counts() -> None:
    """Solvers of scipy before 1.6 call methods of their pool when they are collected; the class is passive since."""
    for module, name in (
        ("scipy._lib._util", "MapWrapper"),
        ("scipy.optimize._differentialevolution", "DifferentialEvolutionSolver"),
    ):
        found = look_up(module, name)
        assert found is not None
        assert f"{module}.{name}.__del__" in found.acts[Hook.DEL]


def test_what_was_read_by_hand_says_why() -> None:
    """Each line has a reason and a version; what the hooks of an active class run was read."""
    lines = [json.loads(text) for text in BY_HAND.read_text(encoding="utf-8").splitlines()]
    assert lines
    for one in lines:
        assert len(one["why"]) > 20
        assert one["version"]
        if "class" in one:
            assert (one["kind"] == "active") == bool(one["acts"])
            assert all(function in SCHEMAS for functions in one["acts"].values() for function in functions)


def test_classes_made_of_code_are_left_out() -> None:
    """The ``Config.__new__`` of networkx makes a dataclass, whose code Python compiles, also without arguments."""
    assert look_up("networkx.utils.configs", "Config") is None
    assert look_up("networkx.utils.configs", "NetworkXConfig") is None
