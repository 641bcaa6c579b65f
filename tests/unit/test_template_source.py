"""Jinja's templates: each way into the interpreter is told, spelt or computed; those of chats take none."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING

import pytest
from samples.judging import levels

from picklewatch.analysis.template_rules import ESCAPE
from picklewatch.analysis.template_source import Template
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.template_rules import Reach

HOSTILE = [
    "{{ x|attr('__cl' ~ 'ass__') }}",
    "{{ x|attr(y) }}",
    "{{ x['__cla' ~ 'ss__'] }}",
    "{{ x['__cla' + 'ss__'] }}",
    "{{ x['__cla''ss__'] }}",
    "{{ x['\\x5f_class_\\x5f'] }}",
    "{{ x['\\137_class__'] }}",
    "{{ x[('_'*2) ~ 'class' ~ ('_'*2)] }}",
    "{% set u = '_' %}{% set a = u*2 ~ 'class' ~ u*2 %}{{ x[a] }}",
    "{% set a %}__cla{{ 'ss__' }}{% endset %}{{ x[a] }}",
    "{{ x[['__cla','ss__']|join] }}",
    "{{ x['%sclass%s'|format('_'*2,'_'*2)] }}",
    "{{ x['__ssalc__'|reverse] }}",
    "{{ [x]|map(attribute=y)|list }}",
    "{{ [x]|map('attr', y)|list }}",
    "{{ x['\\u005f_class__'] }}",
    "{{ x[dict(__cla=1,ss__=2)|join] }}",
    "{{ x[m()] }}",
    "{% for k in ['_'*2 ~ 'class' ~ '_'*2] %}{{ x[k] }}{% endfor %}",
    "{{ cycler.__init__.__globals__.os }}",
    "{{ x['__cla'.__add__('ss__')] }}",
    "{{ x|attr(\n 'a'+b) }}",
    "{{ [x]|selectattr(a ~ b) }}",
    "{{ x['\\N{low line}_class__'] }}",
    "{{ x['\\U0000005f_class__'] }}",
    "{{ x['format'](y) }}",
    "{% set k = '_private' %}{{ x[k] }}",
    "{{ x['_private'] }}",
    "{{ x[('a' if y else '_private')] }}",
    "{{ x[dict(_a=1)|list|first] }}",
    "{{ x[bos_token] }}",
    "{% macro g(n) %}{{ x[n] }}{% endmacro %}{{ g('%cclass' % 95) }}",
    "{% set a = 'x_x_xcx'[1::2] %}{{ x[a] }}",
    "{% set f = '{0.a}'.format %}{{ f(x) }}",
    "{{ lipsum|string }}",
    "{{ x|groupby('_y') }}",
]
HONEST = [
    "{{ messages[0]['content'] + '\\n' }}",
    "{{ messages[loop.index0 + 1].content }}",
    "{% for k in d %}{{ d[k] ~ x }}{% endfor %}",
    "{{ m['content'].split('</think>')[-1].lstrip('\\n') }}",
    "{{ tools|selectattr('type','equalto','function')|list }}",
    "{{ m|map(attribute='name')|join(', ') }}",
    "{% set loop_messages = messages[1:] %}{{ loop_messages[0] }}",
    "{% if x in ['a' ~ b, 'c'] %}y{% endif %}",
    "{{ ['a','b'][i % 2] }}",
    "{{ message[(loop.index0 | int) - 1] }}",
    "{% set ns.i = ns.i + 1 %}{{ messages[ns.i] }}",
    "{{ json_dict[json_key] | tojson | safe }}",
    "{{ tool_call['__media__'] }}",
    "{{ item.type|replace('_url', '') }}",
    "{{ [group ~ '_False', group + '_True'] }}",
    "{{ ['__label__zero', '__label__one'].index(target) }}",
    "{{ function.get('_json_block') }}",
    "{% for i in [0, 1] %}{{ macros[i](*arguments[i]) }}{% endfor %}",
    "{% set _ = seen.append(1) %}{% set _args = m.arguments %}{% for k, v in _args.items() %}{{ v }}{% endfor %}",
    "{% set x = messages[-1]['role'] == 'user' %}",
    "{{ messages[messages|length - 1] }}",
    "{{ param_fields.keys()|list }}",
    "{{ (a ~ 'b')[:-1] }}",
    "{{ messages[:-1] | map(attribute='role') }}",
    "{% for m in messages[::-1] %}{% set i = (messages|length - 1) - loop.index0 %}{{ messages[i] }}{% endfor %}",
]


def of_kind(template: str, rule: str) -> list[Reach]:
    """Return what a template that is rendered does, by one rule."""
    return [reach for reach in Template(template).reaches(rendered=True) if reach.rule == rule]


@pytest.mark.parametrize("template", HOSTILE)
def test_a_way_into_the_interpreter_is_told(template: str) -> None:
    """Names in parts, with escapes, backwards, and those that are made where the template is rendered."""
    assert {reach.level for reach in of_kind(template, ESCAPE)} & {Level.UNSAFE, Level.MALICIOUS}


@pytest.mark.parametrize("template", HONEST)
def test_what_templates_of_chats_do_is_none(template: str) -> None:
    """They fetch by words and numbers, join texts to print them, and filter by attributes that they name."""
    assert not of_kind(template, ESCAPE)


def test_templates_in_pickles_and_texts_are_judged_alike() -> None:
    """A tokenizer keeps its template as an attribute, and in JSON."""
    template = "{{ messages[0]|attr(role ~ 'x') }}"
    for key in ("chat_template", "chat_template_jinja"):
        assert levels(pickle.dumps({key: template}))["template-escape"] is Level.UNSAFE
        assert levels(json.dumps({key: template}).encode())["template-escape"] is Level.UNSAFE
