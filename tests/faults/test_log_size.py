"""The log does not stay large after the reader that made it grow has ended."""

from pathlib import Path

import pytest

from holdfast import Memory
from holdfast.stores.sqlite.disk.file import LOG_LIMIT

READING = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN")
connection.execute("SELECT count(*) FROM memories").fetchone()
print("reading", flush=True)
sys.stdin.readline()
connection.execute("COMMIT")
print("done", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def memory(tmp_path):
    with Memory(tmp_path / "memory.db", llm="rules", embedder="hashing", config={"synchronous": "NORMAL"}) as memory:
        memory.add("I play the cello", user_id="ana", infer=False)
        yield memory


@pytest.fixture
def reader(start, memory):
    """Another process that reads while the log grows to more than three times its limit."""
    process = start(READING, memory.path)
    assert process.stdout.readline() == "reading\n"
    log, number = log_of(memory), 0
    while log.stat().st_size < 3 * LOG_LIMIT:
        number += 1
        turns = [{"role": "user", "content": f"{number} {part} {'x' * 2000}"} for part in range(100)]
        memory.add(turns, user_id="ben", infer=False)
    return process


def log_of(memory):
    return Path(f"{memory.path}-wal")


def end(reader):
    reader.stdin.write("end\n")
    reader.stdin.flush()
    assert reader.stdout.readline() == "done\n"


def repeat(call, *, until):
    """Call again and again; fails only if the condition never becomes true."""
    for _ in range(100_000):
        call()
        if until():
            return
    pytest.fail("the log was never cut")


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["search", "add"])
def test_the_log_shrinks_with_the_next_calls_after_a_long_reader_has_ended(memory, reader, verb):
    log = log_of(memory)
    calls = {
        "search": lambda: memory.search("cello", user_id="ana"),
        "add": lambda: memory.add("I play the viola", user_id="ana", infer=False),
    }
    calls[verb]()
    assert log.stat().st_size >= 3 * LOG_LIMIT  # still being read
    end(reader)
    repeat(calls[verb], until=lambda: log.stat().st_size <= LOG_LIMIT)
    assert memory.search("cello", user_id="ana")["results"]
    assert memory.doctor()["healthy"]


@pytest.mark.slow
def test_the_log_shrinks_when_the_store_is_closed_while_others_have_it_open(memory, reader):
    log = log_of(memory)
    end(reader)  # it has the file open, and reads no more
    memory.close()
    assert log.stat().st_size <= LOG_LIMIT
