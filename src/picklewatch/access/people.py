"""The people of this machine, as the user database knows them."""

from __future__ import annotations

import pwd

FIRST_HUMAN_UID = 1000
"""User ids from here on are people's (``UID_MIN`` of login.defs); smaller ones are root and services."""
NOBODY = 65534
"""The user id that owns nothing."""


def people() -> tuple[pwd.struct_passwd, ...]:
    """List root and the people of this machine whose home directory is a real one."""
    homes: dict[str, pwd.struct_passwd] = {}
    for user in sorted(pwd.getpwall(), key=lambda user: user.pw_uid):
        human = user.pw_uid == 0 or FIRST_HUMAN_UID <= user.pw_uid != NOBODY
        if human and user.pw_dir.startswith("/") and user.pw_dir not in ("/", "/nonexistent"):
            homes.setdefault(user.pw_dir, user)
    return tuple(homes.values())
