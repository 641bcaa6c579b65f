"""The parent's half of a rescue: a plan is read as if an attacker had written it."""

from __future__ import annotations

from typing import Any

import pytest

from picklewatch.core.errors import Error
from picklewatch.core.rescue_plan import LONGEST_NAME, MOST_LEFT, room
from picklewatch.rescue.planned import NonsenseError, PlanReader, Sent

SIZE = 1_000
PLANNED = {"kind": "planned", "plain": 0, "others": 0}
PICKLE = {"kind": "pickle", "bytes": 10}


def part(**fields: Any) -> dict[str, Any]:
    """A tensor of four numbers at the start of the file."""
    return {"kind": "part", "name": "w", "dtype": "F32", "shape": "4", "bytes": 16, "begin": 0, **fields}


def read(*lines: dict[str, Any] | bytes, anew: bool = False) -> Any:
    """Read a plan for a file of `SIZE` bytes."""
    return PlanReader(SIZE, anew=anew).read(iter(lines))


def test_a_sound_plan_is_read() -> None:
    """Tensors, what is left out, and the counts."""
    left = {"kind": "left", "name": "n", "text": "int 3", "plain": True}
    plan = read(left, part(), part(name="v", begin=-1, shape="", bytes=4), {**PLANNED, "plain": 7, "others": 2})
    assert [one.name for one in plan.parts] == ["w", "v"]
    assert (plan.plain, plan.others, plan.left[0].name) == (7, 2, "n")


NONSENSE: dict[str, tuple[dict[str, Any] | bytes, ...]] = {
    "nothing": (),
    "no end": (part(),),
    "bytes before the plan": (b"x", PLANNED),
    "an unknown kind": ({"kind": "other"}, PLANNED),
    "no kind": ({}, PLANNED),
    "a pickle that nobody asked for": (PICKLE, PLANNED),
    "the same name twice": (part(), part(), PLANNED),
    "the name of the metadata": (part(name="__metadata__"), PLANNED),
    "no name": (part(name=""), PLANNED),
    "too long a name": (part(name="n" * (LONGEST_NAME + 1)), PLANNED),
    "a name that is none": (part(name=3), PLANNED),
    "an unknown type": (part(dtype="F31"), PLANNED),
    "a type that safetensors lacks": (part(dtype="C128", shape="1"), PLANNED),
    "beyond the file": (part(begin=SIZE - 15), PLANNED),
    "far beyond the file": (part(begin=1 << 62), PLANNED),
    "before the file": (part(begin=-2), PLANNED),
    "fewer bytes than its shape": (part(bytes=15), PLANNED),
    "negative bytes": (part(bytes=-16), PLANNED),
    "true for a number": (part(bytes=True, shape="", dtype="U8"), PLANNED),
    "a negative length": (part(shape="-4"), PLANNED),
    "two negative lengths": (part(shape="-2,-2"), PLANNED),
    "a shape that is none": (part(shape="4,"), PLANNED),
    "digits of another script": (part(shape="٤"), PLANNED),
    "too many dimensions": (part(shape=",".join("1" * 70), bytes=4), PLANNED),
    "an empty tensor whose lengths overflow": (part(shape=f"{1 << 62},{1 << 62},0", bytes=0), PLANNED),
    "more than there is room": (part(shape=f"{room(SIZE)}", bytes=4 * room(SIZE), begin=-1), PLANNED),
    "no fields": ({"kind": "part"}, PLANNED),
    "counts that are none": ({**PLANNED, "others": -1},),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_not_believed(name: str) -> None:
    """Nothing is copied by a plan that no sound child makes."""
    with pytest.raises(NonsenseError):
        read(*NONSENSE[name])


@pytest.mark.parametrize(
    "lines",
    [
        (part(name="0"), PLANNED),
        (PICKLE, PICKLE, PLANNED),
        ({**PICKLE, "bytes": -1}, PLANNED),
        ({**PICKLE, "bytes": room(SIZE) + 1}, PLANNED),
        (PICKLE, part(name="../../data.pkl"), PLANNED),
        (PICKLE, part(name="0\n"), PLANNED),
    ],
    ids=["no pickle", "two", "negative", "too large", "a path for a key", "a line for a key"],
)
def test_nonsense_about_a_whole_checkpoint_is_not_believed(lines: tuple[dict[str, Any], ...]) -> None:
    """Its storages are numbered, its pickle is one."""
    assert read(PICKLE, part(name="0"), PLANNED, anew=True).pickle == 10
    with pytest.raises(NonsenseError):
        read(*lines, anew=True)


def test_all_parts_together_have_no_more_than_the_room() -> None:
    """Twice the file and a gigabyte, however the sum is made."""
    half = room(SIZE) // 2 + 4
    sent = [part(name=str(number), dtype="U8", shape=f"{half}", bytes=half, begin=-1) for number in range(2)]
    assert read(sent[0], PLANNED).parts
    with pytest.raises(NonsenseError):
        read(*sent, PLANNED)


def test_a_list_without_an_end_is_not_read() -> None:
    """What is left out is listed to a bound."""
    left = {"kind": "left", "name": "n", "text": "", "plain": True}
    with pytest.raises(NonsenseError):
        read(*[left] * (2 * MOST_LEFT + 1), PLANNED)


def test_a_child_that_breaks_off_is_an_error_with_its_reason() -> None:
    """A crash is no nonsense, and no success."""
    with pytest.raises(Error, match="out of memory"):
        read(part(), {"kind": "broken", "text": "out of memory"})
    with pytest.raises(Error, match="out of memory"):
        list(Sent(iter([b"ab", {"kind": "broken", "text": "out of memory"}])).take(3))


def test_bytes_are_taken_in_order_across_pieces() -> None:
    """The pipe cuts them as it likes."""
    sent = Sent(iter([b"abc", b"de", b"f"]))
    assert [b"".join(sent.take(size)) for size in (1, 0, 4, 1)] == [b"a", b"", b"bcde", b"f"]
    sent.finish()


@pytest.mark.parametrize(
    ("pieces", "size"),
    [([b"abc"], 4), ([b"abc"], 2), ([b"abc", b"d"], 3), ([b"abc", {"kind": "part"}], 3)],
    ids=["fewer", "more in one piece", "more", "another line"],
)
def test_other_bytes_than_planned_are_an_error(pieces: list[Any], size: int) -> None:
    """Fewer, more, or anything else."""
    sent = Sent(iter(pieces))
    with pytest.raises(NonsenseError):  # noqa: PT012 - the one or the other raises
        list(sent.take(size))
        sent.finish()
