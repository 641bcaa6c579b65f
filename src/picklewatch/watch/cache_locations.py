"""Find the directories where tools keep downloaded models, as the tools themselves find them.

`picklewatch.watch.caches` knows the tools. Nothing here looks into a directory; a cache that does not exist yet is
returned, too, for the watcher to wait for.
"""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from picklewatch.access import people
from picklewatch.watch import caches
from picklewatch.watch.roots import topmost

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from picklewatch.watch.cache_tool import CachePlace


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """One directory where a tool keeps models."""

    tool: str
    path: Path
    """Absolute; it need not exist."""
    source: str
    """The environment variable that names it, or ``default``."""
    user: str
    """The name of the user to whom it belongs."""
    uid: int | None = None
    """That user's id if it lies in their home: then links of nobody else lead to it."""

    @property
    def exists(self) -> bool:
        """Return True if it is a directory now, and may be seen."""
        try:
            return self.path.is_dir()
        except OSError:
            return False


WORDS: Final = ("auto", "self", "all")
"""What ``watch.users`` may say besides names."""


def discover(*, users: str | Sequence[str] = "auto", environ: Mapping[str, str] = os.environ) -> tuple[Cache, ...]:
    """Find the caches that a daemon should watch; *users* is the configuration's ``watch.users``.

    This user's come first, as the environment says; other users' by their tools' defaults, for nobody can know
    what their shells would set. People who were found without being listed (`people.note_found`) are among these; where
    only this user's caches are wanted, those that the configuration names are watched all the same. A cache in another
    one is left out, for watching is recursive.
    """
    found = list(own_caches(environ))
    everyone = watches_everyone(users)
    for user in people.people() if everyone else people.found():
        found += user_caches(user)
    if everyone:
        found += _resolve({}, Path("/"), "system", is_system=True)
    roots = frozenset(topmost(str(cache.path) for cache in found))
    return tuple(cache for cache in _distinct(found) if str(cache.path) in roots)


def watches_everyone(users: str | Sequence[str]) -> bool:
    """Return True if ``watch.users`` *users* means all users' caches for this process; names alone add to "auto"."""
    words = (users,) if isinstance(users, str) else users
    return "all" in words or ("self" not in words and os.geteuid() < people.FIRST_HUMAN_UID)


def named(users: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names of users in ``watch.users`` *users*."""
    return () if isinstance(users, str) else tuple(name for name in users if name not in WORDS)


def own_caches(environ: Mapping[str, str] = os.environ) -> tuple[Cache, ...]:
    """Find the caches of the user who runs this process, as the environment *environ* says."""
    entry = _entry(os.geteuid())
    home = environ.get("HOME") or (entry.pw_dir if entry else "/")
    return _distinct(_resolve(environ, Path(home), entry.pw_name if entry else str(os.geteuid())))


def user_caches(user: pwd.struct_passwd) -> tuple[Cache, ...]:
    """Find the caches of *user* by their tools' defaults."""
    home = Path(user.pw_dir)
    found = _distinct(_resolve({}, home, user.pw_name))
    return tuple(replace(cache, uid=user.pw_uid) if cache.path.is_relative_to(home) else cache for cache in found)


def _resolve(environ: Mapping[str, str], home: Path, user: str, *, is_system: bool = False) -> list[Cache]:
    bases = {
        "home": str(home),
        "cache": _base(environ, "XDG_CACHE_HOME", home / ".cache"),
        "data": _base(environ, "XDG_DATA_HOME", home / ".local/share"),
        "config": _base(environ, "XDG_CONFIG_HOME", home / ".config"),
    }
    places = [place for tool in caches.tools() for place in tool.places if place.is_system == is_system]
    found = []
    for place in sorted(places, key=lambda place: not place.base):  # others' defaults refer to a base
        text, source = _chosen(place, environ, bases)
        path = Path(_expand(text, environ, home))
        if place.base:
            bases[place.base] = str(path)
        if path.is_absolute():  # a relative one depends on where the tool is started
            found.append(Cache(tool=place.label, path=path, source=source, user=user))
    return found


def _chosen(place: CachePlace, environ: Mapping[str, str], bases: dict[str, str]) -> tuple[str, str]:
    for variable in place.variables:
        name, _, below = variable.partition("/")
        if value := environ.get(name):
            return (f"{value}/{below}" if below else value.split(os.pathsep)[0]), name
    return place.default.format(**bases), "default"


def _base(environ: Mapping[str, str], variable: str, default: Path) -> str:
    return _expand(environ.get(variable) or str(default), environ, default)


def _expand(text: str, environ: Mapping[str, str], home: Path) -> str:
    """Expand ``~`` and ``$NAME`` as the tools do, but for the user and environment in question."""
    if text == "~" or text.startswith("~/"):
        text = f"{home}{text[1:]}"
    for name in sorted(
        (name for name in environ if f"${name}" in text or f"${{{name}}}" in text), key=len, reverse=True
    ):
        text = text.replace(f"${{{name}}}", environ[name]).replace(f"${name}", environ[name])
    return os.path.normpath(text)


def _distinct(caches: Iterable[Cache]) -> tuple[Cache, ...]:
    by_path: dict[Path, Cache] = {}
    for cache in caches:
        by_path.setdefault(cache.path, cache)
    return tuple(by_path.values())


def _entry(uid: int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        return None
