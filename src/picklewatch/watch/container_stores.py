"""The directories in which containers keep their files: named as not watched, unless the configuration names them.

They are not watched by themselves because a link in there means another file inside of the container than here. A
container's root could have a daemon that is root on this machine read, or move, what the link leads to here.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from picklewatch.access.paths import beneath
from picklewatch.access.people import people
from picklewatch.watch.cache_locations import watches_everyone
from picklewatch.watch.roots import Root, find

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_OF_MACHINE: Final = (
    ("Docker", "/var/lib/docker"),
    ("Podman, CRI-O", "/var/lib/containers/storage"),
    ("containerd", "/var/lib/containerd"),
    ("LXD", "/var/lib/lxd"),
    ("Incus", "/var/lib/incus"),
    ("LXC", "/var/lib/lxc"),
    ("systemd-nspawn", "/var/lib/machines"),
)
_OF_USER: Final = (
    ("rootless Docker", ".local/share/docker"),
    ("rootless Podman", ".local/share/containers/storage"),
    ("rootless LXC", ".local/share/lxc"),
)
_REASON: Final = "what containers keep there is not judged; name a volume in watch.roots to have it watched"


def container_stores(users: str | Sequence[str], planned: Iterable[Root]) -> tuple[Root, ...]:
    """Find the stores that are on this machine and lie in none of the *planned* roots, which were looked for.

    *users* is the configuration's ``watch.users``. They are never to be watched: `Root.reason` says so.
    """
    stores = list(_stores(users))
    find(stores)
    watched = [root.path for root in planned if root.path is not None]
    there = [root for root in stores if root.path is not None]
    named = [root for root in there if not any(beneath(root.path or "", path) for path in watched)]
    return tuple(Root(root.wanted, root.label, reason=_REASON) for root in named)


def _stores(users: str | Sequence[str]) -> Iterator[Root]:
    for tool, path in _OF_MACHINE:
        yield Root(path, f"containers of {tool}")
    homes = {os.path.expanduser("~"): ("this user", os.geteuid())}  # noqa: PTH111 - never raises
    if watches_everyone(users):
        homes |= {user.pw_dir: (user.pw_name, user.pw_uid) for user in people()}
    for home, (name, uid) in homes.items():
        for tool, path in _OF_USER:
            yield Root(f"{home}/{path}", f"containers of {tool}, of {name}", user=uid)
