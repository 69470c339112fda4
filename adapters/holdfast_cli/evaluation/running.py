"""Conversations into a memory, questions to it: through the public verbs, as any program would."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast import InvalidInput, Memory
from holdfast_cli.conversations import Conversation
from holdfast_cli.evaluation.locomo import Question, Sample
from holdfast_cli.evaluation.metrics import RECIPROCAL_DEPTH

BUDGETS = (500, 1_000, 2_000)
"""Rooms, in tokens, within which `context` is asked for the evidence."""

_BYTES_PER_TOKEN = 4  # as `context` counts its room


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one question.

    Attributes:
        id: The question's.
        conversation: The conversation it is about.
        category: Its category's name.
        ranks: For each piece of evidence its place among the results, from 1, `None` when it is not among them.
        tokens: How many tokens the first k results take, by k.
        context: The share of the evidence that stands in the context, by its room in tokens.
        milliseconds: How long the search took.
    """

    id: str
    conversation: str
    category: str
    ranks: tuple[int | None, ...]
    tokens: Mapping[int, float]
    context: Mapping[int, float]
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Run:
    """What came of all questions with one configuration.

    Attributes:
        engines: Who decided, embedded and reranked, in words.
        turns: How many turns were remembered.
        adding_seconds: How long remembering them took.
        depth: How many results each question was given; ranks beyond it are not known.
        outcomes: One per question, at least one.
    """

    engines: Mapping[str, str | None]
    turns: int
    adding_seconds: float
    depth: int
    outcomes: Sequence[Outcome]


@dataclass(frozen=True, slots=True)
class _Remembered:
    """A conversation as the memory holds it: which turn each memory is, and how each turn reads."""

    turns: Mapping[str, str]
    lines: Mapping[str, str]


def run(memory: Memory, samples: Sequence[Sample], *, ks: Sequence[int], tell: Callable[[str], object]) -> Run:
    """Remember every conversation (one add per turn, kept as it is) and ask every question once.

    A question is asked within its conversation only.

    Args:
        memory: An empty one.
        samples: The conversations and their questions.
        ks: How many results are looked at, ascending.
        tell: Called with the conversation's name before each session and each question.

    Raises:
        HoldfastError: A turn was not kept, or the memory failed.
    """
    started = time.perf_counter()
    remembered = {sample.id: _remembered(memory, sample, tell) for sample in samples}
    adding_seconds = time.perf_counter() - started
    depth = max(*ks, RECIPROCAL_DEPTH)
    outcomes: list[Outcome] = []
    for sample in samples:
        for question in sample.questions:
            tell(sample.id)
            outcomes.append(_asked(memory, sample.id, question, remembered[sample.id], ks=ks, depth=depth))
    turns = sum(len(one.turns) for one in remembered.values())
    return Run(memory.engines, turns, adding_seconds, depth, outcomes)


def _remembered(memory: Memory, sample: Sample, tell: Callable[[str], object]) -> _Remembered:
    turns: dict[str, str] = {}
    lines: dict[str, str] = {}
    for session in sample.sessions:
        tell(sample.id)
        for memory_id, label, line in _added(memory, session):
            turns[memory_id] = label or memory_id
            lines[label or memory_id] = line
    return _Remembered(turns, lines)


def _added(memory: Memory, session: Conversation) -> list[tuple[str, str | None, str]]:
    """Add one session turn by turn; return each memory's id, its turn's name in the file and how it reads."""
    return [
        (_kept(memory, session, message), label, _line(message.get("name"), message["content"]))
        for message, label in zip(session.messages, session.labels, strict=True)
    ]


def _kept(memory: Memory, session: Conversation, message: Mapping[str, Any]) -> str:
    added = memory.add(message, **session.ids, timestamp=session.timestamp, infer=False)
    kept = [item["id"] for item in (*added["results"], *added["skipped"]) if "id" in item]
    if len(kept) != 1:
        raise InvalidInput(f"{session.place}: a turn was not kept, so evidence cannot be told: {message['content']!r}")
    return kept[0]


def _asked(
    memory: Memory, conversation: str, question: Question, remembered: _Remembered, *, ks: Sequence[int], depth: int
) -> Outcome:
    started = time.perf_counter()
    found = memory.search(question.text, user_id=conversation, limit=depth)["results"]
    milliseconds = (time.perf_counter() - started) * 1_000
    places = {remembered.turns[item["id"]]: rank for rank, item in enumerate(found, 1)}
    sizes = [_tokens(_line(item.get("speaker"), item["memory"])) for item in found]
    so_far = list(itertools.accumulate(sizes, initial=0.0))
    return Outcome(
        id=question.id,
        conversation=conversation,
        category=question.category,
        ranks=tuple(places.get(turn) for turn in question.evidence),
        tokens={k: so_far[min(k, len(found))] for k in ks},
        context={room: _recalled(memory, conversation, question, remembered, room=room) for room in BUDGETS},
        milliseconds=milliseconds,
    )


def _recalled(memory: Memory, conversation: str, question: Question, remembered: _Remembered, *, room: int) -> float:
    """Return the share of the evidence that stands in the context of `room` tokens."""
    shown = memory.context(question.text, user_id=conversation, max_tokens=room).splitlines()
    there = [any(line.endswith(remembered.lines[turn]) for line in shown) for turn in question.evidence]
    return sum(there) / len(there)


def _line(speaker: str | None, text: str) -> str:
    return " ".join(f"{speaker}: {text}".split() if speaker else text.split())


def _tokens(text: str) -> float:
    return len(text.encode()) / _BYTES_PER_TOKEN
