"""Check the arguments of the verbs before anything is done; every error names the value and the way out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from holdfast.errors import InvalidInput, short_repr
from holdfast.extraction.facts import Attribution, Skipped, Turn
from holdfast.extraction.fence import split_fenced
from holdfast.extraction.messages import list_messages, read_message
from holdfast.filters import Filter, is_scoped, join_filters, parse_filter, scope_filter
from holdfast.plain_values import to_json
from holdfast.protocols import Json
from holdfast.results import MemoryItem
from holdfast.scope import IDENTITY_FIELDS, Scope, check_id, check_storable, make_scope

MAX_TEXT = 1_000_000
"""Most characters of a memory, a message or a query."""

MAX_MESSAGES = 10_000
"""Most messages of one add."""

MAX_BATCH = 1_000
"""Most ids of one batch, and most results of one search."""

_MAX_METADATA_DEPTH = 32
_MAX_METADATA_VALUES = 10_000
_INT64 = 2**63

Messages = str | Mapping[str, Any] | Sequence[Mapping[str, Any]]


def check_text(value: Any, *, name: str) -> str:
    """Return `value` if it is text that can be stored.

    Raises:
        InvalidInput: It is not text, is blank, has over 1,000,000 characters, or holds NUL or half a surrogate pair.
    """
    if not isinstance(value, str):
        raise InvalidInput(f"{name} is {type(value).__name__}: it must be text")
    if len(value) > MAX_TEXT:
        raise InvalidInput(f"{name} has {len(value):,} characters: at most {MAX_TEXT:,} are taken, split it")
    if not value.strip():
        raise InvalidInput(f"{name} is blank")
    return check_storable(value, name=name)


def check_query(query: Any) -> str:
    """Return the text to search for; the error for a conversation says which text to pass.

    Raises:
        InvalidInput: It is not text that can be searched for.
    """
    if isinstance(query, str):
        return check_text(query, name="query")
    if query is None:
        way_out = "get_all returns memories without a query"
    elif isinstance(query, Mapping):
        way_out = "pass the text of the message, as in message['content']"
    elif isinstance(query, Sequence) and not isinstance(query, bytes):
        way_out = "pass the text of the last message, as in messages[-1]['content']"
    else:
        way_out = "pass the words to search for"
    raise InvalidInput(f"query is {type(query).__name__}: it must be text, {way_out}")


def read_turns(messages: Messages) -> tuple[list[Turn], list[Skipped]]:
    """Return a conversation as turns, and the parts of it that are not text.

    Args:
        messages: A string (one user message), a message, a list of messages, or a request or an answer that holds them,
            in the shape of any of the usual services (see `extraction.messages`).

    Raises:
        InvalidInput: A message has another shape, or no message has any text.

    >>> turns, skipped = read_turns([{"role": "user", "name": "Ana", "content": "Hello"}])
    >>> turns
    [Turn(role='user', content='Hello', name='Ana')]
    """
    if not isinstance(messages, (str, Mapping, list, tuple)):
        raise InvalidInput(f"messages is {type(messages).__name__}: give a string, a message or a list of messages")
    items = list_messages(messages)
    if len(items) > MAX_MESSAGES:
        raise InvalidInput(
            f"messages holds {len(items):,} messages: at most {MAX_MESSAGES:,} at once, add them in parts"
        )
    turns: list[Turn] = []
    skipped: list[Skipped] = []
    for number, message in enumerate(items):
        turn, unusable = _read_turn(message, name=f"message {number}" if len(items) > 1 else "the message")
        turns.extend(turn)
        skipped.extend(unusable)
    if not turns and not skipped:
        raise InvalidInput("there is nothing to remember: every message is blank")
    return turns, skipped


def check_metadata(metadata: Any) -> dict[str, Json]:
    """Return metadata as a dictionary of JSON values.

    Raises:
        InvalidInput: It is not a JSON object, or it has a key that names a scope.
    """
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise InvalidInput(f"metadata is {type(metadata).__name__}: it must be a dictionary")
    for field in IDENTITY_FIELDS:
        if field in metadata:
            raise InvalidInput(f"metadata may not set {field}: give it as an argument of its own")
    budget = iter(range(_MAX_METADATA_VALUES))
    return {
        key: _json_value(value, f"metadata[{short_repr(key)}]", 1, budget)
        for key, value in _checked_keys(metadata, "metadata")
    }


def check_limit(limit: Any, top_k: Any = None, *, default: int, most: int = MAX_BATCH) -> int:
    """Return the most results wanted; `top_k` is another name for `limit`.

    Raises:
        InvalidInput: It is not a whole number from 1 to `most`, or the two differ.
    """
    if limit is not None and top_k is not None and limit != top_k:
        raise InvalidInput(
            f"limit is {short_repr(limit)} and top_k is {short_repr(top_k)}: they mean the same, give one"
        )
    value = limit if limit is not None else top_k
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise InvalidInput(f"limit is {short_repr(value)}: it must be a whole number from 1 to {most}")
    return value


def check_threshold(threshold: Any) -> float:
    """Return the least score wanted; `None` and 0.0 both mean all.

    Raises:
        InvalidInput: It is not a number from 0 to 1.
    """
    if threshold is None:
        return -math.inf
    if isinstance(threshold, bool) or not isinstance(threshold, (int, float)) or not 0 <= threshold <= 1:
        raise InvalidInput(f"threshold is {short_repr(threshold)}: it must be a number from 0 to 1")
    return float(threshold) if threshold > 0 else -math.inf


def check_switch(value: Any, *, name: str, default: bool) -> bool:
    """Return a boolean option, `default` for `None`.

    Raises:
        InvalidInput: It is neither true nor false.
    """
    if value is None:
        return default
    if not isinstance(value, bool):
        raise InvalidInput(f"{name} is {short_repr(value)}: it must be True or False")
    return value


def check_attribution(value: Any) -> Attribution | None:
    """Return whose words a write is, `None` when the roles of its messages say so.

    Raises:
        InvalidInput: It is neither `"user"` nor `"assistant"`.
    """
    if value is None or value in ("user", "assistant"):
        return None if value == "user" else value
    raise InvalidInput(f"attributed_to is {short_repr(value)}: it must be 'user' or 'assistant'")


def check_memory_id(memory_id: Any) -> str:
    """Return a memory's id as text.

    Raises:
        InvalidInput: It is not text, or is blank.
    """
    if isinstance(memory_id, UUID):
        return str(memory_id)
    if not isinstance(memory_id, str) or not memory_id.strip():
        raise InvalidInput(f"memory_id is {short_repr(memory_id)}: it must be the id of a memory")
    return check_storable(memory_id.strip(), name="memory_id")


def check_batch(items: Any, *, name: str) -> list[Any]:
    """Return a batch as a list.

    Raises:
        InvalidInput: It is not a list, is empty, or holds more than 1,000 items.
    """
    if isinstance(items, (str, bytes, Mapping)) or not isinstance(items, Sequence):
        raise InvalidInput(f"{name} is {type(items).__name__}: it must be a list")
    if not 1 <= len(items) <= MAX_BATCH:
        raise InvalidInput(f"{name} holds {len(items):,} items: 1 to {MAX_BATCH:,} at once")
    return list(items)


def check_ids(ids: Any, *, name: str) -> list[str]:
    """Return a list of memory ids, which may be empty.

    Raises:
        InvalidInput: It is not a list, or one of them is no id.
    """
    if not isinstance(ids, (list, tuple, set, frozenset)):
        raise InvalidInput(f"{name} is {short_repr(ids)}: it must be a list of ids")
    return [check_memory_id(one) for one in ids]


def check_found(found: Any) -> list[MemoryItem]:
    """Return results of `search` that the caller gives back; `None` and an empty list are none.

    Raises:
        InvalidInput: It is not a list of such results.
    """
    if found is None:
        return []
    if not isinstance(found, (list, tuple)):
        raise InvalidInput(f"found is {short_repr(found)}: give the results of search, a list")
    for item in found:
        if not isinstance(item, Mapping) or not all(_fits(item, *kind) for kind in _KINDS_OF_FOUND.items()):
            raise InvalidInput(f"found holds {short_repr(item)}: give the results of search as they are")
    return list(found)


_KINDS_OF_FOUND: Mapping[str, tuple[type, ...]] = {
    "memory": (str,),
    "updated_at": (str,),
    "score": (int, float),
    "speaker": (str,),
    "standing": (str,),
    "facts": (list, tuple),
}


def _fits(item: Mapping[str, Any], field: str, kinds: tuple[type, ...]) -> bool:
    if field not in item:
        return field not in ("memory", "updated_at")
    value: Any = item[field]
    if field == "facts":
        return isinstance(value, (list, tuple)) and all(isinstance(fact, str) for fact in value)
    return isinstance(value, kinds)


def check_scope_and_actor(
    filters: Mapping[str, Any] | None, *, actor_id: Any = None, **ids: Any
) -> tuple[Scope, str | None]:
    """Return the scope and the actor of a write; an id that is not an argument may be in `filters`.

    Raises:
        InvalidInput: No scope is named, or an id cannot be used.
    """
    given = {field: value for field, value in (*ids.items(), ("actor_id", actor_id)) if value is not None}
    if filters is not None and not isinstance(filters, Mapping):
        raise InvalidInput(f"filters is {type(filters).__name__}: it must be a dictionary")
    merged = {
        **{field: value for field, value in (filters or {}).items() if field in IDENTITY_FIELDS},
        **given,
    }
    actor = check_id("actor_id", merged.pop("actor_id", None))
    return make_scope(**merged), actor


def check_scope(filters: Any, *, actor_id: Any = None, **ids: Any) -> Filter:
    """Return ids and filters as one checked filter.

    Raises:
        InvalidFilter: `filters` is malformed.
        InvalidInput: No scope is named, or an id cannot be used.
    """
    named = {field: check_id(field, value) for field, value in ids.items() if value is not None}
    by_ids = scope_filter(Scope(**named), actor_id=check_id("actor_id", actor_id))
    if filters is None and named:
        return by_ids
    tree = by_ids if filters is None else join_filters(by_ids, parse_filter(filters))
    if not is_scoped(tree):
        raise InvalidInput(
            "no scope is named: give at least one of user_id, agent_id, run_id or app_id, as an argument or in filters"
        )
    return tree


def _read_turn(message: Any, *, name: str) -> tuple[list[Turn], list[Skipped]]:
    if isinstance(message, str):
        message = {"role": "user", "content": message}
    if not isinstance(message, Mapping):
        raise InvalidInput(f"{name} is {type(message).__name__}: it must be a dictionary with role and content")
    said, skipped = read_message(message, name)
    turns = []
    for one in said:
        content, cut_off = split_fenced(one.text)
        skipped += [Skipped("recalled memory", block, "the block of recalled memories has no end") for block in cut_off]
        if not content.strip():
            skipped.append(Skipped("recalled memory", one.text))
            continue
        speaker = check_id(f"the name of {name}", one.name)
        role = check_storable(one.role, name=name)
        turns.append(Turn(role=role, content=check_text(content, name=name), name=speaker))
    return turns, skipped


def _checked_keys(mapping: Mapping[Any, Any], name: str) -> Iterator[tuple[str, Any]]:
    for key, value in mapping.items():
        if not isinstance(key, str):
            raise InvalidInput(f"{name} has the key {short_repr(key)}: keys must be text")
        yield check_storable(key, name=f"a key of {name}"), value


def _json_value(value: Any, name: str, depth: int, budget: Iterator[int]) -> Json:
    if next(budget, None) is None:
        raise InvalidInput(f"metadata holds more than {_MAX_METADATA_VALUES:,} values: keep large data elsewhere")
    if depth > _MAX_METADATA_DEPTH:
        raise InvalidInput(f"metadata is nested deeper than {_MAX_METADATA_DEPTH} levels")
    plain = to_json(value)
    if plain is None or isinstance(plain, bool):
        return plain
    if isinstance(plain, str):
        return check_storable(plain, name=name)
    if isinstance(plain, int) and -_INT64 <= plain < _INT64:
        return int(plain)
    if isinstance(plain, float) and math.isfinite(plain):
        return float(plain)
    if isinstance(plain, Mapping):
        return {
            key: _json_value(item, f"{name}[{short_repr(key)}]", depth + 1, budget)
            for key, item in _checked_keys(plain, name)
        }
    if isinstance(plain, list):
        return [_json_value(item, f"{name}[{place}]", depth + 1, budget) for place, item in enumerate(plain)]
    raise InvalidInput(f"{name} is {short_repr(value)}: {_WAYS_OUT.get(type(value), _JSON)}")


_JSON = (
    "metadata must be JSON (text, finite numbers, booleans, null, lists, objects), or a date, a time, a UUID, a path, a"
    " Decimal, a set or a NumPy value"
)
_WAYS_OUT: Mapping[type, str] = {
    timedelta: "a duration has no form in JSON, give its total_seconds()",
    bytes: "bytes have no form in JSON, decode them or give them as Base64 text",
    Decimal: "no number of JSON holds all its digits, give it as text with str()",
}
