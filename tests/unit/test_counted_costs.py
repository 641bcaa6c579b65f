"""Counted costs of scans: nothing gets slower unseen, on any machine.

A change of more than a tenth fails. If it is meant, or a gain, take over the number that the failure prints, and say
why in the commit's message.
"""

from __future__ import annotations

import gzip
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from bench.speed.samples import state_dict_pickle
from samples import hostile
from samples.torch_checkpoint import torch_zip

from picklewatch.analysis.content import scan_content
from picklewatch.core.model import Limits

if TYPE_CHECKING:
    from types import FrameType

TOLERATED = 0.1
"""The part by which a count may differ."""
SMALL = pickle.dumps({f"parameter {number}": [number, number / 2, "value"] for number in range(30)}, 4)
FILES = {
    "a small pickle": SMALL,
    "a small pickle of protocol 0": pickle.dumps({"lr": 0.1, "steps": [1, 2, 3]}, 0),
    "2,000 integers": pickle.dumps(list(range(2_000)), 4),
    "a vocabulary of 500": pickle.dumps({f"token{number}": number for number in range(500)}, 4),
    "50 tensors": state_dict_pickle(50),
    "50 tensors in a zip": torch_zip(state_dict_pickle(50), {str(number): bytes(4) for number in range(50)}),
    "a gzip": gzip.compress(SMALL, mtime=0),
    "JSON": b'{"a": [1, 2, {"b": "c"}]}\n' * 40,
    "other bytes": bytes(range(256)) * 16,
    "an attack": hostile.EVIL,
}
COUNTS = {
    "a small pickle": 8_487,
    "a small pickle of protocol 0": 5_349,
    "2,000 integers": 6_720,
    "a vocabulary of 500": 28_315,
    "50 tensors": 50_111,
    "50 tensors in a zip": 52_439,
    "a gzip": 9_458,
    "JSON": 2_158,
    "other bytes": 2_005,
    "an attack": 2_332,
}
"""Lines and calls, of Python and of C, of one scan by Python 3.11."""
MODULES = {
    "picklewatch.cli.scan": 168,
    "picklewatch.analysis.content": 333,
    "picklewatch.sandbox.scanner": 117,
}
"""Modules that are loaded after an import, the interpreter's included."""


def steps(data: bytes) -> int:
    """Count the lines and calls of one scan of *data*; what is done once per process is done already."""
    limits = Limits(seconds=600, fickling_opcodes=0)
    scan_content(data, limits)
    counted = 0

    def line(_frame: FrameType, _event: str, _argument: Any) -> Any:
        nonlocal counted
        counted += 1
        return line

    def call(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal counted
        counted += event in {"call", "c_call"}

    before = sys.gettrace(), sys.getprofile()
    sys.setprofile(call)
    sys.settrace(line)
    try:
        scan_content(data, limits)
    finally:
        sys.settrace(before[0])
        sys.setprofile(before[1])
    return counted


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="each version of Python takes other steps")
@pytest.mark.parametrize("name", FILES)
def test_a_scan_takes_as_many_steps_as_it_did(name: str) -> None:
    """Within a tenth, in both directions: a gain that is not noted would hide the next loss."""
    counted = steps(FILES[name])
    assert counted == pytest.approx(COUNTS[name], rel=TOLERATED), f'"{name}": {counted},'


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="each version of Python has other modules")
@pytest.mark.parametrize("module", MODULES)
def test_an_import_loads_as_many_modules_as_it_did(module: str) -> None:
    """The start of every command, and of the sandbox, is mostly imports."""
    code = f"import sys; sys.path[:] = {sys.path!r}; import {module}; print(len(sys.modules))"
    output = subprocess.run([sys.executable, "-IS", "-c", code], capture_output=True, check=True, text=True).stdout
    assert int(output) == pytest.approx(MODULES[module], rel=TOLERATED), f'"{module}": {output.strip()},'
