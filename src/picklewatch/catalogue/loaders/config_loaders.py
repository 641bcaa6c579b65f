"""More entries of the table of `loader_keys`: of frameworks that build what their configuration describes."""

from __future__ import annotations

from picklewatch.catalogue.loaders.loader_entry import LoaderKey, Names

_MM = (
    "mmaction", "mmcls", "mmcv", "mmdet", "mmdet3d", "mmengine", "mmocr", "mmpose", "mmpretrain", "mmrotate", "mmseg",
    "mmyolo",
)  # fmt: skip
_MLSERVER = (
    "mlserver", "mlserver_sklearn", "mlserver_xgboost", "mlserver_lightgbm", "mlserver_mlflow", "mlserver_huggingface",
    "mlserver_catboost", "mlserver_onnx",
)  # fmt: skip

_BUILDERS = (
    LoaderKey(
        source="torchtune/config/_instantiate.py",
        key="_component_",
        loader="torchtune imports and calls",
        names=Names.CALLABLE,
        only_loaders=True,
        own=("torchtune",),
    ),
    LoaderKey(
        source="haystack/core/serialization.py, haystack/core/pipeline/base.py (from_dict)",
        key="type",
        loader="Haystack imports and calls",
        names=Names.CALLABLE,
        companions=("init_parameters",),
        own=("haystack", "haystack_integrations"),
        in_pickles=False,
    ),
    LoaderKey(
        source="allennlp/common/registrable.py (resolve_class_name)",
        key="type",
        loader="AllenNLP imports and calls",
        names=Names.CALLABLE,
        companions=("dataset_reader",),
        own=("allennlp", "allennlp_models"),
        in_pickles=False,
    ),
    LoaderKey(
        source="mmengine/registry/registry.py (Registry.get)",
        key="type",
        loader="MMEngine's registries import and call",
        names=Names.CALLABLE,
        companions=("default_hooks", "default_scope", "train_pipeline", "train_dataloader", "custom_imports"),
        own=_MM,
        in_pickles=False,
    ),
    LoaderKey(
        source="mmengine/utils/misc.py (import_modules_from_strings)",
        key="custom_imports",
        loader="MMEngine imports",
        names=Names.MODULES,
        rest="imports",
        own=_MM,
    ),
    LoaderKey(
        source="ray/rllib/utils/from_config.py",
        key="exploration_config",
        loader="RLlib imports and calls",
        names=Names.TYPED,
        rest="type",
        own=("ray",),
    ),
    LoaderKey(
        key="replay_buffer_config", loader="RLlib imports and calls", names=Names.TYPED, rest="type", own=("ray",)
    ),
    LoaderKey(
        source="pyannote/audio/core/pipeline.py (Pipeline.from_pretrained), rasa/shared/utils/common.py",
        key="pipeline",
        loader="pyannote.audio and Rasa import and call",
        names=Names.TYPED,
        rest="name",
        own=("pyannote", "rasa"),
    ),
    LoaderKey(
        source="espnet/utils/dynamic_import.py",
        key="model_module",
        loader="ESPnet imports and calls",
        names=Names.CALLABLE,
        own=("espnet", "espnet2"),
    ),
    LoaderKey(
        source="autogen_core/_component_config.py",
        key="provider",
        loader="AutoGen imports and calls",
        names=Names.CALLABLE,
        companions=("component_type",),
        own=("autogen_agentchat", "autogen_core", "autogen_ext"),
    ),
    LoaderKey(
        source="axolotl/integrations/base.py (load_plugin)",
        key="plugins",
        loader="axolotl imports and calls",
        names=Names.CALLABLE,
        companions=("base_model",),
        own=("axolotl",),
        in_pickles=False,
    ),
    LoaderKey(
        source="trl/scripts/grpo.py",
        key="reward_funcs",
        loader="TRL imports and calls",
        names=Names.CALLABLE,
        own=("trl",),
    ),
    *(
        LoaderKey(
            source="hyperpyyaml/core.py",
            key=tag,
            loader="SpeechBrain's HyperPyYAML imports and calls",
            names=Names.CALLABLE,
            only_loaders=True,
            own=("speechbrain",),
            in_pickles=False,
        )
        for tag in ("!new:", "!name:", "!apply:", "!applyref:")
    ),
)
"""What a configuration names is imported and called."""
_RESTORERS = (
    LoaderKey(
        source="gluonts/core/serde/_base.py (decode)",
        key="class",
        loader="GluonTS imports and calls",
        names=Names.CALLABLE,
        companions=("__kind__",),
        own=("gluonts",),
    ),
    *(
        LoaderKey(
            source="monty/json.py (MontyDecoder), matgl/utils/io.py",
            key="@module",
            loader="monty, which pymatgen and matgl load JSON with, imports and calls",
            names=Names.MODULE,
            companions=(name,),
            rest=name,
            own=("pymatgen", "monty", "matgl", "emmet", "atomate2", "jobflow", "maggma", "custodian"),
        )
        for name in ("@class", "@callable")
    ),
    LoaderKey(
        source="nni/common/serializer.py",
        key="__symbol__",
        loader="NNI imports and calls",
        names=Names.CALLABLE,
        only_loaders=True,
        own=("nni",),
    ),
    LoaderKey(
        source="mlflow/pyfunc/__init__.py (load_model)",
        key="loader_module",
        loader="MLflow imports, to load the model",
        names=Names.LOADER,
        own=("mlflow",),
    ),
    LoaderKey(
        source="mlflow/models/utils.py (_load_model_code_path)",
        key="model_code_path",
        loader="MLflow executes, to load the model",
        names=Names.SOURCE,
        in_pickles=False,
    ),
    *(
        LoaderKey(
            source="mlflow/utils/virtualenv.py, mlflow/utils/conda.py (conda.yaml, python_env.yaml)",
            key=key,
            loader="MLflow installs, and whose own code then runs",
            names=Names.REQUIREMENTS,
            companions=companions,
            in_pickles=False,
        )
        for key, companions in (("pip", ("dependencies",)), ("build_dependencies", ("dependencies",)))
    ),
    LoaderKey(
        source="peft/auto.py (from_pretrained)",
        key="parent_library",
        loader="older versions of PEFT import, and fetch a class from",
        names=Names.PARENT,
        rest="base_model_class",
        own=("diffusers", "lerobot", "megatron-core", "transformers"),
    ),
    *(
        LoaderKey(
            source="sentence_transformers/models/Dense.py, sentence_transformers/cross_encoder/CrossEncoder.py",
            key=key,
            loader="sentence-transformers imports and calls",
            names=Names.CALLABLE,
            own=("sentence_transformers", "torch"),
        )
        for key in ("activation_function", "activation_fn", "sbert_ce_default_activation_function")
    ),
    LoaderKey(
        source="sentence_transformers/base/modules/router.py (load); models/Asym.py of older versions",
        key="types",
        loader="sentence-transformers imports",
        names=Names.LIBRARY,
        companions=("structure",),
        own=("sentence_transformers",),
        in_pickles=False,
    ),
    LoaderKey(
        source="transformers/pipelines/__init__.py",
        key="impl",
        loader="transformers imports from a repository",
        names=Names.REPOSITORY,
        companions=("custom_pipelines",),
        in_pickles=False,
    ),
)
"""What a file of a model names is imported when the model is."""
_APPLICATIONS = (
    LoaderKey(
        source="gymnasium/envs/registration.py (load_env_creator)",
        key="entry_point",
        loader="Gymnasium imports and calls",
        names=Names.CALLABLE,
        companions=("max_episode_steps", "additional_wrappers"),
        own=("gymnasium", "gym", "ale_py", "shimmy", "minigrid", "highway_env", "pybullet_envs", "stable_baselines3"),
    ),
    LoaderKey(
        source="ray/serve/_private/build_app.py",
        key="import_path",
        loader="Ray Serve imports and calls",
        names=Names.CALLABLE,
        companions=("applications", "deployments"),
        own=("ray",),
        in_pickles=False,
    ),
    LoaderKey(
        source="mlserver/settings.py",
        key="implementation",
        loader="MLServer imports and calls",
        names=Names.CALLABLE,
        companions=("parallel_workers", "parameters"),
        own=_MLSERVER,
        in_pickles=False,
    ),
    LoaderKey(
        source="Lib/logging/config.py (DictConfigurator.configure_custom)",
        key="()",
        loader="logging.config imports and calls",
        names=Names.CALLABLE,
        companions=("formatters", "handlers", "filters"),
        own=("logging", "uvicorn"),
        in_pickles=False,
    ),
    LoaderKey(
        key="()",
        loader="logging.config imports and calls",
        names=Names.CALLABLE,
        own=("logging", "uvicorn"),
        in_texts=False,
    ),
    LoaderKey(
        source="Lib/logging/config.py (DictConfigurator.configure_handler)",
        key="class",
        loader="logging.config imports and calls",
        names=Names.CALLABLE,
        companions=("formatters",),
        own=("logging",),
        in_pickles=False,
    ),
)
"""What serves models, and what is around them."""
CONFIG_LOADERS = (*_BUILDERS, *_RESTORERS, *_APPLICATIONS)
