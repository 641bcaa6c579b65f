"""The oracle's cage: what a harmless pickle of our own does in it is reported, refused, and leaves no trace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from oracle.command import main
from support.watching import PATIENCE

Outcomes = dict[str, tuple[str, list[str], list[str]]]
ROOT = Path(__file__).parents[2]
DRIVER = """
import json, sys
from oracle import cage
try:
    cage.enter()
except cage.NoCageError as error:
    print(json.dumps(str(error)))
    sys.exit(2)
from oracle.loading import loaded
from oracle.mutations import STAND_IN_FUNCTION, STAND_IN_OBJECT
from oracle.subject import subject
from oracle.trees import call, new, tree
cases = {
    "data": tree([1, {"a": (2, b"3")}]),
    "read": call("builtins.open", "/etc/hostname"),
    "write": call("builtins.open", "/tmp/oracle-was-here", "w"),
    "import": call("importlib.import_module", "wave"),
    "again": call("importlib.import_module", "wave"),
    "fork": call("os.fork"),
    "process": call("os.system", "true"),
    "socket": call("_socket.socket"),
    "compile": call("builtins.eval", "1 + 1"),
    "nested": call("pickle.loads", b"\\x80\\x04\\x8c\\x02os\\x8c\\x06getpid\\x93."),
    "crash": call("os.abort"),
    "hang": call("itertools.repeat", 1),
    "kept": call("functools.reduce", STAND_IN_FUNCTION, [1, 2]),
    "touched": call("builtins.list", STAND_IN_OBJECT),
    "only kept": new("types.SimpleNamespace", {"a": STAND_IN_OBJECT, "b": STAND_IN_FUNCTION}),
}
cases["hang"] = call("builtins.sum", cases["hang"])
done = loaded([subject(name, root) for name, root in cases.items()])
print(json.dumps({
    name: [outcome.ending, [event.what for event in outcome.events], [touch.what for touch in outcome.touches]]
    for name, outcome in zip(cases, done, strict=True)
}))
"""


def _driven() -> Outcomes:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'tests'}:{ROOT / 'src'}"}
    done = subprocess.run(
        [sys.executable, "-c", DRIVER], env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    if done.returncode == 2:
        pytest.skip(f"no cage here: {done.stdout}")
    assert done.returncode == 0, done.stderr
    answer: dict[str, list[Any]] = json.loads(done.stdout)
    return {name: (ending, events, touches) for name, (ending, events, touches) in answer.items()}


@pytest.fixture(scope="module")
def outcomes() -> Outcomes:
    """Return the result of each case of the driver: how it ended, its events, its touches."""
    return _driven()


@pytest.mark.parametrize(
    ("case", "ending", "event"),
    [
        ("read", "loaded", "open"),
        ("write", "RefusedError", "open"),
        ("import", "loaded", "exec"),
        ("again", "loaded", "exec"),
        ("fork", "RefusedError", "os.fork"),
        ("process", "RefusedError", "os.system"),
        ("socket", "RefusedError", "socket.__new__"),
        ("compile", "loaded", "compile"),
        ("nested", "loaded", "pickle.find_class"),
        ("crash", "died", "died"),
        ("hang", "hung", "hung"),
    ],
)
def test_what_reaches_outside_is_an_event(outcomes: Outcomes, case: str, ending: str, event: str) -> None:
    """Each way out is reported as what it is; what would change anything is refused."""
    assert outcomes[case][0] == ending
    assert event in outcomes[case][1]


def test_stand_ins_report_who_touches_them(outcomes: Outcomes) -> None:
    """A kept function that is called, and an object that is walked over; not what is only kept."""
    assert outcomes["kept"][1:] == (["called"], ["called"])
    assert "__iter__" in outcomes["touched"][2]
    assert outcomes["only kept"] == ("loaded", [], [])


def test_data_does_nothing(outcomes: Outcomes) -> None:
    """Constants and containers make neither events nor touches, also after a load that killed its child."""
    assert outcomes["data"] == ("loaded", [], [])


def test_nothing_is_left(outcomes: Outcomes) -> None:
    """The cage is read-only, and its own directory is gone."""
    assert not Path("/tmp/oracle-was-here").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root builds the cage")
def test_without_a_cage_nothing_is_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    """Without root the oracle says what is missing and ends with 2."""
    assert main(["chain", "--seconds", "1"]) == 2
    assert "no cage" in capsys.readouterr().err
