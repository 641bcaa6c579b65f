"""A template with names that are not on the list."""

from __future__ import annotations

import json

import pytest
from samples.judging import levels

from picklewatch.core.model import Level


@pytest.mark.parametrize(
    "template",
    [
        "{{ m|to_shell }}",
        "{% if m is executable %}x{% endif %}",
        "{% shell 'id' %}",
        "{{ m.system('id') }}",
        "{{ open('x') }}",
        "{{ m|map('shell')|list }}",
        "{{ m",
    ],
)
def test_a_name_on_no_list_is_unverified(template: str) -> None:
    """A filter, test, tag, method or function, and what Jinja refuses."""
    assert levels(json.dumps({"chat_template": template}).encode()) == {"template-unknown": Level.UNVERIFIED}


def test_what_models_use_is_nothing() -> None:
    """Macros of the template's own, functions of transformers, Jinja's filters."""
    template = (
        "{%- macro show(m) -%}{% generation %}{{ m.content|trim }}{% endgeneration %}{%- endmacro -%}"
        "{%- set ns = namespace(last=0) -%}{{ strftime_now('%d') }}{{ raise_exception('no') if not messages }}"
        "{{ show(messages[-1]) }}{{ tools|tojson(indent=2) if tools is defined }}{{ '{}'.format(ns.last) }}"
    )
    assert levels(json.dumps({"chat_template": template}).encode()) == {}
