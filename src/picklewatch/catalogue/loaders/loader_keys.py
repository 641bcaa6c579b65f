"""The keys of plain data that well-known loaders act on, with what each loader does with the value.

The one table for dictionaries and attributes in pickles and for YAML, JSON, TOML and the metadata of model files: a new
loader is one more entry. Everyday words (``target``, ``cfg``) have companions, without which they are data.
"""

from __future__ import annotations

from picklewatch.catalogue.loaders.config_loaders import CONFIG_LOADERS
from picklewatch.catalogue.loaders.loader_entry import LoaderKey, Names
from picklewatch.catalogue.loaders.source_loaders import SOURCE_LOADERS

_HYDRA = "Hydra, NeMo and others import and call"
_LIGHTNING = ("lightning", "pytorch_lightning")
_JSONPICKLE = "jsonpickle imports and calls"

_MODEL_LOADERS: tuple[LoaderKey, ...] = (
    LoaderKey(
        source="hydra/_internal/instantiate/_instantiate2.py; nemo/core/classes/common.py (CVE-2025-23304)",
        key="_target_",
        loader=_HYDRA,
        names=Names.CALLABLE,
        only_loaders=True,
        own=("nemo",),
    ),
    LoaderKey(
        source="ldm/util.py, sgm/util.py (instantiate_from_config)",
        key="target",
        loader="latent diffusion's instantiate_from_config imports and calls",
        names=Names.CALLABLE,
        companions=("params",),
        own=("ldm", "sgm", "cldm", "taming"),
    ),
    LoaderKey(
        source="nemo/core/classes/common.py (Serialization.from_config_dict)",
        key="target",
        loader="NeMo imports and calls",
        names=Names.CALLABLE,
        companions=("nemo_version",),
        own=("nemo",),
    ),
    LoaderKey(
        source="lightning/pytorch/cli.py, jsonargparse/_typehints.py",
        key="class_path",
        loader="Lightning's CLI imports and calls",
        names=Names.CALLABLE,
        companions=("init_args", "dict_kwargs"),
        own=_LIGHTNING,
    ),
    LoaderKey(
        source="lightning/pytorch/core/saving.py (_load_state, CVE-2026-58659)",
        key="_instantiator",
        loader="Lightning's load_from_checkpoint imports and calls",
        names=Names.CALLABLE,
        only_loaders=True,
        own=_LIGHTNING,
    ),
    LoaderKey(
        key="_class_path",
        loader="Lightning's load_from_checkpoint imports and calls",
        names=Names.CALLABLE,
        only_loaders=True,
        own=_LIGHTNING,
    ),
    LoaderKey(
        source="pyannote/audio/core/model.py (Model.from_pretrained)",
        key="architecture",
        loader="pyannote.audio imports and calls",
        names=Names.DESCRIBED,
        companions=("module",),
        rest="class",
        own=("pyannote",),
    ),
    LoaderKey(
        key="module_name",
        loader="its loader imports and calls",
        names=Names.MODULE,
        companions=("class_name",),
        rest="class_name",
    ),
    LoaderKey(
        source="keras/src/saving/serialization_lib.py (deserialize_keras_object, CVE-2025-1550)",
        key="module",
        loader="Keras imports and calls",
        names=Names.MODULE,
        companions=("config",),
        rest="class_name",
        own=("keras", "keras_core", "keras_hub", "keras_nlp", "keras_cv", "tensorflow", "tf_keras", "builtins"),
    ),
    LoaderKey(
        source="keras/src/layers/core/lambda_layer.py (CVE-2024-3660)",
        key="class_name",
        loader="Keras rebuilds and calls",
        names=Names.LAMBDA,
        companions=("config",),
    ),
    LoaderKey(
        source="mmengine/config/config.py (Config.fromstring), mmdet/apis/inference.py",
        key="cfg",
        words=("import", "__", "exec", "eval", "open", "type="),
        loader="MMEngine executes",
        names=Names.CODE,
    ),
    LoaderKey(
        source="ultralytics/nn/tasks.py, yolov5/models/yolo.py (parse_model)",
        key="yaml",
        loader="Ultralytics evaluates",
        names=Names.LAYERS,
        companions=("backbone", "head"),
    ),
    LoaderKey(
        key="activation", loader="Ultralytics evaluates", names=Names.EXPRESSION, companions=("backbone", "head")
    ),
    LoaderKey(
        source="omegaconf/_utils.py, omegaconf/base.py (resolve_parse_tree)",
        key="_val",
        in_texts=False,
        loader="OmegaConf resolves",
        names=Names.RESOLVED,
    ),
    *(
        LoaderKey(
            source="jsonpickle/unpickler.py (loadclass, _restore_reduce)",
            key=f"py/{kind}",
            loader=_JSONPICKLE,
            names=Names.CALLABLE,
            only_loaders=True,
        )
        for kind in ("type", "function", "object", "class", "newobj")
    ),
    LoaderKey(key="py/repr", loader="jsonpickle evaluates", names=Names.EXPRESSION, only_loaders=True),
    LoaderKey(
        source="transformers/utils/chat_template_utils.py, llama_cpp/llama_chat_format.py (CVE-2024-34359)",
        key="chat_template",
        loader="chat software renders",
        names=Names.TEMPLATE,
    ),
    *(
        LoaderKey(
            source="transformers/modeling_utils.py, transformers/integrations/hub_kernels.py (CVE-2026-4372)",
            key=key,
            loader="transformers downloads and loads",
            names=Names.KERNEL,
        )
        for key in (
            "_attn_implementation",
            "_attn_implementation_internal",
            "attn_implementation",
            "_experts_implementation",
            "_experts_implementation_internal",
            "experts_implementation",
        )
    ),
    LoaderKey(
        source="transformers/models/lightglue (CVE-2026-5241), transformers/models/auto/configuration_auto.py",
        key="trust_remote_code",
        loader="lets transformers import the code of any repository that it names",
        names=Names.TRUSTS,
        in_pickles=False,
    ),
    LoaderKey(
        source="transformers/dynamic_module_utils.py, diffusers/utils/dynamic_modules_utils.py",
        key="auto_map",
        loader="transformers imports from a repository",
        names=Names.REPOSITORY,
    ),
    LoaderKey(key="custom_pipeline", loader="diffusers imports from a repository", names=Names.REPOSITORY),
    LoaderKey(
        source="transformers/utils/hub.py (get_checkpoint_shard_files)",
        key="weight_map",
        loader="loaders open and unpickle",
        names=Names.FILES,
    ),
    LoaderKey(
        source="sentence_transformers/SentenceTransformer.py (modules.json)",
        key="type",
        loader="sentence-transformers imports",
        names=Names.LIBRARY,
        companions=("idx", "name", "path"),
        own=("sentence_transformers",),
        in_pickles=False,
    ),
    LoaderKey(
        source="diffusers/pipelines/pipeline_loading_utils.py (model_index.json)",
        key="_diffusers_version",
        loader="diffusers imports",
        names=Names.COMPONENTS,
        own=("diffusers", "transformers", "onnxruntime", "optimum", "flax", "tokenizers", "peft", "timm", "accelerate"),
        in_pickles=False,
    ),
)

LOADER_KEYS = (*_MODEL_LOADERS, *CONFIG_LOADERS, *SOURCE_LOADERS)
BY_KEY: dict[str, tuple[LoaderKey, ...]] = {}
"""Key → its entries."""
for _entry in LOADER_KEYS:
    BY_KEY[_entry.key] = (*BY_KEY.get(_entry.key, ()), _entry)

TELLING = frozenset(entry.key for entry in LOADER_KEYS if entry.in_pickles)
"""The keys that count in a pickle."""
WATCHED = TELLING | {other for entry in LOADER_KEYS for other in (*entry.companions, entry.rest) if other}
"""The same, with their companions."""
