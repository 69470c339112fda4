"""Invalid arguments are refused in words that name them, and nothing is written."""

import math
from datetime import timedelta

import pytest
from tests.core.refused_calls import KNOWN, adding, check_refused, memory_with_known_id, searching, updating

from holdfast.errors import (
    InvalidFilter,
    InvalidInput,
    NotFound,
)

HUGE = 10**5000  # more digits than Python turns into text


@pytest.fixture
def memory(tmp_path):
    with memory_with_known_id(tmp_path / "memory.db") as memory:
        yield memory


def listing(**arguments):
    return lambda memory: memory.get_all(**{"user_id": "ana", **arguments})


def nested(depth, value):
    for _ in range(depth):
        value = {"AND": [value]}
    return value


def deep(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


WRONG = {
    # Scopes
    "no scope to add to": (adding(user_id=None), InvalidInput, "no scope is named.*user_id"),
    "no scope to search": (searching(user_id=None), InvalidInput, "no scope is named.*user_id"),
    "no scope to list": (listing(user_id=None), InvalidInput, "no scope is named"),
    "no scope to delete": (lambda memory: memory.delete_all(), InvalidInput, "no scope is named"),
    "an actor is no scope": (searching(user_id=None, actor_id="ana"), InvalidInput, "no scope is named"),
    "a filter without a scope": (
        searching(user_id=None, filters={"a": 1}),
        InvalidInput,
        "no scope is named",
    ),
    "an OR that leaves the scope open": (
        searching(user_id=None, filters={"OR": [{"user_id": "ana"}, {"a": 1}]}),
        InvalidInput,
        "no scope is named",
    ),
    "a negated scope": (
        listing(user_id=None, filters={"NOT": {"user_id": "ben"}}),
        InvalidInput,
        "no scope is named",
    ),
    "blank id": (adding(user_id="  "), InvalidInput, "user_id is blank"),
    "blank id to delete": (lambda memory: memory.delete_all(user_id=""), InvalidInput, "user_id is blank"),
    "NUL in an id": (adding(user_id="a\0b"), InvalidInput, "user_id holds a NUL character at position 1"),
    "surrogate in an id": (adding(user_id="a\ud800"), InvalidInput, "user_id holds half of a surrogate pair"),
    "id that is a list": (adding(user_id=["ana"]), InvalidInput, r"user_id is \['ana'\]"),
    "id that is true": (adding(user_id=True), InvalidInput, "user_id is True"),
    "id that is a fraction": (searching(user_id=1.5), InvalidInput, r"user_id is 1\.5"),
    "id too long": (adding(user_id="x" * 1001), InvalidInput, "1001 characters"),
    "id too large to be written": (adding(user_id=HUGE), InvalidInput, "user_id"),
    # Messages
    "blank text": (adding("   "), InvalidInput, "every message is blank"),
    "no messages": (adding([]), InvalidInput, "every message is blank"),
    "messages that are a number": (adding(7), InvalidInput, "messages is int"),
    "messages that are None": (adding(None), InvalidInput, "messages is NoneType"),
    "message that is a number": (adding([7]), InvalidInput, "the message is int"),
    "content that is a number": (
        adding({"role": "user", "content": 7}),
        InvalidInput,
        "content of the message is int",
    ),
    "role that is a number": (adding({"role": 7, "content": "x"}), InvalidInput, "role 7"),
    "NUL in a role": (adding({"role": "us\0er", "content": "x"}), InvalidInput, "NUL"),
    "10 MB message": (adding("x" * 10_000_000), InvalidInput, "10,000,000 characters: at most"),
    "too many messages": (
        adding([{"role": "user", "content": "x"}] * 10_001),
        InvalidInput,
        "10,001 messages",
    ),
    "NUL in a text": (adding("tea\0"), InvalidInput, "NUL character at position 3"),
    "surrogate in a text": (adding("tea \udfff!"), InvalidInput, "surrogate pair at position 4"),
    "NUL in a name": (adding({"role": "user", "content": "x", "name": "a\0"}), InvalidInput, "name.*NUL"),
    "surrogate in a name": (
        adding({"role": "user", "content": "x", "name": "\ud83d"}),
        InvalidInput,
        "name.*surrogate",
    ),
    "NUL in an actor": (adding(actor_id="\0"), InvalidInput, "actor_id holds a NUL"),
    "one bad message among good ones": (
        adding(["fine", "good", "b\0d"]),
        InvalidInput,
        "message 2 holds a NUL",
    ),
    # Options of add
    "metadata that is a list": (adding(metadata=[1]), InvalidInput, "metadata is list"),
    "metadata with a duration": (
        adding(metadata={"when": timedelta(1)}),
        InvalidInput,
        r"metadata\['when'\] is",
    ),
    "metadata with NaN": (adding(metadata={"n": math.nan}), InvalidInput, r"metadata\['n'\] is nan"),
    "metadata with bytes": (adding(metadata={"n": [b"x"]}), InvalidInput, r"metadata\['n'\]\[0\] is b'x'"),
    "metadata with a huge number": (adding(metadata={"n": HUGE}), InvalidInput, r"metadata\['n'\]"),
    "metadata with a large number": (
        adding(metadata={"n": 2**63}),
        InvalidInput,
        r"metadata\['n'\] is 9223372036854775808",
    ),
    "metadata with a number as key": (adding(metadata={1: 2}), InvalidInput, "key 1"),
    "metadata that sets user_id": (
        adding(metadata={"user_id": "ben"}),
        InvalidInput,
        "metadata may not set user_id",
    ),
    "update that sets agent_id": (
        updating(metadata={"agent_id": "x"}),
        InvalidInput,
        "metadata may not set agent_id",
    ),
    "NUL in a metadata key": (adding(metadata={"a\0": 1}), InvalidInput, "key of metadata holds a NUL"),
    "surrogate in a metadata key": (
        adding(metadata={"\ud800": 1}),
        InvalidInput,
        "key of metadata holds half",
    ),
    "NUL in a metadata value": (adding(metadata={"a": "b\0"}), InvalidInput, r"metadata\['a'\] holds a NUL"),
    "surrogate in a metadata value": (
        updating(metadata={"a": ["\ud800"]}),
        InvalidInput,
        r"metadata\['a'\]\[0\] holds half",
    ),
    "metadata too deep": (adding(metadata={"a": deep(1000)}), InvalidInput, "nested deeper than 32"),
    "metadata too wide": (
        adding(metadata={"a": list(range(10_001))}),
        InvalidInput,
        "more than 10,000 values",
    ),
    "timestamp that is a word": (adding(timestamp="yesterday"), InvalidInput, "timestamp is 'yesterday'"),
    "timestamp that does not exist": (
        adding(timestamp="2026-02-30"),
        InvalidInput,
        "timestamp is '2026-02-30'",
    ),
    "timestamp out of range": (adding(timestamp=1e18), InvalidInput, r"timestamp is 1e\+18"),
    "timestamp that is NaN": (adding(timestamp=math.nan), InvalidInput, "timestamp is nan"),
    "timestamp too large to be written": (adding(timestamp=HUGE), InvalidInput, "timestamp"),
    "expiration date that is none": (
        adding(expiration_date="soon"),
        InvalidInput,
        "expiration_date is 'soon'",
    ),
    "expiration date that is a number": (updating(expiration_date=5), InvalidInput, "expiration_date is 5"),
    # Queries and limits
    "blank query": (searching(" \n"), InvalidInput, "query is blank"),
    "no query": (searching(None), InvalidInput, "query is NoneType"),
    "a conversation as query": (
        searching([{"role": "user", "content": "tea"}]),
        InvalidInput,
        r"query is list: it must be text, pass the text of the last message, as in messages\[-1\]\['content'\]",
    ),
    "a tuple of messages as query": (searching(("tea",)), InvalidInput, r"messages\[-1\]"),
    "a message as query": (searching({"role": "user", "content": "tea"}), InvalidInput, r"message\['content'\]"),
    "a number as query": (searching(42), InvalidInput, "query is int: it must be text"),
    "bytes as query": (searching(b"tea"), InvalidInput, "query is bytes: it must be text"),
    "a conversation as query of a context": (
        lambda memory: memory.context([{"role": "user", "content": "tea"}], user_id="ana"),
        InvalidInput,
        r"messages\[-1\]\['content'\]",
    ),
    "a timestamp in milliseconds": (
        adding(timestamp=1_767_225_600_000),
        InvalidInput,
        "looks like milliseconds, give seconds: 1767225600$",
    ),
    "a year as timestamp of an update": (updating(text="x", timestamp=2026), InvalidInput, "looks like a year"),
    "10 MB query": (searching("x" * 10_000_000), InvalidInput, "10,000,000 characters"),
    "NUL in a query": (searching("a\0"), InvalidInput, "query holds a NUL"),
    "surrogate in a query": (searching("\ud800"), InvalidInput, "query holds half"),
    "negative limit": (searching(limit=-1), InvalidInput, "limit is -1"),
    "limit of zero": (searching(limit=0), InvalidInput, "limit is 0"),
    "huge limit": (searching(limit=1_000_001), InvalidInput, "limit is 1000001"),
    "limit too large to be written": (searching(limit=HUGE), InvalidInput, "limit"),
    "limit that is true": (searching(limit=True), InvalidInput, "limit is True"),
    "limit that is a fraction": (searching(limit=2.0), InvalidInput, r"limit is 2\.0"),
    "limit that is text": (searching(limit="5"), InvalidInput, "limit is '5'"),
    "two limits": (searching(limit=5, top_k=6), InvalidInput, "limit is 5 and top_k is 6"),
    "page of zero": (listing(page=0), InvalidInput, "0"),
    "page and limit": (listing(page=1, limit=5), InvalidInput, "limit and page"),
    "threshold above one": (searching(threshold=2), InvalidInput, "threshold is 2"),
    "threshold below zero": (searching(threshold=-1), InvalidInput, "threshold is -1"),
    "threshold that is NaN": (searching(threshold=math.nan), InvalidInput, "threshold is nan"),
    "threshold that is text": (searching(threshold="x"), InvalidInput, "threshold is 'x'"),
    "threshold too large to be written": (searching(threshold=HUGE), InvalidInput, "threshold"),
    "filter of 10,000 nodes": (listing(filters={"OR": [{"a": 1}] * 10_000}), InvalidFilter, "1000"),
    "filter of depth 1,000": (listing(filters=nested(1000, {"a": 1})), InvalidFilter, "32"),
    "deleting by a filter of depth 1,000": (
        lambda memory: memory.delete_all(user_id="ana", filters=nested(1000, {"a": 1})),
        InvalidFilter,
        "32",
    ),
    "filter that is a list": (listing(filters=[1]), InvalidFilter, "is not a filter"),
    "unknown operator": (searching(filters={"a": {"near": 1}}), InvalidFilter, "near"),
    # Ids
    "unknown id to update": (
        lambda memory: memory.update("nobody", "x"),
        NotFound,
        "there is no memory nobody",
    ),
    "unknown id to delete": (lambda memory: memory.delete("nobody"), NotFound, "there is no memory nobody"),
    "unknown id to look back at": (lambda memory: memory.history("nobody"), NotFound, "nobody"),
    "blank memory id": (lambda memory: memory.get(" "), InvalidInput, "memory_id is ' '"),
    "memory id that is a number": (lambda memory: memory.delete(7), InvalidInput, "memory_id is 7"),
    "NUL in a memory id": (lambda memory: memory.get("a\0"), InvalidInput, "memory_id holds a NUL"),
    "surrogate in a memory id": (lambda memory: memory.get("\ud800"), InvalidInput, "memory_id holds half"),
    "blank update": (updating(text=" "), InvalidInput, "text is blank"),
    "10 MB update": (updating(text="x" * 10_000_000), InvalidInput, "10,000,000 characters"),
    "two texts": (updating(text="a", data="b"), InvalidInput, "text and data"),
    "1,001 ids to delete": (lambda memory: memory.batch_delete(["x"] * 1001), InvalidInput, "1,001 items"),
    "1,001 updates": (
        lambda memory: memory.batch_update([{"memory_id": "x", "text": "y"}] * 1001),
        InvalidInput,
        "1,001 items",
    ),
    "empty batch": (lambda memory: memory.batch_delete([]), InvalidInput, "0 items"),
    "batch that is text": (lambda memory: memory.batch_delete("abc"), InvalidInput, "str"),
    "batch with a number": (
        lambda memory: memory.batch_delete([str(KNOWN), 5]),
        InvalidInput,
        "memory_id is 5",
    ),
    "update without an id": (
        lambda memory: memory.batch_update([{"text": "x"}]),
        InvalidInput,
        "memory_id is None",
    ),
    "update that is text": (lambda memory: memory.batch_update(["x"]), InvalidInput, "an update is str"),
    "version that is text": (
        lambda memory: memory.rollback(str(KNOWN), version="x"),
        InvalidInput,
        "version is 'x'",
    ),
    "version that is a list": (
        lambda memory: memory.rollback(str(KNOWN), version=[1]),
        InvalidInput,
        r"version is \[1\]",
    ),
    "version too large": (lambda memory: memory.rollback(str(KNOWN), version=2**70), NotFound, str(2**70)),
    "two users to delete": (
        lambda memory: memory.delete_users(user_id="a", run_id="b"),
        InvalidInput,
        "exactly one",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_invalid_arguments_are_named_and_nothing_is_written(memory, case):
    check_refused(memory, *WRONG[case])
