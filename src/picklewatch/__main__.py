"""``python -m picklewatch`` is ``picklewatch``."""

from __future__ import annotations

from picklewatch.cli import main

if __name__ == "__main__":
    main()
