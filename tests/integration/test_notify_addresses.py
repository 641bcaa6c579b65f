"""Messages to addresses: a webhook on the loopback, by apprise."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from support.watching import PATIENCE

from picklewatch.core.errors import ConfigError
from picklewatch.notify import addresses

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOTIFY = [sys.executable, "-m", "picklewatch", "notify"]


class Hook(BaseHTTPRequestHandler):
    """Notes what is posted to ``/good``; everything else is an error."""

    posted: list[dict[str, Any]]

    def do_POST(self) -> None:
        """Take it."""
        content = self.rfile.read(int(self.headers["Content-Length"]))
        is_good = self.path.startswith("/good")
        if is_good:
            self.posted.append(json.loads(content))
        self.send_response(200 if is_good else 500)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def hook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address, and what was posted there."""
    posted: list[dict[str, Any]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Noting", (Hook,), {"posted": posted}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"json://user:topsecret@127.0.0.1:{server.server_port}", posted
    server.shutdown()
    server.server_close()


def test_each_address_is_told_and_none_is_shown(tmp_path: Path, hook: tuple[str, list[dict[str, Any]]]) -> None:
    """One that fails does not keep the other from being told; their secrets are nowhere in what is said."""
    pytest.importorskip("apprise")
    base, posted = hook
    (tmp_path / "urls").write_text(f"# ours\n\n{base}/bad\n{base}/good\nnosuch://topsecret\n")
    (tmp_path / "config.toml").write_text(f'[notify]\nurls = "{tmp_path}/urls"\n')
    command = [*NOTIFY, "test", "-c", str(tmp_path / "config.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 2, done.stderr
    said = [line.partition(": ")[2] for line in done.stdout.splitlines()]
    assert said[1] == "taken"
    assert said[0].endswith("the message was not taken")
    assert said[2].endswith("apprise does not know this kind of address, or a part of it is missing")
    assert [line[:5] for line in done.stdout.splitlines()] == ["json-", "json-", "nosuc"]
    assert "topsecret" not in done.stdout + done.stderr
    (message,) = posted
    assert message["title"] == "picklewatch: a test"
    assert "Nothing was found." in message["message"]


def test_names_are_no_markup(tmp_path: Path, hook: tuple[str, list[dict[str, Any]]]) -> None:
    """A mail would be HTML: what a file is called must not make a link in it. A plain text stays as it is."""
    pytest.importorskip("apprise")
    base, posted = hook
    message = {"kind": "finds", "title": "t", "text": "a <b> & [x](http://y)"}
    for url in (f"{base}/good", f"{base}/good?format=html"):
        given = json.dumps({"url": url, "message": message})
        command = [sys.executable, "-I", "-m", "picklewatch.notify.deliver", "address"]
        subprocess.run(command, input=given, text=True, check=True, timeout=PATIENCE)
    assert posted[0]["message"].strip() == "a <b> & [x](http://y)"
    assert "<b>" not in posted[1]["message"]
    assert "&lt;b&gt;" in posted[1]["message"]


def test_addresses_have_names_that_stay(tmp_path: Path) -> None:
    """Their position is remembered under it, wherever they stand in the file."""
    pytest.importorskip("apprise")
    (tmp_path / "urls").write_text("json://a/x\nmailto://b:c@d.example\n")
    first = addresses.read(tmp_path / "urls")
    (tmp_path / "urls").write_text("mailto://b:c@d.example\njson://a/x\n")
    assert addresses.read(tmp_path / "urls") == first
    assert [name.partition("-")[0] for name in first] == ["json", "mailto"]


@pytest.mark.parametrize("text", ["tell me", "://x", "a b://x", "\xff"])
def test_what_is_no_address_is_a_mistake(tmp_path: Path, text: str) -> None:
    """Named by its line, not by its words: it may be a secret."""
    (tmp_path / "urls").write_bytes(f"\n{text}\n".encode("latin-1"))
    with pytest.raises(ConfigError) as caught:
        addresses.read(tmp_path / "urls")
    assert "tell me" not in caught.value.message


def test_an_empty_or_missing_file(tmp_path: Path) -> None:
    """No address is none, also without apprise; a file that is not there is a mistake."""
    (tmp_path / "urls").write_text("# nothing yet\n")
    assert addresses.read(tmp_path / "urls") == {}
    with pytest.raises(ConfigError):
        addresses.read(tmp_path / "none")


def test_without_apprise_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is found."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    (tmp_path / "urls").write_text("json://a/x\n")
    with pytest.raises(ConfigError) as caught:
        addresses.read(tmp_path / "urls")
    assert "picklewatch[notify]" in caught.value.hint
