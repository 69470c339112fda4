"""Check that a call is refused and leaves the store unchanged."""

import contextlib
import uuid

import pytest

from holdfast import Memory
from holdfast.errors import (
    HoldfastError,
)
from holdfast.filters import MATCH_ALL

KNOWN = uuid.UUID(int=1)


@contextlib.contextmanager
def memory_with_known_id(path):
    """Open a memory that holds one fact, with the id `KNOWN`."""
    with Memory(path, llm="rules", embedder="hashing") as memory:
        memory.runtime.new_id = lambda: str(KNOWN)
        memory.add("I play the cello", user_id="ana", metadata={"a": 1}, infer=False)
        memory.runtime.new_id = lambda: str(uuid.uuid4())
        yield memory


def stored_in(memory):
    """Return all that a refused call must not change."""
    store = memory.runtime.store
    counts = store._connections.query("SELECT (SELECT max(sequence) FROM changes), (SELECT count(*) FROM messages)")
    settings = store.get_setting("embedder"), store.get_setting("engines")
    return counts, store.select(MATCH_ALL), store.list_versions(str(KNOWN)), settings


def check_refused(memory, call, error, words):
    """Check that `call` raises `error` with `words` and changes nothing."""
    before = stored_in(memory)
    with pytest.raises(HoldfastError, match=words) as caught:
        call(memory)
    assert isinstance(caught.value, error)
    assert len(str(caught.value)) < 1000
    assert stored_in(memory) == before


def adding(messages="I like tea", **arguments):
    return lambda memory: memory.add(messages, **{"user_id": "ana", "infer": False, **arguments})


def searching(query="tea", **arguments):
    return lambda memory: memory.search(query, **{"user_id": "ana", **arguments})


def updating(**arguments):
    return lambda memory: memory.update(str(KNOWN), **arguments)
