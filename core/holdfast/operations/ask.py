"""Ask a chat model a question whose answer is parsed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from holdfast.errors import UnreadableReply
from holdfast.extraction.facts import Skipped
from holdfast.extraction.prompts import (
    repair_messages,
)
from holdfast.protocols import ChatMessage, ChatModel, JsonObject
from holdfast.runtime.effects import Flow, complete

T = TypeVar("T")


Parsed = tuple[list[T], list[Skipped]]


def ask_and_parse(
    model: ChatModel,
    messages: list[ChatMessage],
    schema: JsonObject,
    parse: Callable[[str], Parsed[T]],
    otherwise: list[T],
) -> Flow[Parsed[T]]:
    """Return the parsed reply; an unreadable one is asked for once more, and then said to be so."""
    reply = yield from complete(model, messages, schema=schema)
    try:
        return parse(reply)
    except UnreadableReply as problem:
        again = repair_messages(messages, reply, str(problem))
    reply = yield from complete(model, again, schema=schema)
    try:
        return parse(reply)
    except UnreadableReply as problem:
        return otherwise, [Skipped("unreadable reply", reply, str(problem))]
