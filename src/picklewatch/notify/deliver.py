"""Delivers the message on standard input to a sink of ours: ``python -I -m picklewatch.notify.deliver desktop``.

No command of the command line, whose libraries would have to be loaded for every message.
"""

from __future__ import annotations

import json
import sys

from picklewatch.core.errors import Error, ExitStatus


def main(sink: str) -> int:
    """Deliver it; return the exit status, with the reason on standard error."""
    given = json.loads(sys.stdin.buffer.read())
    try:
        if sink == "desktop":
            from picklewatch.notify.desktop import show

            show(given)
        else:
            from picklewatch.notify.addresses import send

            send(given)
    except Error as error:
        sys.stderr.write(f"{error.message}\n")
        return ExitStatus.UNSCANNABLE
    return ExitStatus.OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
