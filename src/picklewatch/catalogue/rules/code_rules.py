"""The rules of picklewatch.analysis.formats.python_files: findings about Python source and scripts."""

from __future__ import annotations

from picklewatch.catalogue.rules.rule import Rule
from picklewatch.core.model import Level

_BY_DIGEST = (
    "If you know the file and trust its source, allow its SHA-256 in the configuration, with the reason: "
    "`[allow.digests]`."
)

RULES: tuple[Rule, ...] = (
    Rule(
        id="python-code",
        level=Level.UNVERIFIED,
        title="Python source",
        meaning="The content is Python: it imports, defines or calls. What is known to be harm is a finding of its own.",
        danger=(
            "It acts on load or on use: transformers and diffusers import a repository's modules with "
            "`trust_remote_code=True`, torch.hub imports `hubconf.py` and all beside it, TorchServe and inference "
            "endpoints a handler. No scanner can promise that code is harmless. In a cache it is told once for each "
            "repository, in a folder of your own only counted."
        ),
        evidence="0x0: The file is Python: whatever imports or runs it does all that it says.",
        action="Read the repository's Python files before you load the model with its own code.",
        allow=_BY_DIGEST,
    ),
    Rule(
        id="python-harm",
        level=Level.UNSAFE,
        title="Python that does harm when a model is loaded",
        meaning=(
            "The source runs programs, opens sockets, changes files outside of its folder, unpickles other data, loads "
            "native code, installs packages or opens files with credentials: when it is imported, or in what a loader "
            "calls (the constructor and methods of a model, handler, pipeline or dataset, the entry points of "
            "`hubconf.py`, `generate`, `_load_pyfunc`)."
        ),
        danger=(
            "It acts on load: with `trust_remote_code=True`, `torch.hub.load`, a TorchServe or inference endpoint, "
            "MLflow. Arguments decide: `git rev-parse`, weights from the known hubs and files beside the module are no "
            "harm. What would only happen if somebody called it is the evidence of `python-code`."
        ),
        evidence="os.system('touch x')",
        action="Read the line before you load the model, and don't load it unless you know why it does that.",
        allow=_BY_DIGEST,
    ),
    Rule(
        id="python-attack",
        level=Level.MALICIOUS,
        title="Python that attacks, or hides what it does",
        meaning=(
            "The source executes text that is decoded (base64, hexadecimal, compressed, characters by their numbers) or "
            "comes from the network, puts a dangerous name together from pieces, connects a shell to a socket, sends "
            "credentials or the environment away, or declares an encoding that makes code of comments."
        ),
        danger=(
            "It acts on load or on use, wherever in the file it stands: no honest model does any of this, so it is "
            "malicious also in a function that nothing here calls."
        ),
        evidence="exec(base64.b64decode('cHJpbnQoMSk='))",
        action="Don't load the model. Delete or quarantine it, and tell whoever published it.",
        allow=_BY_DIGEST,
    ),
    Rule(
        id="python-unread",
        level=Level.UNSCANNABLE,
        title="Python that was not read to its end",
        meaning="A part of the Python source is too long, or nested too deeply, to be parsed within bounds.",
        danger=(
            "The rest may be anything; an attacker chooses where a scanner gives up. It acts when the file is imported, "
            "if its loader's Python can parse it."
        ),
        evidence="0x0: Not all of the Python was read: it is nested more deeply than Python's parser reads.",
        action="Don't import the file. No honest module is nested like that; a long table belongs into a data file.",
        allow=_BY_DIGEST,
    ),
    Rule(
        id="script-attack",
        level=Level.MALICIOUS,
        title="A script that attacks",
        meaning=(
            "A script beside the weights opens a shell to another machine, or runs what it decodes or fetches without "
            "a file in between: `/dev/tcp/`, `nc -e`, encoded PowerShell, `DownloadString`, `mshta`, `certutil -urlcache`."
        ),
        danger="It acts when somebody starts it, as the model's page says to. No model needs such a script.",
        evidence="powershell -enc SQBFAFgAIAAoAE4AZQB3AC0A",
        action="Don't start it. Delete or quarantine it, and tell whoever published the model.",
        allow=_BY_DIGEST,
    ),
    Rule(
        id="script-code",
        level=Level.UNVERIFIED,
        title="A script",
        meaning="The content is a script for a shell, Windows' command line, PowerShell or another interpreter.",
        danger=(
            "It acts when somebody starts it: no loader does, but models are published with clean weights and a script "
            "beside them that the model's page says to run."
        ),
        evidence="0x0: The file is a script for PowerShell: whoever starts it runs it.",
        action="Read the script before you start it; weights need none.",
        allow=_BY_DIGEST,
    ),
)
