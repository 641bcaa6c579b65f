"""Code from another place than the model's own."""

from __future__ import annotations

import pickle

from samples.judging import levels

from picklewatch.core.model import Level


def test_what_a_loader_would_run_is_reported() -> None:
    """It acts on use, not when it is unpickled."""
    assert levels(pickle.dumps({"_attn_implementation": "someone/kernel"}))["config-foreign-code"] is Level.UNSAFE


def test_what_honest_models_hold_is_not_reported() -> None:
    """Such keys are common."""
    assert levels(pickle.dumps({"_attn_implementation": "sdpa"})) == {}
