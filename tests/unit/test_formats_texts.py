"""Neither text before an attack nor its spelling hides it."""

from __future__ import annotations

import json
import os
import pickle
import struct
import tracemalloc
from base64 import b64encode

import pytest
from samples.containers import zipped
from samples.hostile import EVIL
from samples.judging import HARMFUL, judged, rules, verdict

from picklewatch.analysis.formats.text_parts import NESTED_TEXTS
from picklewatch.core.model import Verdict

_CALL = "!!python/object/apply:os.system ['true']"
_TARGET = '"_target_": "os.system"'


@pytest.mark.parametrize(
    "text",
    [
        f'- ["aa#{"x" * 300}", {_CALL}]',
        f'- ["a\n# b", {_CALL}]',
        f"- ['a\n# b', {_CALL}]",
        f"a: |\n # '\n \"\nb: {_CALL}\n",
        f'a: |2\n    x\n  # "\nb: {_CALL}\n',
        f"# it's\na: {_CALL}\n",
        f"a:\t{_CALL}\n",
        f"? {_CALL}\n: 1\n",
        f"{{?{_CALL} : 1}}",
        f"BM: 1\na: {_CALL}\n",
        f"GGUF: 1\na: {_CALL}\n",
        f"class_name: Model\na: {_CALL}\n",
        f"config: |\n  x:\n    y: {_CALL}\n",
        json.dumps({"a": json.dumps({"config": f"x:\n  y: {_CALL}\n"})}),
        "a: !<%74ag:yaml.org,2002:python/object/apply:os.system> ['true']",
        "%TAG ! tag:yaml.org\n---\n[!,2002:python/object/apply:os.system ['true']]",
        "".join(f"%TAG !h{i}! tag:x\n" for i in range(1_500))
        + "%TAG !z! tag:yaml.org,2002:python/\n---\n!z!module:os ''",
        "---\na: 1\n" * 1_500 + f"--- {_CALL}",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_a_tag_is_found_wherever_a_parser_finds_it(text: str, encoding: str) -> None:
    """Behind strings, blocks and comments, behind many others, in texts of their own, below the letters of an image."""
    assert verdict(text.encode(encoding)) in HARMFUL


@pytest.mark.parametrize(
    "text",
    [
        f"a: 1 # {_CALL}\n",
        f"a: 'x' # {_CALL}\n",
        f"text: see {_CALL} in the manual\n",
        "a: !!python/tuple [1]\nb: !!python/name:os.path ''\n",
        "%TAG !e! tag:example.org:\n---\n!e!python/object/apply:os.system [1]\n",
    ],
)
def test_what_no_parser_takes_for_a_tag_is_text(text: str) -> None:
    """Comments and prose; tags of one's own."""
    assert verdict(text.encode()) is Verdict.SKIPPED


@pytest.mark.parametrize(
    "text",
    [
        "_target_" + " " * 5_000 + ": os.system\n",
        "? _target_\n: os.system\n",
        "_target_: # x\n  # y\n  os.system\n",
        "x: &t os.system\n_target_: *t\n",
        "x: &k _target_\n*k : os.system\n",
        '"_tar\\\n  get_": "os.sys\\\n   tem"\n',
        "_target_: |2-\n   os.system\n",
        f'{{"a": {"9" * 5_000}, {_TARGET}}}',
        f'{{"a": NaN, {_TARGET}, "_target_": "a.b"}}',
        '{"a": ' * 3_000 + f"{{{_TARGET}}}" + "}" * 3_000,
        "".join(f"a{i}: {{_target_: foo.b{i}}}\n" for i in range(1_000)) + "z: {_target_: os.system}\n",
        json.dumps({"a": f"{{{_TARGET}}}"}),
        f'{{"learner": {{}}, {_TARGET}}}',
        '{"py\\/reduce": [{"py\\/type": "os.system"}]}',
    ],
)
def test_a_name_to_be_called_is_found_wherever_a_parser_finds_it(text: str) -> None:
    """Between blanks, comments and aliases, behind many others, behind numbers and brackets without end."""
    assert verdict(text.encode()) is Verdict.MALICIOUS


@pytest.mark.parametrize(
    "padding", ["# {}\n", '{{"a": "{}", "n": [1, {{"x": [2]}}]}}\n', "{}: y\n"], ids=["comments", "json", "keys"]
)
def test_a_long_text_is_read_to_its_end(padding: str) -> None:
    """More than any window that there was."""
    text = padding.format("x" * 40) * (17_000_000 // (len(padding) + 38)) + f"--- {_CALL}\n"
    assert verdict(text.encode()) in HARMFUL


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('"auto_map": {"A": "x.Y"}', "remote-code"),
        ('"auto\\u005fmap"   \n:\n{"A": "x.Y"}', "remote-code"),
        ('"chat_template": "{% if x is y %}"', "chat-template"),
        ('"t": "{%\\n  if x is y %}"', "chat-template"),
        ('"t": "{{ \\"}}\\" ~ x.y() }}"', "chat-template"),
        ('"class_name": "Lambda"', "keras-config"),
        ('"irVersion": "7"', "onnx"),
    ],
)
def test_what_a_text_names_counts_behind_megabytes(text: str, name: str) -> None:
    """A key is a key, however it is spelt and whatever stands before it."""
    report, decided = judged(f'{{"pad": "{"p" * 9_000_000}", {text}}}'.encode())
    assert (report.format, decided) == (name, Verdict.UNVERIFIED)


@pytest.mark.parametrize("many", [1, 1_200])
@pytest.mark.parametrize("spelt", ["{}", "={}", " ! {}"])
def test_every_pickle_of_a_policy_is_judged(many: int, spelt: str) -> None:
    """stable-baselines3 unpickles each ``:serialized:`` string; padding at its start is passed over by Python."""
    decoys = {f"k{i}": {":serialized:": b64encode(pickle.dumps(i)).decode()} for i in range(many)}
    data = json.dumps(decoys | {"z": {":serialized:": spelt.format(b64encode(EVIL).decode())}})
    assert "code-execution" in rules(zipped({"data": data.encode(), "policy.pth": b"", "system_info.txt": b"x"}))


_SYSTEM = '{"__module__": "os", "__class__": "system"}'


@pytest.mark.parametrize(
    "schema",
    [
        "[" + "".join(f'{{"__module__": "m{i}", "__class__": "C"}},' for i in range(2_001)) + _SYSTEM + "]",
        f'{{"n": {"9" * 5_000}, "x": {{"module_path": "os", "function": "system"}}}}',
        '{"a": ' * 3_000 + _SYSTEM + "}" * 3_000,
    ],
    ids=["names", "number", "depth"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_every_name_of_a_skops_schema_is_judged(schema: str, encoding: str) -> None:
    """Behind more names than were counted, and behind numbers and brackets that Python's json refuses."""
    assert verdict(zipped({"schema.json": schema.encode(encoding)})) in HARMFUL


@pytest.mark.parametrize(
    "line",
    [
        "-\\\n-index-url https://x/", "--extra-index https://x/", "-r https://x/r.txt", "-e git+https://x/y",
        "foo @ https://x/y.whl", "GIT+https://x/y", "./local", "y/z.whl",
    ],
)  # fmt: skip
def test_requirements_are_read_as_pip_reads_them(line: str) -> None:
    """Joined lines, options cut short, in any encoding with a mark."""
    for encoding in ("utf-8", "utf-16"):
        archive = zipped({"MAR-INF/MANIFEST.json": b"{}", "requirements.txt": f"numpy\n{line}\n".encode(encoding)})
        assert "requirements-from-elsewhere" in rules(archive)
    usual = b"numpy==2.0  # see https://x/y\n--pre\ntorch>=2; python_version > '3'\n"
    assert "requirements-from-elsewhere" not in rules(
        zipped({"MAR-INF/MANIFEST.json": b"{}", "requirements.txt": usual})
    )


def test_texts_in_texts_are_read_so_deep_and_no_deeper() -> None:
    """A text too deep is told, and nothing is called clean or skipped for it."""
    text = f"x: {_CALL}"
    for _ in range(NESTED_TEXTS):
        text = json.dumps([text])
    assert verdict(text.encode()) in HARMFUL
    report, decided = judged(json.dumps([text]).encode())
    assert not report.complete
    assert {finding.rule for finding in report.findings} == {"limit-depth"}
    assert decided is Verdict.UNSCANNABLE


def test_bytes_that_only_begin_as_a_text_are_read_as_one() -> None:
    """PyYAML runs a document before it comes to the byte that it refuses."""
    assert verdict(f"a: {_CALL}\n---\n".encode() + b"x" * 70_000 + b"\1" * 70_000) in HARMFUL
    assert verdict(b"# caf\xe9\na: " + _CALL.encode()) in HARMFUL


@pytest.mark.parametrize("behind", [b"", b"# x\n" * 30_000, bytes(100_000)])
def test_a_document_is_judged_that_runs_before_a_parser_meets_the_zero_behind_it(behind: bytes) -> None:
    """``yaml.load_all`` has read and checked 4 KiB when it makes the first document."""
    first = f"a: {_CALL}\n---\n".encode().ljust(4096, b"#")
    assert verdict(first + b"\0" + behind) in HARMFUL
    assert verdict(first[:-1] + b"\0" + behind) not in HARMFUL, "no parser runs it"


def test_an_expression_without_an_end_is_no_template() -> None:
    """Jinja renders nothing of such a text."""
    report, decided = judged(b"{{\\'}} " * 100_000)
    assert (report.format, decided) == ("text", Verdict.SKIPPED)


def test_an_arrow_schema_is_found_by_its_name_in_base64() -> None:
    """At each of the three places in a group of four; behind many other schemas."""
    for skip in range(3):
        schema = b64encode(os.urandom(skip) + b"\1\2\3arrow.py_extension_type\4\5\6")
        table = b"PAR1" + b"ARROW:schema\x18\x80\x0d" * 12 + b"ARROW:schema" + b"\0" * 40 + schema + b"\0PAR1"
        assert "format-not-judged" in rules(table)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("before", ["", " " * 5_000], ids=["at once", "behind blanks"])
def test_json_without_a_mark_is_read_whatever_is_in_it(encoding: str, before: str) -> None:
    """json.loads tells the encoding by its zeros; a character that stands for a fault elsewhere is none in there."""
    text = f'{before}{{"a": "\N{REPLACEMENT CHARACTER}", {_TARGET}, "b": "{"x" * 100_000}"}}'
    assert verdict(text.encode(encoding)) in HARMFUL


@pytest.mark.parametrize("length", [0x50, 0x70, 0x51, 0x80, 0x10050])
def test_a_length_with_the_zeros_of_an_encoding_makes_weights_no_text(length: int) -> None:
    """The length of a safetensors header is four bytes like those of UTF-16 or 32: the weights were decoded for it."""
    weights = 4 << 20
    header = json.dumps({"w": {"dtype": "U8", "shape": [weights], "data_offsets": [0, weights]}}).encode()
    data = struct.pack("<Q", length) + header.ljust(length) + struct.pack("<Q", 0x3F80_1234_BF80_4321) * (weights // 8)
    tracemalloc.start()
    try:
        assert verdict(data) is Verdict.SKIPPED
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < weights // 2
