"""Tie the guard's processes to their parent, and take their privileges away. Standard library only.

`picklewatch.sandbox.kernel` has the same for the scanning child, whose half nobody else imports. Sources: prctl(2),
capset(2).
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
from typing import Final

_PDEATHSIG: Final = 1
_CAPBSET_DROP: Final = 24
_NO_NEW_PRIVS: Final = 38
_CAP_AMBIENT: Final = 47
_CLEAR_ALL: Final = 4
_VERSION_3: Final = 0x2008_0522
_HIGHEST: Final = 63
_IPC_LOCK: Final = 14

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_LIBC.prctl.argtypes = (ctypes.c_int, *(4 * [ctypes.c_ulong]))


def die_with(parent: int) -> None:
    """Have the kernel kill this process when *parent* ends, even if it is stopped; at once if it has ended."""
    _LIBC.prctl(_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def drop_capabilities() -> None:
    """Give up every capability, for what this process starts, too.

    Raises `OSError`.
    """
    for number in range(_HIGHEST + 1):
        _LIBC.prctl(_CAPBSET_DROP, number, 0, 0, 0)  # refused to who has no right to it: there is nothing to drop then
    _LIBC.prctl(_CAP_AMBIENT, _CLEAR_ALL, 0, 0, 0)
    _LIBC.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    header = struct.pack("=Ii", _VERSION_3, 0)
    if _LIBC.capset(ctypes.c_char_p(header), ctypes.c_char_p(bytes(24))) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def may_lock_memory() -> bool:
    """Return True if this process may lock any amount of memory."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:  # noqa: PTH123 - no more imports
        rights = next((line for line in status if line.startswith("CapEff:")), "CapEff: 0")
    return bool(int(rights.split()[1], 16) >> _IPC_LOCK & 1)
