"""A session's bus (a real dbus-daemon), and a stand-in for the desktop that notes what it is to show.

``python -m support.desktop FILE`` is the stand-in: it writes each message as a line of JSON.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from support.watching import PATIENCE, eventually

from picklewatch.notify import desktop

BUS = "/usr/bin/dbus-daemon"
_POLICY = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/><allow user="*"/></policy>
</busconfig>
"""


class Session:
    """A bus in *base*, with or without a desktop."""

    def __init__(self, base: Path) -> None:
        self.address = base / "bus"
        self._shown = base / "shown"
        config = base / "bus.conf"
        config.write_text(_POLICY % self.address)
        self._bus = subprocess.Popen([BUS, f"--config-file={config}", "--nofork", "--nopidfile"])
        self._desktop: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        assert eventually(self.address.exists)
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self._desktop, self._bus):
            if process is not None:
                process.kill()
                process.wait(PATIENCE)

    @property
    def environment(self) -> dict[str, str]:
        """What a program of that session has in its environment."""
        return {**os.environ, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.address}"}

    def start_desktop(self) -> None:
        """Start what shows messages."""
        path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
        environment = {**self.environment, "PYTHONPATH": path}
        self._desktop = subprocess.Popen([sys.executable, "-m", "support.desktop", str(self._shown)], env=environment)
        assert eventually(self._shown.exists)

    def shown(self) -> list[dict[str, object]]:
        """Every message that was shown."""
        return [json.loads(line) for line in self._shown.read_text().splitlines()] if self._shown.exists() else []


def _texts(data: bytes) -> list[object]:
    """The first five arguments of ``Notify``: a text, a number, three texts."""
    at, found = 0, []
    for sort in "susss":
        at += -at % 4
        (size,) = struct.unpack_from("<I", data, at)
        at += 4
        if sort == "u":
            found.append(size)
            continue
        found.append(data[at : at + size].decode())
        at += size + 1
    return found


def serve(file: Path) -> None:
    """Note what is to be shown, until the bus ends."""
    name = desktop.Body()
    name.put(desktop._NOTIFICATIONS[0])
    name.put(0)
    with desktop.connected(os.environ) as bus:
        bus.settimeout(None)
        desktop.call(bus, 1, desktop._BUS, "Hello", "", desktop.Body())
        desktop.call(bus, 2, desktop._BUS, "RequestName", "su", name)
        file.touch()
        serial = 3
        while True:
            kind, fields, data = desktop.received(bus)
            if kind != 1 or fields.get(3) != "Notify":
                continue
            application, _replaces, icon, title, text = _texts(data)
            with file.with_name("shown-at").open("a") as out:
                out.write(f"{time.time()} 1\n")
            with file.open("a") as out:
                out.write(json.dumps({"from": application, "icon": icon, "title": title, "text": text}) + "\n")
            number = desktop.Body()
            number.put(serial)
            reply: list[tuple[int, str, str | int]] = [(5, "u", fields[0]), (6, "s", fields[7])]
            bus.sendall(desktop.message_of(2, serial, reply, "u", number))
            serial += 1


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
