"""Names that a person understands for the paths that caches use.

The tools' own modules in `picklewatch.watch.caches` know the layouts. Only names, links and tiny bookkeeping files are
looked at, never a file that could be a model.
"""

from __future__ import annotations

from picklewatch.watch import caches


def describe(path: str) -> str | None:
    """Return the human name of *path*, such as ``org/model@main: file``, or None if its own name is as good as any.

    A layout that is recognised wherever it lies goes before those that are known by their directory: open_clip, say,
    keeps the Hugging Face hub's layout in CLIP's directory. The text is not made printable.
    """
    for tool in caches.tools():
        if tool.describe is not None and (name := tool.describe(path)) is not None:
            return name or None
    for pattern, template in caches.names():
        if found := caches.compiled(pattern).fullmatch(path):
            return template.format(**found.groupdict())
    return None


def links_to(path: str) -> tuple[str, ...]:
    """Return the links in the same cache that lead to the content at *path*, the best known first; often none."""
    return _links_to(path) or ()


def is_named_by_links(path: str) -> bool:
    """Return True if links give the content at *path* its name; a downloader makes them a moment after the content."""
    return _links_to(path) is not None


def _links_to(path: str) -> tuple[str, ...] | None:
    answers = (tool.links_to(path) for tool in caches.tools() if tool.links_to is not None)
    return next((links for links in answers if links is not None), None)
