"""Names that a person understands for the paths that caches use."""

from __future__ import annotations


def describe(path: str) -> str | None:  # noqa: ARG001 - filled in next
    """Return the human name of *path*, or None if its own name is as good as any."""
    return None


def links_to(blob: str) -> tuple[str, ...]:  # noqa: ARG001 - filled in next
    """Return the other paths, in the same cache, that lead to the content at *blob*."""
    return ()
