"""The register as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bounds import of_engine, of_formats, of_texts

if TYPE_CHECKING:
    from bounds.register import Entry

REGISTER: dict[str, list[Entry]] = of_engine.BOUNDS | of_formats.BOUNDS | of_texts.BOUNDS
"""File → its bounds."""
SHOWN_FILES = of_engine.SHOWN_FILES
