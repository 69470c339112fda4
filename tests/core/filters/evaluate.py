"""Evaluate filters in SQL and in Python, which must agree."""

import json
import sqlite3

from holdfast.filters import (
    SQL_FUNCTIONS,
    parse_filter,
    to_predicate,
    to_sql,
)
from holdfast.records import MemoryRecord
from holdfast.scope import Scope

OPERATORS = ["eq", "ne", "in", "nin", "gt", "gte", "lt", "lte", "contains", "icontains"]
COLUMNS = (
    "row INTEGER PRIMARY KEY, id TEXT NOT NULL, text TEXT NOT NULL, user_id TEXT, agent_id TEXT, run_id TEXT,"
    " app_id TEXT, actor_id TEXT, role TEXT, attributed_to TEXT, speaker TEXT, memory_type TEXT NOT NULL,"
    " metadata TEXT NOT NULL, categories TEXT NOT NULL, created_at INTEGER NOT NULL,"
    " updated_at INTEGER NOT NULL, recorded_at INTEGER NOT NULL, expiration_date TEXT,"
    " immutable INTEGER NOT NULL"
)


def open_database():
    database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    for name, (arguments, function) in SQL_FUNCTIONS.items():
        database.create_function(name, arguments, function, deterministic=True)
    database.execute(f"CREATE TABLE memories ({COLUMNS}) STRICT")
    database.execute("CREATE INDEX by_user ON memories (user_id)")
    return database


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def fill(database, records):
    database.execute("DELETE FROM memories")
    for row, record in enumerate(records):
        scope = record.scope
        values = [row, record.id, record.text, scope.user_id, scope.agent_id, scope.run_id, scope.app_id]
        values += [record.actor_id, record.role, record.attributed_to, record.speaker, record.memory_type]
        values += [compact(record.metadata), compact(record.categories)]
        values += [record.created_at, record.updated_at, record.recorded_at]
        values += [record.expiration_date, int(record.immutable)]
        database.execute(f"INSERT INTO memories VALUES ({','.join('?' * len(values))})", values)  # noqa: S608


def rows(database, tree):
    expression, values = to_sql(tree)
    query = f"SELECT row FROM memories WHERE {expression} ORDER BY row"  # noqa: S608
    found = database.execute(query, values)
    return [row for (row,) in found]


def matching(records, tree):
    matches = to_predicate(tree)
    return [row for row, record in enumerate(records) if matches(record)]


def found(database, records, filters):
    """Return the rows that SQL finds; check that the predicate finds the same."""
    tree = parse_filter(filters)
    fill(database, records)
    by_sql = rows(database, tree)
    assert by_sql == matching(records, tree)
    return by_sql


def memory(text="", *, metadata=None, **fields):
    ids = {name: fields.pop(name, None) for name in ("user_id", "agent_id", "run_id", "app_id")}
    times = {name: fields.pop(name, 0) for name in ("created_at", "updated_at", "recorded_at")}
    record_id = fields.pop("id", "r")
    return MemoryRecord(id=record_id, text=text, scope=Scope(**ids), metadata=metadata or {}, **times, **fields)


def nested(depth, wrap, innermost):
    for _ in range(depth):
        innermost = wrap(innermost)
    return innermost


WRAPS = [
    lambda inner: {"NOT": inner},
    lambda inner: {"AND": [inner]},
    lambda inner: {"OR": [inner]},
    lambda inner: {"OR": [{"n": 1}, inner]},
]
