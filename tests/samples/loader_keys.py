"""Plain data that well-known loaders import, run or fetch, and honest data of the same loaders."""

from __future__ import annotations

from typing import Any

CODE = "import os\nos.system('true')\nmodel = dict(type='X')\n"
LOADERS: dict[str, dict[str, Any]] = {
    "hydra": {"_target_": "builtins.exec", "_args_": ["x=1"]},
    "nemo": {"model": {"_target_": "subprocess.Popen", "args": "true"}},
    "hydra-get_method": {"_target_": "hydra.utils.get_method", "path": "os.system"},
    "hydra-getattr": {"_target_": "builtins.getattr", "_args_": ["x", "system"]},
    "detour": {"_target_": "torch.serialization.os.execv"},
    "standard library": {"_target_": "random.random"},
    "pickle from a server": {"_target_": "pandas.read_pickle", "filepath_or_buffer": "https://example.com/x"},
    "torch.hub": {"_target_": "torch.hub.load", "repo_or_dir": "someone/else", "model": "x"},
    "latent diffusion": {"target": "os.system", "params": {"command": "true"}},
    "lightning-cli": {"class_path": "os.system", "init_args": {"command": "true"}},
    "lightning": {"_instantiator": "os.system"},
    "lightning-class": {"_class_path": "subprocess.run"},
    "pyannote": {"architecture": {"module": "os", "class": "system"}},
    "module_name": {"module_name": "os", "class_name": "system"},
    "keras": {"module": "subprocess", "class_name": "run", "config": {"args": "true"}},
    "mmengine": {"meta": {"cfg": CODE}},
    "ultralytics": {"yaml": {"backbone": [[-1, 1, "__import__('os').system('true')", [64]]], "head": []}},
    "ultralytics-activation": {"yaml": {"activation": "exec('x=1')", "backbone": [], "head": []}},
    "jsonpickle": {"py/reduce": [{"py/type": "os.system"}]},
    "jsonpickle-repr": {"py/repr": "os/os.system('true')"},
    "transformers": {"_attn_implementation_internal": "someone/kernel"},
    "auto_map": {"auto_map": {"AutoModel": "someone/else--modeling.Model"}},
    "shards": {"weight_map": {"w": "../../elsewhere/evil.bin"}},
    "lambda": {"class_name": "Lambda", "config": {"function": ["4wEAAAA=", None, None], "function_type": "lambda"}},
    "lambda of Keras 3": {"function": {"class_name": "__lambda__", "config": {"code": "4wEAAAA="}}},
    "templates": {"chat_template": [{"name": "default", "template": "{{ x.__globals__ }}"}]},
    "template": {"chat_template": "{{ x.__class__.__mro__ }}"},
}


HONEST: dict[str, dict[str, Any]] = {
    "hydra": {"_target_": "torch.optim.Adam", "lr": 0.1},
    "nemo": {"_target_": "nemo.collections.asr.modules.ConvASREncoder"},
    "a target that is data": {"target": "os.system"},
    "latent diffusion": {"target": "ldm.modules.diffusionmodules.openaimodel.UNetModel", "params": {"channels": 1}},
    "lightning": {"_instantiator": "lightning.pytorch.cli.instantiate_module", "lr": 1},
    "pyannote": {"architecture": {"module": "pyannote.audio.models.segmentation", "class": "PyanNet"}},
    "mmengine": {"meta": {"cfg": "model = dict(type='X', layers=[1, 2])\nlr = 1e-3\n", "epoch": 1}},
    "a file's name": {"cfg": "configs/retinanet.py"},
    "ultralytics": {
        "yaml": {
            "activation": "nn.SiLU()",
            "backbone": [[-1, 1, "Conv", [64, 3, 2]]],
            "head": [["nn.Upsample", "nearest"]],
        }
    },
    "transformers": {"_attn_implementation": "flash_attention_2"},
    "kernels of the libraries' own": {"_attn_implementation": "kernels-community/flash-attn"},
    "shards": {"weight_map": {"w": "model-00001-of-00002.bin"}},
    "template": {"chat_template": "{% for m in messages %}{{ m['content'] }}{% endfor %}"},
    "layers": {"module": "keras.layers", "class_name": "Dense", "config": {"units": 1, "function_type": "lambda"}},
    "annotations": {"module": "encoder", "class": "cat", "params": [1, 2], "architecture": "resnet"},
}
