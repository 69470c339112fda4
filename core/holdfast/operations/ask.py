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

    A reply that cannot be read, or that has no text, is sent back once, with the reason. If the second one cannot be
    read either, the result is `fallback`, and the reply is reported as skipped.

    Raises:
        ProviderError: The model failed.
    """
    try:
        return (yield from _ask(model, messages, schema, parse))
    except UnreadableReply as problem:
        second_try = repair_messages(messages, _reply_of(problem), str(problem))
    try:
        return (yield from _ask(model, second_try, schema, parse))
    except UnreadableReply as problem:
        return fallback, [Skipped("unreadable reply", _reply_of(problem), str(problem))]


def _ask(
    model: ChatModel,
    messages: list[ChatMessage],
    schema: JsonObject,
    parse: Callable[[str], tuple[list[T], list[Skipped]]],
) -> Flow[tuple[list[T], list[Skipped]]]:
    reply = yield from complete(model, messages, schema=schema)
    return parse(reply)


def _reply_of(problem: UnreadableReply) -> str:
    """Return the reply that cannot be read; raise the error again when the service sent none at all."""
    if problem.reply is None:
        raise problem
    return problem.reply
