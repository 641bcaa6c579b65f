"""Changes to bytes whose format nobody asks about, and to texts by their words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

_VALUES = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, (1 << 63) - 1, (1 << 64) - 1)


def mutate(data: bytes, rng: Random, words: tuple[bytes, ...] = ()) -> bytes:  # noqa: PLR0911 - one return a change
    """*data* with one change; *words* are put in now and then."""
    at = rng.randrange(len(data) + 1)
    end = min(len(data), at + rng.choice((1, 1, 2, 4, 8, 32)))
    match rng.randrange(9):
        case 0:
            return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
        case 1:
            return data[:at] + rng.randbytes(rng.choice((1, 2, 4, 8))) + data[at:]
        case 2:
            return data[:at] + data[end:]
        case 3:
            return data[:end] + data[at:]
        case 4:
            width = rng.choice((1, 2, 4, 8))
            value = (rng.choice((*_VALUES, len(data), len(data) - at)) + rng.choice((0, 0, 1, -1))) % (1 << 8 * width)
            return data[:at] + value.to_bytes(width, rng.choice(("little", "big"))) + data[at + width :]
        case 5:
            return data[:at]
        case 6 if data:
            other = rng.randrange(len(data))
            return data[:at] + data[other : other + end - at] + data[end:]
        case _ if words:
            return data[:at] + rng.choice(words) + data[rng.choice((at, end)) :]
        case _:
            return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :] if at < len(data) else data
