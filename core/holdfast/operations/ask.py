"""Ask a chat model a question whose answer is parsed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from holdfast.errors import UnreadableReply
from holdfast.extraction.facts import Skipped
from holdfast.extraction.prompts import repair_messages
from holdfast.protocols import ChatMessage, ChatModel, JsonObject
from holdfast.runtime.effects import Flow, complete

T = TypeVar("T")


def ask_and_parse(
    model: ChatModel,
    messages: list[ChatMessage],
    schema: JsonObject,
    parse: Callable[[str], tuple[list[T], list[Skipped]]],
    fallback: list[T],
) -> Flow[tuple[list[T], list[Skipped]]]:
    """Return what `parse` reads from the model's reply, and what it skipped.

    A reply that cannot be read is sent back once, with the reason. If the second one cannot be read either, the result
    is `fallback`, and the reply is reported as skipped.

    Raises:
        ProviderError: The model failed.
    """
    reply = yield from complete(model, messages, schema=schema)
    try:
        return parse(reply)
    except UnreadableReply as problem:
        second_try = repair_messages(messages, reply, str(problem))
    reply = yield from complete(model, second_try, schema=schema)
    try:
        return parse(reply)
    except UnreadableReply as problem:
        return fallback, [Skipped("unreadable reply", reply, str(problem))]
