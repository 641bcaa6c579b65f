"""The Hugging Face hub's cache: ``huggingface_hub.constants`` says where, ``file_download.py`` how it is laid out.

A repository is ``models--org--name`` with ``blobs/<etag>``, ``snapshots/<commit>/<file>`` (links to blobs) and
``refs/<branch>`` (a commit). With Xet, blobs are links into a store that all repositories share. Whoever can write to
a cache can fill it with anything, so every look here is bounded, and nothing is read but the first line of ``refs``
and of ``hf download --local-dir``'s metadata.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from picklewatch.access import paths
from picklewatch.watch.cache_tool import CachePlace, CacheTool

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_ENTRIES = 50_000
"""Directory entries looked at to find the links of one repository."""
MAX_LINKS = 100
"""Links returned for one content."""
MAX_REPOSITORIES = 2_000
"""Repositories searched for a content of the shared Xet store."""
MAX_INDEXES = 64
"""Repositories whose links are remembered."""
_REFERENCE_BYTES = 256
_SETTLED_NS = 50_000_000  # a directory's time stamp is only as fine as the kernel's tick

_REPOSITORY = re.compile(r"(.*/)?(?P<kind>models|datasets|spaces)--(?P<id>[^/]+)(?:/(?P<rest>.*))?", re.DOTALL)
_PREFIX = {"models": "", "datasets": "datasets/", "spaces": "spaces/"}


def describe(path: str) -> str | None:
    """Return the human name of *path*, such as ``org/model@main: file``; None outside of Hugging Face's layouts.

    Empty for a repository itself. For a blob, the snapshot that leads to it gives the name. The text is not made
    printable.
    """
    if match := _REPOSITORY.fullmatch(path):
        return _describe_repository(path, match)
    if links := _shared_store_links(path):
        return describe(links[0])
    return _describe_local_dir(path)


def links_to(path: str) -> tuple[str, ...] | None:
    """Return the snapshot paths, in the same cache, that lead to the blob at *path*, the best known revision first.

    Often there are none, for the client makes a link a moment after the blob; None if *path* is no blob at all.
    Never opens a file that could be a model.
    """
    directory, _, name = path.rpartition("/")
    repository, _, kind = directory.rpartition("/")
    if kind == "blobs" and _REPOSITORY.fullmatch(repository):
        return _snapshot_links(repository, name)
    return _shared_store_links(path)


def _describe_repository(path: str, match: re.Match[str]) -> str:
    repository = _PREFIX[match["kind"]] + match["id"].replace("--", "/")
    kind, _, rest = (match["rest"] or "").partition("/")
    if kind == "snapshots" and "/" in rest:
        revision, _, file = rest.partition("/")
        root = path[: len(path) - len(match["rest"]) - 1]
        return f"{repository}@{_revision_name(root, revision)}: {file}"
    if kind == "blobs":
        links = links_to(path)
        if links and (linked := _REPOSITORY.fullmatch(links[0])):
            return _describe_repository(links[0], linked)
        blob, dot, state = rest.partition(".")
        suffix = " (being downloaded)" if dot and state.endswith("incomplete") else ""
        return f"{repository}: blob {blob[:12]}{suffix}"
    return f"{repository}: {match['rest']}" if match["rest"] else ""


def _revision_name(repository: str, revision: str) -> str:
    """Return the branch or tag that *revision* is, else its short hash."""
    references = _references(repository)
    return references.get(revision, revision[:7])


def _references(repository: str) -> dict[str, str]:
    """Return commit → reference name, ``main`` preferred."""
    found: dict[str, str] = {}
    for path in _walk(f"{repository}/refs", want_links=False):
        commit = _read_small(path)
        name = path[len(repository) + len("/refs/") :]
        if commit and (commit not in found or name == "main"):
            found[commit] = name
    return found


def _read_small(path: str) -> str | None:
    """Read one short line of a regular file; None for anything else, and if a link leads to it: perhaps to a secret."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
    try:
        directory = paths.open_directory(os.path.dirname(path))  # noqa: PTH120 - no object is needed
        try:
            fd = os.open(os.path.basename(path), flags, dir_fd=directory)  # noqa: PTH119
        finally:
            os.close(directory)
    except (OSError, ValueError):
        return None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return None
        return os.read(fd, _REFERENCE_BYTES).decode("utf-8", "replace").split("\n", 1)[0].strip()
    except OSError:
        return None
    finally:
        os.close(fd)


def _is_directory(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(path, follow_symlinks=False).st_mode)  # noqa: PTH116
    except (OSError, ValueError):
        return False


def _describe_local_dir(path: str) -> str | None:
    """Name a file of a directory that ``hf download --local-dir`` made, by the bookkeeping that it left there."""
    root = path.rpartition("/")[0]
    for _ in range(6):
        if not root:
            return None
        # most directories have none, and a way that no link can divert costs a hundred times as much as this look
        if _is_directory(f"{root}/.cache"):
            file = path[len(root) + 1 :]
            if commit := _read_small(f"{root}/.cache/huggingface/download/{file}.metadata"):
                return f"{root.rpartition('/')[2]}@{commit[:7]}: {file}"
        root = root.rpartition("/")[0]
    return None


@dataclass(frozen=True, slots=True)
class _Index:
    """The links of one repository's snapshots, by the name of the blob that they lead to."""

    links: dict[str, tuple[str, ...]]
    directories: tuple[tuple[str, int], ...]
    """Each directory looked at, with its time stamp then."""
    built_ns: int

    def is_current(self) -> bool:
        newest = max((stamp for _, stamp in self.directories), default=0)
        if self.built_ns - newest < _SETTLED_NS:
            return False
        return all(_stamp(path) == stamp for path, stamp in self.directories)


_indexes: OrderedDict[str, _Index] = OrderedDict()
_lock = Lock()


def _snapshot_links(repository: str, blob: str) -> tuple[str, ...]:
    with _lock:
        index = _indexes.get(repository)
        if index is not None and index.is_current():
            _indexes.move_to_end(repository)
            return index.links.get(blob, ())
    index = _build_index(repository)
    with _lock:
        _indexes[repository] = index
        while len(_indexes) > MAX_INDEXES:
            _indexes.popitem(last=False)
    return index.links.get(blob, ())


def _build_index(repository: str) -> _Index:
    built = time.time_ns()
    directories: list[tuple[str, int]] = []
    links: dict[str, list[str]] = {}
    blobs = f"{repository}/blobs"
    for link in _walk(f"{repository}/snapshots", want_links=True, directories=directories):
        target = _target(link)
        directory, _, name = target.rpartition("/")
        if directory == blobs and len(links.setdefault(name, [])) < MAX_LINKS:
            links[name].append(link)
    references = _references(repository) if links else {}
    start = len(repository) + len("/snapshots/")

    def order(link: str) -> tuple[int, str]:
        reference = references.get(link[start:].split("/", 1)[0])
        return (0 if reference == "main" else 1 if reference else 2, link)

    return _Index({name: tuple(sorted(paths, key=order)) for name, paths in links.items()}, tuple(directories), built)


def _shared_store_links(path: str) -> tuple[str, ...] | None:
    """Find the links to a content of Xet's store, ``hub/blobs/<2 hex>/<hash>``, which repositories' blobs lead to."""
    match = re.fullmatch(r"(?P<hub>.*)/blobs/[0-9a-f]{2}/(?P<hash>[^/]+)", path, re.DOTALL)
    if match is None:
        return None
    found: list[str] = []
    for entry in _entries(match["hub"], MAX_REPOSITORIES):
        blobs = f"{entry.path}/blobs"
        if not _REPOSITORY.fullmatch(entry.path):
            continue
        for blob in _entries(blobs, MAX_ENTRIES):
            if blob.is_symlink() and _target(blob.path) == path:
                found += _snapshot_links(entry.path, blob.name) or (blob.path,)
    return tuple(found[:MAX_LINKS])


def _walk(top: str, *, want_links: bool, directories: list[tuple[str, int]] | None = None) -> Iterator[str]:
    """Yield the links (or the files) below *top*, following none, looking at `MAX_ENTRIES` entries at most."""
    seen = 0
    stack = [top]
    while stack:
        directory = stack.pop()
        if directories is not None:
            directories.append((directory, _stamp(directory)))
        for entry in _entries(directory, MAX_ENTRIES - seen):
            seen += 1
            if entry.is_symlink():
                if want_links:
                    yield entry.path
            elif entry.is_dir(follow_symlinks=False):
                stack.append(entry.path)
            elif not want_links:
                yield entry.path


def _entries(directory: str, limit: int) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            for count, entry in enumerate(entries):
                if count >= limit:
                    return
                yield entry
    except OSError:
        return


def _target(link: str) -> str:
    try:
        return os.path.normpath(os.path.join(os.path.dirname(link), os.readlink(link)))  # noqa: PTH115, PTH118, PTH120
    except OSError:
        return ""


def _stamp(path: str) -> int:
    try:
        return os.lstat(path).st_mtime_ns
    except OSError:
        return -1


TOOL = CacheTool(
    rank=10,
    places=(
        CachePlace(label="Hugging Face", variables=("HF_HOME",), default="{cache}/huggingface", base="hf"),
        CachePlace(label="Hugging Face hub", variables=("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"), default="{hf}/hub"),
        CachePlace(
            label="Hugging Face assets",
            variables=("HF_ASSETS_CACHE", "HUGGINGFACE_ASSETS_CACHE"),
            default="{hf}/assets",
        ),
        CachePlace(label="Hugging Face Xet", variables=("HF_XET_CACHE",), default="{hf}/xet"),
        CachePlace(label="Hugging Face modules", variables=("HF_MODULES_CACHE",), default="{hf}/modules"),
        CachePlace(label="Hugging Face datasets", variables=("HF_DATASETS_CACHE",), default="{hf}/datasets"),
    ),
    temporary=(
        r".+\.(incomplete|lock)",
        r"tmp_?[0-9a-f-]{6,}",  # the client's probe whether links work here; tempfile's names, too
    ),
    bookkeeping=(
        r".*/(models|datasets|spaces)--[^/]+/(?!blobs/|snapshots/).+",  # refs/main, trees/<commit>.json, .no_exist/…
        r".*/\.locks/.+",
        r".*/\.cache/huggingface/(download/.+\.(lock|metadata)|\.gitignore)",
        r".*/CACHEDIR\.TAG",
    ),
    names=((r".*/(?:transformers|diffusers|datasets)_modules/(?P<repo>.+)/(?P<file>[^/]+)", "{repo}: {file}"),),
    describe=describe,
    links_to=links_to,
)
