"""Runs the statements of one transaction, with a fault point before each that changes something."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence

Row = tuple[Any, ...]


class Transaction:
    """Runs statements inside `Database.transaction`."""

    def __init__(self, connection: sqlite3.Connection, fault: Callable[[str], None]) -> None:
        self._connection = connection
        self._fault = fault

    def run(self, sql: str, parameters: Sequence[object] = ()) -> sqlite3.Cursor:
        """Execute one changing statement."""
        self._fault(f"before {sql.split(None, 1)[0]}")
        return self._connection.execute(sql, parameters)

    def one(self, sql: str, parameters: Sequence[object] = ()) -> Row | None:
        """Return the first row of a reading statement, or None."""
        row: Row | None = self._connection.execute(sql, parameters).fetchone()
        return row


@contextlib.contextmanager
def begun(connection: sqlite3.Connection, fault: Callable[[str], None]) -> Iterator[Transaction]:
    """Begin a transaction: committed at the end, rolled back on any exception."""
    fault("before BEGIN")
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield Transaction(connection, fault)
        fault("before COMMIT")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
