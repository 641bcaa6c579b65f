"""A template that loads other templates."""

from __future__ import annotations

import json

import pytest
from samples.judging import levels

from picklewatch.core.model import Level


@pytest.mark.parametrize(
    "statement",
    ["{% include '/etc/passwd' %}", "{%- import x as y -%}", "{% from 'a' import b %}", '{% extends "base" %}'],
)
def test_a_chats_template_that_loads_another_is_unsafe(statement: str) -> None:
    """As a tokenizer's key, in a list of them, and as a file of its own."""
    chat = "{% for m in messages %}{{ m.content }}{% endfor %}" + statement
    for data in (
        json.dumps({"chat_template": statement}),
        json.dumps({"chat_template": [{"name": "rag", "template": statement}]}),
        chat,
    ):
        assert levels(data.encode())["template-file"] is Level.UNSAFE


def test_a_web_pages_template_is_unverified() -> None:
    """Such pages extend one another by design."""
    assert levels(b"{% extends 'layout.html' %}{% block a %}{% endblock %}") == {"template-file": Level.UNVERIFIED}


def test_what_does_not_load_is_nothing() -> None:
    """Words in raw blocks, comments and strings."""
    for text in ("{% raw %}{% include 'x' %}{% endraw %}", "{# {% include 'x' %} #}", "{{ '{% include x %}' }}"):
        chat = "{% for m in messages %}{{ m.content }}{% endfor %}" + text
        assert levels(chat.encode()) == {}
