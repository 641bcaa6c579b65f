"""The census reads hooks: what only stores, and everything that acts."""

from __future__ import annotations

import textwrap

import pytest
from census.syntax import read

STORES = {
    "an update": "self.__dict__.update(state)",
    "the dict itself": "self.__dict__ = state",
    "a copy with a default": """
        state = state.copy()
        if "new" not in state:
            state["new"] = None
        state.pop("old", None)
        self.__dict__.update(state)
        self.lock = threading.Lock()""",
    "one by one": """
        for key, value in state.items():
            self.__dict__[key] = value""",
    "a base's": "super().__setstate__(state)",
    "a test by identity": """
        if state.get("a") is None:
            raise ValueError("no a")
        self.a = state["a"]""",
}


@pytest.mark.parametrize("body", STORES.values(), ids=STORES)
def test_what_only_moves_the_state_stores(body: str) -> None:
    """Moves of values that nobody looks at, within exact dicts and into the object, are no action."""
    assert read(_setstate(body), "__setstate__").does == "stores"


ACTS = {
    "a value updates": 'self.__dict__.update(state["a"])',
    "a value is a key": 'self.a = {state["a"]: 1}',
    "a value is a key of a store": 'self.__dict__[state["a"]] = 1',
    "truth of a value": 'self.a = 1 if state["a"] else 2',
    "a comparison": 'self.a = state["a"] == 1',
    "membership in a value": 'self.a = "x" in state["a"]',
    "a chained comparison": 'self.a = 1 < state["a"] < 2',
    "a method of a value": 'state["a"].close()',
    "a call of a value": 'self.a = state["a"]()',
    "a walk over a value": 'for one in state["a"]:\n    pass',
    "a splat of a value": 'self.a = [*state["a"]]',
    "unpacking": "self.a, self.b = state",
    "an index": "self.a = state[0][1]",
    "any attribute's name": "for key, value in state.items():\n    setattr(self, key, value)",
    "the class": 'self.__class__ = state["a"]',
    "a text of a value": 'raise ValueError(f"bad {state}")',
    "a method of its own": "self.restore()",
    "an import": "import os",
    "isinstance of a value": 'self.a = isinstance(state["a"], dict)',
    "a function of the module": 'self.a = build(state["a"])',
    "a variable that an error leaves behind": """
        try:
            kept = {}
            kept = state["a"]
        except KeyError:
            kept.update(state)""",
    "a variable of a second round": """
        kept = {}
        for key in state:
            kept.update(state)
            kept = state["a"]""",
    "a with statement": 'with state["a"]:\n    pass',
    "a lambda": "self.a = lambda: 1",
    "a walrus": 'self.a = (state := state["a"])',
}


@pytest.mark.parametrize("body", ACTS.values(), ids=ACTS)
def test_whatever_runs_code_of_a_value_acts(body: str) -> None:
    """Each of these calls a method of an object that the file chooses, or of the library."""
    assert read(_setstate(body), "__setstate__").does == "acts"


def test_what_a_lookup_returns_is_called() -> None:
    """The unpickler calls what ``__getattr__`` answers to ``__setstate__``: only constants and errors are safe."""
    assert read("def __getattr__(self, name):\n    return self.inner", "__getattr__").does == "acts"
    quiet = """
        def __getattr__(self, name):
            if name.startswith("__"):
                raise AttributeError(f"{type(self).__name__!r} has no {name!r}")
            return None"""
    assert read(textwrap.dedent(quiet), "__getattr__").does == "stores"


def test_a_shadowed_built_in_is_no_built_in() -> None:
    """A parameter or a variable of the name of a function is a value."""
    assert read("def __setstate__(self, state, dict):\n    self.a = dict(state)", "__setstate__").does == "acts"
    assert "dict" in read(_setstate("self.a = dict(state)"), "__setstate__").needs


def test_attributes_that_are_set_and_asked_are_named() -> None:
    """The class says what setting and asking them runs."""
    found = read(_setstate('if not hasattr(self, "b"):\n    self.a = self.c'), "__setstate__")
    assert (found.does, found.assigns, found.reads) == ("stores", {"a"}, {"b", "c"})


def test_no_source_acts() -> None:
    """An unreadable class is not proven."""
    assert read("", "__setstate__").does == "acts"
    assert read("lambda self, state: None", "__setstate__").does == "acts"


def _setstate(body: str) -> str:
    return "def __setstate__(self, state):\n" + textwrap.indent(textwrap.dedent(body).strip("\n"), "    ")
