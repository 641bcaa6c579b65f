"""A state with as many rows as years of downloads leave, made in minutes."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

from picklewatch.core.state_layout import DATABASE
from picklewatch.store import Store

if TYPE_CHECKING:
    from pathlib import Path

_PART = 1_000_000
DEVICE = 1
"""The device of the pretended files, which none has."""
_BODY = """'{"path":"/models/' || n || '/model.safetensors","name":"org/model-' || n || '@main: model.safetensors",'
    || '"names":["/models/' || n || '/snapshot/model.safetensors"],"size":100000000,"format":"safetensors",'
    || '"verdict":"' || verdict || '","reasons":[],"allowed":null,"findings":[],"pickles":1,"opcodes":1000,'
    || '"imports":["collections.OrderedDict","torch._utils._rebuild_tensor_v2","torch.FloatStorage"],'
    || '"sha256":"' || sha256 || '","duration_ms":12.5,'
    || '"engine":{"picklewatch":"0.1.0","fickling":"0.1.12","rules":"0123456789ab"}}'"""
_ROWS = """
    WITH RECURSIVE numbers (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?2)
    SELECT n, CASE n % 1000 WHEN 0 THEN 'unsafe' WHEN 1 THEN 'unverified' ELSE 'clean' END AS verdict,
    lower(hex(randomblob(32))) AS sha256 FROM numbers
"""


def fill(state: Path, rows: int) -> None:
    """Make the database of *state* with *rows* files that were judged, a record each, and a name for every second."""
    Store(state).close()
    with closing(sqlite3.connect(state / DATABASE, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -500000")
        made_later = connection.execute(
            "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
        ).fetchall()
        for kind, name, _ in made_later:
            connection.execute(f"DROP {kind} {name}")
        for first in range(1, rows + 1, _PART):
            _fill_part(connection, first, min(first + _PART, rows + 1))
        for _, _, sql in made_later:
            connection.execute(sql)
        connection.execute("INSERT INTO counts SELECT 'records', verdict, count(*) FROM records GROUP BY 2")
        connection.execute("INSERT INTO counts SELECT 'files', verdict, count(*) FROM files GROUP BY 2")
        connection.execute("PRAGMA journal_mode = WAL")
    os.sync()


def _fill_part(connection: sqlite3.Connection, first: int, end: int) -> None:
    connection.execute("BEGIN")
    connection.execute(
        "INSERT INTO records (id, at, device, inode, size, mtime_ns, ctime_ns, engine, path, verdict, sha256, body, "
        "reported) SELECT n, ?3, ?4, n, 100000000, n, n, 'engine', "
        "CAST('/models/' || n || '/model.safetensors' AS BLOB), verdict, sha256, " + _BODY + f", 1 FROM ({_ROWS})",
        (first, end, time.time(), DEVICE),
    )
    connection.execute(
        "INSERT INTO files SELECT device, inode, size, mtime_ns, ctime_ns, engine, verdict, 0, id, 0 FROM records "
        "WHERE id >= ? AND id < ?",
        (first, end),
    )
    connection.execute(
        "INSERT INTO names SELECT device, inode, CAST('/models/' || id || '/snapshot/model.safetensors' AS BLOB) "
        "FROM records WHERE id >= ? AND id < ? AND id % 2",
        (first, end),
    )
    connection.execute("COMMIT")
