"""The bytes of an in-line array that are opcodes to another loader."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import BUILD, FALSE, call, dict_, dtype, global_, new, pickle, sizes, text

from picklewatch.core.model import Level


def _inline(content: bytes) -> bytes:
    state = {"subclass": global_("numpy", "ndarray"), "shape": sizes(len(content)), "order": text("C")}
    state |= {"dtype": dtype("u1"), "allow_mmap": FALSE}
    return pickle(4, new("joblib.numpy_pickle", "NumpyArrayWrapper"), dict_(**state), BUILD, content)


def test_elements_that_are_a_call_are_malicious() -> None:
    """Numbers for joblib, opcodes for ``pickle.load``."""
    assert levels(_inline(call("os", "system", text("true")) + b"0N."))["array-payload"] is Level.MALICIOUS


def test_elements_that_are_numbers_are_not_reported() -> None:
    """The content of an array."""
    assert levels(_inline(bytes(range(100, 132)))) == {}
