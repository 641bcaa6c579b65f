"""A configuration that names a harmful function to call."""

from __future__ import annotations

from samples.judging import levels

from picklewatch.core.model import Level


def test_a_target_that_runs_commands_is_an_alarm() -> None:
    """Hydra imports and calls what ``_target_`` names."""
    assert levels(b"model:\n  _target_: os.system\n")["config-target"] is Level.MALICIOUS


def test_what_jsonpickle_calls_is_an_alarm() -> None:
    """It imports and calls what a reduction names."""
    sample = b'{"py/reduce": [{"py/type": "subprocess.Popen"}, {"py/tuple": ["true"]}]}'
    assert levels(sample)["config-target"] is Level.MALICIOUS
    assert levels(b'{"py/object": "collections.OrderedDict", "a": 1}') == {}


def test_a_class_of_a_library_is_not_reported() -> None:
    """What such configurations are for."""
    assert levels(b"model:\n  _target_: torch.optim.Adam\n") == {}
