"""More entries of the table of `loader_keys`: of loaders that run, evaluate or render a text of the data."""

from __future__ import annotations

from picklewatch.catalogue.loaders.loader_entry import LoaderKey, Names

_FAIRSEQ = (
    "conv_feature_layers", "conv_aggregator_layers", "adam_betas", "adaptive_softmax_cutoff", "encoder_layers",
    "decoder_layers", "decoder_attention", "encoder_kernel_size_list", "decoder_kernel_size_list",
)  # fmt: skip
"""Options that are texts with numbers in them: ``[(512, 10, 5)] + [(512, 3, 2)] * 4``."""

SOURCE_LOADERS = (
    *(
        LoaderKey(
            source="fairseq/models/wav2vec/wav2vec2.py, fairseq/optim/adam.py, fairseq/utils.py (eval_str_list)",
            key=key,
            loader="fairseq evaluates",
            names=Names.EXPRESSION,
            in_texts=False,
        )
        for key in _FAIRSEQ
    ),
    *(
        LoaderKey(
            source="yolov5/models/yolo.py (parse_model)",
            key=key,
            loader="YOLOv5 evaluates",
            names=Names.EXPRESSION,
            companions=(other,),
            in_pickles=False,
        )
        for key, other in (("backbone", "head"), ("head", "backbone"))
    ),
    LoaderKey(
        source="ultralytics/data/utils.py (check_det_dataset), yolov5/utils/general.py (check_dataset)",
        key="download",
        loader="Ultralytics runs where the data set is not there yet",
        names=Names.SCRIPT,
        companions=("names", "nc", "val"),
        in_pickles=False,
    ),
    LoaderKey(
        source="autogen_core/tools/_function_tool.py (_from_config)",
        key="source_code",
        loader="AutoGen executes",
        names=Names.CODE,
        companions=("global_imports",),
    ),
    *(
        LoaderKey(
            source="monai/bundle/config_item.py (ConfigExpression)",
            key=sign,
            loader="MONAI evaluates",
            names=Names.MARKED,
            in_pickles=False,
        )
        for sign in ("$import", "$__import__", "$exec", "$eval", "$open", "$torch", "$monai", "$np", "$numpy")
    ),
    LoaderKey(
        source="transformers/utils/chat_template_utils.py",
        key="chat_template_jinja",
        loader="chat software renders",
        names=Names.TEMPLATE,
    ),
    *(
        LoaderKey(
            source="lm_eval/utils.py (apply_template)",
            key=key,
            loader="lm-evaluation-harness renders",
            names=Names.TEMPLATE,
            in_pickles=False,
        )
        for key in ("doc_to_text", "doc_to_target", "doc_to_choice")
    ),
    LoaderKey(
        source="langchain_core/prompts/string.py (jinja2_formatter)",
        key="template",
        loader="LangChain and Semantic Kernel render",
        names=Names.TEMPLATE,
        companions=("template_format",),
    ),
)
"""Texts that are run, evaluated or rendered."""
