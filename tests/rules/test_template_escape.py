"""A template that leads into the interpreter."""

from __future__ import annotations

import pickle

from samples.judging import levels

from picklewatch.core.model import Level


def test_what_a_loader_would_run_is_reported() -> None:
    """It acts on use, not when it is unpickled."""
    assert levels(pickle.dumps({"chat_template": "{{ x.__globals__ }}"}))["template-escape"] is Level.MALICIOUS
    for hidden in ("{{ '}}' ~ x.__globals__ }}", '{% if "%}" ~ x.__globals__ %}'):
        assert levels(pickle.dumps({"chat_template": hidden}))["template-escape"] is Level.MALICIOUS


def test_what_honest_models_hold_is_not_reported() -> None:
    """Such keys are common."""
    assert levels(pickle.dumps({"chat_template": "{{ bos_token }} __globals__"})) == {}
