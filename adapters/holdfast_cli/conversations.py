"""Conversations from a file's text: messages as JSON or JSON Lines, or the LoCoMo benchmark's format.

What kind it is, is seen from its shape. The whole text is read before anything is returned: a broken line loses
nothing, because nothing has been added yet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import groupby
from typing import Any, Literal

from holdfast import InvalidInput

_EXPECTED = (
    'expected messages (objects with "role" and "content") as a JSON list, one per line, or listed under "messages",'
    " or conversations in LoCoMo's format"
)
_SCOPE_FIELDS = ("user_id", "agent_id", "run_id", "app_id")
_SESSION = re.compile(r"session_(\d+)")
_SESSION_TIME = "%I:%M %p on %d %B, %Y"

Shape = Literal["message", "messages", "conversation"]


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation of a file: what one add takes.

    Attributes:
        messages: In OpenAI's shape, none blank; may be empty.
        ids: The scope ids the file names.
        timestamp: When it happened, `None` when the file does not say.
        place: Where it stands in the file, for people.
        blank: How many messages without text were left out.
        labels: What the file calls each message (LoCoMo's `dia_id`), `None` where it has no name for it.
    """

    messages: Sequence[Mapping[str, Any]]
    ids: Mapping[str, Any]
    timestamp: str | float | datetime | None
    place: str
    blank: int
    labels: Sequence[str | None]


@dataclass(frozen=True, slots=True)
class _Item:
    """One JSON object of a file, and where it stands."""

    place: str
    value: Mapping[str, Any]


def conversations_of(text: str) -> list[Conversation]:
    """Return the conversations that `text` holds, in its order.

    Raises:
        InvalidInput: It is of none of the known shapes, or holds no message; the error names the line or the item.
    """
    found: list[Conversation] = []
    for shape, group in groupby(_items(text), key=_shape):
        items = list(group)
        if shape == "message":
            found.append(_conversation(items, {}, items[0].place))
        elif shape == "messages":
            found += [_listed(item) for item in items]
        else:
            found += [session for item in items for session in sessions_of(item.value, item.place)]
    if not any(conversation.messages for conversation in found):
        raise InvalidInput(f"it holds no message with any text: {_EXPECTED}")
    return found


def sessions_of(sample: Mapping[str, Any], place: str) -> Iterator[Conversation]:
    """Yield one conversation per session of a LoCoMo sample, its speakers named, its pictures as their captions.

    Args:
        sample: With the sessions under `conversation`, and its name, if any, under `sample_id`.
        place: Where it stands in the file.

    Raises:
        InvalidInput: It is of another shape.
    """
    conversation = _object(sample.get("conversation"), f'{place}, "conversation"')
    name = sample.get("sample_id")
    numbers = sorted(int(found.group(1)) for found in map(_SESSION.fullmatch, conversation) if found)
    for number in numbers:
        session = f"session_{number}"
        turns = conversation[session]
        where = f"{name or place}, {session}"
        if not isinstance(turns, list):
            raise InvalidInput(f"{where} is {type(turns).__name__}: it must be a list of turns")
        said = [_spoken(turn) for turn in _within(_Item(where, conversation), turns)]
        ids = {"run_id": session, **({} if name is None else {"user_id": str(name)})}
        yield _conversation(said, ids, where, timestamp=_time_of(conversation.get(f"{session}_date_time"), where))


def session_time(text: str) -> datetime:
    """Return LoCoMo's way to write a time, `1:56 pm on 8 May, 2023`, taken as UTC.

    Raises:
        ValueError: It is written otherwise.
    """
    return datetime.strptime(text.strip(), _SESSION_TIME).replace(tzinfo=timezone.utc)


# From text to objects ---------------------------------------------------------------------------------------


def _items(text: str) -> list[_Item]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        return _lines(text, error)
    if isinstance(document, list):
        return [_Item(f"item {number}", _object(value, f"item {number}")) for number, value in enumerate(document, 1)]
    return [_Item("the file", _object(document, "the file"))]


def _lines(text: str, problem: Exception) -> list[_Item]:
    """Return one item per line; `problem` is why the text is no single document."""
    # Not `splitlines`: JSON strings may hold line separators such as U+2028 as they are.
    lines = [(f"line {number}", line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise InvalidInput(f"it is empty: {_EXPECTED}")
    if not isinstance(_value_of(lines[0][1], default=None), dict):
        raise InvalidInput(f"it is no JSON ({problem}): {_EXPECTED}") from problem
    return [_Item(place, _object(_value_of(line, place=place), place)) for place, line in lines]


def _value_of(line: str, *, place: str = "", **default: Any) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        if default:
            return default["default"]
        raise InvalidInput(f"{place} is no JSON ({error}); nothing was added") from error


def _object(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput(f"{place} is {type(value).__name__}, no object: {_EXPECTED}")
    return value


def _shape(item: _Item) -> Shape:
    if "conversation" in item.value:
        return "conversation"
    if "messages" in item.value:
        return "messages"
    if "content" in item.value or "role" in item.value:
        return "message"
    keys = ", ".join(map(repr, item.value)) or "none"
    raise InvalidInput(f"{item.place} has the keys {keys}: {_EXPECTED}")


# From objects to conversations ------------------------------------------------------------------------------


def _conversation(
    items: Sequence[_Item], ids: Mapping[str, Any], place: str, *, timestamp: str | float | datetime | None = None
) -> Conversation:
    read = [(_message(item), item.value.get("dia_id")) for item in items]
    said = [(message, label) for message, label in read if _has_text(message["content"])]
    return Conversation(
        messages=[message for message, _ in said],
        ids=ids,
        timestamp=timestamp,
        place=place,
        blank=len(read) - len(said),
        labels=[label if isinstance(label, str) else None for _, label in said],
    )


def _message(item: _Item) -> dict[str, Any]:
    content = item.value.get("content")
    if not isinstance(content, (str, list, type(None))):
        raise InvalidInput(
            f"{item.place} has content that is {type(content).__name__}: it must be text or a list of parts"
        )
    kept = {name: item.value[name] for name in ("role", "name") if item.value.get(name) is not None}
    return {**kept, "content": content}


def _has_text(content: str | Sequence[Any] | None) -> bool:
    if isinstance(content, str):
        return bool(content.strip())
    texts = (part.get("text") if isinstance(part, dict) else part for part in content or ())
    return any(isinstance(text, str) and text.strip() for text in texts)


def _listed(item: _Item) -> Conversation:
    messages, timestamp = item.value["messages"], item.value.get("timestamp")
    if not isinstance(messages, list):
        raise InvalidInput(f'{item.place} has "messages" that are {type(messages).__name__}: they must be a list')
    if isinstance(timestamp, bool) or not isinstance(timestamp, (str, int, float, type(None))):
        raise InvalidInput(f"{item.place} has the timestamp {timestamp!r}: it must be ISO-8601 text or Unix seconds")
    ids = {field: item.value[field] for field in _SCOPE_FIELDS if item.value.get(field) is not None}
    listed = list(_within(item, messages))
    return _conversation(listed, ids, item.place, timestamp=timestamp)


def _within(item: _Item, messages: Sequence[Any]) -> Iterator[_Item]:
    for number, message in enumerate(messages, 1):
        place = f"{item.place}, message {number}"
        yield _Item(place, _object(message, place))


def _spoken(turn: _Item) -> _Item:
    text, caption, speaker = (turn.value.get(key) or "" for key in ("text", "blip_caption", "speaker"))
    for part in (text, caption, speaker):
        if not isinstance(part, str):
            raise InvalidInput(f"{turn.place} is no turn: speaker, text and blip_caption must be text")
    shared = f"[shares {caption}]" if caption else ""
    content = f"{text} {shared}".strip()
    message = {"role": "user", "name": speaker or None, "content": content, "dia_id": turn.value.get("dia_id")}
    return _Item(turn.place, message)


def _time_of(text: Any, place: str) -> datetime | None:
    if text is None:
        return None
    try:
        return session_time(str(text))
    except ValueError as error:
        raise InvalidInput(f"{place} has the time {text!r}: expected the form '1:56 pm on 8 May, 2023'") from error
