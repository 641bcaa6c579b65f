"""Scans that do not come to their end, and paths that can't be opened: which rule says so."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sandbox_acts.hostile import JOB

from picklewatch.access.open_file import SubjectError, open_subject
from picklewatch.core.model import Limits
from picklewatch.sandbox import Scanner

if TYPE_CHECKING:
    from pathlib import Path


def acted(act: str, limits: Limits | None = None) -> list[str]:
    """The rules of a scan that does *act* (see `sandbox_acts.hostile`) in a real locked-down child."""
    descriptor = os.memfd_create("content", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, act.encode() + b"\n" + bytes(100))
        with Scanner(limits or Limits(), job=JOB) as scanner:
            return [finding.rule for finding in scanner.scan(descriptor).findings]
    finally:
        os.close(descriptor)


def problem(path: Path) -> str | None:
    """Why *path* can't be judged, None if it can be."""
    try:
        open_subject(path).close()
    except SubjectError as error:
        return error.kind.value
    return None
