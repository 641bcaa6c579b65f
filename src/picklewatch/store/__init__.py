"""Remembers jobs, records, moves and allowed digests, in one SQLite database per state directory.

It must never lose a committed outcome, and never keep a worker from scanning: where the disk fails, callers try again.
A `Store` may be shared by threads and opened by several processes; only one daemon may own a state directory, see
`picklewatch.store.lock`. Start with `picklewatch.store.store`.
"""

from picklewatch.store.database import CorruptError
from picklewatch.store.decisions import Intent
from picklewatch.store.jobs import Job, Offered
from picklewatch.store.outcomes import Finished
from picklewatch.store.store import Store

__all__ = ["CorruptError", "Finished", "Intent", "Job", "Offered", "Store"]
