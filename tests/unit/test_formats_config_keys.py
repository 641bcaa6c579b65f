"""Keys in YAML, JSON, TOML and metadata that a loader imports or runs; the same table as for pickles."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
import yaml
from samples.judging import HARMFUL, levels, rules, verdict
from samples.loader_keys import HONEST, HONEST_TEXTS, LOADERS, TEXT_LOADERS

from picklewatch.core.model import Level, Verdict

IN_PICKLES_ALONE = {"ultralytics"}
"""Loaders that read the key in an object alone."""
HOSTILE_TEXTS = {name: LOADERS[name] for name in LOADERS if name not in IN_PICKLES_ALONE} | TEXT_LOADERS


def _safetensors(metadata: dict[str, str]) -> bytes:
    header = json.dumps({"__metadata__": metadata}).encode()
    return len(header).to_bytes(8, "little") + header


@pytest.mark.parametrize("name", HOSTILE_TEXTS)
def test_what_a_loader_would_run_is_told_in_every_text(name: str) -> None:
    """In JSON with and without line breaks, in YAML with blocks and brackets, in strings of a model's metadata."""
    data = {"epoch": 1, "hyper_parameters": HOSTILE_TEXTS[name], "more": {"a": [1, 2]}}
    for text in (
        json.dumps(data),
        json.dumps(data, indent=1),
        yaml.safe_dump(data),
        yaml.dump(data, default_flow_style=True),
    ):
        assert verdict(text.encode()) in HARMFUL, text
    assert verdict(_safetensors({"config": json.dumps(data)})) in HARMFUL


@pytest.mark.parametrize("name", [name for name in HONEST | HONEST_TEXTS if name != "a target that is data"])
def test_what_honest_texts_hold_is_no_alarm(name: str) -> None:
    """Nor is it unverified, but for templates and code, which are other kinds."""
    data = {"epoch": 1, "hyper_parameters": (HONEST | HONEST_TEXTS)[name]}
    for text in (json.dumps(data), yaml.safe_dump(data)):
        assert not {rule for rule in rules(text.encode()) if rule.startswith("config-")}, text


def test_how_honest_configurations_look_is_unverified_at_most() -> None:
    """Data sets, downloads, loggers, functions of one's own."""
    text = b"""
data: {_target_: torchvision.datasets.CIFAR10, root: ./data, download: true}
net: {_target_: torch.hub.load, repo_or_dir: pytorch/vision, model: resnet18}
collate: {_target_: hydra.utils.get_method, path: src.data.collate}
log: {_target_: torch.utils.tensorboard.SummaryWriter, log_dir: x}
table: {_target_: pandas.read_csv, filepath_or_buffer: https://example.com/x.csv}
name: {_target_: builtins.getattr, _args_: [x, y]}
lr: ${oc.env:LR}
"""
    assert levels(text) == {"config-target": Level.UNVERIFIED}


@pytest.mark.parametrize(
    "text",
    [
        "# Security\n\nNever load a file with `_target_: os.system` in it.\n",
        "# Hydra\n\nIt looks so:\n\n```yaml\nmodel:\n  _target_: os.system\n```\n",
        "---\nlicense: mit\n---\n# A model\n\nWrite\n\n    _target_: os.system\n\nand it is run. Don't.\n",
        "[![badge](https://example.com/x.svg)](x)\n\n* see:\n\n```\n_target_: os.system\n```\n",
    ],
)
def test_prose_that_mentions_a_key_is_no_alarm(text: str) -> None:
    """No parser of YAML reads it to its end, so no loader gets a configuration out of it."""
    assert verdict(text.encode()) is Verdict.SKIPPED


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\n---\n_target_: os.system\n",
        "_target_: os.system\n---\nthis: is: refused\n",
        '{\n\t"_target_": "os.system"\n}\n',
        "? {a: [1]}\n: _target_: os.system\n",
        "{a: b}: c\n_target_: os.system\n",
        "base: &b {params: {a: 1}}\nx: {<<: *b, target: os.system}\n",
        "x:\n- a\n- _target_: os.system\n",
        "model._target_: os.system\n",
        '"mod\\x75le_name": os\nclass_name: system\n',
        '[model]\n_target_ = "os.system"\n',
        "model = { target = 'os.system', params = {} }\n",
        "[[callbacks]]\nclass_path = \"os.system\"\n[callbacks.init_args]\ncommand = 'true'\n",
        "x: ${eval:__import__('os').system('true')}\n",
    ],
)
def test_what_one_parser_reads_is_told(text: str) -> None:
    """One document of several, tabs in JSON, merged mappings, TOML's tables."""
    assert verdict(text.encode()) is Verdict.MALICIOUS


def test_a_pipeline_of_other_libraries_is_unsafe() -> None:
    """Diffusers imports what each component names; its own pipelines and libraries are what it is made for."""

    def pipeline(**components: Any) -> bytes:
        return json.dumps(
            {"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.30.0", **components}
        ).encode()

    honest = {
        "unet": ["diffusers", "UNet2DConditionModel"],
        "safety_checker": ["stable_diffusion", "X"],
        "none": [None, None],
    }
    assert levels(pipeline(**honest)) == {}
    for package, name in (("unet_evil", "Evil"), ("evil", "evil"), ("../x", "Evil"), ("os", "system")):
        assert levels(pipeline(unet=[package, name]))["config-foreign-code"] is Level.UNSAFE
    own = json.dumps({"_class_name": ["pipeline", "Mine"], "_diffusers_version": "0.30.0"}).encode()
    assert levels(own) == {"config-remote-code": Level.UNVERIFIED}


def test_a_module_of_another_library_is_unsafe() -> None:
    """sentence-transformers imports the type of each module."""

    def modules(kind: str) -> bytes:
        return json.dumps([{"idx": 0, "name": "0", "path": "", "type": kind}]).encode()

    assert levels(modules("sentence_transformers.models.Transformer")) == {}
    assert levels(modules("evil.mod.Evil"))["config-foreign-code"] is Level.UNSAFE


def test_rows_of_a_data_set_are_no_configuration() -> None:
    """Their columns have the same everyday words."""
    row = {"idx": 1, "type": "a.b", "target": "cat", "params": 3, "module": "x", "class_name": "Dog", "cfg": "import"}
    assert levels(b"\n".join(json.dumps(row).encode() for _ in range(3))) == {}
    words = {
        word: number for number, word in enumerate(["type", "idx", "name", "path", "target", "params", "os", "system"])
    }
    assert levels(json.dumps({"model": {"type": "BPE", "vocab": words}}).encode()) == {}


def test_weights_elsewhere_are_unsafe() -> None:
    """An index of shards names files beside it, however many there are."""
    honest = {f"layer.{number}.weight": f"model-{number:05}-of-00300.safetensors" for number in range(300)}
    assert levels(json.dumps({"metadata": {}, "weight_map": honest}).encode()) == {}
    hostile = json.dumps({"weight_map": {**honest, "w": "../../x/evil.bin"}, "metadata": {}}).encode()
    assert levels(hostile) == {"config-foreign-code": Level.UNSAFE}


def _gguf(metadata: dict[str, str], order: str = "<", magic: bytes = b"GGUF") -> bytes:
    def pack(form: str, *values: float) -> bytes:
        return struct.pack(order + form, *values)

    def text(value: str) -> bytes:
        return pack("Q", len(value)) + value.encode()

    pairs = b"".join(text(key) + pack("I", 8) + text(value) for key, value in metadata.items())
    words = text("tokenizer.ggml.tokens") + pack("IIQ", 9, 8, 2) + text("a") + text("b")
    numbers = text("x.lengths") + pack("IIQII", 9, 4, 2, 1, 2) + text("x.rope") + pack("If", 6, 1.0)
    return magic + pack("IQQ", 3, 0, len(metadata) + 3) + words + numbers + pairs


def test_a_template_in_gguf_is_told() -> None:
    """llama-cpp-python renders it; the rest of the format is not judged yet."""
    honest = _gguf({"general.name": "x", "tokenizer.chat_template": "{{ messages[0]['content'] }}"})
    assert levels(honest) == {"format-not-judged": Level.UNVERIFIED}
    hostile = "{{ x.__init__.__globals__['os'].popen('id') }}"
    for key in ("tokenizer.chat_template", "tokenizer.chat_template.tool_use"):
        assert levels(_gguf({"general.name": "x", key: hostile}))["template-escape"] is Level.MALICIOUS
    assert levels(_gguf({"x": "y", "tokenizer.chat_template": hostile})[:-10] + bytes(10))


def test_a_template_in_gguf_of_the_other_byte_order_is_told() -> None:
    """gguf-py reads both orders, by the version's bytes."""
    metadata = {"tokenizer.chat_template": "{{ x.__init__.__globals__['os'].popen('id') }}"}
    for magic in (b"GGUF", b"FUGG"):
        assert levels(_gguf(metadata, ">", magic))["template-escape"] is Level.MALICIOUS


def test_what_speechbrain_builds_is_told() -> None:
    """Its models are described in YAML whose tags name what is built, called or kept."""
    honest = b"""
seed: !apply:torch.manual_seed [1234]
model: !new:speechbrain.lobes.models.ECAPA_TDNN.ECAPA_TDNN
    input_size: 80
opt: !name:torch.optim.Adam
    lr: 0.1
modules: {model: !ref <model>}
"""
    assert levels(honest) == {"config-target": Level.UNVERIFIED}
    for tag in (b"!apply:os.system", b"!new:subprocess.Popen", b"!name:os.system", b"!%6eew:os.system"):
        assert levels(b"x: " + tag + b" [true]\n")["config-target"] is Level.MALICIOUS
    handle = b"%TAG !a! !ne\n---\nx: !a!w:os.system [true]\n"
    assert levels(handle)["config-target"] is Level.MALICIOUS


def test_how_honest_bundles_of_monai_look_is_unverified_at_most() -> None:
    """Their expressions import, set switches and read files."""
    bundle = {
        "imports": ["$import glob", "$import os"],
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "network": {"_target_": "monai.networks.nets.UNet", "spatial_dims": 3},
        "files": "$list(sorted(glob.glob(@dataset_dir + '/imagesTr/*.nii.gz')))",
        "initialize": ["$monai.utils.set_determinism(seed=123)", "$setattr(torch.backends.cudnn, 'benchmark', True)"],
        "path": "$@ckpt_dir + '/model.pt'",
        "exists": "$os.path.exists(@ckpt)",
        "weights": "$torch.load(@ckpt, weights_only=True)",
        "lists": ["$json.load(open(@x))", "$Path(@bundle_root) / 'x'", "$lambda x: x['image']"],
        "run": ["$@train#trainer.run()"],
    }
    assert set(levels(json.dumps(bundle).encode()).values()) <= {Level.UNVERIFIED}


def test_how_a_logging_configuration_looks_is_unverified_at_most() -> None:
    """Handlers write files."""
    text = b"""
version: 1
formatters: {simple: {format: "%(message)s"}, colour: {(): colorlog.ColoredFormatter}}
handlers:
  console: {class: logging.StreamHandler, stream: ext://sys.stdout}
  file: {class: logging.handlers.RotatingFileHandler, filename: x.log}
"""
    assert set(levels(text).values()) <= {Level.UNVERIFIED}


@pytest.mark.parametrize(("stream", "told"), [("ext://sys.stdout", False), ("ext://evil.stream", True)])
def test_a_handler_that_writes_to_the_console_is_nothing(stream: str, told: bool) -> None:  # noqa: FBT001 - a parameter
    """Every run of Hydra has one in its directory; a stream of another module is imported."""
    text = f"""
formatters: {{simple: {{format: "%(message)s"}}}}
handlers:
  console: {{class: logging.StreamHandler, formatter: simple, stream: {stream}}}
""".encode()
    assert bool(levels(text)) is told


def test_a_key_is_found_in_a_text_in_a_text_however_it_is_escaped() -> None:
    """A configuration in the metadata of safetensors, with a key whose letters are escapes in both texts."""
    inner = '{"_attn_\\u0069mplementation_internal": "evil\\u002fk"}'
    for _ in range(3):
        inner = json.dumps({"config": inner})
        assert levels(inner.encode())["config-foreign-code"] is Level.UNSAFE
