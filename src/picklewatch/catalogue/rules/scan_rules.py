"""The rules of picklewatch.sandbox, of opening files and of the policy: why a scan did not come to its end."""

from __future__ import annotations

from picklewatch.catalogue.rules.rule import Rule
from picklewatch.core.model import Level

_LIMITS = (
    "If you know the file and its size is honest, raise the limit in `[scan.limits]` of the configuration. To "
    "accept this one content, allow its SHA-256 in `[allow.digests]`."
)
_DIGEST = "Allow the content's SHA-256 in `[allow.digests]` once you know its source."
_NOTHING = "Nothing to allow: scan it again when it can be read."
_ODD = (
    "An ordinary model file does not do this to a scanner. Don't load it; fetch the same weights as safetensors, or "
    "from a source that you trust. If you know the file to be honest, please report it with its SHA-256."
)

RULES: tuple[Rule, ...] = (
    Rule(
        id="scan-timeout",
        level=Level.UNSCANNABLE,
        title="Scan stopped at the time limit",
        meaning="The scan took longer than `scan.limits.time` of wall-clock time and was killed.",
        danger=(
            "The rest was not scanned and may be hostile: files can be built so that a parser never ends, to hide the "
            "content behind that."
        ),
        evidence="The scan was stopped after 60 seconds.",
        action="Scan it again on an idle machine. " + _ODD,
        allow=_LIMITS,
    ),
    Rule(
        id="scan-cpu",
        level=Level.UNSCANNABLE,
        title="Scan stopped at the processor time limit",
        meaning="The scan used more than `scan.limits.cpu_time` of processor time and was killed by the kernel.",
        danger="The rest was not scanned and may be hostile: files can be built so that a parser never ends.",
        evidence="The scan was stopped after 60 seconds of processor time.",
        action=_ODD,
        allow=_LIMITS,
    ),
    Rule(
        id="scan-memory",
        level=Level.UNSCANNABLE,
        title="Scan stopped at the memory limit",
        meaning="The scan needed more private memory than `scan.limits.memory` allows, or the machine ran out of it.",
        danger=(
            "The rest was not scanned and may be hostile. A loader would use at least as much memory: loading such a file can "
            "bring the machine down."
        ),
        evidence="The scan needs more than 1024 MiB of memory.",
        action=_ODD,
        allow=_LIMITS,
    ),
    Rule(
        id="scan-crashed",
        level=Level.UNSCANNABLE,
        title="The scan crashed",
        meaning="The scanning process died, or failed in a way that it does not expect. Only it was affected.",
        danger="A file that crashes a parser may be built to attack it, or to hide from it.",
        evidence="The scanning process crashed: killed by SIGSEGV.",
        action=_ODD,
        allow=_DIGEST,
    ),
    Rule(
        id="scan-forbidden-call",
        level=Level.UNSCANNABLE,
        title="The scan made a forbidden system call",
        meaning=(
            "The scanning process asked the kernel for a program, a socket, another process or the like, and was "
            "killed for it. Nothing of that happened."
        ),
        danger=(
            "Either the file took over the process that scanned it, which only the sandbox made harmless, or a library "
            "that reads this format does something unusual."
        ),
        evidence="The scan asked the kernel for what no scan needs, and was killed.",
        action="Don't load the file. Keep it for analysis, and report it with its SHA-256.",
        allow=_DIGEST,
    ),
    Rule(
        id="scan-garbage",
        level=Level.UNSCANNABLE,
        title="The scan's answer can't be believed",
        meaning="The scanning process answered with something that a sound one never says, or with too much of it.",
        danger="The file may have taken over the process that scanned it. The sandbox kept it from anything else.",
        evidence="The scanning process can't be believed: it sent something that is not JSON.",
        action="Don't load the file. Keep it for analysis, and report it with its SHA-256.",
        allow=_DIGEST,
    ),
    Rule(
        id="scan-incomplete",
        level=Level.UNSCANNABLE,
        title="The scan did not reach the end",
        meaning="A part of the content that a loader would execute was not scanned; other findings give the reason, if there are any.",
        danger="That part may be hostile: an attacker chooses where a parser gives up.",
        evidence="The report says that its scan did not reach the end.",
        action=_ODD,
        allow=_DIGEST,
    ),
    Rule(
        id="changed-while-scanned",
        level=Level.UNSCANNABLE,
        title="The file changed during the scan",
        meaning="The file was written to, truncated or replaced while it was being judged.",
        danger=(
            "The verdict would be about neither the old nor the new content. Swapping content after the check is also "
            "a known way around scanners."
        ),
        evidence="The file became shorter while it was being scanned.",
        action="Wait until the download or the copy is done; the daemon scans the file again by itself.",
        allow=_NOTHING,
    ),
    Rule(
        id="path-missing",
        level=Level.UNSCANNABLE,
        title="Nothing has this name",
        meaning="The path does not exist, or no longer exists.",
        danger="Nothing was scanned.",
        evidence="model.pt: No such file or directory.",
        action="Check the name.",
        allow=_NOTHING,
    ),
    Rule(
        id="broken-link",
        level=Level.UNSCANNABLE,
        title="Symbolic link that leads nowhere",
        meaning="The path is a symbolic link whose target does not exist, or that leads in a circle.",
        danger="The file that it will lead to one day was not scanned. In a Hugging Face cache it means an unfinished download.",
        evidence="/models/latest.bin: The symbolic link leads nowhere.",
        action="Let the download finish, or remove the link.",
        allow=_NOTHING,
    ),
    Rule(
        id="not-readable",
        level=Level.UNSCANNABLE,
        title="File that may not be read",
        meaning="The file's permissions, or a failing disk, keep picklewatch from reading it.",
        danger="The content was not scanned, but another user may be able to load it.",
        evidence="/home/other/model.pt: Permission denied.",
        action=(
            "Run as a user who may read it; the system service reads everything through CAP_DAC_READ_SEARCH. If the "
            "kernel reports an input/output error, look at the disk."
        ),
        allow=_NOTHING,
    ),
    Rule(
        id="not-a-regular-file",
        level=Level.UNSCANNABLE,
        title="Not a regular file",
        meaning="The path is a FIFO, socket, device or the like. picklewatch never opens those.",
        danger="The bytes that a loader would read from it can't be known in advance.",
        evidence="/run/model.pkl: A FIFO, not a regular file.",
        action="Name a regular file or a directory; use `-` to scan standard input.",
        allow=_NOTHING,
    ),
)
