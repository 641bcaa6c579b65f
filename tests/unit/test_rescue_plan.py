"""The child's half of a rescue: which bytes of a file are which tensor."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle as standard
import struct
import zipfile
import zlib
from typing import Any

import joblib
import numpy as np
import pytest
from samples import opcodes as op
from samples.torch_checkpoint import checkpoint, torch_zip
from support.rescues import planned

from picklewatch.analysis.rescue import planning
from picklewatch.core.model import Limits
from picklewatch.core.rescue_plan import LONGEST_NAME, MOST_LEFT, room

FLOATS = struct.pack("<16f", *range(16))
EVIL = op.call("os", "system", op.text("true"))


def floats(*values: float) -> bytes:
    """The bytes of some numbers of four bytes."""
    return struct.pack(f"<{len(values)}f", *values)


def whole(offset: int = 0, size: tuple[int, ...] = (16,), stride: tuple[int, ...] = (1,)) -> bytes:
    """A tensor over the only storage, of sixteen numbers."""
    return op.tensor(op.storage(), op.sizes(*size), op.sizes(*stride), offset)


def archive(value: bytes, storages: dict[str, bytes] | None = None) -> bytes:
    """A checkpoint of *value* over sixteen numbers."""
    return torch_zip(op.pickle(2, value), {"0": FLOATS} if storages is None else storages)


def legacy(value: bytes, storages: dict[str, bytes]) -> bytes:
    """A file as torch wrote it before its archives."""
    pickles = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
    head = b"".join(standard.dumps(one, 2) for one in pickles) + op.pickle(2, value)
    raw = b"".join(struct.pack("<q", len(one) // 4) + one for one in storages.values())
    return head + standard.dumps(list(storages), 2) + raw


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """An archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return file.getvalue()


def test_tensors_are_found_by_their_names_and_copied_from_the_file() -> None:
    """Nothing of a state_dict as torch writes it has to be sent: the plan says where it lies."""
    said = planned(checkpoint({"layer.weight": [1.0, 2.0], "bias": [3.0]}))
    assert said.tensors == {"layer.weight": ("F32", "2", floats(1, 2)), "bias": ("F32", "1", floats(3))}
    assert said.raw == b""
    assert said.left == {}


def test_names_of_nested_values_are_joined() -> None:
    """Keys, numbers of lists and tuples, and attributes lead to a tensor."""
    value = op.dict_(a=op.EMPTY_LIST + op.dict_(b=op.tuple_(whole())) + op.APPEND, n=op.number(3))
    said = planned(archive(value))
    assert list(said.tensors) == ["a.0.b.0"]
    assert [line["name"] for line in said.of_kind("left") if line["plain"]] == ["n"]


@pytest.mark.parametrize(
    ("made", "shape", "values"),
    [
        (whole(2, (3,), (1,)), "3", [2, 3, 4]),
        (whole(0, (4, 4), (1, 4)), "4,4", [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15]),
        (whole(1, (2, 2), (8, 3)), "2,2", [1, 4, 9, 12]),
        (whole(0, (1, 2, 2, 2), (8, 1, 4, 2)), "1,2,2,2", [0, 2, 4, 6, 1, 3, 5, 7]),
        (whole(5, (), ()), "", [5]),
        (whole(0, (3, 0, 2), (0, 2, 1)), "3,0,2", []),
        (whole(0, (1, 2), (0, 1)), "1,2", [0, 1]),
    ],
    ids=["slice", "transposed", "steps", "channels-last", "scalar", "empty", "a stride that is not used"],
)
def test_any_strides_give_the_elements_in_order(made: bytes, shape: str, values: list[float]) -> None:
    """What is no plain range of the file is gathered and sent."""
    assert planned(archive(made)).tensors == {"tensor": ("F32", shape, floats(*values))}


@pytest.mark.parametrize(
    "made",
    [
        whole(10, (7,), (1,)),
        whole(0, (1 << 61,), (1,)),
        whole(1 << 62, (1,), (1,)),
        whole(-4, (1,), (1,)),
        whole(0, (-1,), (1,)),
        whole(0, (2, 2), (1,)),
        op.tensor(op.storage("0", 1 << 62), op.sizes(1 << 62), op.sizes(1)),
        op.tensor(op.storage("7"), op.sizes(1), op.sizes(1)),
        op.tensor(op.storage(kind="StrangeStorage"), op.sizes(1), op.sizes(1)),
        op.tensor(op.NONE, op.sizes(1), op.sizes(1)),
        op.call("torch._utils", "_rebuild_tensor_v2", op.storage()),
        op.call("torch._utils", "_rebuild_sparse_tensor", op.number(0), op.EMPTY_TUPLE),
        whole(0, (1000, 1000), (0, 0)),
        whole(0, (8, 8), (1, 1)),
        whole(0, (1 << 62, 1 << 62, 0), (1, 1, 1)),
    ],
)
@pytest.mark.parametrize("anew", [False, True])
def test_an_unsound_tensor_is_left_out_and_its_neighbour_saved(made: bytes, *, anew: bool) -> None:
    """No number of the pickle leads out of the storage, or to more bytes than there are."""
    said = planned(archive(op.dict_(bad=made, good=whole())), anew=anew)
    assert tuple(content for _, _, content in said.tensors.values()) == (FLOATS,)
    assert set(said.left) <= {"bad"}
    assert anew or set(said.left) == {"bad"}


def test_a_conjugated_view_is_left_out() -> None:
    """Its bytes are not its values."""
    args = op.tuple_(op.storage(), op.number(0), op.sizes(2), op.sizes(1), op.FALSE, op.NONE, op.dict_(conj=op.TRUE))
    made = op.global_("torch._utils", "_rebuild_tensor_v2") + args + op.REDUCE
    assert "conjugated" in planned(archive(op.dict_(bad=made))).left["bad"]
    args = args[:-1] + op.global_("torch", "complex64") + op.dict_(neg=op.TRUE) + op.TUPLE
    args = args.replace(op.dict_(conj=op.TRUE), b"")
    made = op.global_("torch._utils", "_rebuild_tensor_v3") + args + op.REDUCE
    assert "negated" in planned(archive(op.dict_(bad=made))).left["bad"]


def test_one_storage_under_many_names_is_bounded() -> None:
    """No more than twice the file and a gigabyte is written, however many names an attacker gives it."""
    size = 1 << 20
    made = op.tensor(op.storage(elements=size // 4), op.sizes(size // 4), op.sizes(1))
    content = archive(op.dict_(**{f"n{number}": made for number in range(2_000)}), {"0": bytes(size)})
    said = planned(content)
    parts = said.of_kind("part")
    assert sum(part["bytes"] for part in parts) <= room(len(content))
    assert len(parts) + len(said.left) == 2_000
    assert len(planned(content, anew=True).of_kind("part")) == 1


def test_a_text_that_looks_like_a_stand_in_takes_nothing_from_another_key() -> None:
    """A key that is no text gets a name; the tensor under the same letters is saved, too."""
    other = op.tensor(op.storage(), op.sizes(1), op.sizes(1), 3)
    pairs = op.text("<key 1>") + whole(0, (1,), (1,)) + op.tuple_(op.number(1)) + other
    said = planned(archive(op.EMPTY_DICT + op.MARK + pairs + op.SETITEMS))
    assert said.tensors == {"<key 1>": ("F32", "1", floats(0)), "<key 1>#2": ("F32", "1", floats(3))}
    assert [line["text"] for line in said.of_kind("renamed")] == ["<key 1>#2"]


def test_names_stay_apart_and_harmless() -> None:
    """Two ways to one name, the name that safetensors keeps for itself, and what could act on a terminal."""
    hostile = "../../x\n\x1b[31m"
    value = op.EMPTY_DICT + op.MARK
    value += op.text("a.b") + whole(0, (1,), (1,)) + op.text("a") + op.dict_(b=whole(1, (1,), (1,)))
    value += op.text("__metadata__") + whole(2, (1,), (1,)) + op.text(hostile) + whole(3, (1,), (1,)) + op.SETITEMS
    said = planned(archive(value))
    assert {name: content for name, (_, _, content) in said.tensors.items()} == {
        "a.b": floats(0),
        "a.b#2": floats(1),
        "__metadata__.tensor": floats(2),
        r"../../x\x0a\x1b[31m": floats(3),
    }
    assert [(line["name"], line["text"]) for line in said.of_kind("renamed")] == [
        ("a.b", "a.b#2"),
        ("__metadata__", "__metadata__.tensor"),
    ]


def test_a_name_that_is_too_long_is_left_out() -> None:
    """Nothing else is lost by it."""
    length = LONGEST_NAME + 1
    value = op.EMPTY_DICT + op.MARK + op.text("n" * length) + whole() + op.text("good") + whole() + op.SETITEMS
    said = planned(archive(value))
    assert list(said.tensors) == ["good"]
    assert len(said.left) == 1
    assert all(len(line["name"]) < LONGEST_NAME for line in said.of_kind("left"))


def test_a_key_that_is_no_name_gets_one() -> None:
    """Ten megabytes of text, or a tuple: the tensor is saved, under a number."""
    value = op.EMPTY_DICT + op.MARK + op.text("n" * 10_000_000) + whole() + op.sizes(1, 2) + whole() + op.SETITEMS
    assert list(planned(archive(value)).tensors) == ["<key 0>", "<key 1>"]


def test_many_names_that_are_the_same_take_no_time_to_tell_apart() -> None:
    """A number is counted for each name, not looked for."""
    inner = op.dict_(b=whole(0, (1,), (1,)))
    names = [("." * number + "a" if number else "a") for number in range(3)]
    value = op.EMPTY_DICT + op.MARK + b"".join(op.text(name) + inner for name in names) + op.SETITEMS
    assert len(planned(archive(value)).tensors) == 3


def test_keys_of_every_plain_kind_stay_themselves() -> None:
    """Numbers, None, truth; of others the item is left out of a checkpoint made anew, for it would be another's."""
    value = op.EMPTY_DICT + op.MARK
    for key in (op.number(7), op.NONE, op.TRUE, b"G" + struct.pack(">d", 2.5), op.number(1 << 80), op.sizes(1)):
        value += key + op.number(3)
    said = planned(archive(value + op.SETITEMS), anew=True)
    plain = b"J\7\0\0\0J\3\0\0\0NJ\3\0\0\0\x88J\3\0\0\0G" + struct.pack(">d", 2.5) + b"J\3\0\0\0u."
    assert said.raw.endswith(plain)
    assert len(said.left) == 2


def test_a_value_that_holds_itself_ends() -> None:
    """The cycle is said; what lies beside it is saved."""
    value = op.EMPTY_DICT + op.put(0) + op.MARK + op.text("me") + op.get(0) + op.text("t") + whole() + op.SETITEMS
    said = planned(archive(value))
    assert list(said.tensors) == ["t"]
    assert said.left == {"me": "it holds itself"}
    assert planned(archive(value), anew=True).left == {}


def test_sharing_does_not_multiply_the_work() -> None:
    """Fifty tuples of two of the one before are 2^50 values to a reader without a bound."""
    value = whole(0, (1,), (1,)) + op.put(0)
    for number in range(50):
        value += op.POP + op.tuple_(op.get(number), op.get(number)) + op.put(number + 1)
    pickled = op.pickle(2, op.EMPTY_LIST, value, op.APPEND)
    said = planned(torch_zip(pickled, {"0": FLOATS}), anew=True)
    assert len(said.of_kind("part")) == 1
    assert len(said.raw) < 10_000


def modules(depth: int, width: int) -> bytes:
    """Modules that hold the one before *width* times, and a parameter in the first."""
    made = op.new("net", "Net") + op.dict_(
        _parameters=op.dict_(w=whole()), _buffers=op.EMPTY_DICT, _modules=op.EMPTY_DICT
    )
    made += op.BUILD + op.put(1000)
    for number in range(depth):
        held = {f"m{place}": op.get(1000 + number) for place in range(width)}
        state = op.dict_(_parameters=op.EMPTY_DICT, _modules=op.dict_(**held))
        made += op.POP + op.new("net", "Net") + state + op.BUILD + op.put(1001 + number)
    return made


def test_a_module_becomes_its_state_dict() -> None:
    """By the names that ``state_dict()`` gives; one under two names has both."""
    said = planned(archive(modules(2, 2)))
    assert list(said.tensors) == ["m0.m0.w", "m0.m1.w", "m1.m0.w", "m1.m1.w"]
    said = planned(archive(modules(2, 2)), anew=True)
    assert all(op.text(name)[2:] in said.raw for name in ("m0.m0.w", "m0.m1.w", "m1.m0.w", "m1.m1.w"))
    assert len(said.of_kind("part")) == 1


def test_modules_that_hold_each_other_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty that each hold the one before twice have 2^50 parameters to a reader without a bound."""
    monkeypatch.setattr(planning, "_SHARED", 10_000)
    assert "hold each other" in planned(archive(modules(50, 2)), anew=True).left[""]
    assert any("can be reached" in why for why in planned(archive(modules(50, 2))).left.values())


def test_depth_is_bounded() -> None:
    """Ten thousand lists within each other take no stack."""
    value = op.EMPTY_LIST * 10_000 + op.APPEND * 9_999
    for anew in (False, True):
        assert any("deep" in why for why in planned(op.pickle(2, value), anew=anew).left.values())


@pytest.mark.parametrize(
    ("pickled", "name"),
    [
        (op.pickle(2, EVIL, op.POP, op.dict_(w=whole())), "w"),
        (op.pickle(2, op.dict_(w=whole(), evil=EVIL)), "w"),
        (op.pickle(2, op.tuple_(EVIL, op.dict_(w=whole()))), "1.w"),
        (op.pickle(2, op.call("os", "system", op.dict_(w=whole()))), "args.0.w"),
        (op.pickle(2, op.new("evil", "Net"), op.dict_(net=op.dict_(w=whole())), op.BUILD), "net.w"),
    ],
    ids=["before", "inside", "beside", "around", "class"],
)
def test_the_weights_of_a_hostile_file_are_found(pickled: bytes, name: str) -> None:
    """Wherever the call is, the tensors are the same bytes."""
    assert planned(torch_zip(pickled, {"0": FLOATS})).tensors == {name: ("F32", "16", FLOATS)}


def test_only_one_subtree_is_taken_without_its_name() -> None:
    """What else there is, is neither saved nor said."""
    content = archive(op.dict_(state_dict=op.dict_(w=whole()), other=whole(), n=op.number(1)))
    said = planned(content, "state_dict")
    assert list(said.tensors) == ["w"]
    assert said.of_kind("left") == []
    flat = op.EMPTY_DICT + op.text("model.layer.w") + whole() + op.SETITEM
    for anew in (False, True):
        assert planned(archive(flat), "model.layer", anew=anew).of_kind("part")
    assert list(planned(archive(op.dict_(sd=flat)), "sd.model").tensors) == ["layer.w"]
    assert planned(content, "nothing").left == {"": "there is nothing under the name nothing"}


def test_the_list_of_what_is_left_out_is_bounded_and_counted() -> None:
    """A million numbers are not a million lines."""
    value = op.EMPTY_LIST + op.MARK + op.number(1) * (MOST_LEFT + 10) + op.APPENDS
    said = planned(op.pickle(2, value))
    assert len(said.of_kind("left")) == MOST_LEFT
    assert said.of_kind("planned") == [{"kind": "planned", "plain": MOST_LEFT + 10, "others": 0}]


def test_a_tensor_behind_millions_of_values_is_found() -> None:
    """A vocabulary is as large as it likes: each of its values takes a byte of the file."""
    many = op.EMPTY_LIST + op.MARK + op.NONE * 1_500_000 + op.APPENDS
    for anew in (False, True):
        said = planned(archive(op.dict_(many=many, w=whole())), anew=anew, limits=Limits())
        assert len(said.of_kind("part")) == 1
        assert said.left == {}


def test_nothing_is_left_out_of_a_large_dict_or_list() -> None:
    """The engine drops numbers past a cap that it does not judge; here they are kept."""
    many = 70_000
    value = op.EMPTY_LIST + op.MARK + op.number(1) * many + op.APPENDS
    said = planned(op.pickle(2, op.dict_(a=value, w=whole())), anew=True)
    assert said.raw.count(op.number(1)[:0] + b"J\1\0\0\0") >= many


# --- containers -----------------------------------------------------------------------------------------------------


def test_legacy_files_have_their_storages_behind_five_pickles() -> None:
    """Each is counted; one that is not what the pickle says ends the reading."""
    good = legacy(op.dict_(w=whole()), {"0": FLOATS})
    assert planned(good).tensors == {"w": ("F32", "16", FLOATS)}
    assert planned(good).raw == b""
    assert "no storage" in planned(good[:-1]).left["w"]
    assert "no storage" in planned(legacy(op.dict_(w=whole()), {"0": FLOATS[:8]})).left["w"]


def test_a_storage_within_a_pickle_is_found_in_the_file() -> None:
    """``pickle.dump`` of a tensor holds the storage as torch's legacy file, in bytes."""
    inner = legacy(op.storage(), {"0": FLOATS})
    loaded = op.call("torch.storage", "_load_from_bytes", op.data(inner + bytes(0)))
    said = planned(op.pickle(4, op.dict_(w=op.tensor(loaded, op.sizes(16), op.sizes(1)))))
    assert said.tensors == {"w": ("F32", "16", FLOATS)}


def test_deflated_members_are_unpacked() -> None:
    """What they unpack to is sent."""
    members = {"a/data.pkl": op.pickle(2, op.dict_(w=whole(1, (2,), (1,)))), "a/data/0": FLOATS, "a/version": b"3"}
    assert planned(zipped(members, zipfile.ZIP_DEFLATED)).tensors == {"w": ("F32", "2", floats(1, 2))}


def test_a_member_that_lies_about_its_size_is_left_out() -> None:
    """The plan's numbers must hold: what unpacks to another size is not planned."""
    content = bytearray(zipped({"data.pkl": op.pickle(2, op.dict_(w=whole())), "data/0": FLOATS}, zipfile.ZIP_DEFLATED))
    for place in (content.rfind(b"PK\1\2") + 24, content.rfind(b"PK\3\4") + 22):
        content[place : place + 4] = struct.pack("<I", 60)
    assert "not as large" in planned(bytes(content)).left["w"]


def test_of_two_members_of_one_name_the_last_is_taken() -> None:
    """It is said: readers disagree about which one counts."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("data.pkl", op.pickle(2, op.dict_(w=whole())))
        made.writestr("data/0", bytes(64))
        with pytest.warns(UserWarning, match="Duplicate"):
            made.writestr("data/0", FLOATS)
    said = planned(file.getvalue())
    assert said.tensors == {"w": ("F32", "16", FLOATS)}
    assert "last" in said.left["data/0"]


def test_members_that_overlap_are_bounded_like_any_others() -> None:
    """A directory whose entries all lead to one member writes no more than the room."""
    size, count = 1 << 20, 1_200
    items = {
        f"n{number}": op.tensor(op.storage(str(number), size // 4), op.sizes(size // 4), op.sizes(1))
        for number in range(count)
    }
    content = zipped({"data.pkl": op.pickle(2, op.dict_(**items)), "data/0": bytes(size)})
    at = content.rfind(b"PK\1\2")
    end = content.rfind(b"PK\5\6")
    entry = content[at:end]
    entries = b"".join(
        entry[:28] + struct.pack("<H", len(name)) + entry[30:46] + name
        for name in (f"data/{number}".encode() for number in range(count))
    )
    first = content.find(b"PK\1\2")
    total = end - first - len(entry) + len(entries)
    tail = content[end : end + 8] + struct.pack("<2H2I", count + 1, count + 1, total, first) + b"\0\0"
    content = content[:at] + entries + tail
    for anew in (False, True):
        parts = planned(content, anew=anew).of_kind("part")
        assert 0 < sum(part["bytes"] for part in parts) <= room(len(content))


def test_big_endian_storages_are_turned_round() -> None:
    """An archive says so in a member of its own."""
    members = {"data.pkl": op.pickle(2, op.dict_(w=whole(0, (2,), (1,)))), "byteorder": b"big"}
    said = planned(zipped({**members, "data/0": struct.pack(">16f", *range(16))}))
    assert said.tensors == {"w": ("F32", "2", floats(0, 1))}


ARRAYS = {
    "f8": np.arange(6.0).reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(6, dtype="f4").reshape(2, 3)),
    "big": np.arange(5, dtype=">i4"),
    "bool": np.array([True, False]),
    "u2": np.arange(3, dtype="u2"),
    "complex": np.array([1 + 2j, 3], dtype=">c8"),
    "scalar": np.array(2.5),
    "empty": np.zeros((3, 0)),
    "large": np.arange(3000.0),
}


def expected() -> dict[str, bytes]:
    """The bytes of `ARRAYS` in their order, little-endian."""
    return {name: one.astype(one.dtype.newbyteorder("<")).tobytes("C") for name, one in ARRAYS.items()}


def npy(array: np.ndarray) -> bytes:
    """A ``.npy`` file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_arrays_of_numpy_pickles_are_saved(protocol: int) -> None:
    """Protocol 2 spells bytes as text, protocol 5 as buffers."""
    said = planned(standard.dumps({**ARRAYS, "number": np.float64(1.5)}, protocol))
    assert {name: content for name, (_, _, content) in said.tensors.items()} == expected()
    assert said.left == {}


@pytest.mark.parametrize("pack", [0, 3, ("gzip", 3), ("bz2", 3), ("lzma", 3), ("xz", 3)])
def test_arrays_of_joblib_lie_between_the_opcodes(pack: Any) -> None:
    """Of a file that is not packed they are copied; objects are left out."""
    file = io.BytesIO()
    joblib.dump({**ARRAYS, "objects": np.array([{}, "x"], object)}, file, compress=pack)
    said = planned(file.getvalue())
    assert {name: content for name, (_, _, content) in said.tensors.items()} == expected()
    assert set(said.left) == {"objects"}
    assert any(part["begin"] > 0 for part in said.of_kind("part")) == (pack == 0)


@pytest.mark.parametrize("long", [False, True])
def test_arrays_that_python_2_wrote_are_saved(*, long: bool) -> None:
    """It had no bytes: theirs are a str, which numpy takes for Latin-1."""
    content = bytes(range(256)) * (64 if long else 1)
    spelt = b"T" + struct.pack("<I", len(content)) + content
    made = op.array(op.sizes(len(content) // 4), op.dtype("f4"), spelt)
    assert [kept for _, _, kept in planned(op.pickle(2, op.dict_(a=made))).tensors.values()] == [content]


def test_arrays_of_npy_and_npz_files_are_saved() -> None:
    """One by one, and packed or not."""
    for name, array in ARRAYS.items():
        assert [content for _, _, content in planned(npy(array)).tensors.values()] == [expected()[name]]
    for save in (np.savez, np.savez_compressed):
        file = io.BytesIO()
        save(file, objects=np.array([{}], object), **ARRAYS)
        said = planned(file.getvalue())
        assert {name: content for name, (_, _, content) in said.tensors.items()} == expected()
        assert set(said.left) == {"objects"}


def test_complex_numbers_of_sixteen_bytes_have_no_place_in_safetensors() -> None:
    """Torch's own files hold them."""
    content = npy(np.array([1j, 2]))
    assert "complex" in planned(content).left[""]
    assert [part["dtype"] for part in planned(content, anew=True).of_kind("part")] == ["C128"]


@pytest.mark.parametrize(
    "pack", [gzip.compress, zlib.compress, bz2.compress, lzma.compress], ids=lambda one: one.__module__
)
def test_compressed_pickles_are_unpacked(pack: object) -> None:
    """Joblib and pandas write them."""
    said = planned(pack(standard.dumps(ARRAYS, 4)))  # type: ignore[operator]
    assert {name: content for name, (_, _, content) in said.tensors.items()} == expected()
    broken = planned(pack(standard.dumps(ARRAYS, 4))[:-20])  # type: ignore[operator]
    assert broken.of_kind("planned")


def test_a_bomb_is_not_unpacked() -> None:
    """A stream that unpacks to more than the limit is said to."""
    assert "larger than" in planned(gzip.compress(bytes(1 << 25))).left[""]


@pytest.mark.parametrize(
    "content",
    [b"", b"text", b"PK\3\4", b"PK\3\4" + bytes(60), b"\x93NUMPY", b"\x93NUMPY\1\0\xff\xff{}", op.pickle(2, op.NONE),
     b"\x80\x04}", zipped({}), zipped({"readme": b"x"}), zipped({"data.pkl": b""}), zipped({"a.npy": b""})],
    ids=range(12),
)  # fmt: skip
@pytest.mark.parametrize("anew", [False, True])
def test_what_holds_no_tensor_has_a_plan_without_one(content: bytes, *, anew: bool) -> None:
    """Anything at all ends with a plan."""
    said = planned(content, anew=anew)
    assert said.of_kind("part") == []
    assert len(said.of_kind("planned")) == 1
