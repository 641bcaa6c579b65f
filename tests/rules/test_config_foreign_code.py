"""Code from another place than the model's own."""

from __future__ import annotations

import pickle

import pytest
from samples.judging import levels

from picklewatch.core.model import Level


def test_what_a_loader_would_run_is_reported() -> None:
    """It acts on use, not when it is unpickled."""
    assert levels(pickle.dumps({"_attn_implementation": "someone/kernel"}))["config-foreign-code"] is Level.UNSAFE


def test_what_honest_models_hold_is_not_reported() -> None:
    """Such keys are common."""
    assert levels(pickle.dumps({"_attn_implementation": "sdpa"})) == {}


@pytest.mark.parametrize("value", ["true", "1", '"yes"'])
@pytest.mark.parametrize("beside", ['"model_type": "lightglue"', '"architectures": ["LightGlue"]'])
def test_a_model_that_trusts_remote_code_itself_is_unsafe(value: str, beside: str) -> None:
    """At any depth (CVE-2026-5241), however it is escaped, and behind the same key."""
    for key in ('"trust_remote_code"', '"trust\\u005fremote_code": false, "trust_remote_code"'):
        text = f'{{{beside}, "detector_config": [{{"x": {{{key}: {value}}}}}]}}'
        assert levels(text.encode()) == {"config-foreign-code": Level.UNSAFE}


def test_settings_that_trust_remote_code_are_unverified() -> None:
    """An evaluation's or a training's, which a person starts; a switch that is off is nothing."""
    assert levels(b"dataset_kwargs:\n  trust_remote_code: true\n") == {"config-remote-code": Level.UNVERIFIED}
    assert levels(b'{"model_type": "llama", "trust_remote_code": false}') == {}


def test_a_parent_library_outside_of_pefts_list_is_unsafe() -> None:
    """Older versions import any."""
    text = '{"peft_type": "LORA", "auto_mapping": {"base_model_class": "M", "parent_library": "%s"}}'
    for library in ("evil", "transformersx.models", "os"):
        assert levels((text % library).encode())["config-foreign-code"] is Level.UNSAFE
    assert levels((text % "transformers.models.bert.modeling_bert").encode()) == {}


def test_experts_of_another_repository_are_unsafe() -> None:
    """As kernels of attention are."""
    assert levels(b'{"text_config": {"_experts_implementation": "a/b"}}') == {"config-foreign-code": Level.UNSAFE}
    assert levels(b'{"_experts_implementation": "grouped_mm"}') == {}


def test_a_pipelines_class_in_another_directory_is_unsafe() -> None:
    """A module beside the pipeline is its own code, a path is not."""
    text = '{"_class_name": ["%s", "P"], "_diffusers_version": "0.30"}'
    assert levels((text % "../x").encode())["config-foreign-code"] is Level.UNSAFE
    assert levels((text % "pipeline").encode()) == {"config-remote-code": Level.UNVERIFIED}


def test_a_class_of_a_routers_modules_outside_of_its_library_is_unsafe() -> None:
    """sentence-transformers imports what ``types`` of ``router_config.json`` names, as it does ``type``."""
    honest = '{"types": {"query_0": "sentence_transformers.models.Pooling"}, "structure": {"query": ["query_0"]}}'
    assert levels(honest.encode()) == {}
    assert levels(honest.replace("sentence_transformers", "own").encode())["config-foreign-code"] is Level.UNSAFE
