"""The two questions an add puts to a model, which facts and what they change; and how any question is put."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from holdfast.core import Core
from holdfast.errors import UnreadableReply
from holdfast.extraction import replies
from holdfast.extraction.facts import Decision, Fact, Skipped, Turn
from holdfast.extraction.prompts import (
    EXTRACTION_SCHEMA,
    RECONCILIATION_SCHEMA,
    extraction_messages,
    reconciliation_messages,
    repair_messages,
)
from holdfast.flow import Flow, complete
from holdfast.operations.nearest import Neighbour, is_alone, nearest
from holdfast.operations.observing import Observation, sides_kept
from holdfast.ports import ChatMessage, ChatModel, JsonObject

T = TypeVar("T")
Parsed = tuple[list[T], list[Skipped]]

RECENT_TURNS = 10
"""Turns of earlier adds that are shown as context."""

_WINDOW = 24_000  # characters of conversation per extraction call


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known when a conversation comes in.

    Attributes:
        recent: The scope's last turns.
        related: Memories that share words with the conversation.
        alone: Whether the scope has no memory at all.
    """

    recent: Sequence[Turn]
    related: Sequence[str]
    alone: bool


def surroundings(core: Core, turns: Sequence[Turn], observation: Observation) -> Surroundings:
    """Return what a model is shown besides the conversation; local work."""
    messages = core.store.recent_messages(observation.scope, RECENT_TURNS)
    recent = [Turn(message.role, message.content, message.name) for message in messages]
    if is_alone(core, observation.scope):
        return Surroundings(recent, (), alone=True)
    related = nearest(core, observation.scope, text=" ".join(turn.content for turn in turns)[:_WINDOW])
    return Surroundings(recent, [one.record.text for one in related], alone=False)


def extracted(
    core: Core,
    model: ChatModel,
    turns: Sequence[Turn],
    observation: Observation,
    around: Surroundings,
    prompt: str | None,
) -> Flow[Parsed[Fact]]:
    """Ask for the facts of a conversation, in several windows when it is long."""
    recent = around.recent
    sides = sides_kept(observation.scope, turns)
    facts: list[Fact] = []
    skipped: list[Skipped] = []
    for start, window in _windows(turns):
        messages = extraction_messages(
            window,
            observed_on=observation.day,
            keep="both" if len(sides) > 1 else sides[0],
            recent=recent,
            related=around.related,
            instructions=core.prompts.instructions,
            prompt=prompt or core.prompts.extraction,
        )
        parse = functools.partial(replies.parse_facts, turns=len(window))
        found, passed = yield from answered(model, messages, EXTRACTION_SCHEMA, parse, [])
        facts += [replace(fact, turn=None if fact.turn is None else fact.turn + start) for fact in found]
        skipped += passed
        recent = window[-RECENT_TURNS:]
    return facts, skipped


def reconciled(
    core: Core, model: ChatModel, facts: Sequence[Fact], known: Sequence[Neighbour], observation: Observation
) -> Flow[Parsed[Decision]]:
    """Ask what the facts do to the memories similar to them; all are added when no answer can be read."""
    shown = [one.as_known() for one in known]
    messages = reconciliation_messages(facts, shown, observed_on=observation.day, prompt=core.prompts.reconciliation)
    parse = functools.partial(replies.parse_decisions, facts=facts, known=shown)
    undecided = [Decision("ADD", place, None, fact.text) for place, fact in enumerate(facts)]
    return (yield from answered(model, messages, RECONCILIATION_SCHEMA, parse, undecided))


def answered(
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


def _windows(turns: Sequence[Turn]) -> Iterator[tuple[int, Sequence[Turn]]]:
    """Yield the conversation in runs of turns that fit one call, each with the number of its first turn."""
    start = size = 0
    for place, turn in enumerate(turns):
        if place > start and size + len(turn.content) > _WINDOW:
            yield start, turns[start:place]
            start, size = place, 0
        size += len(turn.content)
    yield start, turns[start:]
