"""Hostile pickles in the shapes that got past scanners, opcode by opcode: harmless (``echo``), and never loaded."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from functools import cache

from samples.torch_checkpoint import state_dict_pickle, torch_zip


def text(value: str) -> bytes:
    """SHORT_BINUNICODE of *value*."""
    encoded = value.encode()
    return b"\x8c" + bytes([len(encoded)]) + encoded


def stack_global(module: str, name: str) -> bytes:
    """Push *module*.*name* by STACK_GLOBAL."""
    return text(module) + text(name) + b"\x93"


def call(function: bytes, *arguments: bytes) -> bytes:
    """Push what *function* returns for *arguments*."""
    return function + b"(" + b"".join(arguments) + b"tR"


def pickled(body: bytes, protocol: int = 4) -> bytes:
    """*body* as a whole pickle."""
    return b"\x80" + bytes([protocol]) + body + b"."


ECHO = text("echo")
SYSTEM = b"cos\nsystem\n"
EVIL = pickled(call(SYSTEM, ECHO))
BENIGN = pickled(b"}" + text("lr") + b"G\x3f\x50\x62\x4d\xd2\xf1\xa9\xfcs")


def spellings() -> dict[str, bytes]:
    """The same import and call by every opcode, and its name in every kind of string."""
    return {
        "global": EVIL,
        "global-without-protocol": b"cos\nsystem\n(S'echo'\ntR.",
        "global-posix": pickled(call(b"cposix\nsystem\n", ECHO)),
        "global-python2": pickled(call(b"c__builtin__\neval\n", text("1")), 2),
        "stack-global": pickled(call(stack_global("os", "system"), ECHO)),
        "stack-global-binunicode": pickled(call(b"X\2\0\0\0osX\6\0\0\0system\x93", ECHO)),
        "stack-global-binunicode8": pickled(call(b"\x8d\2\0\0\0\0\0\0\0os\x8d\6\0\0\0\0\0\0\0system\x93", ECHO)),
        "stack-global-unicode": pickled(call(b"Vo\\u0073\nVsystem\n\x93", ECHO)),
        "stack-global-string": pickled(call(b"S'os'\nS\"system\"\n\x93", ECHO)),
        "stack-global-binstring": pickled(call(b"T\2\0\0\0osU\6system\x93", ECHO)),
        "inst": b"(S'echo'\nios\nsystem\n.",
        "obj": pickled(b"(" + SYSTEM + ECHO + b"o", 1),
        "newobj": pickled(b"csubprocess\nPopen\n" + ECHO + b"\x85\x81"),
        "newobj-ex": pickled(stack_global("subprocess", "Popen") + ECHO + b"\x85}\x92"),
        "ext1": pickled(call(b"\x82\x01", ECHO), 2),
        "ext2": pickled(call(b"\x83\x01\x01", ECHO), 2),
        "ext4": pickled(call(b"\x84\x01\x00\x00\x01", ECHO), 2),
        "import-only": pickled(SYSTEM),
        "build": pickled(b"cbuiltins\nobject\n)\x81}" + text("__class__") + SYSTEM + b"sb"),
    }


def memo_tricks() -> dict[str, bytes]:
    """Names that reach the import through the memo, through DUP, or from far away."""
    return {
        "memo-put": pickled(b"S'os'\np1\n0S'system'\np2\n0" + call(b"g1\ng2\n\x93", ECHO)),
        "memo-binput": pickled(text("os") + b"q\1" + text("system") + b"q\2" + call(b"h\1h\2\x93", ECHO) + b"\x87"),
        "memo-long": pickled(text("os") + b"r\0\1\0\0" + text("system") + call(b"\x93", ECHO)),
        "memo-memoize": pickled(text("system") + b"\x940" + text("os") + call(b"h\0\x93", ECHO)),
        "memo-overwritten": pickled(
            text("math") + b"q\0" + text("os") + b"q\x000" + call(b"0h\0" + text("system") + b"\x93", ECHO)
        ),
        "memo-function": pickled(SYSTEM + b"q\7" + b"0]" + call(b"h\7", ECHO) + b"a"),
        "dup-name": pickled(call(text("pty") + b"2" + b"0" + text("spawn") + b"\x93", ECHO)),
        "dup-function": pickled(SYSTEM + b"2" + b"(" + ECHO + b"tR0"),
        "result-popped": pickled(call(SYSTEM, ECHO) + b"0}"),
        "result-popped-by-mark": pickled(b"(" + call(SYSTEM, ECHO) + b"1}"),
        "result-hidden-by-build": pickled(b"}" + call(SYSTEM, ECHO) + b"b}b"),
        "result-in-a-set": pickled(b"\x8f(" + call(SYSTEM, ECHO) + b"\x90"),
        "result-as-a-key": pickled(b"}(" + call(SYSTEM, ECHO) + b"Nu"),
    }


def aliases() -> dict[str, bytes]:
    """The function by another name: dotted walks, private aliases, functions that call or import for you."""
    through = {
        "dotted-private": ("random", "_os.system"),
        "dotted-public": ("logging", "os.system"),
        "dotted-call": ("builtins", "eval.__call__"),
        "dotted-modules": ("collections", "_sys.modules.get"),
        "dotted-torch": ("torch.serialization", "os.system"),
        "dotted-numpy": ("numpy", "os.system"),
        "getattr": ("builtins", "getattr"),
        "import-module": ("importlib", "import_module"),
        "resolve-name": ("pkgutil", "resolve_name"),
        "pip": ("pip._internal", "main"),
        "pty": ("pty", "spawn"),
        "ctypes": ("ctypes", "CDLL"),
        "run-path": ("runpy", "run_path"),
        "profile": ("profile", "run"),
        "timeit": ("timeit", "timeit"),
        "webbrowser": ("webbrowser", "open"),
        "urlopen": ("urllib.request", "urlopen"),
        "rmtree": ("shutil", "rmtree"),
        "open": ("_io", "open"),
        "asyncio": ("asyncio.unix_events", "_UnixSubprocessTransport._start"),
        "numpy-load": ("numpy", "load"),
        "collect-env": ("torch.utils.collect_env", "run"),
        "marshal": ("marshal", "loads"),
    }
    made = {f"alias-{name}": pickled(call(stack_global(*function), ECHO)) for name, function in through.items()}
    made["partial"] = pickled(call(call(stack_global("functools", "partial"), SYSTEM, ECHO)))
    made["map"] = pickled(
        call(stack_global("builtins", "list"), call(stack_global("builtins", "map"), SYSTEM, b"](" + ECHO + b"e"))
    )
    made["methodcaller"] = pickled(
        call(call(stack_global("operator", "methodcaller"), text("system"), ECHO), b"cos\n__dict__\n")
    )
    made["module-that-acts"] = pickled(stack_global("antigravity", "webbrowser"))
    return made


def nested() -> dict[str, bytes]:
    """A hostile pickle in the bytes that a harmless-looking loader is given."""
    inner = b"B" + struct.pack("<I", len(EVIL)) + EVIL
    legacy = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}." + EVIL + b"\x80\x02]."
    return {
        "pickle-loads": pickled(call(stack_global("pickle", "loads"), inner)),
        "c-pickle-loads": pickled(call(stack_global("_pickle", "loads"), inner)),
        "load-from-bytes": pickled(call(b"ctorch.storage\n_load_from_bytes\n", inner)),
        "joblib-load": pickled(call(stack_global("joblib", "load"), ECHO)),
        "legacy-fourth": legacy,
        "legacy-fifth": legacy.replace(EVIL, b"\x80\x02}.").replace(b"\x80\x02].", EVIL),
    }


def framing() -> dict[str, bytes]:
    """Frames that lie, more than one pickle, and payloads before a mistake."""
    body = call(SYSTEM, ECHO)

    def frame(length: int) -> bytes:
        return b"\x95" + struct.pack("<Q", length)

    return {
        "frame-straddled": pickled(frame(3) + b"N0" + body),
        "frame-too-long": pickled(frame(1 << 20) + body),
        "frame-in-frame": pickled(frame(len(body) + 9) + frame(2) + body),
        "frame-empty": pickled(frame(0) + frame(0) + body),
        "stacked": BENIGN + EVIL,
        "stacked-after-garbage": BENIGN + b"\xff\xfe garbage \0\0" + EVIL,
        "stacked-after-zeros": BENIGN + b"\0" * 4096 + EVIL,
        "stacked-deep": BENIGN * 500 + EVIL,
        "then-an-unknown-opcode": pickled(body + b"\xff"),
        "then-truncated": b"\x80\x04" + body + b"X\xff\xff\0\0",
        "then-an-empty-stack": pickled(body + b"0000"),
        "then-a-missing-memo": pickled(body + b"h\xee"),
        "then-an-invalid-import": pickled(body + b"NN\x93"),
    }


def containers() -> dict[str, bytes]:
    """The payload in archives and arrays, compressed, and behind what a name or a first look says."""
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    npy = b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header + EVIL
    checkpoint = torch_zip(EVIL)
    return {
        "checkpoint.pt": checkpoint,
        "checkpoint.safetensors": checkpoint,
        "objects.npy": npy,
        "objects.npz": _zip({"arr_0.npy": npy}),
        "zip-in-zip.pt": _zip({"inner.pt": checkpoint}),
        "capitals.pt": _zip({"archive/DATA.PKL": EVIL}),
        "second-pickle.pt": _zip({"archive/data.pkl": state_dict_pickle({}), "archive/code/x.debug_pkl": EVIL}),
        "gzip.pkl": gzip.compress(EVIL),
        "zlib.pkl": zlib.compress(EVIL),
        "bz2.pkl": bz2.compress(EVIL),
        "xz.pkl": lzma.compress(EVIL),
        "tar.gz": gzip.compress(_tar({"model/weights": EVIL})),
        "pickle-before-zip.bin": EVIL + _zip({"readme.txt": b"nothing"}),
        "pickle-after-zip.bin": torch_zip(state_dict_pickle({})) + EVIL,
        "picture.png": b"\x89PNG\r\n\x1a\n" + EVIL,
    }


@cache
def bombs() -> dict[str, bytes]:
    """Small files that take a careless scanner for ever, or all memory."""
    unknown = b"csome_package\nfunction\n"
    laughs = (
        b"]("
        + text("ha")
        + b"e\x94"
        + b"".join(b"](" + b"h" + bytes([n]) + b"h" + bytes([n]) + b"e\x94" for n in range(28))
    )
    gzipped = EVIL
    for _ in range(40):
        gzipped = gzip.compress(gzipped, 1)
    return {
        "bomb-dup": pickled(unknown + b"N" + b"2\x86" * 40 + b"\x85R"),
        "bomb-laughs": pickled(unknown + b"(" + laughs + b"tR"),
        "bomb-none": b"N." * 500_000 + EVIL,
        "bomb-missing-gets": b"\x80\x04}q\0" + b"h\xee" * 300_000 + b".",
        "bomb-nesting": pickled(unknown + b"]" * 500_000 + b"a" * 499_999 + b"\x85R"),
        "bomb-tuples": pickled(unknown + b")" + b"\x85" * 200_000 + b"R"),
        "bomb-gzip-in-gzip": gzipped,
        "bomb-opcodes": gzip.compress(b"\x80\x04" + b"N0" * 30_000_000 + EVIL[2:], 1),
        "bomb-length": b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f" + b"x" * 100,
        "bomb-long": b"\x80\x04\x8b\xff\xff\xff\x7f" + b"\x01" * 100_000,
    }


@cache
def all_but_bombs() -> dict[str, bytes]:
    """Every shape that must be called unsafe at least."""
    return spellings() | memo_tricks() | aliases() | nested() | framing() | containers()


def _zip(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def _tar(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()
