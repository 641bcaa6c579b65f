"""The check that every acting hook of a census was read: a new source of a known hook fails it."""

from __future__ import annotations

from typing import Any

from census.unread import unread

from picklewatch.catalogue.classes.schema_table import SCHEMAS

_HOOK = "optuna.study.study.Study.__setstate__"
_KNOWN = next(iter(SCHEMAS[_HOOK].sources))


def _class(function: str, hook: str = "__setstate__") -> dict[str, Any]:
    return {"class": "library.Thing", "acts": {hook: [function]}}


def _function(function: str, source: str, does: str = "acts") -> dict[str, Any]:
    return {"function": function, "source": source, "does": does, "version": "9"}


def test_a_source_that_a_schema_names_is_read() -> None:
    """Nothing is reported for a source that somebody read."""
    assert unread([_class(_HOOK), _function(_HOOK, _KNOWN)]) == []


def test_a_new_source_of_a_known_hook_is_reported_as_changed() -> None:
    """The schema of an older source says nothing of a newer one."""
    found = unread([_function(_HOOK, _KNOWN), _function(_HOOK, 16 * "0"), _class(_HOOK)])
    assert [(one.changed, one.function, one.source, one.classes) for one in found] == [(True, _HOOK, 16 * "0", 1)]


def test_a_hook_without_a_schema_is_reported_as_unread() -> None:
    """Only data may be given to it until it has a schema."""
    found = unread([_class("library.Thing.__del__", "__del__"), _function("library.Thing.__del__", 16 * "1")])
    assert [(one.changed, one.function) for one in found] == [(False, "library.Thing.__del__")]


def test_hooks_that_store_or_that_no_class_runs_need_no_schema() -> None:
    """What only stores may be given anything; what no class runs is given nothing."""
    assert unread([_class("a.B.__setstate__"), _function("a.B.__setstate__", 16 * "2", "stores")]) == []
    assert unread([_class("a.B.append", "append"), _function("a.B.append", 16 * "3")]) == []
