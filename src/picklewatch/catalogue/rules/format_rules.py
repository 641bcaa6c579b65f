"""The rules of picklewatch.analysis.content and picklewatch.analysis.formats: findings about containers and the bytes between them."""

from __future__ import annotations

from picklewatch.catalogue.rules.rule import Rule
from picklewatch.core.model import Level

_BY_DIGEST = (
    "If you know the file and trust its source, allow its SHA-256 in the configuration, with the reason: "
    "`[allow.digests]`."
)
_NOTHING_TO_ALLOW = "Nothing to allow: the finding alone changes no verdict."
_NEVER = "It can only be allowed by the file's SHA-256 (`[allow.digests]`), and hardly ever should be."
_AGAIN = "Fetch the file again from its source and compare checksums. If it stays the same, don't load it."
_DELETE = "Don't load the file. Delete or quarantine it, and tell whoever published it."

_HIDING = (
    Rule(
        id="hidden-pickle",
        level=Level.MALICIOUS,
        title="A harmful pickle where no loader starts",
        meaning=(
            "Behind, before or between the parts of a file, or in the raw bytes of a tensor or an image, lies a pickle "
            "that would run code."
        ),
        danger=(
            "It does not run when the file is loaded as it should be. It waits for a second loader: a script that "
            "seeks to it, an extraction, a reader that finds another start. Honest files have no such content."
        ),
        evidence="os.system",
        action=_DELETE,
        allow=_NEVER,
    ),
    Rule(
        id="polyglot",
        level=Level.MALICIOUS,
        title="Two formats in one file",
        meaning=(
            "The content is recognised as another format, but its first bytes are also a pickle that would run code."
        ),
        danger=(
            "Scanners that go by magic numbers or by the file's name look at the harmless reading; `pickle.load` takes "
            "the other one."
        ),
        evidence="builtins.exec",
        action=_DELETE,
        allow=_NEVER,
    ),
    Rule(
        id="zip-headers-differ",
        level=Level.MALICIOUS,
        title="A zip member with two descriptions",
        meaning=(
            "A member's local header and the archive's central directory give it different names, methods or sizes."
        ),
        danger=(
            "Readers believe one or the other: a scanner sees one file and the loader another. picklewatch judges both "
            "readings. Over a pickle, or where one reading does harm, it only serves to hide."
        ),
        evidence="archive/data.pkl: The member's local header and the central directory differ in name.",
        action=_DELETE,
        allow=_BY_DIGEST,
    ),
    Rule(
        id="zip-two-end-records",
        level=Level.UNSCANNABLE,
        title="A zip archive with two tables of contents",
        meaning="Two end-of-archive records near the end lead to different members.",
        danger=(
            "Readers disagree about which record counts. Both readings are judged; if one does harm, the level is "
            "malicious."
        ),
        evidence="0x8c: The archive has two end records that lead to different members.",
        action=_AGAIN,
        allow=_BY_DIGEST,
    ),
    Rule(
        id="zip-flag-bits",
        level=Level.UNSCANNABLE,
        title="Zip flag bits that stop readers",
        meaning=(
            "A member is marked as encrypted, patched or masked although its bytes can be read plainly, or is marked "
            "so and can't be judged."
        ),
        danger=(
            "Python's `zipfile` refuses such members, other readers ignore the bits: a cheap way to blind a scanner. "
            "Over a harmful member the level is malicious."
        ),
        evidence="archive/data.pkl: The member's flag bits 0x20 make common readers refuse it.",
        action=_AGAIN,
        allow=_BY_DIGEST,
    ),
    Rule(
        id="zip-overlap",
        level=Level.UNSCANNABLE,
        title="Zip members inside each other",
        meaning="A member's header lies inside the bytes of another member.",
        danger="Such archives are decompression bombs, or show different contents to different readers.",
        evidence="inner: The member lies inside another one: readers see different contents.",
        action=_AGAIN,
        allow=_BY_DIGEST,
    ),
    Rule(
        id="zip-duplicate-name",
        level=Level.UNVERIFIED,
        title="Two zip members of one name",
        meaning="Two members have the same name (capitals aside, as torch compares names).",
        danger="One reader takes the first, another the last. Both were judged.",
        evidence="archive/DATA.PKL: Two members have the same name; readers disagree about which one counts. Both were judged.",
        action="Unpack and pack the archive again if you need it; ask its publisher why there are two.",
        allow=_BY_DIGEST,
    ),
    Rule(
        id="zip-wrong-crc",
        level=Level.UNVERIFIED,
        title="A wrong checksum in a zip archive",
        meaning="A member's bytes don't have the CRC-32 that the archive declares.",
        danger=(
            "The file is damaged, or a scanner was to be made to give up: `zipfile` refuses the member, torch does not "
            "look. The bytes were judged as they are. In torch's own archives the level is `info`: torch can be "
            "configured not to compute checksums."
        ),
        evidence="weights.pkl: The member's checksum is 0x1c291ca3, the directory says 0x00000001.",
        action=_AGAIN,
        allow=_BY_DIGEST,
    ),
    Rule(
        id="zip-entry-count",
        level=Level.UNSCANNABLE,
        title="A wrong count of zip members",
        meaning="The end record counts another number of members than the central directory has.",
        danger="Readers that trust the count stop early and miss members. All members in the directory were judged.",
        evidence="0x90: The end record counts 1 members, the directory has 2.",
        action=_AGAIN,
        allow=_BY_DIGEST,
    ),
    Rule(
        id="zip-directory-gap",
        level=Level.UNSCANNABLE,
        title="Bytes behind the zip directory",
        meaning="Between the central directory and the end record lie bytes that belong to neither.",
        danger="Readers find the directory by different rules; such a gap makes them find different ones.",
        evidence="0x62: Other bytes lie between the central directory and the end record.",
        action=_AGAIN,
        allow=_BY_DIGEST,
    ),
    Rule(
        id="zip-prefix",
        level=Level.INFO,
        title="Data before a zip archive",
        meaning="The archive does not start at the beginning of its file, as in self-extracting programs.",
        danger="None by itself. The bytes before it were searched for hidden pickles.",
        evidence="0x0: 502 bytes come before the archive.",
        action="Nothing, unless you did not expect a program there.",
        allow=_NOTHING_TO_ALLOW,
    ),
    Rule(
        id="zip-several-archives",
        level=Level.INFO,
        title="Several zip archives in a row",
        meaning="Whole archives follow one another, as in torch's distributed checkpoints. Each was judged.",
        danger="None by itself.",
        evidence="0x400: Several archives follow one another.",
        action="Nothing.",
        allow=_NOTHING_TO_ALLOW,
    ),
    Rule(
        id="trailing-data",
        level=Level.INFO,
        title="Data behind the end",
        meaning="Bytes follow the part of the file that its loader reads.",
        danger="None by itself: harm in them is a finding of its own.",
        evidence="0x12: 4 bytes follow the pickle.",
        action="Nothing.",
        allow=_NOTHING_TO_ALLOW,
    ),
    Rule(
        id="storage-size-mismatch",
        level=Level.MALICIOUS,
        title="A tensor larger than its bytes",
        meaning="The pickle declares a storage of more bytes than the archive's record for it has.",
        danger=(
            "torch before 2.10 then reads memory beyond the record, even with `weights_only=True` (CVE-2026-24747). "
            "torch never writes such a file."
        ),
        evidence="declares 4096 bytes, its record has 16",
        action=_DELETE,
        allow=_NEVER,
    ),
)

_CODE = (
    Rule(
        id="code-bearing-archive",
        level=Level.UNSAFE,
        title="An archive that brings Python code",
        meaning=(
            "The archive holds Python modules that its own loader imports: a torch.package or a TorchServe model "
            "archive."
        ),
        danger="Loading it runs this code. No scanner can promise that code is harmless.",
        evidence="archive/model/handler.py",
        action="Read the code before you load it, or ask for the weights alone, as safetensors.",
        allow=_BY_DIGEST,
    ),
    Rule(
        id="native-code",
        level=Level.UNSAFE,
        title="A native library in a model",
        meaning="The archive holds a compiled library that its loader maps into the process (such as AOTInductor's).",
        danger="Machine code runs with all your rights.",
        evidence="data/aotinductor/model/model.so",
        action="Use it only if you built it or trust its builder fully; else compile the model yourself.",
        allow=_BY_DIGEST,
    ),
    Rule(
        id="torchscript-code",
        level=Level.UNVERIFIED,
        title="TorchScript",
        meaning="The archive holds TorchScript, which torch's own interpreter runs.",
        danger=(
            "TorchScript is not Python: it can't import or call the system. It can use torch's operators, some of "
            "which touch files. Those were looked for and not found."
        ),
        evidence="0x0: TorchScript code is not judged in full; it can read and write files through torch's operators.",
        action="Nothing, if you expected a scripted model; `torch.jit.load` reads it.",
        allow=_BY_DIGEST,
    ),
    Rule(
        id="torchscript-file-access",
        level=Level.UNSAFE,
        title="TorchScript that touches files",
        meaning="The model's code calls operators of torch that read or write files.",
        danger="`torch.save` and `torch.from_file` in a model overwrite or read any file that the code names.",
        evidence='torch.save(x, "/home/user/.bashrc")',
        action=_DELETE,
        allow=_BY_DIGEST,
    ),
    Rule(
        id="torchscript-foreign-code",
        level=Level.UNSAFE,
        title="Python among TorchScript",
        meaning=(
            "A member that should hold TorchScript holds Python that TorchScript does not know: imports, eval, "
            "system calls."
        ),
        danger="torch refuses it; another reader may import it. Honest exports hold none.",
        evidence="import os",
        action=_DELETE,
        allow=_BY_DIGEST,
    ),
    Rule(
        id="yaml-python-object",
        level=Level.UNSAFE,
        title="YAML that calls Python",
        meaning="A YAML text uses tags that make an unsafe loader call or import Python objects.",
        danger=(
            "`yaml.load` with an unsafe loader (NeMo's and Lightning's old ones among them) runs the function that the tag names."
        ),
        evidence="!!python/object/apply:os.system",
        action="Load it with `yaml.safe_load` only, or delete it.",
        allow=_BY_DIGEST,
    ),
    Rule(
        id="export-expression",
        level=Level.UNSAFE,
        title="An expression that is code",
        meaning="A torch export declares a symbolic expression that is not arithmetic.",
        danger="torch evaluates these expressions with Python's `eval` (through sympy) when it loads the program.",
        evidence='__import__("os").system("id")',
        action=_DELETE,
        allow=_NEVER,
    ),
    Rule(
        id="requirements-from-elsewhere",
        level=Level.UNSAFE,
        title="A model that installs packages from elsewhere",
        meaning=(
            "The requirements of an archive, or of MLflow's `conda.yaml` or `python_env.yaml`, name a URL, another index or a local "
            "path to install from."
        ),
        danger=(
            "It acts before the model is loaded: TorchServe and MLflow can install a model's requirements; the installed packages then "
            "run. In the environment of anything else than an MLflow model it is unverified."
        ),
        evidence="--index-url http://packages.example/simple",
        action="Install the packages that the model needs yourself, from a source that you trust.",
        allow=_BY_DIGEST,
    ),
    Rule(
        id="format-not-judged",
        level=Level.UNVERIFIED,
        title="A format that is not judged yet",
        meaning=(
            "The format is recognised, can bear code or reach files, and picklewatch does not judge its content yet."
        ),
        danger=(
            "Unknown. Keras models can hold Python, chat templates run in a sandbox that has been escaped, and so on."
        ),
        evidence="0x0: The content is of the kind keras-h5, which can bear or name code; picklewatch does not judge it yet.",
        action=(
            "Load it as its library advises for untrusted files (Keras: `safe_mode=True`), or convert it to "
            "safetensors."
        ),
        allow=_BY_DIGEST,
    ),
)

_ARCHIVES = (
    Rule(
        id="archive-unsafe-name",
        level=Level.UNSAFE,
        title="A member that leads out of its archive",
        meaning="A member's name is absolute or climbs with `..`.",
        danger="Unpacking it with a reader that trusts names writes outside of the target directory (zip slip).",
        evidence="../../home/user/.bashrc",
        action=_DELETE,
        allow=_BY_DIGEST,
    ),
    Rule(
        id="archive-unsafe-link",
        level=Level.UNSAFE,
        title="A link that leads out of its archive",
        meaning="A link in the archive points at an absolute path or climbs out of the archive with `..`.",
        danger="A later member can be written through the link, anywhere on the system; or it reads a file of yours.",
        evidence="/etc/passwd",
        action=_DELETE,
        allow=_BY_DIGEST,
    ),
    Rule(
        id="archive-link",
        level=Level.INFO,
        title="A link in an archive",
        meaning="A member is a link to another place in the same archive.",
        danger="None by itself.",
        evidence="weights/latest.ckpt",
        action="Nothing.",
        allow=_NOTHING_TO_ALLOW,
    ),
    Rule(
        id="archive-special-file",
        level=Level.UNSAFE,
        title="A device or pipe in an archive",
        meaning="A member is a device or a pipe.",
        danger="Unpacking it as root makes a device. Model archives have no use for one.",
        evidence="dev/null: The member is a device or a pipe.",
        action=_DELETE,
        allow=_BY_DIGEST,
    ),
    Rule(
        id="archive-not-readable",
        level=Level.UNSCANNABLE,
        title="An archive that can't be read here",
        meaning="The archive uses a method that picklewatch can't undo (such as 7z's PPMd or BCJ2).",
        danger="The content is unknown, and a loader or a person will unpack it.",
        evidence="0x0: The 7z method 030401 can't be read here.",
        action="Unpack it in a place that nothing loads from, and scan the result.",
        allow=_BY_DIGEST,
    ),
    Rule(
        id="compression-not-readable",
        level=Level.UNSCANNABLE,
        title="Compression that can't be read here",
        meaning="The content is compressed by a method for which this installation has no decompressor.",
        danger="The content is unknown.",
        evidence="weights: The member's compression method 9 can't be read here.",
        action="Install the package that the summary names, or unpack the file elsewhere and scan the result.",
        allow=_BY_DIGEST,
    ),
    Rule(
        id="encrypted-member",
        level=Level.UNSCANNABLE,
        title="An encrypted member",
        meaning="A member of the archive is encrypted.",
        danger="The content is unknown. No library loads models from encrypted archives; people are persuaded to decrypt them.",
        evidence="weights.pkl: The member is encrypted: its content can't be judged.",
        action="Decrypt it in a place that nothing loads from, and scan the result.",
        allow=_BY_DIGEST,
    ),
)

_BROKEN = tuple(
    Rule(
        id=f"malformed-{name}",
        level=Level.UNSCANNABLE,
        title=f"A broken {kind}",
        meaning=f"The bytes break the rules of {kind}: cut off, damaged or tampered with.",
        danger="A loader may fail, or read other bytes than those that were judged. The readable part was judged.",
        evidence=evidence,
        action=_AGAIN,
        allow=_BY_DIGEST,
    )
    for name, kind, evidence in (
        (
            "zip",
            "zip archive",
            "0x0: The archive has no end record that leads to a central directory: cut off or tampered.",
        ),
        ("tar", "tar archive", "weights: The member reaches beyond the end of the archive."),
        ("7z", "7z archive", "0x0: The 7z archive's header reaches beyond its end."),
        ("stream", "compressed stream", "0x0: The compressed stream breaks off."),
        ("npy", "NumPy array file", "0x43: The array declares 36 bytes, the file has 4."),
        ("safetensors", "safetensors file", "0x0: The tensors leave gaps or overlap."),
        ("skops", "skops file", "schema.json: The schema is not JSON."),
        ("torch", "torch archive", "archive/data.pkl: What torch unpickles is no pickle."),
        (
            "torch-legacy",
            "legacy torch file",
            "0x15: The file ends after 2 of the five pickles of torch's legacy format.",
        ),
    )
)

_LIMITS = tuple(
    Rule(
        id=f"limit-{name}",
        level=Level.UNSCANNABLE,
        title=f"Limit reached: {cause}",
        meaning=f"The scan stopped before its end: {cause}.",
        danger=(
            "The rest was not scanned and may be anything; an attacker chooses where a scanner gives up. It is never clean."
        ),
        evidence=evidence,
        action=f"If the file is honest and that large, raise `{key}` in `[scan.limits]` and scan it again.",
        allow=_BY_DIGEST,
    )
    for name, cause, key, evidence in (
        ("depth", "contents nested too deep", "depth", "x!x!x!x: Contents are nested more than 8 deep."),
        ("members", "too many archive members", "members", "The file holds more than 100000 archive members."),
        ("member", "one member unpacks to too much", "member", "zeros: A member unpacks to more than 536870912 bytes."),
        ("unpacked", "the file unpacks to too much", "unpacked", "The file unpacks to more than 8589934592 bytes."),
        (
            "search",
            "more looks like a pickle, or could hide one, than is searched",
            "opcodes",
            "0x0: More places look like the beginning of a pickle than a scan may walk from; no loader begins there.",
        ),
    )
)

_REST = (
    Rule(
        id="scan-evasion",
        level=Level.UNSAFE,
        title="Content that would keep a scanner from reading on",
        meaning=(
            "The content costs a scan more than any honest file of its size: no-ops by the million, towers of "
            "containers, bombs, numbers without end, shapes that no honest writer makes."
        ),
        danger=(
            "Its loader reads past the part that stops a scanner, and runs the code behind it. The cost is the purpose "
            "of such a shape, so the file is unsafe, not merely unscannable."
        ),
        evidence=(
            "0x0: The content would keep a scanner from reading on: it makes work out of all proportion to its size."
        ),
        action=(
            "Don't load it. If you know the file to be honest, please report it with its SHA-256: then the limit is "
            "wrong."
        ),
        allow=_BY_DIGEST,
    ),
    Rule(
        id="unread-import",
        level=Level.MALICIOUS,
        title="An import of something dangerous where the scan could not read on",
        meaning=(
            "A limit or a fault stopped the scan of this content. Searched as plain bytes, the rest contains an "
            "import that runs code."
        ),
        danger="A loader continues where the scan had to stop, and would run it.",
        evidence="os.system",
        action="Don't load it.",
        allow=_BY_DIGEST,
    ),
    Rule(
        id="storage-missing",
        level=Level.UNSCANNABLE,
        title="A tensor without its bytes",
        meaning="The pickle refers to a storage that the archive has no record for.",
        danger="Loading it fails. The archive is incomplete or was tampered with.",
        evidence="archive/data.pkl: The archive has no record for the storage '0': loading it fails.",
        action=_AGAIN,
        allow=_BY_DIGEST,
    ),
    Rule(
        id="scan-error",
        level=Level.UNSCANNABLE,
        title="A fault of picklewatch",
        meaning="picklewatch itself failed on this content.",
        danger=(
            "The scan of the content did not reach its end. Anybody who knows the fault can use it to hide; it is never clean."
        ),
        evidence="IndexError at read:120",
        action="Please report it, with the evidence line and, if you may share it, the file.",
        allow=_BY_DIGEST,
    ),
)

RULES: tuple[Rule, ...] = (*_HIDING, *_CODE, *_ARCHIVES, *_BROKEN, *_LIMITS, *_REST)
