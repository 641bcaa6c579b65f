"""Giving up every right that a scan does not need: the warm process drops some once, each child the rest."""

from __future__ import annotations

import contextlib
import os
import resource
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from picklewatch.sandbox import kernel, syscalls
from picklewatch.sandbox.protections import Protections

if TYPE_CHECKING:
    from collections.abc import Callable

_SLACK = 64 << 20
"""Bytes of address space beyond the file and the memory allowed: thread stacks, allocator arenas."""
_FIRST, _LAST = 3, 1 << 20
"""The first descriptor behind the standard three, and a number above any that is open."""
_KILLED_FIRST = 500
"""Score added for the kernel's out-of-memory killer, so that it takes the scan and not the user's training run."""


class RefusedError(Exception):
    """A surrounding filter forbids to set up the sandbox: a mistake to mend, not a lack to live with."""


@dataclass(slots=True)
class Plan:
    """The protections that the warm process found possible; its children apply all of them or die."""

    no_new_privs: bool = False
    not_dumpable: bool = False
    capabilities_dropped: bool = False
    landlock_abi: int = 0
    ruleset: int = -1
    """A descriptor of a Landlock ruleset that grants nothing."""
    program: kernel.SockFprog | None = None
    """The seccomp filter."""
    rlimits: bool = False
    sizes: int = -1
    """A descriptor of this process's ``/proc/self/statm``: nothing can be opened later."""
    mapped: int = 256 << 20
    """Bytes of address space that every child has from the start."""
    data: int = 128 << 20
    """Bytes of private memory that every child has from the start, as RLIMIT_DATA counts them."""
    missing: list[str] = field(default_factory=list)

    def protections(self) -> Protections:
        """Return the plan as it is reported to the parent."""
        return Protections(
            no_new_privs=self.no_new_privs,
            not_dumpable=self.not_dumpable,
            capabilities_dropped=self.capabilities_dropped,
            landlock_abi=self.landlock_abi,
            seccomp=self.program is not None,
            rlimits=self.rlimits,
            missing=tuple(self.missing),
        )


def prepare() -> Plan:
    """Lock this (warm) process down as far as its work allows, and plan the rest for its children.

    Raises `RefusedError`.
    """
    plan = Plan()
    with contextlib.suppress(OSError):
        plan.sizes = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    measure(plan)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:  # noqa: PTH123
        score.write(str(_KILLED_FIRST))
    plan.no_new_privs = _try(plan, "no_new_privs", kernel.no_new_privs)
    plan.capabilities_dropped = _try(plan, "dropping capabilities", kernel.drop_capabilities)
    plan.not_dumpable = _try(plan, "not being dumpable", kernel.not_dumpable)
    _plan_seccomp(plan)
    _plan_landlock(plan)
    return plan


def measure(plan: Plan) -> None:
    """Note what every child of this process has from the start: ``VmSize`` and ``VmData`` of proc(5)."""
    with contextlib.suppress(OSError):
        fields = os.pread(plan.sizes, 256, 0).split()
        plan.mapped, plan.data = (int(fields[number]) * resource.getpagesize() for number in (0, 5))


def _try(plan: Plan, what: str, step: Callable[[], None]) -> bool:
    try:
        step()
    except (OSError, AttributeError) as error:
        plan.missing.append(f"{what} failed: {error}")
        return False
    return True


def _plan_seccomp(plan: Plan) -> None:
    try:
        if not kernel.seccomp_filters():
            plan.missing.append("system calls are not filtered: this kernel has no seccomp filters")
            return
        plan.program = kernel.seccomp_program(syscalls.filter_program())
    except PermissionError as error:
        raise RefusedError(f"the seccomp system calls are refused: {error}") from None
    except (OSError, RuntimeError, ImportError) as error:
        plan.missing.append(f"system calls are not filtered: {error} (package libseccomp2)")


def _plan_landlock(plan: Plan) -> None:
    """Deny this process all files; this comes last, because nothing can be imported or opened afterwards."""
    try:
        plan.landlock_abi = kernel.landlock_abi()
        if plan.landlock_abi == 0:
            plan.missing.append("this kernel has no Landlock, or was booted without it (lsm=landlock,…)")
            return
        plan.ruleset = kernel.landlock_ruleset(plan.landlock_abi)
        kernel.landlock_restrict(plan.ruleset)
    except PermissionError as error:
        raise RefusedError(f"the landlock system calls are refused: {error}") from None
    except OSError as error:
        plan.landlock_abi = 0
        plan.missing.append(f"Landlock failed: {error}")


def only_descriptors(*keep: int) -> list[int]:
    """Close every descriptor but the standard three and *keep*; return the numbers that these have now.

    *keep* must ascend, as the kernel numbers what it hands over: so none of them is closed by the one before it.
    """
    numbers = [*range(_FIRST, _FIRST + len(keep))]
    for number, fd in zip(numbers, keep, strict=True):
        if fd != number:
            os.dup2(fd, number, inheritable=False)
    os.closerange(_FIRST + len(keep), _LAST)
    return numbers


def enter(plan: Plan, parent: int) -> None:
    """Take a child's first step: tie its life to the warm process *parent*, which must still be there."""
    kernel.die_with_parent()
    if os.getppid() != parent:
        os._exit(0)
    if plan.landlock_abi:
        kernel.landlock_restrict(plan.ruleset)  # a domain of its own, so that it can't signal the warm process


def limit(plan: Plan, *, file_size: int, memory: int, cpu_seconds: int) -> None:
    """Bound what this child may use: *memory* bytes of its own, a mapping of *file_size* bytes, *cpu_seconds*."""
    for what in (
        resource.RLIMIT_CORE,
        resource.RLIMIT_FSIZE,
        resource.RLIMIT_NPROC,
        resource.RLIMIT_MEMLOCK,
        resource.RLIMIT_MSGQUEUE,
        resource.RLIMIT_NOFILE,  # what is open stays open; nothing more can be
    ):
        _lower(what, 0, 0)
    _lower(resource.RLIMIT_AS, *(2 * [plan.mapped + file_size + memory + _SLACK]))
    _lower(resource.RLIMIT_DATA, *(2 * [plan.data + memory]))
    _lower(resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 1)


def _lower(what: int, soft: int, hard: int) -> None:
    _, ceiling = resource.getrlimit(what)
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(what, (soft, hard))


def seal(plan: Plan) -> None:
    """Take a child's last step: from here on only the listed system calls are possible."""
    if plan.program is not None:
        kernel.seccomp_install(plan.program)
