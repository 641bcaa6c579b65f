"""``python forbid.py landlock=ENOSYS seccomp=EINVAL -- COMMAND…``: run a command under a kernel that lacks something.

A system call filter answers what belongs to Landlock (``landlock``), or what would set a filter (``seccomp``), with the
given error, as a kernel without it, a container's profile or an old systemd unit does.
"""

from __future__ import annotations

import errno
import os
import sys

import pyseccomp

_PR_SET_SECCOMP = 22
_LANDLOCK = ("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self")


def forbid(what: str, error: int) -> None:
    """Let *what* fail with *error* from now on, in this process and its children."""
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    answer = pyseccomp.ERRNO(error)
    if what == "landlock":
        for name in _LANDLOCK:
            rules.add_rule(answer, name)
    else:
        rules.add_rule(answer, "seccomp")
        rules.add_rule(answer, "prctl", pyseccomp.Arg(0, pyseccomp.EQ, _PR_SET_SECCOMP))
    rules.load()


def main(arguments: list[str]) -> None:
    """Forbid and become the command. Landlock first: after ``seccomp`` no more filters can be set."""
    split = arguments.index("--")
    for wish in sorted(arguments[:split]):
        what, _, name = wish.partition("=")
        forbid(what, getattr(errno, name))
    os.execvp(arguments[split + 1], arguments[split + 1 :])


if __name__ == "__main__":
    main(sys.argv[1:])
