"""The same text spelt in other ways: escapes, encodings, YAML's tags, line breaks."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode

import pytest
from samples.containers import zipped
from samples.hostile import EVIL
from samples.judging import HARMFUL, new_scan, rules, signs_of, verdict

from picklewatch.analysis.formats import encoded
from picklewatch.analysis.formats.part import CHUNK
from picklewatch.analysis.formats.spelling import in_utf8, understood
from picklewatch.analysis.formats.text_parts import readings
from picklewatch.core.model import Verdict

_CALL = '["id"]\n'


@pytest.mark.parametrize(
    "text",
    [
        "x: !!python/object/apply:os.system " + _CALL,
        "x: !<tag:yaml.org,2002:python/object/apply:os.system> " + _CALL,
        "%TAG !p! tag:yaml.org,2002:python/\n---\nx: !p!object/apply:os.system " + _CALL,
        "%TAG ! tag:yaml.org,2002:pyth\n---\nx: !on/object/new:os.system " + _CALL,
        "x: !!python%2Fobject/apply:os.system " + _CALL,
        "x: !!%70ython/module:os\n",
        "%TAG !! tag:yaml.org,2002:py\n---\nx: !!thon/object/apply:os.system " + _CALL,
        "%TAG !p! tag:yaml.org,2002:python/\n---\nx: !p!object/apply:os.system [1]\n...\n%TAG !p! tag:x\n---\n1\n",
        "# a comment\rx: !!python/object/apply:os.system " + _CALL,
        "# a comment\u2028x: !!python/object/apply:os.system " + _CALL,
        "\ufeff%TAG !p! tag:yaml.org,2002:python/\n---\nx: !p!object/apply:os.system " + _CALL,
        "# a\r%TAG !p! tag:yaml.org,2002:python/\r---\rx: !p!object/apply:os.system " + _CALL,
        "# !!python/object/apply:a.b\n" * 1_100 + "x: !!python/object/apply:os.system " + _CALL,
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_yaml_that_calls_python_is_found_however_it_is_spelt(text: str, encoding: str) -> None:
    """A tag may be written whole, by a handle of one's own, and with escapes."""
    assert verdict(text.encode(encoding)) is (Verdict.UNSAFE if "module" in text else Verdict.MALICIOUS)


@pytest.mark.parametrize(
    "text", ["x: !!python/tuple [1]\n", "%TAG ! tag:example.org,2000:\n---\nx: !apply [1]\n", "Wow! python!\n"]
)
def test_yaml_that_holds_data_is_text(text: str) -> None:
    """Tuples, and tags of one's own."""
    assert verdict(text.encode()) is Verdict.SKIPPED


@pytest.mark.parametrize(
    "text",
    [
        '{"_target_":\n  "os.system"}',
        '{"\\u005ftarget_": "os.system"}',
        "_target_: >-\n  os.system\n",
        "_target_: !!str os.system\n",
        "_target_: &name os.system\n",
        '{"py\\/object": "os.system"}',
        '{"\\u0070y/repr": "os/os.system(1)"}',
    ],
)
def test_names_to_be_called_are_found_however_they_are_spelt(text: str) -> None:
    """JSON's escapes, YAML's blocks, tags and anchors."""
    assert verdict(text.encode()) in HARMFUL


def _exported(text: str) -> bytes:
    return zipped({"m/archive_format": b"pt2", "m/models/model.json": text.encode()})


@pytest.mark.parametrize(
    "code", ["__import__('os').system('id')", "(lambda: torch.os.system(1))()", "L['x'].format(1)"]
)
def test_guards_of_an_export_that_run_code_are_unsafe(code: str) -> None:
    """``torch.export`` gives them to ``exec`` when the program is used."""
    assert verdict(_exported(json.dumps({"guards_code": ["L['x'].size()[0] == 4", code]}))) is Verdict.UNSAFE
    assert verdict(_exported(json.dumps({"guards_code": [code]}).replace("g", "\\u0067"))) is Verdict.UNSAFE


def test_guards_that_compare_are_clean() -> None:
    """A tensor as torch writes it."""
    guards = [
        "L['x'].size()[0] == 4",
        "math.isnan(L['y'])",
        "L['__a'] == 'b c'",
        "2 <= L[0][1].size()[1]",
        "not L['f']",
    ]
    assert verdict(_exported(json.dumps({"guards_code": guards}))) is Verdict.CLEAN


def test_expressions_by_an_escaped_key_are_read() -> None:
    """To a parser of JSON, the escaped key is the same key."""
    text = json.dumps({"expr_str": "__import__('os').system('id')"}).replace("expr_str", "expr\\u005fstr")
    assert verdict(_exported(text)) is Verdict.UNSAFE


@pytest.mark.parametrize("between", ["\\n", "\\t", '\\"', "\\u2028", "\\u00e9", " ", "\\\\"])
def test_base64_in_json_is_decoded_as_its_loader_does(between: str) -> None:
    """Escapes are undone first, and what is no letter of base64 is then dropped."""
    text = b64encode(EVIL).decode()
    data = '{"x": {":serialized:": "%s"}}' % (text[:3] + between + text[3:9] + between + text[9:])
    assert "code-execution" in rules(zipped({"data": data.encode(), "policy.pth": b"", "system_info.txt": b"x"}))


@pytest.mark.parametrize(
    "between",
    ["\\\\u0041", "\\\\/", "\\u005cu0041", "\\u005c\\u0075", "\\u0022", "\\/", "\\u0041", "\\\\\\u0041", "\\u000a"],
)
def test_no_escape_is_undone_that_is_none(between: str) -> None:
    """An escaped backslash begins none, and one that an escape stands for neither: the bytes would be other ones."""
    string = "gASV" + between * 4 + "AAAA"
    text = memoryview(b'{":serialized:": "%s"}' % string.encode())
    read = [met.value for met in readings(new_scan(), text, {b":serialized:"}) if met.key == b":serialized:"]
    assert [encoded._base64(value) for value in read if value is not None] == [b64decode(json.loads(f'"{string}"'))]
    assert understood(memoryview(understood(text))) == understood(text)


@pytest.mark.parametrize("text", ["=gASV", "gA=SVAA", "gASV====AAAA", "g A\n=S!V", "gASVAA=AAAAAAA", "", "=", "gASVA"])
def test_padding_ends_base64_only_where_it_does_for_python(text: str) -> None:
    """What begins with padding was taken for empty."""
    try:
        expected = b64decode(text)
    except ValueError:
        return
    assert encoded._base64(text.encode()) == expected


def test_long_numbers_cost_little() -> None:
    """A number can be read in one way only: with two, this would never end."""
    texts = {"expr_str": "1.22" * 50_000 + "!", "guards_code": ["1.22" * 50_000 + "!"]}
    assert verdict(_exported(json.dumps(texts))) is Verdict.UNSAFE


def test_text_in_utf8_stays_as_it_is() -> None:
    """No copy without need."""
    data = memoryview(b"plain")
    assert in_utf8(data) is data


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "utf-8-sig"]
)
def test_json_is_read_in_each_encoding_that_python_takes_it_in(encoding: str) -> None:
    """`json.loads` goes by the zeros where no mark says it."""
    assert verdict('{"a": [1], "_target_": "os.system"}'.encode(encoding)) is Verdict.MALICIOUS


@pytest.mark.parametrize("size", [0, 1, CHUNK - 30, CHUNK - 9, CHUNK - 3, CHUNK])
@pytest.mark.parametrize("key", ["_target_", "_tar\\u0067et_", "\\u005ftarget_"])
def test_a_key_is_found_wherever_a_piece_ends(size: int, key: str) -> None:
    """Texts are looked through in pieces."""
    assert signs_of(memoryview(f'{{"{"a" * size}": 1, "{key}": "os.system"}}'.encode())) >= {b"_target_"}


def test_an_import_that_acts_counts_in_any_bytes() -> None:
    """Python's unpickler imports for INST before it misses the mark."""
    assert verdict(b"iantigravity\nx\n\0\xff\xfe") in HARMFUL
