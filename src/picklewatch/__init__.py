"""picklewatch keeps hostile model files from running on ML workstations."""

from __future__ import annotations

__version__ = "0.1.0"
