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
        meaning="The content is Python: it imports, defines or calls. Nothing in it is known to do harm.",
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
