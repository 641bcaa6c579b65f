"""The systemd journal's native protocol: fields instead of text (systemd.io/JOURNAL_NATIVE_PROTOCOL).

One datagram per event; an event that is too big for one goes in a sealed memory file whose descriptor is sent. Our own,
for systemd's Python module needs its headers and a compiler, and the others have no maintainers.
"""

from __future__ import annotations

import array
import errno
import fcntl
import json
import os
import re
import socket
import struct
from typing import TYPE_CHECKING, Any, TextIO

from picklewatch.telemetry.log.console import fields_text, summary
from picklewatch.telemetry.log.json_lines import WAIT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from picklewatch.telemetry.log.json_lines import Output

SOCKET = "/run/systemd/journal/socket"
"""The socket that the journal listens on."""
IDENTIFIER = "picklewatch"
"""The name for ``journalctl -t``."""
PRIORITY = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}
"""Level → syslog priority."""

_TOO_BIG = (errno.EMSGSIZE, errno.ENOBUFS)
_F_ADD_SEALS = 1033
_SEALS = 0xF  # F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE
_MAX_NAME = 64


def connected_to_journal(stream: TextIO | None, environ: Mapping[str, str] = os.environ) -> bool:
    """Return True if *stream* leads to the journal: ``JOURNAL_STREAM`` names its device and inode."""
    if stream is None:
        return False
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


class JournalOutput:
    """Output to the journal; to *fallback* where none listens.

    Not where one listens and does not read: standard error leads to the same journal, without the fields.
    """

    def __init__(self, fallback: Output, path: str = SOCKET) -> None:
        self._fallback = fallback
        self._path = path

    def emit(self, event: dict[str, Any], seconds: float = WAIT_SECONDS) -> None:
        """Send *event*. Raises `OSError`."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.settimeout(seconds)
                self._send(sender, encode(event))
        except (TimeoutError, BlockingIOError) as error:
            raise TimeoutError("the journal does not read") from error
        except OSError:
            self._fallback.emit(event, seconds)

    def _send(self, sender: socket.socket, datagram: bytes) -> None:
        try:
            sender.sendto(datagram, self._path)
        except OSError as error:
            if error.errno not in _TOO_BIG:
                raise
            self._send_by_descriptor(sender, datagram)

    def _send_by_descriptor(self, sender: socket.socket, datagram: bytes) -> None:
        fd = os.memfd_create("picklewatch-log", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            view = memoryview(datagram)
            while view:
                view = view[os.write(fd, view) :]
            fcntl.fcntl(fd, _F_ADD_SEALS, _SEALS)
            rights = array.array("i", [fd])
            sender.sendmsg([b""], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)], 0, self._path)
        finally:
            os.close(fd)


def encode(event: Mapping[str, Any]) -> bytes:
    """Return *event*, which is clean, as the journal's fields: ours are called ``PICKLEWATCH_…``."""
    label, text, rest = summary(event)
    message = f"{label}: {text}" if event["event"] == "file.scanned" else f"{text}  {fields_text(rest)}".rstrip()
    fields = {
        "MESSAGE": f"{message}\n{event['exception']}" if event.get("exception") else message,
        "PRIORITY": str(PRIORITY.get(str(event["level"]), 6)),
        "SYSLOG_IDENTIFIER": IDENTIFIER,
    }
    for key, value in event.items():
        if value is not None and key not in ("message", "timestamp"):
            fields[f"PICKLEWATCH_{key}"] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return b"".join(_field(key, value) for key, value in fields.items())


def _field(key: str, value: str) -> bytes:
    name = re.sub(r"[^A-Z0-9_]", "_", key.upper())[:_MAX_NAME].encode()
    data = value.encode("utf-8", "backslashreplace")
    if b"\n" not in data:
        return name + b"=" + data + b"\n"
    return name + b"\n" + struct.pack("<Q", len(data)) + data + b"\n"
