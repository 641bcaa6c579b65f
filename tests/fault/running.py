"""One fault from its injection to the books."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from fault.faults import LABS, THROUGH
from fault.lab import PATIENCE, Account, Lab, SkippedError

if TYPE_CHECKING:
    from pathlib import Path

    from fault.faults.kinds import Fault


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row of the table."""

    fault: str
    injected: int
    account: Account
    seconds: float
    """From the fault's end until the daemon says that it is healthy and every file has its verdict."""
    note: str = ""
    """Why it was skipped, or what went wrong."""
    skipped: bool = False
    measured: str = ""
    """What else is worth knowing."""

    @property
    def is_good(self) -> bool:
        """Return True if the targets are met."""
        account = self.account
        return not (account.lost or account.doubled or account.missing or self.note) and self.seconds < PATIENCE


def run(fault: Fault, home: Path) -> Outcome:
    """Inject *fault* into a daemon whose files are below *home*."""
    name = fault.__name__.replace("_", " ")
    with LABS.get(fault, Lab)(home, through=THROUGH.get(fault, ())) as lab:
        try:
            fault(lab)
            seconds = lab.seconds_until(lab.settled)
            told, waiting = lab.problems(), lab.waiting()
            status = lab.process.stop()
        except SkippedError as why:
            return Outcome(name, 0, Account(0, 0, 0, 0), 0.0, str(why), skipped=True)
        except AssertionError as error:
            return Outcome(name, lab.injected, lab.account(), PATIENCE, str(error)[:300] or "a step of it failed")
        account = lab.account()
        note = "; ".join(account.notes)
        if status:
            note = f"the daemon ended with {status}; {note}"
        if seconds >= PATIENCE:
            note = f"still wrong: {', '.join(sorted(told)) or 'nothing'}, {waiting} waiting; {note}"
        return Outcome(name, lab.injected, account, seconds, note, measured="; ".join(lab.measured))


def assert_survived(fault: Fault, home: Path) -> None:
    """Inject *fault* as a test does: it is skipped, or the targets are met and it did happen."""
    outcome = run(fault, home)
    if outcome.skipped:
        pytest.skip(outcome.note)
    assert outcome.is_good, outcome
    assert outcome.injected
