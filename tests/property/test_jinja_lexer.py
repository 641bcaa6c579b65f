"""Our reading of templates against Jinja's own lexer and parser: what they would resolve, ours sees."""

from __future__ import annotations

import sys

import jinja2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jinja2 import nodes

from picklewatch.analysis.jinja_lexer import JinjaKind, lex
from picklewatch.analysis.template_names import Role
from picklewatch.analysis.template_source import Template

_ENVIRONMENT = jinja2.Environment(
    trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"]
)
_KINDS = {"name": JinjaKind.NAME, "string": JinjaKind.STRING, "integer": JinjaKind.NUMBER, "float": JinjaKind.NUMBER}
_SPELT = (
    "{{ {{- {{+ }} -}} {% {%- {%+ %} -%} +%} {# {#- #} -#} {%raw%} {%-_raw_-%} {%endraw%} {%-_endraw_+%} "
    "( ) [ ] { } . .. | ~ + - * ** / // % == != >= <= = < > : , ; ' \" '' '_x' \"b\" '\\x5f' '\\137' "
    "'\\N{LOW_LINE}' '\\u005f' '\\' '\\q' '\\x' x __class__ a.b a['b'] x|attr('y') is not in and or if else for set "
    "endif endfor macro include import from extends 1 1.5 1_0 0x1f 1e5 .5 12abc \u0660 \u0301x "
    "\uff3f\uff3fclass\uff3f\uff3f \u00e9 \u2028 \u00a0 $ \\ ? @ messages loop.index0 {{x}} {%if_x%} {%set_a='b'%} "
    "{{'}}'}} {{[1:2]}} {{{}}} {{{1:2}}} {{{1}}}"
)
_PIECES = _SPELT.split(" ")
_TEXTS = st.lists(
    st.one_of(
        st.sampled_from([piece.replace("_", " ") if piece.startswith(("{%", "'\\N")) else piece for piece in _PIECES]),
        st.sampled_from([" ", "\n", "\r\n", "\r", "\\", "text"]),
        st.text(max_size=3),
    ),
    max_size=24,
).map("".join)
_EXPRESSIONS = st.recursive(
    st.sampled_from(
        ["x", "'a'", "'_b' '\\x5fc'", "1", "[]", "[x, 'y']", "{'k': v}", "(a)", "loop.index0", "self.b()", "''"]
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["~", "+", "-", "%", "==", "in", " if x else ", "*"]), inner).map(" ".join),
        st.tuples(
            inner,
            st.sampled_from([".a", ".__c__", "['d']", "[-1]", "[1:]", "|attr('e')", "|join", " is string", ".f(x)"]),
        ).map("".join),
        st.tuples(st.just("("), inner, st.just(")|map(attribute='g', h="), inner, st.just(")")).map("".join),
    ),
    max_leaves=6,
)


@given(_TEXTS)
@example("{{ '\r\n__a\\\r\nb' }}")
@example("{% raw %}{{ x.__class__ }}{% endraw %}{{ y }}")
@example("{{ dict(\uff3f\uff3fclass\uff3f\uff3f=1) }}")
@example("{{ x }\n} }}")
@example("{{ x.__class__ }}{#")
@example("{{ x.__class__ }}{% raw -%} \n")
def test_what_jinjas_lexer_reads_ours_reads(text: str) -> None:
    """The same tokens of every template that it takes; a refused one is refused."""
    try:
        theirs = [token for token in _ENVIRONMENT.lexer.tokenize(text) if token.type != "data"]
    except (jinja2.TemplateSyntaxError, ValueError, SyntaxError):
        return
    ours = lex(text)
    ends = sum(token.type in {"block_end", "variable_end"} for token in theirs)
    assert ours.whole or ends < sum(token.type in {"block_begin", "variable_begin"} for token in theirs)
    found = [
        (_KINDS.get(token.type, JinjaKind.OPERATOR), token.value)
        for token in theirs
        if token.type not in {"block_begin", "block_end", "variable_begin", "variable_end"}
    ]
    tokens = [token for block in ours.blocks for token in block.tokens]
    assert [token.kind for token in tokens] == [kind for kind, _ in found]
    same = zip(tokens, found, strict=True)
    assert all(
        token.text == value
        for token, (kind, value) in same
        if kind is JinjaKind.STRING or (str(value).isascii() and kind is JinjaKind.NAME)
    )


@given(
    st.one_of(_TEXTS, _EXPRESSIONS.map("{{{{ {} }}}}".format), _EXPRESSIONS.map("{{% if {} %}}{{% endif %}}".format))
)
def test_what_jinjas_parser_resolves_ours_sees(text: str) -> None:
    """Attributes, subscripts, filters, tests and included templates, wherever they stand."""
    try:
        tree = _ENVIRONMENT.parse(text)
    except (jinja2.TemplateSyntaxError, ValueError, SyntaxError, OverflowError):
        return
    template = Template(text)
    assert template.whole
    seen = {
        role: {code.tokens[at].text for code in template.codes for at, one in enumerate(code.roles) if one is role}
        for role in Role
    }
    for kind, role in ((nodes.Filter, Role.FILTER), (nodes.Test, Role.TEST)):
        names = {one.name for one in tree.find_all(kind) if "." not in one.name and one.name.isascii()}
        assert names <= seen[role] | {"in"}
    assert {one.attr for one in tree.find_all(nodes.Getattr) if one.attr.isascii()} <= seen[Role.ATTRIBUTE]
    fetched = sum(len([*code.fetches()]) for code in template.codes)
    points = sum(code.operators.count(".") for code in template.codes)
    assert len([*tree.find_all(nodes.Getitem)]) <= fetched + points
    loads = [*tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends))]
    assert len([one for one in template.reaches(rendered=True) if one.rule == "template-file"]) >= bool(loads)


@given(_TEXTS)
def test_any_text_ends_in_a_judgement(text: str) -> None:
    """And its judgement says at most what it may."""
    for rendered in (True, False):
        assert all(reach.way for reach in Template("{{" + text).reaches(rendered=rendered))


@pytest.mark.parametrize("opening", ["{{ x", "{% set a = x"])
@pytest.mark.parametrize(
    "step",
    [".a", "[0]", "|d", " ~ 'b'", "['_' ~ x]", "(", "[", "{", "'", "{#", "{% raw %}", "{%       ", " a = a ~ b,"],
)
def test_the_work_grows_with_the_text(opening: str, step: str) -> None:
    """And not with its square: counted in calls."""
    small, large = (_calls(opening + step * count) for count in (100, 1_000))
    assert large <= 12 * small + 500


def test_the_work_of_many_names_grows_with_the_text() -> None:
    """Each of them gets a value that each of them is a part of."""
    texts = [", ".join(f"a{number}" for number in range(count)) for count in (100, 1_000)]
    small, large = (_calls(f"{{% set {text} = {text.replace(',', ' +')} %}}{{{{ a1") for text in texts)
    assert large <= 12 * small + 500


def _calls(text: str) -> int:
    """Return the number of calls that judging *text* takes."""
    count = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        Template(text + " }}").reaches(rendered=True)
    finally:
        sys.setprofile(before)
    return count
