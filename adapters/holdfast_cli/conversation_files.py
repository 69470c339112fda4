"""Parse conversations: messages as JSON or JSON Lines, or the format of the LoCoMo benchmark.

The format is recognised by the shape of the objects. The whole text is parsed before anything is returned, so a broken
line is reported before anything is added.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import groupby
from typing import Any, Literal

from holdfast import InvalidInput, content_text

_EXPECTED = (
    'expected messages (objects with "role" and "content") as a JSON list, one per line, or listed under "messages",'
    " or conversations in LoCoMo's format"
)
_SCOPE_FIELDS = ("user_id", "agent_id", "run_id", "app_id")
_LISTS = ("messages", "conversations", "contents")  # OpenAI's, ShareGPT's and Gemini's
_TEXTS = ("content", "value", "parts", "text", "message")
_SESSION = re.compile(r"session_(\d+)")
_SESSION_TIME = "%I:%M %p on %d %B, %Y"

Shape = Literal["message", "messages", "conversation"]


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation of a file, the arguments of one add.

    Attributes:
        messages: The messages as they stand in the file, none of them blank; may be empty.
        ids: The scope ids in the file.
        timestamp: The time of the conversation, `None` if the file has none.
        place: The position in the file, for messages to a person.
        blank: The number of messages without text, which are left out.
        labels: The name of each message in the file (LoCoMo's `dia_id`), `None` for a message without a name.
    """

    messages: Sequence[Mapping[str, Any]]
    ids: Mapping[str, Any]
    timestamp: str | float | datetime | None
    place: str
    blank: int
    labels: Sequence[str | None]


@dataclass(frozen=True, slots=True)
class _Item:
    """One JSON object of a file, and its position for messages to a person."""

    place: str
    value: Mapping[str, Any]


def parse_conversations(text: str) -> list[Conversation]:
    """Return the conversations in `text`, in order.

    >>> parse_conversations('[{"role": "user", "content": "I live in Porto."}]')[0].messages
    [{'role': 'user', 'content': 'I live in Porto.'}]

    Raises:
        InvalidInput: The format is unknown, or there is no message; the error names the line or the item.
    """
    found: list[Conversation] = []
    for shape, group in groupby(_parse_items(text), key=_get_shape):
        items = list(group)
        if shape == "message":
            found.append(_to_conversation(items, {}, items[0].place))
        elif shape == "messages":
            found += [_parse_message_list(item) for item in items]
        else:
            found += [session for item in items for session in parse_sessions(item.value, item.place)]
    if not any(conversation.messages for conversation in found):
        raise InvalidInput(f"it holds no message with any text: {_EXPECTED}")
    return found


def parse_sessions(sample: Mapping[str, Any], place: str) -> Iterator[Conversation]:
    """Yield one conversation per session of a LoCoMo sample, with the speakers' names, and captions for images.

    Args:
        sample: The sample, with its sessions under `conversation` and its name, if any, under `sample_id`.
        place: The position in the file.

    Raises:
        InvalidInput: The sample has another form.
    """
    conversation = _check_object(sample.get("conversation"), f'{place}, "conversation"')
    name = sample.get("sample_id")
    numbers = sorted(int(found.group(1)) for found in map(_SESSION.fullmatch, conversation) if found)
    for number in numbers:
        session = f"session_{number}"
        turns = conversation[session]
        where = f"{name or place}, {session}"
        if not isinstance(turns, list):
            raise InvalidInput(f"{where} is {type(turns).__name__}: it must be a list of turns")
        messages = [_turn_to_message(turn) for turn in _list_items(_Item(where, conversation), turns)]
        ids = {"run_id": session, **({} if name is None else {"user_id": str(name)})}
        yield _to_conversation(
            messages, ids, where, timestamp=_parse_time(conversation.get(f"{session}_date_time"), where)
        )


def parse_session_time(text: str) -> datetime:
    """Return a time in LoCoMo's notation, taken as UTC.

    >>> parse_session_time("1:56 pm on 8 May, 2023").isoformat()
    '2023-05-08T13:56:00+00:00'

    Raises:
        ValueError: The notation is another one.
    """
    return datetime.strptime(text.strip(), _SESSION_TIME).replace(tzinfo=timezone.utc)


def _parse_items(text: str) -> list[_Item]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        return _parse_lines(text, error)
    if isinstance(document, list):
        return [
            _Item(f"item {number}", _check_object(value, f"item {number}")) for number, value in enumerate(document, 1)
        ]
    return [_Item("the file", _check_object(document, "the file"))]


def _parse_lines(text: str, problem: Exception) -> list[_Item]:
    """Return one item per line; `problem` is the error of parsing the text as one document."""
    # Not `splitlines`: JSON strings may hold line separators such as U+2028 as they are.
    lines = [(f"line {number}", line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise InvalidInput(f"it is empty: {_EXPECTED}")
    if not isinstance(_parse_value(lines[0][1], default=None), dict):
        raise InvalidInput(f"it is not JSON ({problem}): {_EXPECTED}") from problem
    return [_Item(place, _check_object(_parse_value(line, place=place), place)) for place, line in lines]


def _parse_value(line: str, *, place: str = "", **default: Any) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        if default:
            return default["default"]
        raise InvalidInput(f"{place} is not JSON ({error}); nothing was added") from error


def _check_object(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput(f"{place} is {type(value).__name__}, not an object: {_EXPECTED}")
    return value


def _get_shape(item: _Item) -> Shape:
    if "conversation" in item.value:
        return "conversation"
    if any(key in item.value for key in _LISTS):
        return "messages"
    if any(key in item.value for key in ("role", "from", "content")):
        return "message"
    keys = ", ".join(map(repr, item.value)) or "none"
    raise InvalidInput(f"{item.place} has the keys {keys}: {_EXPECTED}")


def _to_conversation(
    items: Sequence[_Item], ids: Mapping[str, Any], place: str, *, timestamp: str | float | datetime | None = None
) -> Conversation:
    read = [(_to_message(item), item.value.get("dia_id")) for item in items]
    with_text = [(message, label) for message, label in read if _has_text(message)]
    return Conversation(
        messages=[message for message, _ in with_text],
        ids=ids,
        timestamp=timestamp,
        place=place,
        blank=len(read) - len(with_text),
        labels=[label if isinstance(label, str) else None for _, label in with_text],
    )


def _to_message(item: _Item) -> dict[str, Any]:
    content = item.value.get("content")
    if not isinstance(content, (str, list, type(None))):
        raise InvalidInput(
            f"{item.place} has content that is {type(content).__name__}: it must be text or a list of parts"
        )
    fields = {name: item.value[name] for name in ("role", "from", "name") if item.value.get(name) is not None}
    elsewhere = {name: item.value[name] for name in _TEXTS[1:] if content is None and item.value.get(name) is not None}
    return {**fields, **(elsewhere or {"content": content})}


def _has_text(message: Mapping[str, Any]) -> bool:
    return any(bool(content_text(message.get(key)).strip()) for key in _TEXTS)


def _parse_message_list(item: _Item) -> Conversation:
    key = next(key for key in _LISTS if key in item.value)
    messages, timestamp = item.value[key], item.value.get("timestamp")
    if not isinstance(messages, list):
        raise InvalidInput(f'{item.place} has "{key}" that are {type(messages).__name__}: they must be a list')
    if isinstance(timestamp, bool) or not isinstance(timestamp, (str, int, float, type(None))):
        raise InvalidInput(f"{item.place} has the timestamp {timestamp!r}: it must be ISO-8601 text or Unix seconds")
    ids = {field: item.value[field] for field in _SCOPE_FIELDS if item.value.get(field) is not None}
    listed = list(_list_items(item, messages))
    return _to_conversation(listed, ids, item.place, timestamp=timestamp)


def _list_items(item: _Item, messages: Sequence[Any]) -> Iterator[_Item]:
    for number, message in enumerate(messages, 1):
        place = f"{item.place}, message {number}"
        yield _Item(place, _check_object(message, place))


def _turn_to_message(turn: _Item) -> _Item:
    text, caption, speaker = (turn.value.get(key) or "" for key in ("text", "blip_caption", "speaker"))
    for part in (text, caption, speaker):
        if not isinstance(part, str):
            raise InvalidInput(f"{turn.place} is not a turn: speaker, text and blip_caption must be text")
    shared = f"[shares {caption}]" if caption else ""
    content = f"{text} {shared}".strip()
    message = {"role": "user", "name": speaker or None, "content": content, "dia_id": turn.value.get("dia_id")}
    return _Item(turn.place, message)


def _parse_time(text: Any, place: str) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_session_time(str(text))
    except ValueError as error:
        raise InvalidInput(f"{place} has the time {text!r}: expected the form '1:56 pm on 8 May, 2023'") from error
