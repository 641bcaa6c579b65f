"""The process that a command forks for one file, against what code in it would try: as `test_sandbox` for a warm one.

Each act runs in a program of its own, as a command is: only that has one thread.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from integration.test_sandbox import LYING, REACHING_OUT
from sandbox_acts import hostile
from support.watching import PATIENCE

PROGRAM = Path(__file__).parents[1] / "support" / "direct_scan.py"
MEMORY = "sandbox_acts.memory:act"
SECRET = "hf_" + 20 * "x" + "y"


def done(act: str, *, job: str = hostile.JOB, seconds: float = PATIENCE, **environment: str) -> dict[str, Any]:
    """Have *act* done in a direct process; return what came of it."""
    command = [sys.executable, str(PROGRAM), job, str(seconds)]
    content = act.encode() + b"\n" + bytes(100)
    run = subprocess.run(command, input=content, capture_output=True, check=True, env={**os.environ, **environment})
    result: dict[str, Any] = json.loads(run.stdout)
    return result


@pytest.mark.parametrize("act", REACHING_OUT)
def test_nothing_outside_can_be_reached(act: str) -> None:
    """Files, programs, processes, sockets, more rights, executable memory: refused or deadly, and said."""
    marker = Path("/tmp/picklewatch-was-here")
    result = done(act)
    assert not result["complete"]
    assert [rule for rule, *_ in result["found"]] in (["scan-forbidden-call"], ["scan-crashed"])
    assert not marker.exists()


@pytest.mark.parametrize(("act", "rule"), LYING)
def test_using_things_up_and_lying_are_findings(act: str, rule: str) -> None:
    """Whatever the child does, the scan returns within its limits with the finding that a warm process's child gets."""
    result = done(act)
    assert result["direct"]
    assert result["found"][-1][:2] == [rule, "unsafe" if rule == "scan-evasion" else "unscannable"]


def test_a_scan_that_waits_is_ended_by_the_clock() -> None:
    """A sleeping child costs no processor time, and is killed all the same."""
    result = done("sleep", seconds=1)
    assert (result["direct"], result["found"][-1][0]) == (True, "scan-timeout")


def test_it_holds_only_what_it_needs() -> None:
    """Not the command's descriptors nor its terminal: three that lead nowhere, and the pipe for the results."""
    assert done("open-descriptors")["found"][0][2] == "open-descriptors: [0, 1, 2, 3]"


def test_the_environment_of_the_command_is_nowhere_in_its_memory() -> None:
    """Tokens live there; a fork has a copy of all memory, and this one overwrites them before it meets a content."""
    result = done("x", job=MEMORY, HF_TOKEN=SECRET)
    assert (result["direct"], result["found"][0][2]) == (True, "hits: 0")


def test_the_search_of_the_memory_finds_what_is_there() -> None:
    """The test above could not fail otherwise: a variable that is kept is found."""
    result = done("x", job=MEMORY, TZ=SECRET)
    assert (result["direct"], result["found"][0][2] != "hits: 0") == (True, True)


def test_what_it_has_not_imported_is_read_by_a_warm_process() -> None:
    """Fickling's evidence for an attack is the same as ever."""
    command = [sys.executable, str(PROGRAM), "picklewatch.analysis.content:scan_content", str(PATIENCE)]
    content = b"cos\nsystem\n(S'true'\ntR."
    run = subprocess.run(command, input=content, capture_output=True, check=True)
    result = json.loads(run.stdout)
    assert (result["direct"], result["complete"]) == (False, True)
    assert "unsafe-import" in {rule for rule, *_ in result["found"]} or result["found"][0][1] == "malicious"
