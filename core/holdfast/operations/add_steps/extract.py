"""The two questions an add puts to a model, which facts and what they change; and how any question is put."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from holdfast.extraction import replies
from holdfast.extraction.facts import Fact, Skipped, Turn
from holdfast.extraction.prompts import (
    EXTRACTION_SCHEMA,
    extraction_messages,
)
from holdfast.operations.add_steps.candidates import Observation, sides_kept
from holdfast.operations.add_steps.similar import find_similar, is_scope_empty
from holdfast.operations.ask import Parsed, ask_and_parse
from holdfast.protocols import ChatModel
from holdfast.runtime.effects import Flow
from holdfast.runtime.runtime import Runtime

RECENT_TURNS = 10
"""Turns of earlier adds that are shown as context."""

_WINDOW = 24_000  # characters of conversation per extraction call


@dataclass(frozen=True, slots=True)
class ConversationContext:
    """What is known when a conversation comes in.

    Attributes:
        recent: The scope's last turns.
        related: Memories that share words with the conversation.
        alone: Whether the scope has no memory at all.
    """

    recent: Sequence[Turn]
    related: Sequence[str]
    alone: bool


def load_context(runtime: Runtime, turns: Sequence[Turn], observation: Observation) -> ConversationContext:
    """Return what a model is shown besides the conversation; local work."""
    messages = runtime.store.list_recent_messages(observation.scope, RECENT_TURNS)
    recent = [Turn(message.role, message.content, message.name) for message in messages]
    if is_scope_empty(runtime, observation.scope):
        return ConversationContext(recent, (), alone=True)
    related = find_similar(runtime, observation.scope, text=" ".join(turn.content for turn in turns)[:_WINDOW])
    return ConversationContext(recent, [one.record.text for one in related], alone=False)


def extract_facts(
    runtime: Runtime,
    model: ChatModel,
    turns: Sequence[Turn],
    observation: Observation,
    around: ConversationContext,
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
            instructions=runtime.prompts.instructions,
            prompt=prompt or runtime.prompts.extraction,
        )
        parse = functools.partial(replies.parse_facts, turns=len(window))
        found, passed = yield from ask_and_parse(model, messages, EXTRACTION_SCHEMA, parse, [])
        facts += [replace(fact, turn=None if fact.turn is None else fact.turn + start) for fact in found]
        skipped += passed
        recent = window[-RECENT_TURNS:]
    return facts, skipped


def _windows(turns: Sequence[Turn]) -> Iterator[tuple[int, Sequence[Turn]]]:
    """Yield the conversation in runs of turns that fit one call, each with the number of its first turn."""
    start = size = 0
    for place, turn in enumerate(turns):
        if place > start and size + len(turn.content) > _WINDOW:
            yield start, turns[start:place]
            start, size = place, 0
        size += len(turn.content)
    yield start, turns[start:]
