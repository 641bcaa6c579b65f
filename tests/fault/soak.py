"""``python tests/fault/soak.py SECONDS [SEED]``: downloads, faults and restarts at random; then the books are checked.

The seed is printed first; the same seed makes the same choices (not the same moments).
Exit status 1 if the books are wrong.
"""

from __future__ import annotations

import contextlib
import random
import signal
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fault.everyday import Everyday
from fault.lab import PATIENCE, Lab, SkippedError
from fault.running import Outcome

from picklewatch.core.state_layout import DATABASE


class Soak(Everyday):
    """A user's days, and bad luck."""

    def __init__(self, home: Path, chance: random.Random) -> None:
        super().__init__(Lab(home), chance)
        self._ended = 0
        """Scans that were ended by us, at most."""
        self._faults = (
            self.kill,
            self.restart,
            self.suspend,
            self.kill_the_sandbox,
            self.kill_a_scan,
            self.lock_the_database,
            self.damage_the_database,
            self.move_the_root_away_and_back,
            self.fill_the_disk,
            self.restore,
            self.purge,
        )

    def run(self, seconds: float) -> Outcome:
        """Go on for *seconds*, then wait until all is well and check the books."""
        with self._lab as lab:
            with contextlib.suppress(SkippedError):
                lab.mount(lab.state, "size=96m")
            lab.start()
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                for _ in range(self._chance.randrange(1, 20)):
                    self.everyday()
                time.sleep(self._chance.random() / 3)
                self._do(self._chance.choice(self._faults))
                lab.injected += 1
            waited = lab.seconds_until(self._settled)
            problems, waiting = lab.problems(), lab.waiting()
            status = lab.process.stop()
            account = lab.account()
            note = f"the daemon ended with {status}" if status else "; ".join(account.notes)
            if (unjudged := len(lab.unjudged())) > self._ended:
                note = f"{unjudged} files unscannable, {self._ended} scans ended by us; {note}"
            if waited >= PATIENCE:
                note = f"not healthy, {waiting} waiting: {', '.join(sorted(problems))}; {note}"
            return Outcome("soak", lab.injected, account, waited, note)

    def _settled(self) -> bool:
        self._lab.delete_set_aside()
        return self._lab.settled()

    # --- bad luck

    def fill_the_disk(self) -> None:
        """The disk of the state is full while files arrive; only where it is a small one of our own."""
        if not self._lab.state.is_mount():
            return
        filler = self._lab.state / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(1 << 16)):
                pass
        for _ in range(5):
            self.download()
        time.sleep(self._chance.random())
        filler.unlink()

    def kill(self) -> None:
        """The daemon crashes."""
        self._lab.restart_after_kill()

    def restart(self) -> None:
        """The daemon is stopped and started."""
        assert self._lab.process.stop() == 0
        self._lab.start()

    def suspend(self) -> None:
        """The machine sleeps while files arrive."""
        self._lab.signal([self._lab.pid], signal.SIGSTOP)
        self.download()
        time.sleep(self._chance.random())
        self._lab.signal([self._lab.pid], signal.SIGCONT)

    def kill_the_sandbox(self) -> None:
        """The warm processes die."""
        self._ended += self._lab.signal(self._lab.warm(), signal.SIGKILL)

    def kill_a_scan(self) -> None:
        """The scanning processes die."""
        self._ended += self._lab.signal(self._lab.scanning(), signal.SIGSEGV)

    def lock_the_database(self) -> None:
        """Another program writes to the database for a moment."""
        connection = sqlite3.connect(self._lab.state / DATABASE, timeout=30, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            self.download()
            time.sleep(self._chance.random())
            connection.rollback()
        except sqlite3.Error:
            self.did["lock_the_database: not now"] += 1
        finally:
            connection.close()

    def damage_the_database(self) -> None:
        """The disk garbles the database; seldom."""
        if self._chance.random() < 0.2:
            self._lab.process.kill()
            self._lab.garble()
            self._lab.start()

    def move_the_root_away_and_back(self) -> None:
        """Somebody renames the watched directory, and thinks better of it."""
        away = self._lab.root.with_name("away")
        self._lab.root.rename(away)
        time.sleep(self._chance.random() * 1.5)
        away.rename(self._lab.root)


def main(arguments: list[str]) -> int:
    """Run it; the exit status."""
    if not 1 <= len(arguments) <= 2:
        print(__doc__)
        return 2
    seed = arguments[1] if len(arguments) > 1 else str(random.randrange(1 << 32))
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="picklewatch-soak-", ignore_cleanup_errors=True) as home:
        soak = Soak(Path(home), random.Random(seed))
        outcome = soak.run(float(arguments[0]))
    account = outcome.account
    print(", ".join(f"{name.replace('_', ' ')} {times}" for name, times in sorted(soak.did.items())))
    print(f"{account.files} files: {account.lost} lost, {account.doubled} doubled, {account.missing} verdicts missing;")
    print(f"{outcome.injected} faults, healthy after {outcome.seconds:.1f} s")
    if not outcome.is_good:
        print(f"WRONG: {outcome.note}")
    return 0 if outcome.is_good else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started and mounted goes as well
    sys.exit(main(sys.argv[1:]))
