"""Contents that no loader runs, contents that are not judged yet, and what hides in both."""

from __future__ import annotations

import json
import random
import struct
from base64 import b64decode, b64encode

import pytest
from samples.containers import compiled, zipped
from samples.hostile import BENIGN, EVIL
from samples.judging import HARMFUL, judged, verdict

from picklewatch.core.model import Limits, Verdict
from picklewatch.core.tombstone import tombstone


def safetensors(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file of any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(begin: int, end: int, shape: list[int] | None = None) -> dict[str, object]:
    """One tensor's entry."""
    return {"dtype": "F32", "shape": [(end - begin) // 4] if shape is None else shape, "data_offsets": [begin, end]}


SANE = safetensors({"__metadata__": {"format": "pt"}, "a": tensor(0, 8), "b": tensor(8, 12)}, bytes(12))


def test_a_sane_safetensors_file_is_skipped() -> None:
    """No loader runs any of it."""
    report, level = judged(SANE)
    assert (report.format, level) == ("safetensors", Verdict.SKIPPED)


@pytest.mark.parametrize("end", [b"", b"\n."], ids=["no end", "an end"])
@pytest.mark.parametrize("letter", b"PpSILFcig")
def test_a_length_that_is_the_letter_of_an_opcode_makes_no_pickle(letter: int, end: bytes) -> None:
    """The line of its text would end anywhere: in gigabytes of zeros at the end of the file."""
    size = 1 << 20
    header = json.dumps({"a": tensor(0, size)}).encode()
    data = safetensors(header.ljust(256 + letter), bytes(size - len(end)) + end)
    assert data[0] == letter
    report, level = judged(data)
    assert (report.format, level) == ("safetensors", Verdict.SKIPPED)


@pytest.mark.parametrize("opcode", [b"P%s\n", b"I%s\n", b"L%s\n", b"F%s\n", b"V%s\n", b"S'%s'\n", b"Np%s\n"])
def test_an_attack_behind_a_long_line_is_found(opcode: bytes) -> None:
    """A loader reads the line, however long it is, and goes on."""
    assert verdict(opcode % (b"0" * (1 << 17)) + b"0" + EVIL) in HARMFUL


@pytest.mark.parametrize(
    "data",
    [
        SANE[:-1],
        SANE + b"\0",
        safetensors({"a": tensor(0, 8), "b": tensor(4, 12)}, bytes(12)),
        safetensors({"a": tensor(0, 4), "b": tensor(8, 12)}, bytes(12)),
        safetensors({"a": tensor(0, 8, [3])}, bytes(8)),
        safetensors({"a": tensor(0, 8, [-2])}, bytes(8)),
        safetensors(b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "a": {}}', bytes(4)),
        safetensors({"a": tensor(0, 4)}, bytes(4), length=1 << 30),
        safetensors({"a": {"dtype": "F32"}}),
        safetensors(b'{"a": nonsense}'),
        safetensors({"__metadata__": {"a": 1}}),
        safetensors(b"{" + b'"a":{' * 5000),
    ],
)
def test_a_lying_safetensors_file_is_unscannable(data: bytes) -> None:
    """Length, JSON, offsets and shapes must hold as the reference reader wants them."""
    assert verdict(data) is Verdict.UNSCANNABLE


INERT = {
    "empty": (b"", "empty"),
    "text": (b"some notes\n", "text"),
    "utf-8": ("f\u00fcr alle \u2603\n".encode(), "text"),
    "utf-16": ("notes".encode("utf-16"), "text"),
    "json": (b'{"hidden_size": 768}', "text"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "text"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, "image"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\n" + bytes(50), "media"),
    "project": (b'[project]\ndependencies = [\n  "torch",\n]\n', "text"),
    "database of texts": (
        b"SQLite format 3\0" + bytes(80) + b"CREATE TABLE words (word TEXT, number INTEGER)",
        "table",
    ),
    "parquet": (b"PAR1" + bytes(99) + b"PAR1", "table"),
    "stream of Arrow": (  # pyarrow's schema of one column
        b64decode(
            "/////3gAAAAQAAAAAAAKAAwABgAFAAgACgAAAAABBAAMAAAACAAIAAAABAAIAAAABAAAAAEAAAAUAAAAEAAUAAgABgAHAAwA"
            "AAAQABAAAAAAAAECEAAAABwAAAAEAAAAAAAAAAEAAABhAAAACAAMAAgABwAIAAAAAAAAAUAAAAA="
        ),
        "table",
    ),
    "bytecode": (compiled("x = 1"), "python-bytecode"),
    "zeros": (bytes(3000), "other"),
    "tombstone": (tombstone("0123456789ab"), "tombstone"),
}


@pytest.mark.parametrize("name", INERT)
def test_what_no_loader_runs_is_skipped(name: str) -> None:
    """By its bytes."""
    data, form = INERT[name]
    report, level = judged(data)
    assert (report.format, level) == (form, Verdict.SKIPPED)


SECOND = {
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(99), "hdf5"),
    "hdf5-behind-a-user-block": (bytes(1024) + b"\x89HDF\r\n\x1a\n" + bytes(99), "hdf5"),
    "keras in HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(99) + b"keras_version", "keras-h5"),
    "keras-behind-a-user-block": (bytes(512) + b"\x89HDF\r\n\x1a\n" + bytes(99) + b"layer_names", "keras-h5"),
    "keras": (zipped({"config.json": b"{}", "metadata.json": b"{}", "model.weights.h5": b""}), "keras"),
    "skops": (zipped({"schema.json": b"{}"}), "skops"),
    "saved model": (b"\x08\x01\x12\x04\x0a\x02\x08\x01", "tf-savedmodel"),
    "onnx": (b"\x08\x07\x12\x04test\x3a\x02\x0a\x00", "onnx"),
    "cut-off onnx": (b"\x08\x07\x12\x08onnx.ai\x1a\x99", "onnx"),
    "coreml": (b"\x08\x04\x12\x00\xa2\x1f\x00", "coreml"),
    "gguf": (b"GGUF\3\0\0\0" + bytes(16), "gguf"),
    "openvino": (b'<?xml version="1.0"?>\n<net name="x" version="11">\n</net>', "openvino"),
    "pmml": (b'<?xml version="1.0"?><PMML version="4.4"></PMML>', "pmml"),
    "pmml behind a document type": (
        b'<?xml version="1.0"?>\n<!DOCTYPE x [<!ENTITY e SYSTEM "file:///x">]>\n<PMML version="4.4"></PMML>',
        "pmml",
    ),
    "export with sources": (
        zipped({"m/archive_format": b"pt2", "m/data/aotinductor/m/x.cpp": b"int x;"}),
        "torch-export",
    ),
    "executorch": (b"\x20\0\0\0ET12" + bytes(40), "executorch"),
    "tflite": (b"\x20\0\0\0TFL3" + bytes(40), "tflite"),
    "llamafile": (b"MZqFpD='\n" + bytes(99), "llamafile"),
    "r": (b"RDX3\nX\n\0\0\0\3" + bytes(30), "r-data"),
    "rds": (b"X\n\0\0\0\3\0\4\2\0" + bytes(30), "r-data"),
    "flax": (b"\x82\xa6params\x81\xa6kernel\xc7\x03\x01abc\xa4step\x05", "flax"),
    "graph": (b"\x0a\x09\x0a\x01x\x12\x04Relu\x22\x00", "tf-graph"),
    "paddle": (b"\x0a\x06\x08\x00\x10\x00\x1a\x00\x22\x00", "paddle"),
    "torch7": (b"\x04\0\0\0\x01\0\0\0\x03\0\0\0V 1\x03\0\0\0nn.", "torch7"),
    "tensorrt": (b"ftrt" + bytes(30), "tensorrt"),
    "program": (b"\x7fELF\x02\x01\x01" + bytes(99), "program"),
    "xgboost": (b'{"learner": {"attributes": {}}}', "xgboost-json"),
    "lightgbm": (b"tree\nversion=v4\nnum_class=1\n", "lightgbm"),
    "keras description": (b'{"class_name": "Sequential", "config": {}}', "keras-config"),
    "auto map": (b'{"auto_map": {"AutoModel": "modeling_x.X"}}', "remote-code"),
    "shelf": (b"SQLite format 3\0" + bytes(80) + b"CREATE TABLE Dict (key BLOB UNIQUE, value BLOB)", "sqlite-blobs"),
    "pickled type of arrow": (b"ARROW1\0\0" + bytes(40) + b"arrow.py_extension_type" + bytes(40), "table"),
    "pickled type in parquet": (
        b"PAR1\x18\x0cARROW:schema\x18\x30" + b64encode(b"\x10\0\0\0arrow.py_extension_type\0") + b"\0PAR1",
        "table",
    ),
    "pickled type far from both ends": (
        b"ARROW1\0\0" + bytes(5 << 20) + b"arrow.py_extension_type" + bytes(5 << 20),
        "table",
    ),
    "pickled type behind other schemas": (
        b"PAR1"
        + 10 * (b"ARROW:schema\x18\x30" + b"A" * 16 + b"\0")
        + b"ARROW:schema\x18\x30"
        + b64encode(b"\x10\0\0\0arrow.py_extension_type\0")
        + b"\0PAR1",
        "table",
    ),
    "saved model as text": (b"saved_model_schema_version: 1\nmeta_graphs {\n}\n", "tf-savedmodel"),
    "TensorFlow 1's .meta": (
        b"\x0a\x06\x2a\x041.15\x12\x0b\x0a\x09\x0a\x01x\x12\x04Relu\x1a\x02\x0a\x00",
        "tf-graph",
    ),
    "graph as text": (b'node {\n  name: "x"\n  op: "ReadFile"\n}\n', "tf-graph"),
    "onnx as text": (b"ir_version: 8\ngraph {\n}\n", "onnx"),
    "onnx as json": (b'{"irVersion": "8", "graph": {}}', "onnx"),
    "openvino behind a comment": (b"<?xml version='1.0'?><!-- > --><net name='a>b' version='11'/>", "openvino"),
    "openvino behind blanks": (b" " * 99 + b"<net name='x' version='11'/>", "openvino"),
    "openvino in utf-16": ("<net name='x' version='11'/>".encode("utf-16"), "openvino"),
    "executorch bundle": (b"\x20\0\0\0BP08" + bytes(40), "executorch"),
    "rds of this machine": (b"B\n\3\0\0\0\0\4\2\0" + bytes(30), "r-data"),
}


@pytest.mark.parametrize("name", SECOND)
def test_formats_that_are_not_judged_yet_are_never_clean(name: str) -> None:
    """Recognised, and unverified with the reason that says so."""
    data, form = SECOND[name]
    report, level = judged(data)
    assert (report.format, level) == (form, Verdict.UNVERIFIED)
    assert {finding.rule for finding in report.findings} - {"config-remote-code"} == {"format-not-judged"}


TEMPLATES: dict[str, tuple[bytes, Verdict]] = {
    "chat template": (b"{% for m in messages %}{{ m }}{% endfor %}", Verdict.CLEAN),
    "chat template in json": (b'{"chat_template": "{{ messages }}"}', Verdict.CLEAN),
    "chat template in yaml": (b"chat_template: |\n  {{ x }}\n", Verdict.CLEAN),
    "statement of jinja": (b"{%+with a=x%}{{ a }}{% endwith %}", Verdict.CLEAN),
    "expression that calls": (b"{{ cycler.__init__.__globals__.os.popen('echo').read() }}", Verdict.MALICIOUS),
    "expression that spells": (b"$ {{ x['\\x5f'] }}", Verdict.UNVERIFIED),
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_judged_by_itself(name: str) -> None:
    """A text that is one, and strings of JSON and YAML."""
    data, decided = TEMPLATES[name]
    report, level = judged(data)
    assert (report.format, level) == ("chat-template", decided)


@pytest.mark.parametrize("name", ["png", "pdf", "parquet", "zeros"])
def test_a_payload_in_other_data_is_found(name: str) -> None:
    """Behind or inside what a viewer shows."""
    data, _ = INERT[name]
    for hostile in (data + EVIL, data + b"\0\x01\x02" * 50 + EVIL + bytes(range(256))):
        assert verdict(hostile) in HARMFUL


def test_a_payload_in_an_unjudged_format_is_found() -> None:
    """Unverified is not the worst that can be said."""
    for data, _ in SECOND.values():
        if b"\0" in data and not data.startswith(b"PK"):
            assert verdict(data + EVIL) in HARMFUL


@pytest.mark.parametrize(
    "text",
    [
        b"Hello {{name}}, you have {{ count }} items\n",
        b"    - run: echo ${{ hashFiles('x') }}\n",
        b"title={{BERT: Pre-training (Bidirectional)}},\n",
        b"x = {{1, 2}, {3, 4}};\n",
        b"<network><net/></network>",
    ],
)
def test_other_braces_and_tags_are_text(text: bytes) -> None:
    """Mustache, GitHub's workflows, BibTeX, C++, XML."""
    assert verdict(text) is Verdict.SKIPPED


def test_braces_without_end_cost_little() -> None:
    """Each is looked at once."""
    assert verdict(b"{{." * 700_000) is Verdict.UNVERIFIED


def test_prose_about_pickles_is_no_alarm() -> None:
    """Documentation shows payloads; nothing loads a text from its middle."""
    prose = b"# Pickle bombs\n\nFor example:\n\n" + b"    cos\nsystem\n(S'echo'\ntR.\n" + b"\nDon't.\n"
    assert verdict(prose) is Verdict.SKIPPED


@pytest.mark.parametrize(
    "text", [b"cos\nsystem\n(S'echo'\ntR.", b"cos\nsystem\n(S'echo'\ntRthen a mistake", b"(S'echo'\nios\nsystem\n"]
)
def test_text_that_is_a_pickle_is_judged(text: bytes) -> None:
    """Protocol 0 is text, and runs up to its first mistake."""
    assert verdict(text) in HARMFUL


def test_a_polyglot_is_judged_as_what_runs() -> None:
    """GGUF's magic number is a float to a pickle."""
    assert verdict(b"GGUF\3\0\0\0\0" + b"0cos\nsystem\n(S'echo'\ntR.") in HARMFUL


@pytest.mark.parametrize("seed", range(8))
def test_noise_is_no_alarm(seed: int) -> None:
    """Tensors begin like a pickle every few kilobytes."""
    noise = random.Random(seed)
    data = noise.randbytes(1 << 20)
    assert verdict(b"\0\0\0\0" + data) is Verdict.SKIPPED
    floats = struct.pack("<65536f", *(noise.gauss(0, 0.02) for _ in range(65536)))
    assert verdict(b"\0\0\0\0" + floats) is Verdict.SKIPPED


def test_stacked_pickles_are_all_judged() -> None:
    """One after another, and behind garbage."""
    report, level = judged(BENIGN * 3)
    assert (level, report.pickles) == (Verdict.CLEAN, 3)
    assert verdict(BENIGN + EVIL) in HARMFUL
    assert verdict(BENIGN + b"\xff garbage \xff" + EVIL) in HARMFUL
    assert verdict(BENIGN + zipped({"data.pkl": EVIL})) in HARMFUL


def test_nesting_ends_at_the_limit() -> None:
    """Too deep is a finding, and what lies there is at least looked through."""
    deep = EVIL
    for _ in range(6):
        deep = zipped({"x": deep})
    assert verdict(deep, Limits(depth=7)) in HARMFUL
    report, level = judged(deep, Limits(depth=3))
    assert level is Verdict.MALICIOUS
    assert {finding.rule for finding in report.findings} == {"limit-depth", "unread-import"}


def test_skops_types_are_judged() -> None:
    """A schema that names a dangerous function is more than unverified."""
    schema = {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode", "content": []}
    assert verdict(zipped({"schema.json": json.dumps(schema).encode()})) in HARMFUL


@pytest.mark.parametrize("target", ["os.system", "subprocess.Popen", "builtins.exec", "torch.utils.collect_env.run"])
def test_configurations_that_call_harm_are_unsafe(target: str) -> None:
    """NeMo and others import and call what ``_target_`` says."""
    for text in (f"model:\n  _target_: {target}\n", json.dumps({"optim": {"_target_": target}})):
        assert verdict(text.encode()) in HARMFUL


@pytest.mark.parametrize("target", ["nemo.collections.asr.models.EncDec", "torch.optim.Adam"])
def test_configurations_of_libraries_are_no_alarm(target: str) -> None:
    """They name classes of their own, or classes that were read."""
    assert verdict(f"model:\n  _target_: {target}\n  target: {target}\n".encode()) is Verdict.SKIPPED


@pytest.mark.parametrize("target", ["torch.ops.aten.add.Tensor", "ldm.models.x.Y", "model.encoder"])
def test_an_everyday_word_names_nothing(target: str) -> None:
    """Exports of torch and others have a ``target``."""
    assert verdict(f"model:\n  target: {target}\n".encode()) is Verdict.SKIPPED


LONG = b"N0" * 150_000 + b"cos\nsystem\n(S'echo'\ntR."


@pytest.mark.parametrize(
    "before", [b"", b"\x80\x04", BENIGN + b"\xff garbage \x80\x04", b"GGUF\3\0\0\0\x000", INERT["png"][0] + b"\x80\x04"]
)
def test_padding_does_not_outlast_the_scan(before: bytes) -> None:
    """A walk at a doubtful place is cut short only where no pickle's header stands."""
    assert verdict(before + LONG) in HARMFUL


def test_letters_that_are_a_pickle_are_followed() -> None:
    """A text may begin with a whole pickle."""
    assert verdict(b"N.    cos\nsystem\n(S'echo'\ntR.") in HARMFUL


def test_lists_of_words_are_text() -> None:
    """Two words on two lines spell an import, of a module that does not exist."""
    words = b"\n".join(b"cat%d" % number for number in range(3000))
    assert verdict(words) is Verdict.SKIPPED


def test_operators_of_an_export_are_no_alarm() -> None:
    """``target`` without underlines is what torch's exports call a node's operator."""
    assert (
        verdict(b'{"nodes": [{"target": "_operator.mul"}, {"target": "torch.ops.aten.sin.default"}]}')
        is Verdict.SKIPPED
    )
    assert verdict(b"class A:\n    target: types.ModuleType\n    target: types.FunctionType\n") is Verdict.UNVERIFIED
    assert verdict(b"model:\n  target: os.system\n") in HARMFUL


@pytest.mark.parametrize(
    "text",
    [
        b"int main() {\n  return 0;\n}\n",
        b"cos\nsin\ntan\nint\nerrors\n",
        b"Manifest-Version: 1.0\r\nCreated-By: Apache Maven 3.6.3\r\n",
        b"include(Platform/Apple-Clang-CXX)\nif(NOT X)\n  set(Y 1)\nendif()\n",
        b"commit 0c09444d276fbf46\nAuthor: A <a@example.org>\n\n    Fix (R)\n",
    ],
)
def test_source_code_and_lists_are_text(text: bytes) -> None:
    """Their first words spell opcodes and imports; none is of a module that exists and called."""
    assert verdict(text) is Verdict.SKIPPED
    assert verdict(zipped({"a": text})) is Verdict.SKIPPED


def test_words_inside_programs_are_no_alarm() -> None:
    """Compiled code holds names on lines of their own."""
    noise = b"\x00\x9b\xe3" + b"Point int\nPoint2D\nvalue of cos\nbqrez\nint\nerrors.\n" * 9 + b"\x00\x9b(tR.\x00"
    assert verdict(noise) is Verdict.SKIPPED


def test_a_broken_attack_is_reported() -> None:
    """What imports a well-known function at its very start was meant to run."""
    assert verdict(b"cos\nsystem\n(S'cut off") in HARMFUL


@pytest.mark.parametrize("before", [b"\0" * 64, b"\x89PNG\r\n\x1a\n", b"MODEL\x01\0\0", BENIGN + b"\xff\xfe junk"])
@pytest.mark.parametrize(
    "hidden",
    [
        b"\x80\x04\x8c\x10company_ml_utils\x8c\x05shell\x93(\x8c\x04truetR.",
        b"\x80\x04cfunctools\npartial\n(ccompany_ml_utils\nshell\nVtrue\ntR)R.",
        b"\x80\x04ctorch.storage\n_load_from_bytes\n(B" + struct.pack("<I", len(EVIL)) + EVIL + b"tR.",
    ],
    ids=["unknown function", "partial", "nested"],
)
def test_a_whole_pickle_behind_other_bytes_counts_whatever_it_imports(before: bytes, hidden: bytes) -> None:
    """A header and an end are no accident: it waits for a reader that starts there."""
    assert verdict(before + hidden) in HARMFUL
