"""``python tests/fuzz/worker.py TARGET SECONDS EXECUTIONS HOME SEED``: one target in one process, guided by atheris.

Without atheris, seeds are changed blindly. Whatever is found goes to ``HOME/found``, the smallest input of each kind,
and the fuzzing goes on. ``HOME/now`` holds the input in hand and how many there were, for the case that the process
does not live to tell: `run` watches it.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import resource
import signal
import struct
import sys
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

try:
    import atheris
except ImportError:
    atheris = None

if TYPE_CHECKING:
    from types import FrameType

    from fuzz.target import Target

HANG = 10.0
"""Processor seconds for one input; instrumented code is some four times as slow as it is for users."""
GROWTH = 400 << 10
"""KiB by which one input may raise the process's peak of memory."""
ADDRESSES = 3 << 30
"""Bytes of address space."""
HEADER = struct.Struct("<QddQ")
"""Inputs so far, the processor time and the time when the last began, its length."""
ROOM = 1 << 17


class HangError(BaseException):
    """The processor time for one input is over. Not an `Exception`: no parser may take it for one of its own."""


class Harness:
    """Runs a target on one input after another and keeps what it finds."""

    def __init__(self, target: Target, home: Path) -> None:
        self.target = target
        self.home = home
        self.count = 0
        with (home / "now").open("w+b") as file:
            file.truncate(HEADER.size + ROOM)
            self._now = mmap.mmap(file.fileno(), 0)
        self._peak = _peak()

    def one(self, data: bytes) -> None:
        """Try *data*."""
        data = data[:ROOM]
        self.count += 1
        self._now[HEADER.size : HEADER.size + len(data)] = data
        self._now[: HEADER.size] = HEADER.pack(self.count, time.process_time(), time.time(), len(data))
        signal.setitimer(signal.ITIMER_VIRTUAL, HANG)
        try:
            self.target.run(data)
        except (Exception, HangError) as error:  # noqa: BLE001 - the findings
            self._keep(error, data)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        self._grown(data)

    def _grown(self, data: bytes) -> None:
        before, self._peak = self._peak, _peak()
        if self._peak - before > GROWTH:
            self._keep(MemoryError(f"{(self._peak - before) >> 10} MiB"), data)

    def _keep(self, error: BaseException, data: bytes) -> None:
        from fuzz.found import signature

        what = signature(error).replace("/", "-")
        file = self.home / "found" / what
        if not file.exists() or file.stat().st_size > len(data):
            file.write_bytes(data)
            file.with_name(f".{what}").write_text(f"{error!r:.2000}", errors="backslashreplace")


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def hang(_number: int, _frame: FrameType | None) -> None:
    """The processor time is over."""
    raise HangError


def _target(name: str) -> Target:
    """The target, its parsers instrumented."""
    if atheris is None:
        from fuzz.targets import TARGETS
    else:
        with atheris.instrument_imports(include=["picklewatch"]):
            from fuzz.targets import TARGETS
    return TARGETS[name]


def _guided(target: Target, harness: Harness, seconds: float, executions: int, seed: int) -> None:
    """Coverage decides what is kept and changed further."""
    corpus, words, inputs = (harness.home / name for name in ("corpus", "words", "inputs"))
    inputs.write_text(",".join(map(str, sorted((harness.home / "seeds").iterdir()))))  # a directory has no order
    arguments = [
        sys.argv[0],
        *(
            f"-max_total_time={seconds:.0f}",
            f"-runs={executions}",
            f"-max_len={target.longest}",
            f"-seed={seed}",
            "-rss_limit_mb=0",
        ),
        *(f"-seed_inputs=@{inputs}", "-timeout=1000000", "-len_control=0", f"-artifact_prefix={harness.home}/"),
    ]
    if target.words:
        words.write_text("".join('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in target.words))
        arguments.append(f"-dict={words}")

    def mutated(data: bytes, longest: int, number: int) -> bytes:
        rng = Random(number)
        if target.mutate is None or rng.random() < 0.2:
            return bytes(atheris.Mutate(data, longest))
        return _mutated(target, data, rng)[:longest]

    atheris.Setup([*arguments, str(corpus)], harness.one, custom_mutator=mutated)
    atheris.Fuzz()


def _blind(target: Target, harness: Harness, seconds: float, executions: int, seed: int) -> None:
    """Seeds, changed a few times each."""
    from fuzz import mutate_bytes

    rng = Random(seed)
    seeds = list(target.seeds())
    end = time.monotonic() + seconds
    while time.monotonic() < end and harness.count < executions:
        data = rng.choice(seeds)
        if target.mutate is None or rng.random() < 0.2:
            data = mutate_bytes.mutate(data, rng, target.words)
        harness.one(_mutated(target, data, rng)[: target.longest])


def _mutated(target: Target, data: bytes, rng: Random) -> bytes:
    if target.mutate is not None:
        for _ in range(rng.choice((1, 1, 2, 3, 5))):
            with contextlib.suppress(ValueError, struct.error):  # a change that the format has no spelling for
                data = target.mutate(data, rng)
    return data


def main(name: str, seconds: float, executions: int, home: Path, seed: int) -> Any:
    """Fuzz the target called *name*."""
    target = _target(name)
    for folder in ("found", "corpus", "seeds"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    for number, seed_bytes in enumerate(target.seeds()):
        (home / "seeds" / f"{number:04}").write_bytes(seed_bytes)
    harness = Harness(target, home)
    signal.signal(signal.SIGVTALRM, hang)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.flush()
    if atheris is None:
        _blind(target, harness, seconds, executions, seed)
    else:
        _guided(target, harness, seconds, executions, seed)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), int(sys.argv[5]))
