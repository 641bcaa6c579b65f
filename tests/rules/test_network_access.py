"""An import of what connects or downloads."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import call, dict_, pickle, text

from picklewatch.core.model import Level


def test_a_request_is_malicious() -> None:
    """``urlopen``, called while loading."""
    found = levels(pickle(2, call("urllib.request", "urlopen", text("http://203.0.113.7/"))))
    assert found["network-access"] is Level.MALICIOUS


def test_an_address_as_data_is_not_reported() -> None:
    """A model card's link in a dictionary connects to nothing."""
    assert levels(pickle(2, dict_(homepage=text("https://example.org/")))) == {}
