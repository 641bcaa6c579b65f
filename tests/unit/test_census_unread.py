"""The check that every acting hook of a census was read: a new source of a known hook fails it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from census import __main__ as tool
from census import recorded
from census import unread as unread_module
from census.unread import leave, left, unread, without_schema

from picklewatch.catalogue.classes import class_table
from picklewatch.catalogue.classes.class_table import Table
from picklewatch.catalogue.classes.schema_table import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Callable

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


def _acts_of_the_table() -> list[dict[str, tuple[str, ...]]]:
    table = Table((Path(class_table.__file__).parent / "classes.bin").read_bytes())
    acts: list[dict[str, tuple[str, ...]]] = []
    with contextlib.suppress(IndexError):
        while True:
            acts.append(table.profile(len(acts))[3])
    return acts


def test_each_hook_of_the_table_is_read_or_left_unread_by_decision() -> None:
    """The table that is shipped was compiled with the list of hooks that stay unread."""
    acts = _acts_of_the_table()
    assert len(acts) > 1000
    assert without_schema(acts) - left() == set()


@pytest.fixture(name="compiled")
def _compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, bool]]:
    """Return a function that compiles a class with one hook of a source."""
    monkeypatch.setattr(unread_module, "LEFT", tmp_path / "left.txt")
    monkeypatch.setattr(recorded, "FOLDER", tmp_path / "kept")
    leave(without_schema(_acts_of_the_table()))  # of what is written by hand, too
    lines, out = tmp_path / "lines.jsonl", tmp_path / "classes.bin"

    def run(function: str, source: str, *arguments: str) -> tuple[int, bool]:
        out.unlink(missing_ok=True)
        known = {"names": ["library.Thing"], "kind": "active", "hooks": {"__setstate__": function}, "base": "object"}
        of = {"library": "library", "version": "9"}
        seen = {**_function(function, source), "hook": "__setstate__", "library": "library"}
        both = ({**_class(function), **known, **of, "slots": False}, seen)
        lines.write_text("".join(json.dumps(line) + "\n" for line in both), encoding="utf-8")
        monkeypatch.setattr("sys.argv", ["census", "compile", *arguments, "--out", str(out), str(lines)])
        return tool.main(), out.exists()

    return run


def test_a_table_is_compiled_of_hooks_that_were_read(compiled: Callable[..., tuple[int, bool]]) -> None:
    """A known source of a function with a schema."""
    assert compiled(_HOOK, _KNOWN) == (0, True)


def test_no_table_is_compiled_while_a_source_has_changed(compiled: Callable[..., tuple[int, bool]]) -> None:
    """The list of unread hooks does not help: the schema would vouch for what nobody read."""
    assert compiled(_HOOK, 16 * "0") == (1, False)
    assert compiled(_HOOK, 16 * "0", "--leave-unread") == (1, False)


def test_no_table_is_compiled_with_a_new_unread_hook(
    compiled: Callable[..., tuple[int, bool]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody reads it, or decides that it stays unread; the list says so from then on."""
    hook = "library.Thing.__setstate__"
    assert compiled(hook, 16 * "1") == (1, False)
    assert f"{hook} is in no schema" in capsys.readouterr().err
    assert compiled(hook, 16 * "1", "--leave-unread") == (0, True)
    assert hook in left()
    assert compiled(hook, 16 * "1") == (0, True)
