"""What a user could do with a file: owner, access list, groups, others, as the kernel has it."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

import pytest
from support.vaulting import in_child, root_only

from picklewatch.access.rights import User

if TYPE_CHECKING:
    from pathlib import Path

_OWNER, _MEMBER, _OTHER = User(1234), User(1235, frozenset({77})), User(1236)


def may(user: User, path: Path, wanted: int) -> bool:
    """Ask about *path*."""
    fd = os.open(path, os.O_PATH)
    try:
        return user.may(fd, wanted)
    finally:
        os.close(fd)


@root_only
@pytest.mark.parametrize(
    ("mode", "user", "wanted", "answer"),
    [
        (0o640, _MEMBER, os.R_OK, True),
        (0o640, _MEMBER, os.W_OK, False),
        (0o640, _OTHER, os.R_OK, False),
        (0o604, _OTHER, os.R_OK, True),
        (0o604, _MEMBER, os.R_OK, False),
        (0o000, _OWNER, os.R_OK | os.W_OK, True),
        (0o000, User(0), os.R_OK, True),
    ],
)
def test_bits(tmp_path: Path, mode: int, user: User, wanted: int, *, answer: bool) -> None:
    """The group's bits are for its members alone; an owner can give themselves what they lack."""
    path = tmp_path / "m"
    path.touch()
    os.chown(path, 1234, 77)
    path.chmod(mode)
    assert may(user, path, wanted) is answer


@root_only
def test_access_lists(tmp_path: Path) -> None:
    """Whoever a list shuts out may not, though others may; whoever it lets in may, though others may not."""
    path = tmp_path / "m"
    path.touch()
    path.chmod(0o604)
    none = 0xFFFFFFFF
    entries = [(1, 6, none), (2, 0, 1236), (2, 6, 1237), (4, 0, none), (8, 4, 77), (16, 4, none), (32, 4, none)]
    data = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(path, "system.posix_acl_access", data)
    except OSError:
        pytest.skip("this file system has no access lists")
    assert not may(_OTHER, path, os.R_OK)
    assert may(User(1237), path, os.R_OK)
    assert not may(User(1237), path, os.W_OK)
    assert may(_MEMBER, path, os.R_OK)
    assert may(User(1238), path, os.R_OK)


@root_only
@pytest.mark.parametrize("mode", [0o000, 0o001, 0o007, 0o010, 0o011, 0o050, 0o444, 0o555, 0o666, 0o711, 0o1777, 0o2755])
def test_the_access_check_agrees_with_the_kernel(tmp_path: Path, mode: int) -> None:
    """For a member of the group and for others, as a process of theirs is answered."""
    tmp_path.chmod(0o755)
    path = tmp_path / "directory"
    path.mkdir()
    os.chown(path, 1234, 77)
    path.chmod(mode)
    fd = os.open(path, os.O_PATH)
    for user in (_MEMBER, _OTHER):
        for wanted in (os.R_OK, os.W_OK, os.X_OK, os.W_OK | os.X_OK):
            assert _asks_kernel(fd, user, wanted) is user.may(fd, wanted), (user, wanted)
    os.close(fd)


def _asks_kernel(fd: int, user: User, wanted: int) -> bool:
    def ask() -> None:
        os.setgroups(list(user.groups))
        os.setresgid(user.uid, user.uid, user.uid)
        os.setresuid(user.uid, user.uid, user.uid)
        assert os.access(f"/proc/self/fd/{fd}", wanted)

    return in_child(ask) == 0
