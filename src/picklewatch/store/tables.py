"""Defines the tables, their version, and the migration from every older one."""

from __future__ import annotations

import sqlite3
from typing import Final

_COUNTED: Final = """
    INSERT INTO counts SELECT 'WHAT', KIND, count(*) FROM TABLE GROUP BY 2;
    CREATE TRIGGER WHAT_added AFTER INSERT ON TABLE BEGIN
        INSERT INTO counts VALUES ('WHAT', NEW.KIND, 1) ON CONFLICT (what, kind) DO UPDATE SET number = number + 1;
    END;
    CREATE TRIGGER WHAT_gone AFTER DELETE ON TABLE BEGIN
        UPDATE counts SET number = number - 1 WHERE what = 'WHAT' AND kind = CAST(OLD.KIND AS TEXT);
    END;
    CREATE TRIGGER WHAT_changed AFTER UPDATE OF KIND ON TABLE WHEN NEW.KIND <> OLD.KIND BEGIN
        UPDATE counts SET number = number - 1 WHERE what = 'WHAT' AND kind = CAST(OLD.KIND AS TEXT);
        INSERT INTO counts VALUES ('WHAT', NEW.KIND, 1) ON CONFLICT (what, kind) DO UPDATE SET number = number + 1;
    END;
"""


def _counted(table: str, kind: str, what: str = "") -> str:
    """Return the triggers that count the rows of *table* in ``counts``, by the value of its column *kind*.

    They are counted as *what*, which is the table's name unless another is given.
    """
    return _COUNTED.replace("WHAT", what or table).replace("TABLE", table).replace("KIND", kind)


MIGRATIONS: Final[tuple[str, ...]] = (
    # 1
    """
    CREATE TABLE jobs (
        id INTEGER PRIMARY KEY,
        device INTEGER NOT NULL,
        inode INTEGER NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        ctime_ns INTEGER NOT NULL,
        path BLOB NOT NULL,
        priority INTEGER NOT NULL,
        rank INTEGER NOT NULL,
        generation INTEGER NOT NULL DEFAULT 1,
        UNIQUE (device, inode)
    );
    CREATE INDEX jobs_order ON jobs (priority, rank DESC);
    CREATE TABLE records (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at REAL NOT NULL,
        device INTEGER,
        inode INTEGER,
        size INTEGER NOT NULL,
        mtime_ns INTEGER,
        ctime_ns INTEGER,
        engine TEXT NOT NULL,
        path BLOB NOT NULL,
        verdict TEXT NOT NULL,
        sha256 TEXT,
        body TEXT NOT NULL,
        reported INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX records_verdict ON records (verdict, id);
    CREATE INDEX records_sha256 ON records (sha256) WHERE sha256 IS NOT NULL;
    CREATE INDEX records_unreported ON records (id) WHERE reported = 0;
    CREATE TABLE files (
        device INTEGER NOT NULL,
        inode INTEGER NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        ctime_ns INTEGER NOT NULL,
        engine TEXT NOT NULL,
        verdict TEXT NOT NULL,
        allowed INTEGER NOT NULL,
        record INTEGER NOT NULL,
        PRIMARY KEY (device, inode)
    ) WITHOUT ROWID;
    CREATE INDEX files_verdict ON files (verdict, allowed);
    CREATE TABLE names (
        device INTEGER NOT NULL,
        inode INTEGER NOT NULL,
        path BLOB NOT NULL,
        PRIMARY KEY (device, inode, path)
    ) WITHOUT ROWID;
    CREATE TABLE intents (
        id INTEGER PRIMARY KEY,
        record INTEGER NOT NULL UNIQUE,
        state TEXT NOT NULL,
        item TEXT,
        reason TEXT,
        at REAL NOT NULL
    );
    CREATE INDEX intents_open ON intents (id) WHERE state = 'wanted';
    CREATE TABLE allowed (
        sha256 TEXT PRIMARY KEY,
        reason TEXT NOT NULL,
        at REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE state (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
    # 2: numbers are kept, not counted: with ten million rows counting takes seconds
    """
    CREATE TABLE counts (
        what TEXT NOT NULL,
        kind TEXT NOT NULL,
        number INTEGER NOT NULL,
        PRIMARY KEY (what, kind)
    ) WITHOUT ROWID;
    """
    + _counted("jobs", "priority")
    + _counted("records", "verdict")
    + _counted("files", "verdict")
    + _counted("intents", "state"),
    # 3: whose a waiting file is; how many verdicts are of an older engine; which engine's lists alone want a move
    """
    ALTER TABLE jobs ADD COLUMN owner INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE intents ADD COLUMN cause TEXT;
    CREATE INDEX intents_cause ON intents (cause) WHERE cause IS NOT NULL;
    """
    + _counted("files", "engine", "engines"),
    # 4: only a file of its size can be an allowed content
    """
    ALTER TABLE allowed ADD COLUMN size INTEGER;
    UPDATE allowed SET size = (SELECT r.size FROM records AS r WHERE r.sha256 = allowed.sha256 LIMIT 1);
    """,
    # 5: what was allowed is not clean
    """
    UPDATE records SET verdict = 'allowed' WHERE verdict = 'clean' AND body LIKE '%"allowed-digest"%';
    UPDATE files SET verdict = 'allowed' WHERE allowed = 1 AND verdict = 'clean' AND record IN
        (SELECT id FROM records WHERE verdict = 'allowed');
    """,
    # 6: allowances end; counts are of files that are there
    """
    ALTER TABLE allowed ADD COLUMN until REAL;
    ALTER TABLE files ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX files_gone ON files (verdict) WHERE gone = 1;
    """,
)
"""The script that leads from version *n* to *n + 1*, at position *n*. Released ones never change."""

VERSION: Final = len(MIGRATIONS)


def statements(script: str) -> list[str]:
    """Split *script* into its statements."""
    found: list[str] = []
    begun = ""
    for part in script.split(";")[:-1]:  # a trigger has some inside
        begun += f"{part};"
        if sqlite3.complete_statement(begun):
            found.append(begun.strip())
            begun = ""
    return found
