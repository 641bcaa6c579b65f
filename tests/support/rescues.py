"""Rescues without processes: the child's half called directly, and what it planned read back."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from picklewatch.analysis.content import scan_content
from picklewatch.analysis.rescue.plan import rescue as plan
from picklewatch.core.model import Limits
from picklewatch.core.rescue_plan import ELEMENT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picklewatch.core.model import ScanReport
    from picklewatch.sandbox import RescueRequest

LIMITS = Limits(seconds=30, opcodes=1_000_000, member=1 << 24)


@dataclass
class Planned:
    """What the child's half said of one content."""

    lines: list[dict[str, Any]]
    raw: bytes
    content: bytes

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """The lines of one kind."""
        return [line for line in self.lines if line["kind"] == kind]

    @property
    def left(self) -> dict[str, str]:
        """What is left out, and why; plain values aside."""
        return {line["name"]: line["text"] for line in self.of_kind("left") if not line["plain"]}

    @property
    def tensors(self) -> dict[str, tuple[str, str, bytes]]:
        """Type, shape and bytes of each tensor, copied or sent as the plan says."""
        found, at = {}, sum(line["bytes"] for line in self.of_kind("pickle"))
        for part in self.of_kind("part"):
            begin, size = part["begin"], part["bytes"]
            if begin >= 0:
                content = self.content[begin : begin + size]
            else:
                content, at = self.raw[at : at + size], at + size
            assert len(content) == size
            found[part["name"]] = part["dtype"], part["shape"], content
        assert at == len(self.raw)
        return found


def planned(content: bytes, only: str | None = None, *, anew: bool = False, limits: Limits = LIMITS) -> Planned:
    """Plan a rescue of *content*."""
    lines: list[dict[str, Any]] = []
    raw = bytearray()
    plan(memoryview(content), limits, {"only": only, "anew": anew}, lines.append, raw.extend)
    return Planned(lines, bytes(raw), content)


class InProcess:
    """Takes the place of a `Rescuer`: the same two halves without a border between them."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits

    def rescue(self, fd: int, request: RescueRequest) -> Iterator[dict[str, Any] | bytes]:
        """Plan what can be saved."""
        said = planned(_content(fd), request.only, anew=request.anew, limits=self._limits)
        yield from said.lines
        yield from (said.raw[at : at + 1000] for at in range(0, len(said.raw), 1000))

    def scan(self, fd: int) -> ScanReport:
        """Scan a content."""
        return scan_content(_content(fd), self._limits)


def _content(fd: int) -> bytes:
    return os.pread(fd, os.fstat(fd).st_size, 0)


@contextmanager
def descriptor(content: bytes) -> Iterator[int]:
    """Give a descriptor of *content*."""
    fd = os.memfd_create("content", os.MFD_CLOEXEC)
    try:
        os.write(fd, content)
        yield fd
    finally:
        os.close(fd)


def read_safetensors(path: Path) -> dict[str, tuple[str, str, bytes]]:
    """Read a safetensors file as its format says; no byte of it may be left over or used twice."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header.pop("__metadata__")
    end, found = 0, {}
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, stop = entry["data_offsets"]
        assert begin == end
        assert begin % ELEMENT_BYTES[entry["dtype"]] == 0
        end = stop
        found[name] = entry["dtype"], ",".join(map(str, entry["shape"])), data[start + begin : start + stop]
    assert start + end == len(data)
    return found


def names_in(directory: Path) -> list[str]:
    """The names in *directory*."""
    return sorted(path.name for path in directory.iterdir())
