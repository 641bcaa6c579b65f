"""Sends a message to an address of mail, chat or a webhook, as apprise knows some hundred of them (an extra).

Each address is a sink of its own: one that does not answer is tried again without the others. The addresses are
secrets; nothing shows them.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from picklewatch.core.errors import ConfigError, Error

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_DIGITS: Final = 6
"""Of a digest, which tells two addresses of one kind apart in names and tells nothing of them."""


def read(path: Path) -> dict[str, str]:
    """Return the addresses in the file *path*, one per line, each by a name that shows nothing of it but its kind.

    Raises `ConfigError`.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        hint = "It may be readable for root alone: then picklewatch-notify.service gets it from the service manager."
        raise ConfigError(f"the addresses in {path} can't be read: {reason}", (), hint) from None
    addresses = {}
    for number, line in enumerate(map(str.strip, lines), 1):
        kind, separator, _ = line.partition("://")
        if not line or line.startswith("#"):
            continue
        if not separator or not kind.isascii() or not kind.isalnum():
            raise ConfigError(f"{path}:{number} is no address", (), "Such as mailto://user:secret@example.org")
        addresses[f"{kind}-{hashlib.sha256(line.encode()).hexdigest()[:_DIGITS]}"] = line
    if addresses:
        _ensure_apprise()
    return addresses


def _ensure_apprise() -> None:
    from importlib.util import find_spec

    if find_spec("apprise") is None:
        hint = 'Install the extra: pip install "picklewatch[notify]" (docs/notify.md).'
        raise ConfigError("mail, chat and webhooks need the package apprise, which is not installed", (), hint)


def send(given: Mapping[str, Any]) -> None:
    """Send the notification ``message`` to the address ``url``.

    Raises `Error`, in which the address is not.
    """
    import apprise

    url, message = str(given["url"]), given["message"]
    service = apprise.Apprise()
    if not service.add(url):
        raise Error("apprise does not know this kind of address, or a part of it is missing")
    text = apprise.NotifyFormat.TEXT  # names are somebody else's words, never markup
    kind = apprise.NotifyType.INFO if message["kind"] == "test" else apprise.NotifyType.WARNING
    if not service.notify(title=message["title"], body=message["text"], notify_type=kind, body_format=text):
        raise Error("the message was not taken")
