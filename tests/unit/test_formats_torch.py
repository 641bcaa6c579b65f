"""Torch's containers: what torch.load, torch.jit.load, torch.package and torch.export would read."""

from __future__ import annotations

import pickle
import struct

import pytest
from samples.containers import Entry, tarred, zip_of, zipped
from samples.hostile import BENIGN, EVIL, pickled, text
from samples.judging import HARMFUL, judged, rules, verdict
from samples.torch_checkpoint import checkpoint, state_dict_pickle, torch_zip

from picklewatch.core.model import Verdict

MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
PROTOCOL = b"\x80\x02M\xe9\x03."
SYSTEM_INFO = b"\x80\x02}X\x0d\0\0\0little_endian\x88s."
CODE = b"class M(Module):\n  def forward(self: __torch__.M, x: Tensor) -> Tensor:\n    return torch.relu(x)\n"


def legacy(
    *, pickles: dict[int, bytes] | None = None, keys: tuple[str, ...] = ("0",), storages: bytes | None = None
) -> bytes:
    """A legacy file of one float storage of two elements; *pickles* replaces any of the five by position."""
    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + b"K\x02NtQ"
    tensor = (
        b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\0K\x02\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtR"
    )
    five = {
        0: MAGIC,
        1: PROTOCOL,
        2: SYSTEM_INFO,
        3: pickled(b"}" + text("weight") + tensor + b"s", 2),
        4: pickle.dumps(list(keys), 2),
    } | (pickles or {})
    raw = struct.pack("<q2f", 2, 1.0, 2.0) if storages is None else storages
    return b"".join(five[n] for n in range(5)) + raw


def script(**members: bytes) -> bytes:
    """A TorchScript archive."""
    content = {"m/data.pkl": b"\x80\x02c__torch__\nM\n)\x81}b.", "m/constants.pkl": b"\x80\x02).", "m/version": b"3\n"}
    content["m/code/__torch__.py"] = CODE
    return zipped(content | {name.replace("__", "/"): value for name, value in members.items()})


def test_a_checkpoint_of_tensors_is_clean() -> None:
    """What torch.save writes of tensors alone is proven harmless."""
    report, level = judged(checkpoint({"a": [1.0, 2.0], "b": [3.0]}))
    assert level is Verdict.CLEAN
    assert report.format == "torch-zip"
    assert report.findings == ()


@pytest.mark.parametrize(
    "name", ["archive/data.pkl", "ARCHIVE/DATA.PKL", "data.pkl", "a/b/c/data.pkl", "x/other.pkl", "x/y"]
)
def test_a_pickle_is_found_under_any_name(name: str) -> None:
    """In any case, at any depth, also beside a harmless data.pkl."""
    assert verdict(zipped({name: EVIL})) in HARMFUL
    assert (
        verdict(zipped({"archive/data.pkl": BENIGN, name: EVIL} if name != "archive/data.pkl" else {name: EVIL}))
        in HARMFUL
    )


def test_a_storage_larger_than_its_record_is_malicious() -> None:
    """Loaders would read memory behind the record (CVE-2026-24747)."""
    honest = state_dict_pickle({"w": [1.0] * 8})
    report, level = judged(torch_zip(honest, {"0": bytes(16)}))
    assert level is Verdict.MALICIOUS
    assert "storage-size-mismatch" in {finding.rule for finding in report.findings}
    assert verdict(torch_zip(honest, {"0": bytes(32)})) is Verdict.CLEAN


def test_a_zip_is_not_read_as_a_pickle_too() -> None:
    """Its first letter is an opcode that `pickle.load` stops at, however much the bytes behind it look like more."""
    module = (
        b"\x80\x02ctimm.models.vision_transformer\nVisionTransformer\n)\x81}X\1\0\0\0accollections\nOrderedDict\n)Rsb."
    )
    assert verdict(torch_zip(module, {})) is Verdict.CLEAN
    assert "polyglot" not in rules(torch_zip(module, {}))


def test_a_missing_record_is_reported() -> None:
    """An archive without a tensor's bytes is incomplete."""
    assert "storage-missing" in rules(torch_zip(state_dict_pickle({"w": [1.0]}), {}))


@pytest.mark.parametrize("at", [0, 512, 4000])
def test_a_payload_in_a_tensor_is_found(at: int) -> None:
    """A pickle in a storage waits for a second loader."""
    storage = bytearray(b"\x1a\x9f\x3b\x3d" * 1024)
    storage[at : at + len(EVIL)] = EVIL
    data = torch_zip(state_dict_pickle({"w": [0.0] * 1024}), {"0": bytes(storage)})
    report, level = judged(data)
    assert level in HARMFUL
    assert "hidden-pickle" in {finding.rule for finding in report.findings}


def test_an_archive_in_a_tensor_is_found() -> None:
    """So does an archive that holds one."""
    inner = zipped({"data.pkl": EVIL})
    assert verdict(torch_zip(state_dict_pickle({"w": [0.0]}), {"0": inner + bytes(-len(inner) % 4)})) in HARMFUL


def test_a_pickle_of_data_in_a_tensor_is_no_alarm() -> None:
    """torch.distributed keeps pickled objects in byte tensors."""
    assert verdict(torch_zip(state_dict_pickle({"w": [0.0]}), {"0": BENIGN + bytes(-len(BENIGN) % 4)})) is Verdict.CLEAN


def test_a_legacy_file_is_clean() -> None:
    """Five pickles, then the storages, in the order of the keys."""
    report, level = judged(legacy())
    assert report.format == "torch-legacy"
    assert level is Verdict.CLEAN, report.findings
    assert report.pickles == 5


@pytest.mark.parametrize("position", [1, 2, 3, 4])
def test_a_payload_in_any_of_the_five_is_found(position: int) -> None:
    """Each of the five is unpickled."""
    assert verdict(legacy(pickles={position: EVIL})) in HARMFUL


@pytest.mark.parametrize(
    "storages", [b"", b"\0" * 7, struct.pack("<q", 2), struct.pack("<q2f", 3, 1.0, 2.0), struct.pack("<qf", 2, 1.0)]
)
def test_storages_that_don_t_fit_are_unscannable(storages: bytes) -> None:
    """Counts and sizes must agree with what the pickle declares."""
    assert verdict(legacy(storages=storages)) is Verdict.UNSCANNABLE


def test_a_payload_behind_the_storages_is_found() -> None:
    """Behind what torch reads may wait what another loader reads."""
    assert verdict(legacy() + EVIL) in HARMFUL
    assert verdict(legacy() + b"\0" * 99) is Verdict.CLEAN


@pytest.mark.parametrize("keys", [pickled(b"}"), pickled(b"N"), pickled(text("0"))])
def test_what_follows_keys_that_are_no_list_is_judged(keys: bytes) -> None:
    """There are no storages then; the rest is what a loader in a loop reads next, as far as it goes."""
    call = b"cmylib\nrun\n" + text("x") + b"\x85R"
    assert verdict(legacy(pickles={4: keys}, storages=b"") + call).rank > Verdict.CLEAN.rank
    assert verdict(legacy(pickles={4: keys}, storages=b"") + pickled(b"N")) is Verdict.CLEAN


def test_a_legacy_file_that_ends_early_is_unscannable() -> None:
    """Fewer than five pickles are no file of torch's."""
    assert verdict(MAGIC + PROTOCOL + SYSTEM_INFO) is Verdict.UNSCANNABLE


@pytest.mark.parametrize("member", ["sys_info", "pickle", "storages", "tensors"])
def test_torchs_first_format_is_read(member: str) -> None:
    """A tar of four members, each a pickle or several."""
    members = {"sys_info": BENIGN, "pickle": BENIGN, "storages": b"\x80\x02K\0.", "tensors": b"\x80\x02K\0."}
    report, level = judged(tarred(members))
    assert report.format == "torch-tar"
    assert level is Verdict.CLEAN
    assert verdict(tarred(members | {member: EVIL})) in HARMFUL
    assert verdict(tarred(members | {member: b"\x80\x02K\x01." + EVIL})) in HARMFUL


def test_torchscript_is_unverified() -> None:
    """Inert pickles and plain TorchScript: not unsafe, and not proven either."""
    report, level = judged(script())
    assert report.format == "torchscript"
    assert level is Verdict.UNVERIFIED, report.findings


def test_a_pickle_beside_torchscript_s_code_is_judged() -> None:
    """``.debug_pkl`` and every other pickle of the archive."""
    for name in ("m__code__x.py.debug_pkl", "m__constants.pkl", "m__bytecode.pkl", "m__extra__notes"):
        assert verdict(script(**{name: EVIL})) in HARMFUL, name


@pytest.mark.parametrize(
    "code",
    [
        b"import os\nos.system('echo')\n",
        b"def f(x):\n  exec('1')\n",
        b"def f(x):\n  return ().__class__\n",
        b"def f(x: Tensor):\n  torch.save(x, '/tmp/x')\n",
        b"def f():\n  return ops.aten.from_file('/etc/passwd')\n",
    ],
)
def test_code_that_torchscript_has_no_business_with_is_unsafe(code: bytes) -> None:
    """Python, and operators that touch files."""
    assert verdict(script(m__code__x=b"", **{"m__code__evil.py": code})) is Verdict.UNSAFE


@pytest.mark.parametrize(
    "code",
    [
        b"def open(self):\n  return (self).eval()\n",
        b'_0 = getattr(self, "0")\n',
        b"x = self.compile\n",
        b'ops.prim.RaiseException("open(", "builtins.ValueError")\n',
    ],
)
def test_torchscript_s_own_words_are_no_alarm(code: bytes) -> None:
    """Methods may be called open, eval or compile."""
    assert verdict(script(**{"m__code__x.py": code})) is Verdict.UNVERIFIED


def test_a_package_bears_code() -> None:
    """torch.package imports the modules that it brings."""
    members = {
        "p/.data/extern_modules": b"torch\n",
        "p/.data/version": b"1",
        "p/m/__init__.py": b"",
        "p/m/m.pkl": BENIGN,
    }
    report, level = judged(zipped(members))
    assert report.format == "torch-package"
    assert level is Verdict.UNSAFE
    assert {finding.rule for finding in report.findings} == {"code-bearing-archive"}


@pytest.mark.parametrize(("expression", "harmful"), [
    ("s0*2 + Max(1, s1)", False), ("FloorDiv(s0, 2)", False),
    ("Max(Integer(1), TruncToInt(Mul(Float('1.5', precision=53), Symbol('s77', positive=True, integer=True))))", False),
    ("S('__import__')", True), ("Symbol('x').name", True), ("Lambda('x(1)')", True), ("1.5*s0 >= 3", False),
    ("__import__('os').system('echo')", True), ("exec(chr(49))", True), ("s0.__class__", True), ("open(1)", True),
])  # fmt: skip
def test_expressions_of_an_export_are_arithmetic(expression: str, harmful: bool) -> None:  # noqa: FBT001
    """Torch gives them to an evaluator."""
    graph = b'{"sizes": [{"as_expr": {"expr_str": "' + expression.encode() + b'", "hint": null}}]}'
    members = {"e/archive_format": b"pt2", "e/models/model.json": graph, "e/data/weights/weight_0": bytes(64)}
    report, level = judged(zipped(members))
    assert report.format == "torch-export"
    assert (level is Verdict.UNSAFE) is harmful, report.findings


def test_a_native_library_in_an_export_is_unsafe() -> None:
    """AOTInductor's library is mapped and run."""
    members = {"e/archive_format": b"pt2", "e/data/aotinductor/model/model.so": b"\x7fELF" + bytes(64)}
    assert "native-code" in rules(zipped(members))


def test_a_checkpoint_in_an_export_is_judged() -> None:
    """Sample inputs and constants are archives of torch.save."""
    inner = torch_zip(EVIL)
    members = {"e/archive_format": b"pt2", "e/data/sample_inputs/model.pt": inner}
    assert verdict(zipped(members)) in HARMFUL


def test_a_model_archive_bears_code() -> None:
    """TorchServe imports a model archive's handler."""
    manifest = Entry("MAR-INF/MANIFEST.json", b"{}")
    assert judged(zip_of([manifest, Entry("handler.py", b"import os\n")]))[1] is Verdict.UNSAFE
    assert judged(zip_of([manifest, Entry("weights.pt", checkpoint({"w": [1.0]}))]))[1] is Verdict.CLEAN
    assert judged(zip_of([manifest, Entry("weights.pt", torch_zip(EVIL))]))[1] in HARMFUL


@pytest.mark.parametrize(("line", "harmful"), [
    (b"numpy==2.0", False), (b"# see https://example.org", False), (b"requests  # http://x", False),
    (b"--index-url http://packages.example/", True),
    (b"git+https://example.org/x", True), (b"x @ https://example.org/x.whl", True),
    (b"./local", True),
])  # fmt: skip
def test_requirements_come_from_the_usual_index(line: bytes, harmful: bool) -> None:  # noqa: FBT001
    """TorchServe can install a model's requirements."""
    data = zip_of([Entry("MAR-INF/MANIFEST.json", b"{}"), Entry("requirements.txt", b"pandas\n" + line + b"\n")])
    assert ("requirements-from-elsewhere" in rules(data)) is harmful
