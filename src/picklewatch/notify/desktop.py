"""Shows a message on the desktop: one call of org.freedesktop.Notifications on the session's bus.

Written by hand, a hundred lines: what `busctl`, `gdbus` or `notify-send` would be given is an argument, and everybody
on the machine can read those of every process; the libraries are bindings to C. The format is that of the D-Bus
specification: https://dbus.freedesktop.org/doc/dbus-specification.html#message-protocol
"""

from __future__ import annotations

import html
import os
import socket
import struct
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from picklewatch.core.errors import Error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SECONDS: Final = 20.0
"""For the desktop to answer."""
_LONGEST: Final = 1 << 20
"""Bytes of one message that is read."""
_CALL, _RETURN, _ERROR = 1, 2, 3
_PATH, _INTERFACE, _MEMBER, _ERROR_NAME, _REPLY_SERIAL, _DESTINATION, _SIGNATURE = 1, 2, 3, 4, 5, 6, 8
"""Fields of a header."""
_BUS: Final = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")
_NOTIFICATIONS: Final = (
    "org.freedesktop.Notifications",
    "/org/freedesktop/Notifications",
    "org.freedesktop.Notifications",
)
_CRITICAL: Final = 2
"""The urgency of what stays until somebody closes it."""


class DesktopError(Error):
    """There is no desktop that shows messages."""


def show(message: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> None:
    """Show *message*, the JSON of a notification.

    Raises `DesktopError`.
    """
    title, text = str(message["title"]), html.escape(str(message["text"]), quote=False)  # servers read it as markup
    body = Body()
    for value in ("picklewatch", 0, "dialog-warning", title, text):
        body.put(value)
    body.put(0)  # no actions
    body.put_urgency(_CRITICAL)
    body.data += struct.pack("<i", -1)  # as long as the desktop likes
    try:
        with connected(environ) as bus:
            call(bus, 1, _BUS, "Hello", "", Body())
            call(bus, 2, _NOTIFICATIONS, "Notify", "susssasa{sv}i", body)
    except OSError as error:
        raise DesktopError(f"the session's bus can't be asked: {error.strerror or error}") from None


class Body:
    """The arguments of a call, each at its place."""

    def __init__(self) -> None:
        self.data = bytearray()

    def align(self, size: int) -> None:
        """Pad to a multiple of *size*."""
        self.data += bytes(-len(self.data) % size)

    def put(self, value: str | int) -> None:
        """Append a text, or a number of 32 bits."""
        self.align(4)
        if isinstance(value, int):
            self.data += struct.pack("<I", value)
            return
        encoded = value.replace("\0", "").encode("utf-8", "replace")
        self.data += struct.pack("<I", len(encoded)) + encoded + b"\0"

    def put_urgency(self, urgency: int) -> None:
        """Append the hints: one, the urgency."""
        self.align(4)
        entry = Body()
        entry.put("urgency")
        entry.data += b"\1y\0" + bytes((urgency,))
        self.data += struct.pack("<I", len(entry.data))
        self.align(8)
        self.data += entry.data
        self.align(4)


def connected(environ: Mapping[str, str]) -> socket.socket:
    """Return a connection to the session's bus, as this user.

    Raises `OSError`, `DesktopError`.
    """
    for address in _addresses(environ):
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(_SECONDS)
            connection.connect(address)
            _authenticate(connection)
        except BaseException:
            connection.close()
            raise
        return connection
    raise DesktopError("there is no session's bus here: no desktop, or one of another user's")


def _authenticate(connection: socket.socket) -> None:
    """Say who asks: the kernel's word is what counts."""
    connection.sendall(b"\0AUTH EXTERNAL " + str(os.geteuid()).encode().hex().encode() + b"\r\n")
    if not _line(connection).startswith(b"OK "):
        raise DesktopError("the session's bus does not believe who asks")
    connection.sendall(b"BEGIN\r\n")


def _addresses(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield where the bus may listen, as `socket.connect` takes it."""
    for entry in environ.get("DBUS_SESSION_BUS_ADDRESS", "").split(";"):
        kind, _, rest = entry.partition(":")
        fields = dict(field.partition("=")[::2] for field in rest.split(","))
        if kind == "unix" and "path" in fields:
            yield unquote(fields["path"])
        elif kind == "unix" and "abstract" in fields:
            yield "\0" + unquote(fields["abstract"])
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        yield f"{runtime}/bus"


def _line(connection: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\r\n") and len(line) < _LONGEST:
        piece = connection.recv(1)
        if not piece:
            raise ConnectionResetError(104, "it closed the connection")
        line += piece
    return line


def call(  # noqa: PLR0913, PLR0917 - the fields of a call
    bus: socket.socket, serial: int, whom: tuple[str, str, str], member: str, signature: str, body: Body
) -> None:
    """Call a method, and wait for its end.

    Raises `OSError`, and `DesktopError` with the name of the error that came back.
    """
    destination, path, interface = whom
    texts: list[tuple[int, str, str | int]] = [
        (_PATH, "o", path),
        (_INTERFACE, "s", interface),
        (_MEMBER, "s", member),
        (_DESTINATION, "s", destination),
    ]
    bus.sendall(message_of(_CALL, serial, texts, signature, body))
    while True:
        kind, fields, _ = received(bus)
        if fields.get(_REPLY_SERIAL) == serial and kind in {_RETURN, _ERROR}:
            break
    if kind == _ERROR:
        raise DesktopError(f"the desktop shows no messages: {fields.get(_ERROR_NAME)}")


def message_of(kind: int, serial: int, fields: list[tuple[int, str, str | int]], signature: str, body: Body) -> bytes:
    """Return a message with these fields in its header: each a code, a type and a value."""
    header = Body()
    for code, sort, value in fields:
        header.align(8)
        header.data += bytes((code, 1)) + sort.encode() + b"\0"
        header.put(value)
    if signature:
        header.align(8)
        header.data += bytes((_SIGNATURE, 1)) + b"g\0" + bytes((len(signature),)) + signature.encode() + b"\0"
    start = struct.pack("<cBBBIII", b"l", kind, 0, 1, len(body.data), serial, len(header.data))
    header.align(8)
    return start + bytes(header.data) + bytes(body.data)


def received(bus: socket.socket) -> tuple[int, dict[int, Any], bytes]:
    """Read one message: its kind, the fields of its header, its arguments.

    Raises `OSError`.
    """
    start = _exactly(bus, 16)
    order = "<" if start[:1] == b"l" else ">"
    length, _serial, size = struct.unpack(f"{order}III", start[4:])
    if length + size > _LONGEST:
        raise OSError(90, "a message is too long")
    rest = _exactly(bus, size + (-size % 8) + length)
    fields = dict(_fields(rest[:size], order))
    fields[0] = _serial
    return start[1], fields, rest[size + (-size % 8) :]


def _fields(data: bytes, order: str) -> Iterator[tuple[int, Any]]:
    """Yield the fields of a header: texts, and numbers."""
    at = 0
    try:
        while at < len(data):
            at += -at % 8
            code, sort = data[at], data[at + 2 : at + 3]
            at += 4
            if sort == b"g":
                size, at = data[at], at + 1
            else:
                (size,), at = struct.unpack_from(f"{order}I", data, at), at + 4
            if sort == b"u":
                yield code, size
                continue
            yield code, data[at : at + size].decode("utf-8", "replace")
            at += size + 1
    except (IndexError, struct.error):
        raise OSError(74, "a message can't be read") from None


def _exactly(bus: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = bus.recv(size - len(data))
        if not piece:
            raise ConnectionResetError(104, "it closed the connection")
        data += piece
    return bytes(data)
