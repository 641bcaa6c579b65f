"""The kind of a zip archive by its members, and what the kind's loader does with each of them.

Names count only where a loader itself goes by them: torch takes ``data.pkl`` (in any case: miniz compares without
case), TorchScript ``constants.pkl`` and ``code/``, torch.package ``.data/extern_modules``, numpy ``*.npy``, TorchServe
``MAR-INF/MANIFEST.json``. Every member is judged by its content all the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from picklewatch.analysis.formats import pip_requirements, skops, torch_export, torchscript
from picklewatch.analysis.formats.hidden_pickles import search
from picklewatch.analysis.formats.pickles import behind, lead
from picklewatch.analysis.formats.torch_records import Declared, compare
from picklewatch.analysis.pickle import looks_like_pickle
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from picklewatch.analysis.formats.context import Scan
    from picklewatch.analysis.formats.part import Part
    from picklewatch.analysis.formats.zipread import Member

_DATA_PKL = re.compile(r"(?:^|/)data\.pkl$", re.IGNORECASE)
_RAW = re.compile(
    r"(?:^|/)(?:data|constants|tensors|\.data|weights|sample_inputs|xl_model_weights)/[^/]+$", re.IGNORECASE
)
_NAMED = re.compile(
    r"\.(?:pkl|pickle|debug_pkl|py|json|pth?|pt2|npy|npz|zip|txt|yaml|so)$|extern_modules$|/version$"
    r"|/(?:opaque|custom)_obj_[^/]*$",
    re.IGNORECASE,
)
_PICKLED = re.compile(r"\.(?:pkl|debug_pkl)$", re.IGNORECASE)
_ORDER = (
    _DATA_PKL,
    re.compile(r"(?:^|/)(?:constants|bytecode)\.pkl$", re.IGNORECASE),
    _PICKLED,
    re.compile(r"(?:^|/)(?:config\.json|schema\.json|data|[^/]+\.pth?|[^/]+\.np[yz])$", re.IGNORECASE),
)
"""Members that loaders read first: torch, TorchScript, torch.package; Keras, skops, stable-baselines3, numpy."""
_PYTHON = re.compile(r"\.pyc?$", re.IGNORECASE)
_NATIVE = re.compile(r"\.(?:so(?:\.[\d.]+)?|dylib|dll|pyd)$", re.IGNORECASE)
_SOURCE = re.compile(r"\.(?:c|cc|cpp|cu|cubin|fatbin|hsaco|ptx|spv|o|a|py)\Z", re.IGNORECASE)
"""Sources and objects of programs, also those for graphics cards."""


_ARRAY = b"\x93NUM"
_CONTAINERS = (
    b"PK\x03\x04",
    b"7z\xbc\xaf",
    b"\xfd7zX",
    b"\x1f\x8b\x08\x00",
    b"\x1f\x8b\x08\x08",
    b"\x93NUM",
    b"\x28\xb5\x2f\xfd",
)


@dataclass(slots=True, eq=False)
class ArchiveKind:
    """One archive's kind, and what its pickles declared."""

    name: str
    torch: bool = False
    script: bool = False
    package: bool = False
    code_bearing: bool = False
    loads: bool = False
    """True if a configuration may make torch load raw records with everything allowed (torch.export.load)."""
    raw_head: int = 4096
    """Bytes of each raw tensor that are searched."""
    declared: Declared = field(default_factory=Declared)
    """What its pickles say of the records."""
    raw_names: dict[str, bool] = field(default_factory=dict)

    def raw(self, name: str) -> bool:
        """Return True if torch reads the member as the raw bytes of a tensor."""
        if not self.torch:
            return False
        known = self.raw_names.get(name)
        if known is None:
            known = self.raw_names[name] = _RAW.search(name) is not None and _NAMED.search(name) is None
        return known

    def order(self, name: str) -> int:
        """Return the place of the member *name* in the order of judging, which is its loader's.

        A costly member must not use up the budget before the pickle that `torch.load` runs.
        """
        if self.raw(name):
            return len(_ORDER) + 1
        return next((number for number, pattern in enumerate(_ORDER) if pattern.search(name)), len(_ORDER))

    def role(self, name: str) -> str:
        """Return the member's role, by which `judge` goes: the same bytes in the same role are judged once only."""
        if self.raw(name):
            return "raw"
        if self.torch and (_PICKLED.search(name) or _DATA_PKL.search(name)):
            return "data.pkl" if _DATA_PKL.search(name) else "pickle"
        if self.script and torchscript.is_code(name):
            return "code"
        special = _SPECIAL.get(self.name)
        return "special" if special is not None and name.lower().endswith(special[0]) else "content"

    def judge(self, scan: Scan, member: Part, name: str) -> None:
        """Judge one member's content."""
        role = self.role(name)
        if role == "raw":
            self.judge_raw(scan, member)
        elif role in ("pickle", "data.pkl"):
            self._judge_pickle(scan, member, name)
        elif role == "code":
            torchscript.judge_code(scan, member)
        else:
            if role == "special":
                special = _SPECIAL[self.name][1]
                scan.guarded(member.where, lambda: special(scan, member))
            scan.content(member)

    def needs_all(self, begin: bytes) -> bool:
        """Return True if a raw record that begins so is judged whole: another reader than torch's may take it."""
        return self.loads or begin[:4] in _CONTAINERS or begin[:4] == _ARRAY

    def _judge_pickle(self, scan: Scan, member: Part, name: str) -> None:
        held = member.data
        if not len(held):
            scan.code_bearing = True
            scan.finding("malformed-torch", Level.UNSCANNABLE, member.where, "The pickle is empty.")
            return
        if not looks_like_pickle(held, 0, scan.budget):
            if _DATA_PKL.search(name):
                scan.finding("malformed-torch", Level.UNSCANNABLE, member.where, "What torch unpickles is no pickle.")
            scan.content(member)
            return
        report = scan.pickle(member, persistent=True, arrays=False, reads_indices=True)
        self.declared.note(name, member.where, report)
        if report.end < len(held):
            behind(scan, member, report.end, place="behind the pickle that torch reads")

    def judge_raw(self, scan: Scan, member: Part) -> None:
        """Judge the bytes of a tensor."""
        if self.loads:
            lead(scan, member)
            if bytes(member.data[:4]) in _CONTAINERS:
                scan.content(member)
                return
        if bytes(member.data[:4]) == _ARRAY:
            scan.guarded(member.where, lambda: scan.content(member))  # numpy.load takes any member for an array
            return
        search(scan, member, 0, self.raw_head, place="in a tensor's bytes")
        if bytes(member.data[:4]) in _CONTAINERS:
            scan.only_harm(lambda: scan.content(member))


_SPECIAL: dict[str, tuple[str, Callable[[Scan, Part], None]]] = {
    "torch-export": (".json", torch_export.judge_expressions),
    "skops": ("schema.json", skops.judge_schema),
    "mar": ("requirements.txt", pip_requirements.judge_requirements),
}
"""Kind → the end of a member's name, and a further judge of that member."""


def classify(names: Sequence[str]) -> ArchiveKind:
    """Return the kind of an archive with members of these *names*."""
    known = {name.lower() for name in names}
    kind = _classified(known)
    kind.loads = any(name.endswith("_config.json") for name in known)
    return kind


def _classified(known: set[str]) -> ArchiveKind:
    ends = {name.rpartition("/")[2] for name in known}
    if any(name.endswith(".data/extern_modules") for name in known):
        return ArchiveKind("torch-package", torch=True, package=True, code_bearing=True)
    if "constants.pkl" in ends or "bytecode.pkl" in ends:
        return ArchiveKind("torchscript", torch=True, script=True, code_bearing=True)
    if "data.pkl" in ends:
        return ArchiveKind("torch-zip", torch=True, code_bearing=True)
    if known and all(name.endswith(".npy") for name in known):
        return ArchiveKind("npz")
    name = next((name for name, test in _BY_MEMBERS if test(known)), "")
    return ArchiveKind(name, torch=name == "torch-export", code_bearing=True) if name else ArchiveKind("zip")


_BY_MEMBERS: tuple[tuple[str, Callable[[set[str]], bool]], ...] = (
    ("mar", lambda known: "mar-inf/manifest.json" in known),
    (
        "torch-export",
        lambda known: any(n.endswith(("archive_format", "serialized_exported_program.json")) for n in known),
    ),
    ("keras", lambda known: {"config.json", "metadata.json"} <= known),
    ("skops", lambda known: "schema.json" in known),
    ("sb3", lambda known: "data" in known and bool({"system_info.txt", "policy.pth", "pytorch_variables.pth"} & known)),
)
"""Kind → test for an archive with these members (in lower case)."""


def finish(scan: Scan, kind: ArchiveKind, members: Sequence[Member], part: Part) -> None:
    """Judge the archive as a whole: records against storages, code among the members."""
    compare(scan, kind.declared, members, part)
    python = [member.name for member in members if _PYTHON.search(member.name)]
    if kind.package or (kind.name == "mar" and python):
        what = "torch.package archive" if kind.package else "TorchServe model archive"
        first = next(iter(python), "")
        summary = f"A {what} brings Python code of its own, which its loader imports."
        scan.finding("code-bearing-archive", Level.UNSAFE, part.name(first) if first else part.where, summary, first)
    native = [member.name for member in members if _NATIVE.search(member.name)]
    if native and kind.torch:
        summary = "The archive brings a native library, which its loader maps and runs."
        scan.finding("native-code", Level.UNSAFE, part.name(native[0]), summary, native[0])
    if kind.name == "torch-export" and not native and any(_SOURCE.search(member.name) for member in members):
        unjudged(scan, "program", part.where)
    if kind.script:
        summary = "TorchScript code is not judged in full; it can read and write files through torch's operators."
        scan.finding("torchscript-code", Level.UNVERIFIED, part.where, summary)
    if kind.name in ("keras", "skops"):
        unjudged(scan, kind.name, part.where)


def unjudged(scan: Scan, what: str, where: str) -> None:
    """Report content that could bear code, of a kind that is recognised and not judged yet."""
    scan.code_bearing = True
    summary = f"The content is of the kind {what}, which can bear or name code; picklewatch does not judge it yet."
    scan.finding("format-not-judged", Level.UNVERIFIED, where, summary)
