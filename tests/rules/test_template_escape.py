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


def test_control_characters_hide_no_template() -> None:
    """Jinja takes a zero for text."""
    chat = "{% for m in messages %}{{ m.content }}{% endfor %}"
    hostile = chat + "{{ messages.__class__ }}"
    for hidden in ("\0" + hostile, hostile + "\0", "\x01" + hostile):
        assert levels(hidden.encode())["template-escape"] is Level.MALICIOUS
    assert "template-escape" not in levels(("\0" + chat).encode())
