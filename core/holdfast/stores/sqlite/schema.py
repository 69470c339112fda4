"""The tables of a Holdfast file, as an append-only list of steps.

Each step runs in one transaction together with the count of steps done (`PRAGMA user_version`). A released step is
never edited: a change is a new step at the end.
"""

from __future__ import annotations

import json
import sqlite3
import uuid

from holdfast.errors import SchemaTooNew, StorageError
from holdfast.scope import Scope
from holdfast.stores.protocol import STORE_ID_SETTING
from holdfast.stores.sqlite.rows import checksum, scope_key

APPLICATION_ID = 0x484F4C44
"""`HOLD` in ASCII: distinguishes a Holdfast file from any other SQLite database."""

# A memory's `row` is the number of the change that inserted it: rows are never reused, and no counter but the change
# sequence is needed. `changes.before` holds the record as it was before an UPDATE or DELETE. An ADD has nothing before
# it, so a memory that never changed is written once. `fingerprint` is the content hash of a memory.
_FIRST = """
CREATE TABLE settings (
    name     TEXT PRIMARY KEY,
    value    TEXT NOT NULL,
    checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE memories (
    row             INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    text            TEXT NOT NULL,
    user_id         TEXT,
    agent_id        TEXT,
    run_id          TEXT,
    app_id          TEXT,
    actor_id        TEXT,
    role            TEXT,
    attributed_to   TEXT,
    speaker         TEXT,
    memory_type     TEXT NOT NULL,
    metadata        TEXT NOT NULL,
    categories      TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    recorded_at     INTEGER NOT NULL,
    expiration_date TEXT,
    immutable       INTEGER NOT NULL,
    checksum        INTEGER NOT NULL,
    fingerprint     BLOB UNIQUE
) STRICT;

CREATE INDEX memories_of_user  ON memories (user_id,  created_at) WHERE user_id  IS NOT NULL;
CREATE INDEX memories_of_agent ON memories (agent_id, created_at) WHERE agent_id IS NOT NULL;
CREATE INDEX memories_of_run   ON memories (run_id,   created_at) WHERE run_id   IS NOT NULL;
CREATE INDEX memories_of_app   ON memories (app_id,   created_at) WHERE app_id   IS NOT NULL;

CREATE TABLE vectors (
    row      INTEGER PRIMARY KEY REFERENCES memories (row) ON DELETE CASCADE,
    vector   BLOB NOT NULL,
    terms    BLOB NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE changes (
    sequence    INTEGER PRIMARY KEY,
    row         INTEGER NOT NULL,
    memory_id   TEXT NOT NULL,
    event       TEXT NOT NULL,
    happened_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    actor_id    TEXT,
    role        TEXT,
    before      TEXT,
    checksum    INTEGER NOT NULL
) STRICT;

CREATE INDEX later_changes ON changes (row) WHERE row <> sequence;
CREATE INDEX removals ON changes (memory_id) WHERE event = 'DELETE';

CREATE TABLE messages (
    number      INTEGER PRIMARY KEY,
    scope       BLOB NOT NULL,
    role        TEXT NOT NULL,
    name        TEXT,
    content     TEXT NOT NULL,
    happened_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    checksum    INTEGER NOT NULL
) STRICT;

CREATE INDEX messages_of_scope ON messages (scope);

CREATE TABLE sources (
    row     INTEGER NOT NULL REFERENCES memories (row) ON DELETE CASCADE,
    message INTEGER NOT NULL REFERENCES messages (number) ON DELETE CASCADE,
    PRIMARY KEY (row, message)
) STRICT, WITHOUT ROWID;

CREATE INDEX sources_of_message ON sources (message);

CREATE TABLE damaged (
    row     INTEGER PRIMARY KEY,
    problem TEXT NOT NULL,
    content TEXT NOT NULL
) STRICT;
"""

# `reembedded` holds the staged vectors of a new embedder, each with the checksum of the record that was embedded.
_SECOND = """
ALTER TABLE memories ADD COLUMN facts TEXT;
ALTER TABLE memories ADD COLUMN standing TEXT;

CREATE TABLE reembedded (
    row       INTEGER PRIMARY KEY REFERENCES memories (row) ON DELETE CASCADE,
    of_record INTEGER NOT NULL,
    vector    BLOB NOT NULL,
    terms     BLOB NOT NULL,
    checksum  INTEGER NOT NULL
) STRICT;
"""

# The source of a memory is one of the messages `first` to `last`, which are of one add. A deleted memory takes all of
# them with it, also those that are a source of others: `sources` keeps the numbers of messages that are gone. `cited`
# messages are certain to be the source of a fact. `scopes` says whose messages they are: their own `scope` is a hash.
#
# Older files did not link facts whose message was not known: they are linked to every message of their add, which has
# the same `recorded_at`. They also kept the messages of deleted memories, which go, as do those of unknown scopes.
_THIRD = """
CREATE TABLE scopes (
    key      BLOB PRIMARY KEY,
    user_id  TEXT,
    agent_id TEXT,
    run_id   TEXT,
    app_id   TEXT
) STRICT, WITHOUT ROWID;

INSERT OR IGNORE INTO scopes
SELECT DISTINCT scope_key(user_id, agent_id, run_id, app_id), user_id, agent_id, run_id, app_id FROM memories;

INSERT OR IGNORE INTO scopes
SELECT scope_key(user_id, agent_id, run_id, app_id), user_id, agent_id, run_id, app_id FROM (
    SELECT DISTINCT
        json_extract(before, '$.scope.user_id') AS user_id, json_extract(before, '$.scope.agent_id') AS agent_id,
        json_extract(before, '$.scope.run_id') AS run_id, json_extract(before, '$.scope.app_id') AS app_id
    FROM changes WHERE json_valid(before)
);

CREATE TABLE sources_of_memories (
    row   INTEGER NOT NULL REFERENCES memories (row) ON DELETE CASCADE,
    first INTEGER NOT NULL,
    last  INTEGER NOT NULL,
    PRIMARY KEY (row, first, last)
) STRICT, WITHOUT ROWID;

INSERT INTO sources_of_memories SELECT row, message, message FROM sources;

INSERT INTO sources_of_memories
SELECT changes.row, min(messages.number), max(messages.number) FROM changes
JOIN memories ON memories.row = changes.row JOIN messages ON messages.recorded_at = changes.recorded_at
WHERE changes.row NOT IN (SELECT row FROM sources)
GROUP BY changes.row, changes.recorded_at;

ALTER TABLE messages ADD COLUMN cited INTEGER NOT NULL DEFAULT 0;

UPDATE messages SET cited = 1
WHERE number IN (SELECT message FROM sources JOIN memories ON memories.row = sources.row WHERE facts IS NULL);

DELETE FROM messages WHERE NOT cited AND recorded_at IN (
    SELECT recorded_at FROM changes WHERE event <> 'DELETE' AND row NOT IN (SELECT row FROM memories)
);

DELETE FROM messages WHERE scope NOT IN (SELECT key FROM scopes);

DROP TABLE sources;

ALTER TABLE sources_of_memories RENAME TO sources;

CREATE INDEX sources_of_message ON sources (last);

CREATE INDEX uncited_messages ON messages (scope) WHERE cited = 0;
"""

STEPS: tuple[str, ...] = (_FIRST, _SECOND, _THIRD)


def migrate(connection: sqlite3.Connection, *, name: str) -> None:
    """Bring the file behind `connection` to the newest schema; several processes may do so at once.

    Args:
        connection: In autocommit mode.
        name: What to call the file in errors.

    Raises:
        SchemaTooNew: A newer Holdfast wrote the file.
        StorageError: The file is a database of another program, or has lost its tables.
    """
    if _count_steps(connection, name) == len(STEPS):
        return
    connection.create_function("scope_key", 4, lambda *ids: scope_key(Scope(*ids)), deterministic=True)
    connection.execute("BEGIN IMMEDIATE")
    try:
        for number in range(_count_steps(connection, name), len(STEPS)):
            _run_script(connection, STEPS[number])
            connection.execute(f"PRAGMA user_version = {number + 1}")
        if not connection.execute("SELECT 1 FROM settings WHERE name = ?", [STORE_ID_SETTING]).fetchone():
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            store_id = (STORE_ID_SETTING, json.dumps(str(uuid.uuid4())))
            connection.execute("INSERT INTO settings VALUES (?, ?, ?)", (*store_id, checksum(store_id)))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # on a full disk SQLite has rolled back itself
            connection.execute("ROLLBACK")
        raise


def _count_steps(connection: sqlite3.Connection, name: str) -> int:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (done,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and (done or tables):
        raise StorageError(f"{name} is a database of another program: choose another path")
    if done > len(STEPS):
        raise SchemaTooNew(f"{name} has schema {done}, this Holdfast knows {len(STEPS)}: upgrade Holdfast")
    if application == APPLICATION_ID and not tables:
        raise StorageError(f"{name} has lost its tables: restore a backup")
    return int(done)


def _run_script(connection: sqlite3.Connection, script: str) -> None:
    # `executescript` would commit first. No statement here contains a semicolon.
    for statement in script.split(";"):
        if statement.strip():
            connection.execute(statement)
