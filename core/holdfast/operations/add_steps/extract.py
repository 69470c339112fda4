"""Ask the model for the facts of a conversation."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from holdfast.extraction import replies
from holdfast.extraction.facts import Fact, Skipped, Turn
from holdfast.extraction.prompts import EXTRACTION_SCHEMA, extraction_messages
from holdfast.operations.add_steps.candidates import Observation
from holdfast.operations.add_steps.similar import find_related
from holdfast.operations.ask import ask_and_parse
from holdfast.protocols import ChatModel
from holdfast.runtime.effects import Flow
from holdfast.runtime.runtime import Runtime

RECENT_TURNS = 10
"""Turns of earlier adds that are shown as context."""

_WINDOW = 24_000  # characters of conversation per call, some 6,000 tokens


@dataclass(frozen=True, slots=True)
class ConversationContext:
    """What is known of a scope when a conversation arrives.

    Attributes:
        recent: The last turns of earlier adds.
        related: Texts of memories that share words with the conversation.
    """

    recent: Sequence[Turn]
    related: Sequence[str]


def load_context(runtime: Runtime, observation: Observation) -> ConversationContext:
    """Return what the model is shown beside the conversation; local work."""
    messages = runtime.store.list_recent_messages(observation.scope, RECENT_TURNS)
    recent = [Turn(message.role, message.content, message.name) for message in messages]
    conversation = " ".join(turn.content for turn in observation.turns)[:_WINDOW]
    related = find_related(runtime, observation.scope, conversation)
    return ConversationContext(recent, [record.text for record in related])


def extract_facts(
    runtime: Runtime, model: ChatModel, observation: Observation, context: ConversationContext, prompt: str | None
) -> Flow[tuple[list[Fact], list[Skipped]]]:
    """Return the facts that the model finds, and what was skipped; a long conversation takes several calls."""
    recent = context.recent
    sides = observation.sides
    facts: list[Fact] = []
    skipped: list[Skipped] = []
    for start, window in _windows(observation.turns):
        messages = extraction_messages(
            window,
            observed_on=observation.day,
            keep="both" if len(sides) > 1 else sides[0],
            recent=recent,
            related=context.related,
            instructions=runtime.prompts.instructions,
            prompt=prompt or runtime.prompts.extraction,
        )
        parse = functools.partial(replies.parse_facts, turns=len(window))
        found, unusable = yield from ask_and_parse(model, messages, EXTRACTION_SCHEMA, parse, [])
        facts += [replace(fact, turn=None if fact.turn is None else fact.turn + start) for fact in found]
        skipped += unusable
        recent = window[-RECENT_TURNS:]
    return facts, skipped


def _windows(turns: Sequence[Turn]) -> Iterator[tuple[int, Sequence[Turn]]]:
    """Yield runs of turns that fit one call, each with the number of its first turn."""
    start = size = 0
    for place, turn in enumerate(turns):
        if place > start and size + len(turn.content) > _WINDOW:
            yield start, turns[start:place]
            start, size = place, 0
        size += len(turn.content)
    yield start, turns[start:]
