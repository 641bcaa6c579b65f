"""Durations and sizes as people write them: ``90s``, ``24h``, ``512MiB``. Pure."""

from __future__ import annotations

import math
import re

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
"""Unit of time → seconds."""
BYTES = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "TiB": 1 << 40,
}
"""Unit of size → bytes."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMGT]i?B|B)")

DURATION_PATTERN = r"^(\d+(\.\d+)?\s*(ms|s|min|m|h|d)\s*)+$"
"""The form of a duration's text, for JSON Schema."""
SIZE_PATTERN = r"^\d+(\.\d+)?\s*([kKMGT]i?B|B)$"
"""The form of a size's text, for JSON Schema."""


def parse_duration(value: object) -> float:
    """Return *value* in seconds: it is a number of seconds, or text such as ``1h 30m``.

    Raises ValueError with a sentence for the user.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _not_negative(float(value))
    if isinstance(value, str):
        text = value.strip()
        if text == "0":
            return 0.0
        parts = _DURATION.findall(text)
        if parts and _DURATION.sub("", text).strip() == "":
            return sum(float(number) * SECONDS[unit] for number, unit in parts)
    raise ValueError(f'{value!r} is no duration; write a number of seconds, or text such as "90s", "10m", "24h", "7d"')


def parse_size(value: object) -> int:
    """Return *value* in bytes: it is a number of bytes, or text such as ``512MiB``.

    Raises ValueError with a sentence for the user.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return int(_not_negative(value))
    if isinstance(value, str) and (match := _SIZE.fullmatch(value.strip())) and match[2] in BYTES:
        return int(float(match[1]) * BYTES[match[2]])
    raise ValueError(f'{value!r} is no size; write a number of bytes, or text such as "512MiB", "8GiB", "10MB"')


def show_duration(seconds: float) -> str:
    """Write *seconds* in the largest unit that keeps it exact: ``90s``, ``10m``, ``24h``."""
    for unit in ("d", "h", "m", "s", "ms"):
        amount = seconds / SECONDS[unit]
        if amount >= 1 and math.isclose(amount, round(amount), rel_tol=1e-9):
            return f"{round(amount)}{unit}"
    return f"{seconds:g}s"


def show_size(size: int) -> str:
    """Write *size* in the largest binary unit that keeps it exact: ``512MiB``, ``1000B``."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if size and size % BYTES[unit] == 0:
            return f"{size // BYTES[unit]}{unit}"
    return f"{size}B"


def human_size(size: float) -> str:
    """Write *size* bytes roughly, for a person: ``1.3 GB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:  # noqa: PLR2004
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"  # noqa: PLR2004
        size /= 1000
    return f"{size:.1f} TB"


def _not_negative(number: float) -> float:
    if number < 0 or not math.isfinite(number):
        raise ValueError(f"{number} is negative or not finite")
    return number
